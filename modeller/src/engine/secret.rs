//! Values that nobody prints.

use std::cell::Cell;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in the place of what nobody should see.
pub(crate) const HIDDEN: &str = "[secret]";

/// A value that is never printed: `Debug`, `Display` and serde write `[secret]` in its place, whatever is around it.
///
/// It is for keys and passwords in [configurations](super::Configured), and for what is logged. It is no field of a model: it
/// has no schema, since what is written as `[secret]` would be lost.
///
/// ```
/// use modeller::Secret;
///
/// let key = Secret::new("sk_live_1".to_owned());
/// assert_eq!(format!("{key} {key:?}"), "[secret] [secret]");
/// assert_eq!(serde_json::to_string(&key).unwrap(), "\"[secret]\"");
/// assert_eq!(key.expose(), "sk_live_1");
/// ```
#[derive(Clone, Copy, Default)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Keeps the value from being printed.
    pub const fn new(value: T) -> Self {
        Secret(value)
    }

    /// The value, for whoever needs it in fact.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, no longer a secret.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Secret(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl<T: Serialize> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match IS_EXPOSED.get() {
            true => self.0.serialize(serializer),
            false => serializer.serialize_str(HIDDEN),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Secret)
    }
}

thread_local! {
    static IS_EXPOSED: Cell<bool> = const { Cell::new(false) };
}

/// Serde writes secrets as they are while this runs, on this thread alone: for a value that goes through JSON and back, and
/// that nobody sees on its way.
pub(super) fn exposed<R>(work: impl FnOnce() -> R) -> R {
    /// Hides again however the work ends.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            IS_EXPOSED.set(self.0);
        }
    }
    let _before = Before(IS_EXPOSED.replace(true));
    work()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Serialize, Deserialize)]
    struct Config {
        key: Secret<String>,
        others: Vec<Secret<u32>>,
        none: Option<Secret<String>>,
    }

    fn config() -> Config {
        Config { key: "hunter2".to_owned().into(), others: vec![Secret::new(77)], none: None }
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        // HOO-17
        let json = serde_json::to_value(config()).unwrap();
        assert_eq!(json, json!({ "key": "[secret]", "others": ["[secret]"], "none": null }));
        assert_eq!(format!("{:?}", config()), "Config { key: [secret], others: [[secret]], none: None }");
    }

    #[test]
    fn what_goes_through_json_and_back_keeps_its_secrets() {
        let json = exposed(|| serde_json::to_value(config()).unwrap());
        assert_eq!(json["others"], json!([77]));
        let back: Config = serde_json::from_value(json).unwrap();
        assert_eq!(back.key.expose(), "hunter2");
        assert_eq!(serde_json::to_value(back).unwrap()["key"], HIDDEN);
    }

    #[test]
    fn a_panic_hides_again() {
        let panicked = std::panic::catch_unwind(|| exposed(|| panic!("as a test")));
        assert!(panicked.is_err());
        assert_eq!(serde_json::to_value(config()).unwrap()["key"], HIDDEN);
    }
}
