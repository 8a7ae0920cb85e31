//! Positions: how far a subscriber has come, as text that only the server can have made.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Key;
use crate::engine::Engine;

/// So much of the signature goes with a position, in bytes.
const SIGNATURE: usize = 16;

/// A place in the change log, signed for what has this mark. The secret that signs belongs to one database: a position is none in another
/// one.
pub(super) fn encode(engine: &Engine, mark: &Key, seq: u64) -> String {
    let seq = seq.to_be_bytes();
    let mut bytes = [0; 8 + SIGNATURE];
    bytes[..8].copy_from_slice(&seq);
    bytes[8..].copy_from_slice(&sign(engine, mark, &seq)[..SIGNATURE]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place, if it was signed so.
pub(super) fn decode(engine: &Engine, mark: &Key, text: &str) -> Option<u64> {
    // 24 bytes are 32 characters.
    if text.len() != 32 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (seq, signature) = bytes.split_first_chunk::<8>()?;
    let expected = sign(engine, mark, seq);
    // Takes the same time whatever is wrong.
    let wrong =
        signature.iter().zip(&expected[..SIGNATURE]).fold(0, |wrong, (one, other)| wrong | (one ^ other));
    (wrong == 0 && signature.len() == SIGNATURE).then(|| u64::from_be_bytes(*seq))
}

fn sign(engine: &Engine, mark: &Key, seq: &[u8; 8]) -> [u8; 32] {
    engine.seal(&[b"live position", mark, seq])
}
