//! JSON Schema: what schemars knows of a struct, finished with what its attributes say.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::close::close;
use super::descriptor::{Field, Generated};
use super::json::View;
use super::shape::{ColumnInfo, Shape};
use super::value::Kind;

/// The schema of a struct, its definitions left in the generator.
pub(crate) fn schema_of<M: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    M::json_schema(generator)
}

/// The schema that a function makes, with the definitions that it uses; not by the name of one, where it is nothing else.
pub(crate) fn rooted(mut generator: SchemaGenerator, schema: fn(&mut SchemaGenerator) -> Schema) -> Json {
    let root = Json::from(schema(&mut generator));
    let mut definitions = generator.take_definitions(true);
    let mut root = inlined(root, &mut definitions);
    if let Json::Object(root) = &mut root
        && !definitions.is_empty()
    {
        root.insert("$defs".into(), Json::Object(definitions));
    }
    root
}

/// The definition itself, where a schema is nothing but the name of one.
fn inlined(root: Json, definitions: &mut Map<String, Json>) -> Json {
    let name = match root.as_object() {
        Some(object) if object.len() == 1 => object.get("$ref").and_then(Json::as_str),
        _ => None,
    };
    let Some(name) = name.and_then(|reference| reference.strip_prefix("#/$defs/")).map(str::to_owned) else {
        return root;
    };
    let Some(definition) = definitions.get(&name).cloned() else { return root };
    let reference = format!("\"#/$defs/{name}\"");
    // One that leads back to itself is still needed by its name.
    if !definitions.values().any(|other| other.to_string().contains(&reference)) {
        definitions.shift_remove(&name);
    }
    definition
}

/// The dialect of published schemas.
pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of what an insert takes: system rules, and the keywords `unique`, `private`, `model`, `generated` and `errorMessage`.
pub(super) fn publish(shape: &Shape, mut schema: Json) -> Result<Json, String> {
    let rust = shape.descriptor.rust;
    for (keyword, cause) in [
        ("oneOf", "an enum, or a flattened one"),
        ("anyOf", "an enum, or a flattened one"),
        ("allOf", "something flattened"),
        ("$ref", "a newtype"),
        ("additionalProperties", "a flattened map"),
    ] {
        if schema.get(keyword).is_some_and(|value| *value != Json::Bool(false)) {
            return Err(format!(
                "the JSON Schema of `{rust}` has `{keyword}` ({cause}): a model is a plain struct"
            ));
        }
    }
    close(&mut schema)?;
    let Json::Object(mut schema) = schema else {
        return Err(format!("`{rust}` has no JSON Schema of an object: a model is a plain struct"));
    };
    let mut given = match schema.remove("properties") {
        Some(Json::Object(properties)) => properties,
        _ => Map::new(),
    };
    let serde_needs: Vec<String> = match schema.remove("required") {
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (field, column) in shape.descriptor.fields.iter().zip(shape.fields()) {
        let mut property = match given.shift_remove(field.name) {
            Some(Json::Object(property)) => property,
            _ => Map::new(),
        };
        let needed = serde_needs.iter().any(|name| name == field.name);
        check(field, column, needed)?;
        decorate(field, column, &mut property);
        if needed && column.default.is_none() {
            required.push(Json::from(field.name));
        }
        properties.insert(field.name.into(), property.into());
    }
    if let Some(name) = given.keys().next() {
        return Err(format!(
            "the JSON Schema of `{rust}` has a property `{name}` that is no field of it: flattened structs can't be columns"
        ));
    }
    let mut out = Map::new();
    out.insert("$schema".into(), DIALECT.into());
    out.insert("title".into(), schema.remove("title").unwrap_or_else(|| rust.into()));
    for keyword in ["description", "deprecated", "examples"] {
        if let Some(value) = schema.remove(keyword) {
            out.insert(keyword.into(), value);
        }
    }
    out.insert("type".into(), "object".into());
    out.insert("properties".into(), properties.into());
    if !required.is_empty() {
        out.insert("required".into(), required.into());
    }
    out.insert("additionalProperties".into(), false.into());
    if let Some(definitions) = schema.remove("$defs") {
        out.insert("$defs".into(), definitions);
    }
    Ok(out.into())
}

/// Whether the attributes of a field fit its type.
fn check(field: &Field, column: &ColumnInfo, needed: bool) -> Result<(), String> {
    let name = field.rust;
    if field.key && (column.nullable || !matches!(column.kind, Kind::Text | Kind::Integer)) {
        return Err(format!("the key `{name}` must be a string or a whole number, and not an `Option`"));
    }
    let Some(generated) = field.generated else { return Ok(()) };
    let (kinds, say): (&[Kind], _) = match generated {
        Generated::Uuid => (&[Kind::Text], "a `String` or `Uuid`"),
        Generated::Cuid => (&[Kind::Text], "a `String`"),
        Generated::Autoincrement => (&[Kind::Integer], "a whole number"),
        Generated::Timestamp => {
            (&[Kind::Integer, Kind::DateTime], "a date and time, or a whole number (Unix milliseconds)")
        }
    };
    if !kinds.contains(&column.kind) {
        return Err(format!("the generated field `{name}` must be {say}"));
    }
    if needed {
        return Err(format!(
            "the field `{name}` is generated, but its struct can't be read without it: \
             add `#[serde(default)]` to it, or make it an `Option`"
        ));
    }
    Ok(())
}

fn decorate(field: &Field, column: &ColumnInfo, property: &mut Map<String, Json>) {
    let mut say = |keyword: &str, value: Json| {
        property.insert(keyword.into(), value);
    };
    if column.unique {
        say("unique", true.into());
    }
    if column.private {
        say("private", true.into());
        say("writeOnly", true.into());
    }
    // A list of references says it of its items already.
    if let Some(target) = &column.references
        && (field.references.is_some() || !column.array)
    {
        let path = match target.field.as_str() {
            "_id" => target.model.clone(),
            field => format!("{}.{field}", target.model),
        };
        say("model", path.into());
    }
    if let Some(generated) = column.generated {
        say("generated", generated_name(generated).into());
    }
    if !field.messages.is_empty() {
        let messages: Map<String, Json> =
            field.messages.iter().map(|(keyword, message)| ((*keyword).into(), (*message).into())).collect();
        say("errorMessage", messages.into());
    }
    if field.key && column.kind == Kind::Text && !property.contains_key("format") {
        property.entry("minLength").or_insert_with(|| 1.into());
        property.entry("maxLength").or_insert_with(|| 255.into());
    }
}

fn generated_name(generated: Generated) -> &'static str {
    match generated {
        Generated::Uuid => "uuid",
        Generated::Cuid => "cuid",
        Generated::Autoincrement => "autoincrement",
        Generated::Timestamp => "timestamp",
    }
}

/// The schema of a document as a view shows it: the system's fields and the model's.
pub fn doc_schema(shape: &Shape, view: &View) -> Json {
    let indexes: Vec<usize> = match view {
        View::Only(indexes) => {
            let others = indexes.iter().copied().filter(|&index| index != Shape::ID);
            std::iter::once(Shape::ID).chain(others).collect()
        }
        _ => (0..shape.columns.len()).collect(),
    };
    let mut properties = Map::new();
    let mut required = Vec::new();
    let always = shape.schema.get("required").and_then(Json::as_array);
    for index in indexes {
        let column = &shape.columns[index];
        if column.private && *view == View::Public {
            continue;
        }
        let name = &column.name;
        let property = match index {
            Shape::ID => json!({"type": "string", "description": "The document's id.", "readOnly": true}),
            Shape::VERSION => whole("How often the document was written, from 1.", 1),
            Shape::CREATED_AT => whole("When the document was inserted, in Unix milliseconds.", i64::MIN),
            Shape::UPDATED_AT => whole("When the document was last written, in Unix milliseconds.", i64::MIN),
            _ if Some(index) == shape.expires_at => {
                json!({"type": ["integer", "null"], "description": "When the document goes away by itself, in Unix milliseconds.", "readOnly": true})
            }
            _ if Some(index) == shape.deleted_at => {
                json!({"type": "integer", "description": "When the document was deleted, in Unix milliseconds.", "readOnly": true})
            }
            _ => {
                let mut property = shape.schema["properties"][name.as_str()].clone();
                if let Some(property) = property.as_object_mut() {
                    for keyword in ["errorMessage", "writeOnly"] {
                        property.shift_remove(keyword);
                    }
                }
                property
            }
        };
        properties.insert(name.clone(), property);
        let field = index >= Shape::FIELDS && index < Shape::FIELDS + shape.descriptor.fields.len();
        let there = match field {
            true => always.is_some_and(|names| names.iter().any(|one| one == name.as_str())),
            false => Some(index) != shape.deleted_at,
        };
        if there {
            required.push(Json::from(name.as_str()));
        }
    }
    let mut out = Map::new();
    out.insert("$schema".into(), DIALECT.into());
    for keyword in ["title", "description"] {
        if let Some(value) = shape.schema.get(keyword) {
            out.insert(keyword.into(), value.clone());
        }
    }
    out.insert("type".into(), "object".into());
    out.insert("properties".into(), properties.into());
    out.insert("required".into(), required.into());
    out.insert("additionalProperties".into(), false.into());
    if let Some(definitions) = shape.schema.get("$defs") {
        out.insert("$defs".into(), definitions.clone());
    }
    out.into()
}

fn whole(description: &str, minimum: i64) -> Json {
    let mut out = json!({"type": "integer", "format": "int64", "description": description, "readOnly": true});
    if minimum != i64::MIN {
        out["minimum"] = minimum.into();
    }
    out
}

/// The schema of what an update takes: any of the fields, each replacing the stored value.
pub fn patch_schema(shape: &Shape) -> Json {
    let mut schema = shape.schema.clone();
    if let Some(schema) = schema.as_object_mut() {
        schema.shift_remove("required");
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        for property in properties.values_mut().filter_map(Json::as_object_mut) {
            // What is left out of an update stays as it is.
            property.shift_remove("default");
        }
    }
    schema
}
