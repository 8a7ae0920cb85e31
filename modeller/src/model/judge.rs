//! The two judges of a model's payloads, made once and only when needed.

use std::fmt;
use std::sync::OnceLock;

use super::Shape;
use super::rules::Rules;

/// The compiled checks of a shape.
#[derive(Default)]
pub(crate) struct Judge {
    rules: OnceLock<Rules>,
    #[cfg(feature = "engine")]
    validator: OnceLock<Option<jsonschema::Validator>>,
}

impl Judge {
    /// The quick rules, applied while the bytes are scanned.
    pub(super) fn rules(shape: &Shape) -> &Rules {
        shape.judge.rules.get_or_init(|| Rules::of(&shape.schema))
    }

    /// The validator of the whole schema; `None` if the schema is no schema.
    #[cfg(feature = "engine")]
    pub(super) fn validator(shape: &Shape) -> Option<&jsonschema::Validator> {
        let build = || {
            let mut options = jsonschema::options()
                .with_draft(jsonschema::Draft::Draft202012)
                .should_validate_formats(true)
                .with_pattern_options(jsonschema::PatternOptions::regex());
            for (name, check) in super::formats::FORMATS {
                options = options.with_format(*name, *check);
            }
            options.build(&shape.schema).ok()
        };
        shape.judge.validator.get_or_init(build).as_ref()
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}
