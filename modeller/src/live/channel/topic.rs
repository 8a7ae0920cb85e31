//! Topics: what a channel is called, and which of the two channels of a name is meant.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::model::{Code, Error, Result};

/// The name of a channel, and whether it is the private one.
///
/// The private and the public channel of a name have nothing in common: what is said in one is not heard in the other, so
/// that nobody gets around the [authoriser](super::ChannelSettings::authorize) by not saying `private`. It is cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    name: Arc<str>,
    private: bool,
}

impl Topic {
    /// A topic with at most so many bytes.
    pub(super) fn new(name: &str, private: bool, longest: usize) -> Result<Self> {
        check_name("topic", name, longest)?;
        Ok(Topic { name: name.into(), private })
    }

    /// The name, as everybody calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether joining it takes the authoriser's consent.
    pub fn is_private(&self) -> bool {
        self.private
    }

    pub(super) fn shared(&self) -> &Arc<str> {
        &self.name
    }

    /// What it is kept under. The first character tells the two channels of a name apart.
    pub(super) fn stored(&self) -> String {
        format!("{}{}", if self.private { '!' } else { '=' }, self.name)
    }
}

impl Deref for Topic {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Names are short, and people can read them.
pub(super) fn check_name(what: &str, name: &str, longest: usize) -> Result<()> {
    if name.is_empty() || name.len() > longest || name.chars().any(char::is_control) {
        let message = format!("a {what} has 1 to {longest} bytes, and no control characters among them");
        return Err(Error::new(Code::InvalidRequest, message).with_field(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_a_short_readable_name() {
        for good in ["a", "room:1", "räume/ü", "with blanks", &"x".repeat(256)] {
            assert_eq!(&*Topic::new(good, false, 256).unwrap(), good);
        }
        for bad in ["", "a\nb", "\u{1b}[2J", "a\0", "\u{85}", &"x".repeat(257)] {
            assert!(Topic::new(bad, false, 256).unwrap_err().is(Code::InvalidRequest), "{bad:?}");
        }
    }

    #[test]
    fn the_two_channels_of_a_name_are_kept_apart() {
        // CHA-15
        let (public, private) = (Topic::new("!a", false, 256).unwrap(), Topic::new("a", true, 256).unwrap());
        assert_ne!(public.stored(), private.stored());
        assert_ne!(Topic::new("a", false, 256).unwrap(), private);
    }
}
