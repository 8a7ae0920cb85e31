//! Positions: how far a subscriber has come, as text that only the server can have made.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::engine::{Engine, Standing};

/// So much of the signature goes with a position, in bytes.
const SIGNATURE: usize = 16;

/// A place in the change log, signed for one query and whoever asks it. The secret that signs belongs to one database: a position is
/// none in another one.
pub(super) fn encode(standing: &Standing, engine: &Engine, seq: u64) -> String {
    let mut bytes = seq.to_be_bytes().to_vec();
    bytes.extend_from_slice(&standing.sign(engine, &seq.to_be_bytes())[..SIGNATURE]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place, if it was signed so.
pub(super) fn decode(standing: &Standing, engine: &Engine, text: &str) -> Option<u64> {
    // 24 bytes are 32 characters.
    if text.len() != 32 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (seq, signature) = bytes.split_first_chunk::<8>()?;
    let expected = standing.sign(engine, seq);
    // Takes the same time whatever is wrong.
    let wrong =
        signature.iter().zip(&expected[..SIGNATURE]).fold(0, |wrong, (one, other)| wrong | (one ^ other));
    (wrong == 0 && signature.len() == SIGNATURE).then(|| u64::from_be_bytes(*seq))
}
