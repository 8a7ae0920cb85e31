//! The two judges of a model's payloads, made once and only when needed.

use std::fmt;
use std::sync::OnceLock;

#[cfg(feature = "engine")]
use serde_json::Value as Json;

use super::rules::Rules;
#[cfg(feature = "engine")]
use super::{Field, Shape};

/// The compiled checks of a schema.
#[derive(Default)]
pub(crate) struct Judge {
    rules: OnceLock<Rules>,
    #[cfg(feature = "engine")]
    validator: OnceLock<Option<jsonschema::Validator>>,
}

/// What is judged: a model's payloads, or those of something that a model does.
#[cfg(feature = "engine")]
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) schema: &'a Json,
    pub(super) judge: &'a Judge,
    /// What is known of the fields: their names, and their own messages.
    pub(super) fields: &'a [Field],
}

#[cfg(feature = "engine")]
impl<'a> Subject<'a> {
    /// A model's payloads.
    pub(super) fn of(shape: &'a Shape) -> Self {
        Subject { schema: &shape.schema, judge: &shape.judge, fields: shape.descriptor.fields }
    }

    /// The quick rules, applied while the bytes are scanned.
    pub(super) fn rules(self) -> &'a Rules {
        self.judge.rules.get_or_init(|| Rules::of(self.schema))
    }

    /// The validator of the whole schema; `None` if the schema is no schema.
    pub(super) fn validator(self) -> Option<&'a jsonschema::Validator> {
        let build = || {
            let mut options = jsonschema::options()
                .with_draft(jsonschema::Draft::Draft202012)
                .should_validate_formats(true)
                .with_pattern_options(jsonschema::PatternOptions::regex());
            for (name, check) in super::formats::FORMATS {
                options = options.with_format(*name, *check);
            }
            options.build(self.schema).ok()
        };
        self.judge.validator.get_or_init(build).as_ref()
    }

    /// The names of the members on the wire.
    pub(super) fn names(self) -> impl Iterator<Item = &'a str> {
        let properties = self.schema.get("properties").and_then(Json::as_object);
        properties.into_iter().flat_map(|all| all.keys()).map(String::as_str)
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}
