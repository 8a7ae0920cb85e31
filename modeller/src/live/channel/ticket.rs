//! How a connection is called in channels, and how it proves later that it was the one.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// A connection's name in channels, which others get to see, and the secret by which its client may come back as the same one.
///
/// The name follows from the secret, so that nothing has to be kept, and the secret does not follow from the name: who sees
/// who is present or who has said something can't take anybody's place.
pub struct Ticket {
    secret: String,
    name: String,
}

impl Ticket {
    /// For a new connection.
    #[expect(clippy::new_without_default, reason = "no two are alike")]
    pub fn new() -> Self {
        let secret = uuid::Uuid::new_v4().to_string();
        Ticket { name: Self::name_of(&secret), secret }
    }

    /// What [`Channels`](super::Channels) and others know the connection by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its client alone is told.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The name of the connection whose client was told this secret, if there was one.
    pub fn name_of(secret: &str) -> String {
        let hash = Sha256::new().chain_update("channel ticket:").chain_update(secret).finalize();
        // As many bits as the secret has.
        URL_SAFE_NO_PAD.encode(&hash[..16])
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_gives_the_name_away_and_not_the_other_way_round() {
        let (one, other) = (Ticket::new(), Ticket::new());
        assert_eq!(Ticket::name_of(one.secret()), one.name());
        assert_ne!(one.name(), other.name());
        assert_ne!(Ticket::name_of(one.name()), one.name());
        assert!(!format!("{one:?}").contains(one.secret()));
    }
}
