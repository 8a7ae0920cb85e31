//! Full text and positions, for the models that have them.

use serde_json::{Value as Json, json};

use super::filter::NO_NUL;
use crate::model::Shape;
use crate::query::{Snippet, limits};

/// How a search is written.
const WORDS: &str = "Words to look for in the searchable fields: all of them have to be there, `\"like this\"` beside each other, \
`begin*` as the beginning of a word, `-word` not at all, `this OR that` one of both. Without a `sort`, what fits best comes first.";

/// The words, as text.
pub(crate) fn words() -> Json {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": limits::MAX_SEARCH,
        "pattern": NO_NUL,
        "description": WORDS,
        "examples": ["rust \"macro system\" -beginner"],
    })
}

/// What `search` takes in a body.
pub(crate) fn search(shape: &Shape) -> Json {
    json!({ "anyOf": [words(), {
        "type": "object",
        "properties": {
            "query": words(),
            "fields": {
                "type": "array",
                "items": { "type": "string", "enum": names(shape) },
                "minItems": 1,
                "description": "Only these fields.",
            },
            "snippet": snippet(shape),
        },
        "required": ["query"],
        "additionalProperties": false,
    }] })
}

/// What `snippet` takes in a body.
pub(crate) fn snippet(shape: &Shape) -> Json {
    json!({
        "description": "Whether `_score` and `_snippet` go with each document. It goes with `search`.",
        "anyOf": [{ "type": "boolean" }, {
            "type": "object",
            "properties": {
                "field": { "type": "string", "enum": names(shape), "description": "Where it is taken from." },
                "length": {
                    "type": "integer",
                    "minimum": Snippet::SHORTEST,
                    "maximum": Snippet::LONGEST,
                    "default": Snippet::default().length,
                },
            },
            "additionalProperties": false,
        }],
    })
}

/// What goes with the documents that a search finds.
pub(crate) fn add_to_document(schema: &mut Json) {
    schema["properties"]["_score"] = json!({
        "type": ["number", "null"],
        "description": "How well the document fits the search; larger is better. Only with `snippet`.",
    });
    schema["properties"]["_snippet"] = json!({
        "type": "string",
        "description": "The piece of text where most was found: HTML, with the words in `<mark>` and all else escaped. Only with \
                        `snippet`.",
    });
}

fn names(shape: &Shape) -> Vec<&str> {
    shape.searchable.iter().map(|&index| &*shape.columns[index].name).collect()
}

/// What `$geoWithin` takes, if the model has positions.
pub(crate) fn within(shape: &Shape) -> Option<Json> {
    let half = |half: fn(&(usize, usize)) -> usize| {
        let names: Vec<&str> = shape.geo.iter().map(|pair| &*shape.columns[half(pair)].name).collect();
        json!({ "type": "string", "enum": names })
    };
    let object = |properties: Json, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let degrees = |most: i32| json!({ "type": "number", "minimum": -most, "maximum": most });
    let point =
        object(json!({ "latitude": degrees(90), "longitude": degrees(180) }), &["latitude", "longitude"]);
    let circle = object(
        json!({
            "center": point,
            "radius": { "type": "number", "exclusiveMinimum": 0, "description": "Metres, on the great circle." },
        }),
        &["center", "radius"],
    );
    let sides = object(
        json!({ "south": degrees(90), "west": degrees(180), "north": degrees(90), "east": degrees(180) }),
        &["south", "west", "north", "east"],
    );
    let polygon = json!({
        "type": "array", "items": point, "minItems": 3, "maxItems": limits::MAX_POLYGON,
        "description": "The corners of a ring, by the even-odd rule; edges never cross the antimeridian.",
    });
    let areas = [("circle", circle), ("box", sides), ("polygon", polygon)].map(|(name, area)| {
        let mut required = vec![name];
        if shape.geo.len() > 1 {
            required.extend(["latitudeField", "longitudeField"]);
        }
        object(
            json!({ "latitudeField": half(|pair| pair.0), "longitudeField": half(|pair| pair.1), name: area }),
            &required,
        )
    });
    (!shape.geo.is_empty()).then(|| {
        json!({
            "description": "The position lies within an area. A box whose `west` is larger than its `east` crosses the antimeridian. \
                            A document without a position is neither within nor without.",
            "oneOf": areas,
        })
    })
}
