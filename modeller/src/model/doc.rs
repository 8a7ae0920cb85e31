//! Documents: a model's struct with the identity and metadata that the framework adds around it.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Model;

/// The id of a document of model `M`: text, a UUID of version 7 unless the model has a key of its own.
///
/// ```
/// use modeller::Id;
/// struct User;
/// let id: Id<User> = "u-1".into();
/// assert_eq!(id.as_str(), "u-1");
/// ```
pub struct Id<M: ?Sized> {
    text: Box<str>,
    model: PhantomData<fn() -> M>,
}

impl<M: ?Sized> Id<M> {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<M: ?Sized, T: Into<Box<str>>> From<T> for Id<M> {
    fn from(text: T) -> Self {
        Id { text: text.into(), model: PhantomData }
    }
}

impl<M: ?Sized> From<&Id<M>> for Id<M> {
    fn from(id: &Id<M>) -> Self {
        id.clone()
    }
}

impl<M: ?Sized> Clone for Id<M> {
    fn clone(&self) -> Self {
        Id { text: self.text.clone(), model: PhantomData }
    }
}

impl<M: ?Sized> PartialEq for Id<M> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<M: ?Sized> Eq for Id<M> {}

impl<M: ?Sized> PartialOrd for Id<M> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<M: ?Sized> Ord for Id<M> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl<M: ?Sized> Hash for Id<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<M: ?Sized> fmt::Debug for Id<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl<M: ?Sized> fmt::Display for Id<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<M: ?Sized> Serialize for Id<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, M: ?Sized> Deserialize<'de> for Id<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<str>::deserialize(deserializer).map(Id::from)
    }
}

impl<M: ?Sized> JsonSchema for Id<M> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": 255 })
    }
}

/// A field that holds the id of a document of model `M`; inserts and updates check that it exists.
///
/// ```
/// use modeller::Ref;
/// struct User;
/// let author: Ref<User> = "u-1".into();
/// assert_eq!(author.id().as_str(), "u-1");
/// ```
pub struct Ref<M: ?Sized>(Id<M>);

impl<M: ?Sized> Ref<M> {
    /// The id of the document it points at.
    pub fn id(&self) -> &Id<M> {
        &self.0
    }
}

impl<M: ?Sized, T: Into<Id<M>>> From<T> for Ref<M> {
    fn from(id: T) -> Self {
        Ref(id.into())
    }
}

impl<M> From<&Doc<M>> for Ref<M> {
    fn from(doc: &Doc<M>) -> Self {
        Ref(doc.id.clone())
    }
}

impl<M: ?Sized> Clone for Ref<M> {
    fn clone(&self) -> Self {
        Ref(self.0.clone())
    }
}

impl<M: ?Sized> PartialEq for Ref<M> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<M: ?Sized> Eq for Ref<M> {}

impl<M: ?Sized> Hash for Ref<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<M: ?Sized> fmt::Debug for Ref<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<M: ?Sized> Serialize for Ref<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, M: ?Sized> Deserialize<'de> for Ref<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Id::deserialize(deserializer).map(Ref)
    }
}

impl<M: Model> JsonSchema for Ref<M> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Ref_{}", M::descriptor().rust).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let descriptor = M::descriptor();
        let path = format!("{}/{}", descriptor.scope, descriptor.name);
        json_schema!({ "type": "string", "minLength": 1, "maxLength": 255, "model": path })
    }
}

/// A stored document: the struct, and what the framework knows about it.
///
/// It dereferences to the struct. On the wire the metadata are `_id`, `_version`, `_createdAt` and
/// `_updatedAt` beside the struct's own fields.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Doc<M> {
    /// The id.
    pub id: Id<M>,
    /// How often it was written, from 1.
    pub version: i64,
    /// When it was inserted, in Unix milliseconds.
    pub created_at: i64,
    /// When it was last written, in Unix milliseconds.
    pub updated_at: i64,
    /// When it goes away by itself, in Unix milliseconds, if its model has a `ttl`.
    pub expires_at: Option<i64>,
    /// The struct.
    pub data: M,
}

impl<M> Deref for Doc<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.data
    }
}

impl<M> DerefMut for Doc<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.data
    }
}

/// On the wire a document shows its metadata and the fields that are not private.
impl<M: Model> Serialize for Doc<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let descriptor = M::descriptor();
        let fields = serde_json::to_value(&self.data).map_err(S::Error::custom)?;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("_id", &self.id)?;
        map.serialize_entry("_version", &self.version)?;
        map.serialize_entry("_createdAt", &self.created_at)?;
        map.serialize_entry("_updatedAt", &self.updated_at)?;
        for (name, value) in fields.as_object().into_iter().flatten() {
            if descriptor.fields.iter().any(|field| field.name == name && !field.private) {
                map.serialize_entry(name, value)?;
            }
        }
        if descriptor.ttl.is_some() {
            map.serialize_entry("_expiresAt", &self.expires_at)?;
        }
        map.end()
    }
}

impl<M: Model> JsonSchema for Doc<M> {
    fn schema_name() -> Cow<'static, str> {
        format!("Doc_{}", M::descriptor().rust).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("modeller::Doc<{}>", std::any::type_name::<M>()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let descriptor = M::descriptor();
        let mut schema = M::json_schema(generator);
        let hidden = |name: &str| descriptor.fields.iter().any(|field| field.name == name && field.private);
        let system = [
            ("_id", "string"),
            ("_version", "integer"),
            ("_createdAt", "integer"),
            ("_updatedAt", "integer"),
        ];
        let mut properties = serde_json::Map::new();
        let mut required: Vec<serde_json::Value> = Vec::new();
        for (name, kind) in system {
            properties.insert(name.into(), serde_json::json!({ "type": kind, "readOnly": true }));
            required.push(name.into());
        }
        if let Some(serde_json::Value::Object(fields)) = schema.remove("properties") {
            properties.extend(fields.into_iter().filter(|(name, _)| !hidden(name)));
        }
        if let Some(serde_json::Value::Array(names)) = schema.remove("required") {
            required.extend(names.into_iter().filter(|name| !name.as_str().is_some_and(hidden)));
        }
        if descriptor.ttl.is_some() {
            properties.insert(
                "_expiresAt".into(),
                serde_json::json!({ "type": ["integer", "null"], "readOnly": true }),
            );
        }
        schema.insert("properties".into(), properties.into());
        schema.insert("required".into(), required.into());
        schema
    }
}
