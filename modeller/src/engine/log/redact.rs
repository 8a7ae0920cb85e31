//! Takes out of entries what nobody should read in a log.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value as Json;

use crate::engine::secret::HIDDEN;
use crate::model::Shape;

/// Ends of names, in lower case and without `_` and `-`, whose values are secret whatever they belong to.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "cookie",
    "apikey",
    "privatekey",
    "credentials",
];

/// The data of an entry about this model, without its private fields (wherever such a name stands) and without what is
/// secret by its name.
pub(super) fn data(mut data: Json, shape: Option<&Shape>) -> Json {
    let private: Vec<&str> = shape
        .into_iter()
        .flat_map(|shape| &shape.columns)
        .filter(|column| column.private)
        .flat_map(|column| [column.name.as_str(), column.column.as_str()])
        .collect();
    hide(&mut data, &private);
    data
}

fn hide(json: &mut Json, private: &[&str]) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                match private.contains(&name.as_str()) || is_secret(name) {
                    // That there is nothing is no secret.
                    true if value.is_null() => {}
                    true => *value = HIDDEN.into(),
                    false => hide(value, private),
                }
            }
        }
        Json::Array(elements) => elements.iter_mut().for_each(|element| hide(element, private)),
        Json::String(value) => {
            if let Some(redacted) = redacted(value) {
                *value = redacted;
            }
        }
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect();
    NAMES.iter().any(|secret| plain.ends_with(secret))
}

/// Text without the secrets that texts hold: tokens in URLs, passwords before hosts, `Authorization` headers.
pub(super) fn text(text: &str) -> String {
    redacted(text).unwrap_or_else(|| text.to_owned())
}

fn redacted(text: &str) -> Option<String> {
    // `name=value` as in URLs and forms, `name: value` as in headers, `scheme://user:password@`, `Bearer x`.
    static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let names = r"[\w-]*(?:password|passwd|passphrase|secret|token|authorization|cookie|api[_-]?key|private[_-]?key|credentials)";
        Regex::new(&format!(
            r#"(?i)(?P<pair>\b{names}"?\s*[=:]\s*"?(?:(?:bearer|basic)\s+)?)[^\s&;,"'<>]+|(?P<user>://[^\s/:@]*:)[^\s/@]+@|(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{{8,}}"#
        ))
        .ok()
    });
    let secrets = SECRETS.as_ref()?;
    if !secrets.is_match(text) {
        return None;
    }
    let hidden = secrets.replace_all(text, |found: &Captures<'_>| {
        let kept = ["pair", "user", "scheme"]
            .iter()
            .find_map(|name| found.name(name))
            .map_or("", |kept| kept.as_str());
        let at = if found.name("user").is_some() { "@" } else { "" };
        format!("{kept}{HIDDEN}{at}")
    });
    Some(hidden.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_tell_what_is_secret() {
        // OPS-14
        let hidden = data(
            json!({
                "email": "a@b.c", "newPassword": "x", "api_key": 5, "nested": [{ "accessToken": ["x"] }], "cookie": null,
                "tokens": 3, "Authorization": { "a": 1 }
            }),
            None,
        );
        assert_eq!(
            hidden,
            json!({
                "email": "a@b.c", "newPassword": HIDDEN, "api_key": HIDDEN, "nested": [{ "accessToken": HIDDEN }],
                "cookie": null, "tokens": 3, "Authorization": HIDDEN
            })
        );
    }

    #[test]
    fn texts_lose_the_secrets_in_them() {
        for (text, expected) in [
            ("GET /@ws?token=abc.def&a=1", "GET /@ws?token=[secret]&a=1"),
            ("/cb?access_token=x y", "/cb?access_token=[secret] y"),
            ("postgres://ann:hunter2@db/x", "postgres://ann:[secret]@db/x"),
            ("Authorization: Bearer eyJhbGciOi.x.y rest", "Authorization: Bearer [secret] rest"),
            ("sent Bearer eyJhbGciOi", "sent Bearer [secret]"),
            ("{\"password\":\"x\"}", "{\"password\":\"[secret]\"}"),
            ("MODELLER_SECRET=1", "MODELLER_SECRET=[secret]"),
        ] {
            assert_eq!(super::text(text), expected);
        }
        for plain in ["a basic idea", "the token is gone", "http://host:80/a@b", "tokenize=1", ""] {
            assert_eq!(super::text(plain), plain);
        }
    }
}
