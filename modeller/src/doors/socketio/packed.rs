//! MessagePack as JSON: what `socket.io-msgpack-parser` sends, for a pipeline that knows JSON.
//!
//! Bytes become text in base64, `undefined` is left out as JSON leaves it out, and what JSON has no word for is refused.

use std::{fmt, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

use crate::model::{Code, Error, MAX_DEPTH, Result};

/// The extension type with which the parser writes `undefined`.
const UNDEFINED: i8 = 0;

/// The elements of a packet's data: the event and its arguments.
pub(super) fn elements(bytes: &[u8]) -> Result<Vec<Json>> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
    // The array of the packet is one level, and the library counts from one.
    decoder.set_max_depth(MAX_DEPTH + 2);
    match Loose::deserialize(&mut decoder) {
        Ok(Loose(Some(Json::Array(elements)))) => Ok(elements),
        Ok(_) => Err(Error::new(Code::ParseError, "a packet's data is an array")),
        Err(error) => Err(Error::new(Code::ParseError, format!("the message can't be read: {error}"))),
    }
}

/// How many bytes a value is.
pub(super) fn size(json: &Json) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // Counting does not fail; what can't be written will say so when it is.
    let _ = rmp_serde::encode::write_named(&mut count, json);
    count.0
}

/// Any value that can be JSON; nothing for `undefined`.
pub(super) struct Loose(pub(super) Option<Json>);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

type Read<E> = std::result::Result<Loose, E>;

fn some<E>(json: impl Into<Json>) -> Read<E> {
    Ok(Loose(Some(json.into())))
}

impl<'de> Visitor<'de> for Any {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has")
    }

    fn visit_bool<E>(self, value: bool) -> Read<E> {
        some(value)
    }

    fn visit_i64<E>(self, value: i64) -> Read<E> {
        some(value)
    }

    fn visit_u64<E>(self, value: u64) -> Read<E> {
        some(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Read<E> {
        match Number::from_f64(value) {
            Some(number) => some(number),
            None => Err(E::custom("a number is finite")),
        }
    }

    fn visit_str<E>(self, value: &str) -> Read<E> {
        some(value)
    }

    fn visit_string<E>(self, value: String) -> Read<E> {
        some(value)
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Read<E> {
        some(STANDARD.encode(value))
    }

    fn visit_unit<E>(self) -> Read<E> {
        some(Json::Null)
    }

    fn visit_none<E>(self) -> Read<E> {
        some(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Read<D::Error> {
        Loose::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Read<A::Error> {
        // What it says of its length is not to be trusted.
        let mut items = Vec::new();
        while let Some(Loose(item)) = sequence.next_element()? {
            items.push(item.unwrap_or_default());
        }
        some(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Read<A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Loose(value) = members.next_value()?;
            if object.contains_key(&name) {
                return Err(A::Error::custom("an object has a member twice"));
            }
            if let Some(value) = value {
                object.insert(name, value);
            }
        }
        some(object)
    }

    /// An extension type: its number, and its bytes.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Read<D::Error> {
        struct Extension;

        impl<'de> Visitor<'de> for Extension {
            type Value = Loose;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an extension type")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Read<A::Error> {
                let (number, bytes) = (parts.next_element::<i8>()?, parts.next_element::<Loose>()?);
                let is_one_byte = matches!(bytes, Some(Loose(Some(Json::String(text)))) if text == "AA==");
                match number {
                    Some(UNDEFINED) if is_one_byte => Ok(Loose(None)),
                    _ => Err(A::Error::custom("JSON has no extension types; send a date as text")),
                }
            }
        }
        deserializer.deserialize_any(Extension)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_read_as_json() {
        let value = json!(["call", { "a": [1, -2, 3.5, null, true, "é"], "b": {} }]);
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        assert_eq!(Json::Array(elements(&bytes).unwrap()), value);
    }

    #[test]
    fn the_size_is_that_of_what_is_written() {
        for value in [json!(null), json!({ "a": [1, -2, 3.5, "é"], "b": { "c": 1_000_000 } })] {
            assert_eq!(size(&value), rmp_serde::to_vec_named(&value).unwrap().len());
        }
    }

    #[test]
    fn bytes_become_base64_and_undefined_is_left_out() {
        // ["e", {"a": bytes 1 2 3, "b": undefined}]
        let bytes = b"\x92\xa1e\x82\xa1a\xc4\x03\x01\x02\x03\xa1b\xd4\x00\x00";
        assert_eq!(elements(bytes).unwrap(), [json!("e"), json!({ "a": "AQID" })]);
        // Text that is not UTF-8 is nothing but bytes.
        assert_eq!(elements(b"\x92\xa1e\xa2\xff\xfe").unwrap(), [json!("e"), json!("//4=")]);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = [vec![0x91; 200], vec![0xc0]].concat();
        let cases: [&[u8]; 8] = [
            b"",
            b"\xc0",
            b"\x91",
            b"\x92\xa1e\xdd\xff\xff\xff\xff",
            b"\x92\xa1e\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
            b"\x92\xa1e\x82\xa1a\x01\xa1a\x02",
            b"\x92\xa1e\xd6\xff\x00\x00\x00\x00",
            &deep,
        ];
        for bytes in cases {
            assert!(elements(bytes).unwrap_err().is(Code::ParseError), "{bytes:?}");
        }
    }
}
