//! A serde serializer whose output is one cell.

use serde::ser::{Error as _, Impossible, Serialize, Serializer};
use serde_json::json;

use super::finite::Finite;
use super::to_row::Fault;
use super::{Kind, Value, normalize_datetime};

/// One value as a cell of a column of this kind.
pub(super) fn cell<T: Serialize + ?Sized>(value: &T, kind: Kind) -> Result<Value, Fault> {
    match kind {
        Kind::Json => json_text(value),
        _ => value.serialize(CellSerializer { kind }),
    }
}

/// A value with an inside, as JSON text.
fn json_text<T: Serialize + ?Sized>(value: &T) -> Result<Value, Fault> {
    let text = serde_json::to_string(value).map_err(Fault::custom)?;
    // serde_json writes NaN as `null` and says nothing.
    if text.contains("null") {
        value.serialize(Finite)?;
    }
    if text.contains("\\u0000") && has_nul(&text) {
        return Err(Fault::nul());
    }
    Ok(if text == "null" { Value::Null } else { Value::Text(text) })
}

/// Whether a string in this JSON has a NUL character: an escape whose backslash is not itself escaped.
fn has_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        let slashes = json.as_bytes()[..at].iter().rev().take_while(|&&byte| byte == b'\\').count();
        slashes.is_multiple_of(2)
    })
}

struct CellSerializer {
    kind: Kind,
}

impl CellSerializer {
    fn misfit<T>(self) -> Result<T, Fault> {
        let name = match self.kind {
            Kind::Text | Kind::DateTime | Kind::Decimal => "string",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Json => "object",
        };
        Err(Fault::new("type", format!("must be {name}"), json!({ "type": name })))
    }

    fn integer(self, number: i64) -> Result<Value, Fault> {
        match self.kind {
            Kind::Integer => Ok(Value::Integer(number)),
            // Exact up to 2⁵³; beyond, the digits would change silently.
            Kind::Number if number.unsigned_abs() <= 1 << 53 => Ok(Value::Number(number as f64)),
            Kind::Decimal => Ok(Value::Text(number.to_string())),
            _ => self.misfit(),
        }
    }

    fn unsigned(self, number: u64) -> Result<Value, Fault> {
        match i64::try_from(number) {
            Ok(number) => self.integer(number),
            Err(_) => {
                let params = json!({ "comparison": "<=", "limit": i64::MAX });
                Err(Fault::new("maximum", format!("must be <= {}", i64::MAX), params))
            }
        }
    }

    fn number(self, number: f64) -> Result<Value, Fault> {
        match self.kind {
            _ if !number.is_finite() => Err(Fault::not_finite()),
            Kind::Number => Ok(Value::Number(number)),
            _ => self.misfit(),
        }
    }

    fn text(self, text: &str) -> Result<Value, Fault> {
        match self.kind {
            _ if text.as_bytes().contains(&0) => Err(Fault::nul()),
            Kind::Text | Kind::Decimal => Ok(Value::Text(text.to_owned())),
            Kind::DateTime => match normalize_datetime(text) {
                Some(stored) => Ok(Value::Text(stored)),
                None => {
                    let message = "must match format \"date-time\"";
                    Err(Fault::new("format", message, json!({ "format": "date-time" })))
                }
            },
            _ => self.misfit(),
        }
    }
}

macro_rules! scalars {
    ($($name:ident($type:ty) => $make:ident;)*) => { $(
        fn $name(self, value: $type) -> Result<Value, Fault> {
            self.$make(value.into())
        }
    )* };
}

impl Serializer for CellSerializer {
    type Ok = Value;
    type Error = Fault;
    type SerializeSeq = Impossible<Value, Fault>;
    type SerializeTuple = Impossible<Value, Fault>;
    type SerializeTupleStruct = Impossible<Value, Fault>;
    type SerializeTupleVariant = Impossible<Value, Fault>;
    type SerializeMap = Impossible<Value, Fault>;
    type SerializeStruct = Impossible<Value, Fault>;
    type SerializeStructVariant = Impossible<Value, Fault>;

    scalars! {
        serialize_i8(i8) => integer;
        serialize_i16(i16) => integer;
        serialize_i32(i32) => integer;
        serialize_i64(i64) => integer;
        serialize_u8(u8) => integer;
        serialize_u16(u16) => integer;
        serialize_u32(u32) => integer;
        serialize_u64(u64) => unsigned;
        serialize_f64(f64) => number;
    }

    fn serialize_f32(self, value: f32) -> Result<Value, Fault> {
        if !value.is_finite() {
            return Err(Fault::not_finite());
        }
        // 0.1 stays 0.1, and not the nearest 32-bit number in 64 bits (0.10000000149…).
        let short = ryu::Buffer::new().format_finite(value).parse::<f64>();
        self.number(short.ok().filter(|&short| short as f32 == value).unwrap_or(value.into()))
    }

    fn serialize_bool(self, value: bool) -> Result<Value, Fault> {
        match self.kind {
            Kind::Boolean => Ok(Value::Integer(value.into())),
            _ => self.misfit(),
        }
    }

    fn serialize_char(self, value: char) -> Result<Value, Fault> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Value, Fault> {
        self.text(value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Value, Fault> {
        self.misfit()
    }

    fn serialize_none(self) -> Result<Value, Fault> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Fault> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Fault> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Value, Fault> {
        self.text(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Value, Fault> {
        self.misfit()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Fault> {
        self.misfit()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Fault> {
        self.misfit()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Fault> {
        self.misfit()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Fault> {
        self.misfit()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Fault> {
        self.misfit()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Fault> {
        self.misfit()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Fault> {
        self.misfit()
    }
}
