//! A serde serializer whose output is a row.

use std::fmt;

use serde::ser::{self, Impossible, Serialize, SerializeMap, SerializeStruct, Serializer};
use serde_json::json;

use super::to_cell::cell;
use super::{Error, Kind, Shape, Value, Violation};

/// Why a value can't be a cell.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    field: Option<usize>,
    keyword: &'static str,
    message: String,
    params: serde_json::Value,
}

impl Fault {
    pub(super) fn new(keyword: &'static str, message: impl Into<String>, params: serde_json::Value) -> Self {
        Fault(Box::new(Inner { field: None, keyword, message: message.into(), params }))
    }

    pub(super) fn not_finite() -> Self {
        Self::new("type", "must be a finite number", json!({ "type": "number" }))
    }

    pub(super) fn nul() -> Self {
        Self::new("nul", "must NOT contain a NUL character", json!({}))
    }

    /// The same fault, of this field.
    fn of(mut self, field: usize) -> Self {
        self.0.field = Some(field);
        self
    }

    pub(super) fn into_violation(self, instance: &str, schema: &str) -> Violation {
        let Inner { keyword, message, params, .. } = *self.0;
        Violation {
            instance_path: instance.into(),
            keyword: keyword.into(),
            message,
            params,
            schema_path: format!("#{schema}/{keyword}"),
        }
    }

    pub(super) fn into_error(self, shape: &Shape) -> Error {
        let column = self.0.field.and_then(|field| shape.fields().get(field));
        let pointer = column.map(|column| format!("/{}", column.name.replace('~', "~0").replace('/', "~1")));
        let (pointer, schema) = match pointer {
            Some(pointer) => (pointer.clone(), format!("/properties{pointer}")),
            None => (String::new(), String::new()),
        };
        Error::validation(vec![self.into_violation(&pointer, &schema)])
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Fault {}

impl ser::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("encode", message.to_string(), json!({}))
    }
}

/// Takes a struct apart into the cells of a row.
pub(super) struct RowSerializer<'a> {
    shape: &'a Shape,
    cells: &'a mut [Value],
    /// The field that should come next: serde writes them in the order of the struct.
    next: usize,
    /// The key of a map entry, between key and value.
    key: Option<usize>,
}

impl<'a> RowSerializer<'a> {
    pub(super) fn new(shape: &'a Shape, cells: &'a mut [Value]) -> Self {
        RowSerializer { shape, cells, next: 0, key: None }
    }

    fn find(&mut self, name: &str) -> Option<usize> {
        let fields = self.shape.fields();
        let found = match fields.get(self.next) {
            Some(column) if column.name == name => Some(self.next),
            _ => fields.iter().position(|column| column.name == name),
        }?;
        self.next = found + 1;
        Some(found)
    }

    fn put<T: Serialize + ?Sized>(&mut self, field: usize, value: &T) -> Result<(), Fault> {
        let index = Shape::FIELDS + field;
        let kind = self.shape.columns[index].kind;
        self.cells[index] = cell(value, kind).map_err(|fault| fault.of(field))?;
        Ok(())
    }
}

impl SerializeStruct for RowSerializer<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
        match self.find(name) {
            Some(field) => self.put(field, value),
            // Written but never read (`skip_deserializing`): it has no column.
            None => Ok(()),
        }
    }

    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}

impl SerializeMap for RowSerializer<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        let Value::Text(name) = cell(key, Kind::Text)? else {
            return Err(ser::Error::custom("a field's name must be text"));
        };
        self.key = self.find(&name);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        match self.key.take() {
            Some(field) => self.put(field, value),
            None => Ok(()),
        }
    }

    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}

fn no_struct<T>() -> Result<T, Fault> {
    Err(ser::Error::custom("a model must be written as a struct"))
}

macro_rules! refuse {
    ($($name:ident($($type:ty),*);)*) => { $(
        fn $name(self, $(_: $type),*) -> Result<Self::Ok, Fault> {
            no_struct()
        }
    )* };
}

impl Serializer for RowSerializer<'_> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Impossible<(), Fault>;
    type SerializeTuple = Impossible<(), Fault>;
    type SerializeTupleStruct = Impossible<(), Fault>;
    type SerializeTupleVariant = Impossible<(), Fault>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Fault>;

    refuse! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Fault> {
        no_struct()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Fault> {
        no_struct()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Fault> {
        no_struct()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Fault> {
        no_struct()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Fault> {
        no_struct()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Fault> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Fault> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Fault> {
        no_struct()
    }
}
