//! Signatures of the server's own: what it gives away and takes back must be what it has given.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Engine;

impl Engine {
    /// Signs these parts with the secret of the database. The first one names what they are, so that a signature is good for nothing
    /// else.
    pub(crate) fn seal(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.mac(parts).finalize().into_bytes().into()
    }

    /// Whether these parts were signed so. It takes the same time whatever is wrong.
    #[cfg(feature = "server")]
    pub(crate) fn is_sealed(&self, parts: &[&[u8]], seal: &[u8; 32]) -> bool {
        self.mac(parts).verify_slice(seal).is_ok()
    }

    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        // HMAC pads a key to the block of its hash with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(self.secret());
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac
    }
}
