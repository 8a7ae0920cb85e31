//! The shape of a model: its columns and its schema, worked out once from descriptor and struct.

use std::fmt;

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::{Descriptor, Field, Generated, Kind, OnDelete, Site};

/// A column of a model, as stores, filters and doors see it.
#[derive(Debug)]
pub struct ColumnInfo {
    /// The name on the wire (`createdBy`, `_id`).
    pub name: String,
    /// The name in the store (`created_by`, `_id`).
    pub column: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be without a value.
    pub nullable: bool,
    /// Whether a row may hold nothing here: without a value, or left out (`skip_serializing_if`) and read as serde's default.
    pub sparse: bool,
    /// Whether it is an array: then a filter for a scalar looks for a member.
    pub array: bool,
    /// What the elements of an array are, if they are all of one kind and no JSON.
    pub item: Option<Kind>,
    /// No door shows it.
    pub private: bool,
    /// No two documents have the same value here.
    pub unique: bool,
    /// Filters and sorts on it use an index.
    pub indexed: bool,
    /// Where its value comes from when the caller gives none.
    pub generated: Option<Generated>,
    /// What it must exist in.
    pub references: Option<Target>,
    /// What becomes of the document when what it refers to is deleted.
    pub on_delete: OnDelete,
    /// The value of a document that says none, as JSON.
    pub default: Option<Json>,
    /// The column's former name.
    pub renamed_from: Option<&'static str>,
    /// `"name":` as JSON, ready to be written before the value.
    pub json_key: String,
}

/// The other side of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Path of the other model (`scope/name`).
    pub model: String,
    /// The wire name of its column.
    pub field: String,
}

/// The columns and the schema of one model.
#[derive(Debug)]
pub struct Shape {
    /// What the macro said.
    pub descriptor: &'static Descriptor,
    /// `scope/name`: the model's identity everywhere.
    pub path: String,
    /// The table's name.
    pub table: String,
    /// System columns first ([`Shape::ID`] to [`Shape::UPDATED_AT`]), then the fields from [`Shape::FIELDS`] on, then
    /// [`expires_at`](Shape::expires_at) and [`deleted_at`](Shape::deleted_at) where the model has them.
    pub columns: Vec<ColumnInfo>,
    /// Index of `_expires_at`, if the model has a `ttl`.
    pub expires_at: Option<usize>,
    /// Index of `_deleted_at`, if the model has a `trash`.
    pub deleted_at: Option<usize>,
    /// Index of the column whose value is the id, if the model has a `key`.
    pub key: Option<usize>,
    /// Indexes of the columns that are unique, one set each (single fields included, the id not).
    pub unique: Vec<Vec<usize>>,
    /// Indexes of the columns that are indexed, one set each (references included).
    pub indexes: Vec<Vec<usize>>,
    /// Indexes of the columns that are a position together: latitude and longitude.
    pub geo: Vec<(usize, usize)>,
    /// Indexes of the columns whose words a search finds: text, and lists of text.
    pub searchable: Vec<usize>,
    /// The published JSON Schema (2020-12) of what an insert takes.
    pub schema: Json,
    /// The schema, compiled when it is first needed.
    #[cfg_attr(not(feature = "engine"), allow(dead_code))]
    pub(super) judge: super::judge::Judge,
}

/// Why a struct can't be a model.
#[derive(Clone, Debug)]
pub struct ShapeFault {
    /// What is wrong, and what to write instead.
    pub message: String,
    /// The struct.
    pub site: Site,
}

impl fmt::Display for ShapeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.site, self.message)
    }
}

impl Shape {
    /// Index of `_id`.
    pub const ID: usize = 0;
    /// Index of `_version`.
    pub const VERSION: usize = 1;
    /// Index of `_createdAt`.
    pub const CREATED_AT: usize = 2;
    /// Index of `_updatedAt`.
    pub const UPDATED_AT: usize = 3;
    /// Index of the first field.
    pub const FIELDS: usize = 4;

    /// Index of the column with this name on the wire.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Index of the column with this name in Rust.
    pub fn index_of_field(&self, rust: &str) -> Option<usize> {
        let field = self.descriptor.fields.iter().position(|field| field.rust == rust)?;
        Some(Self::FIELDS + field)
    }

    /// The columns of the struct's fields.
    pub fn fields(&self) -> &[ColumnInfo] {
        &self.columns[Self::FIELDS..Self::FIELDS + self.descriptor.fields.len()]
    }

    pub(super) fn build(descriptor: &'static Descriptor) -> Result<Self, ShapeFault> {
        let fault = |message: String| ShapeFault { message, site: descriptor.site };
        let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let schema = (descriptor.glue.schema)(&mut generator);
        let mut schema = Json::from(schema);
        // `schema_of` leaves definitions in the generator: a root schema carries them.
        let definitions = generator.take_definitions(true);
        if let Json::Object(root) = &mut schema
            && !definitions.is_empty()
        {
            root.insert("$defs".into(), Json::Object(definitions));
        }
        let mut columns = vec![
            system("_id", "_id", Kind::Text, false, true),
            system("_version", "_version", Kind::Integer, false, false),
            system("_createdAt", "_created_at", Kind::Integer, false, false),
            system("_updatedAt", "_updated_at", Kind::Integer, false, false),
        ];
        for field in descriptor.fields {
            let column = field_column(field, &schema).map_err(fault)?;
            columns.push(column);
        }
        let mut extra = |present: bool, name: &str, column: &str| {
            present.then(|| {
                columns.push(system(name, column, Kind::Integer, true, true));
                columns.len() - 1
            })
        };
        let expires_at = extra(descriptor.ttl.is_some(), "_expiresAt", "_expires_at");
        let deleted_at = extra(descriptor.trash.is_some(), "_deletedAt", "_deleted_at");
        let mut shape = Shape {
            descriptor,
            path: format!("{}/{}", descriptor.scope, descriptor.name),
            table: format!("{}_{}", snake(descriptor.scope), snake(descriptor.name)),
            key: descriptor.fields.iter().position(|field| field.key).map(|at| Self::FIELDS + at),
            columns,
            expires_at,
            deleted_at,
            unique: Vec::new(),
            indexes: Vec::new(),
            geo: Vec::new(),
            searchable: Vec::new(),
            schema: Json::Null,
            judge: Default::default(),
        };
        shape.unique = shape.sets(descriptor.unique, |column| column.unique).map_err(fault)?;
        shape.indexes = shape
            .sets(descriptor.index, |column| {
                column.indexed || (column.references.is_some() && !column.unique && !column.array)
            })
            .map_err(fault)?;
        shape.geo = shape.positions().map_err(fault)?;
        shape.searchable = shape.texts().map_err(fault)?;
        shape.schema = super::schema::publish(&shape, schema).map_err(fault)?;
        Ok(shape)
    }

    /// The pairs of `geo`, which the derive has checked as far as it can see types.
    fn positions(&self) -> Result<Vec<(usize, usize)>, String> {
        let column = |name: &str| {
            let index = self.index_of_field(name).ok_or_else(|| format!("there is no field `{name}`"))?;
            match &self.columns[index] {
                column if column.private => {
                    Err(format!("`{name}` is private and can't be part of a position"))
                }
                column if column.kind != Kind::Number => Err(format!(
                    "`{name}` is part of a position, and its JSON Schema is not that of a number"
                )),
                _ => Ok(index),
            }
        };
        self.descriptor
            .geo
            .iter()
            .map(|(latitude, longitude)| Ok((column(latitude)?, column(longitude)?)))
            .collect()
    }

    fn texts(&self) -> Result<Vec<usize>, String> {
        let marked = self.descriptor.fields.iter().enumerate().filter(|(_, field)| field.searchable);
        marked
            .map(|(at, field)| {
                let column = &self.columns[Self::FIELDS + at];
                let is_text = column.kind == Kind::Text || (column.array && column.item == Some(Kind::Text));
                match (column.private, is_text) {
                    (true, _) => Err(format!("`{}` is private and can't be searchable", field.rust)),
                    (_, false) => Err(format!(
                        "`{}` is searchable, and its JSON Schema is neither that of text nor of a list of text",
                        field.rust
                    )),
                    _ => Ok(Self::FIELDS + at),
                }
            })
            .collect()
    }

    fn sets(
        &self,
        several: &[&[&str]],
        single: impl Fn(&ColumnInfo) -> bool,
    ) -> Result<Vec<Vec<usize>>, String> {
        let ones = (Self::FIELDS..Self::FIELDS + self.descriptor.fields.len())
            .filter(|&index| single(&self.columns[index]))
            .map(|index| Ok(vec![index]));
        let many = several.iter().map(|set| {
            set.iter()
                .map(|name| self.index_of_field(name).ok_or_else(|| format!("there is no field `{name}`")))
                .collect()
        });
        ones.chain(many).collect()
    }
}

fn system(name: &str, column: &str, kind: Kind, nullable: bool, indexed: bool) -> ColumnInfo {
    ColumnInfo {
        name: name.into(),
        column: column.into(),
        kind,
        nullable,
        sparse: nullable,
        array: false,
        item: None,
        private: false,
        unique: name == "_id",
        indexed,
        generated: None,
        references: None,
        on_delete: OnDelete::Restrict,
        default: None,
        renamed_from: None,
        json_key: format!("\"{name}\":"),
    }
}

fn field_column(field: &Field, schema: &Json) -> Result<ColumnInfo, String> {
    let property = schema.pointer("/properties").and_then(|all| all.get(field.name)).ok_or_else(|| {
        format!(
            "field `{}` is not in the struct's JSON Schema as `{}`: give serde and schemars the same names",
            field.rust, field.name
        )
    })?;
    let types = super::kinds::kind_of(property, schema);
    let references = match (field.references, types.model) {
        (Some(reference), _) => {
            let other = (reference.model)();
            // Names only: the other model's shape may refer back to this one.
            let field = match reference.column {
                0 => "_id".to_owned(),
                column => other.fields[column - Shape::FIELDS].name.to_owned(),
            };
            Some(Target { model: format!("{}/{}", other.scope, other.name), field })
        }
        (None, Some(model)) => Some(Target { model, field: "_id".into() }),
        (None, None) => None,
    };
    let json_key = format!("{}:", Json::from(field.name));
    Ok(ColumnInfo {
        name: field.name.into(),
        column: field.rust.into(),
        kind: types.kind,
        nullable: types.nullable,
        sparse: types.nullable || is_left_out(field, property, schema),
        array: types.array,
        item: types.item,
        private: field.private,
        unique: field.unique || field.key,
        indexed: field.index,
        generated: field.generated,
        references,
        on_delete: field.on_delete,
        default: property.get("default").cloned(),
        renamed_from: field.renamed_from,
        json_key,
    })
}

/// Whether serde may leave the field out of a document that it can read again. schemars publishes the default of a field
/// unless it is left out itself.
fn is_left_out(field: &Field, property: &Json, schema: &Json) -> bool {
    let required = schema.get("required").and_then(Json::as_array);
    let is_required = required.is_some_and(|names| names.iter().any(|name| name == field.name));
    !is_required && property.get("default").is_none()
}

/// `lowerCamel-case` to `lower_camel_case`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(if character == '-' { '_' } else { character.to_ascii_lowercase() });
    }
    out
}
