//! A serde deserializer whose input is a row.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::datetime::trimmed;
use super::{Cell, Kind, RowView, Shape};

/// A row that does not fit a struct.
#[derive(Debug)]
pub(super) struct Misfit(String);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Misfit(message.to_string())
    }
}

impl From<serde_json::Error> for Misfit {
    fn from(error: serde_json::Error) -> Self {
        Misfit(error.to_string())
    }
}

/// Gives the fields of a row as a map.
#[derive(Clone, Copy)]
pub(super) struct RowDeserializer<'a> {
    pub(super) shape: &'a Shape,
    pub(super) row: &'a dyn RowView,
}

impl<'a> Deserializer<'a> for RowDeserializer<'a> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_map(Fields { row: self, next: 0 })
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        <W: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Fields<'a> {
    row: RowDeserializer<'a>,
    /// The field whose key comes next; its predecessor is the one whose value does.
    next: usize,
}

impl<'a> MapAccess<'a> for Fields<'a> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let RowDeserializer { shape, row } = self.row;
        while let Some(column) = shape.fields().get(self.next) {
            let index = Shape::FIELDS + self.next;
            self.next += 1;
            // Without a value though it must have one: absent, so that serde's default applies.
            if !column.nullable && row.cell(index) == Cell::Null {
                continue;
            }
            return seed.deserialize(BorrowedStrDeserializer::new(&column.name)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let RowDeserializer { shape, row } = self.row;
        let index = Shape::FIELDS + self.next - 1;
        seed.deserialize(CellDeserializer { kind: shape.columns[index].kind, cell: row.cell(index) })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.row.shape.fields().len() - self.next)
    }
}

struct CellDeserializer<'a> {
    kind: Kind,
    cell: Cell<'a>,
}

/// JSON text is left to serde_json, method by method, so that every type finds what it would find in a body.
macro_rules! by_method {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => { $(
        fn $name<V: Visitor<'a>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, Misfit> {
            match (self.kind, self.cell) {
                (Kind::Json, Cell::Text(text)) => {
                    let mut json = serde_json::Deserializer::from_str(text);
                    let value = Deserializer::$name(&mut json, $($arg,)* visitor)?;
                    json.end()?;
                    Ok(value)
                }
                _ => self.deserialize_any(visitor),
            }
        }
    )* };
}

impl<'a> Deserializer<'a> for CellDeserializer<'a> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match (self.kind, self.cell) {
            (_, Cell::Null) => visitor.visit_unit(),
            (Kind::Json, Cell::Text(text)) => {
                let mut json = serde_json::Deserializer::from_str(text);
                let value = json.deserialize_any(visitor)?;
                json.end()?;
                Ok(value)
            }
            (Kind::DateTime, Cell::Text(text)) => {
                let (digits, zone) = trimmed(text);
                let mut short = [0; 32];
                let all = digits.len() + zone.len();
                match short.get_mut(..all) {
                    Some(short) => {
                        short[..digits.len()].copy_from_slice(digits.as_bytes());
                        short[digits.len()..].copy_from_slice(zone.as_bytes());
                        visitor.visit_str(std::str::from_utf8(short).unwrap_or(text))
                    }
                    None => visitor.visit_borrowed_str(text),
                }
            }
            (_, Cell::Text(text)) => visitor.visit_borrowed_str(text),
            (Kind::Boolean, Cell::Integer(number)) => visitor.visit_bool(number != 0),
            (Kind::Number, Cell::Integer(number)) => visitor.visit_f64(number as f64),
            (_, Cell::Integer(number)) => visitor.visit_i64(number),
            (_, Cell::Number(number)) => visitor.visit_f64(number),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.cell {
            Cell::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match (self.kind, self.cell) {
            (Kind::Json, Cell::Text(text)) => {
                let mut json = serde_json::Deserializer::from_str(text);
                let value = json.deserialize_newtype_struct(name, visitor)?;
                json.end()?;
                Ok(value)
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match (self.kind, self.cell) {
            (Kind::Json, Cell::Text(text)) => {
                let mut json = serde_json::Deserializer::from_str(text);
                let value = json.deserialize_enum(name, variants, visitor)?;
                json.end()?;
                Ok(value)
            }
            (_, Cell::Text(text)) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            _ => self.deserialize_any(visitor),
        }
    }

    by_method! {
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }
}
