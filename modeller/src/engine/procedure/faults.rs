//! All that is wrong with a procedure, and where.

use serde_json::json;

use crate::model::{Error, Result, Violation, nearest};

/// The faults found so far.
#[derive(Default)]
pub(super) struct Faults(Vec<Violation>);

/// So many faults are told; a procedure of thousands would make an answer of as many.
const MOST: usize = 100;

impl Faults {
    /// Notes what is wrong at this place, a JSON pointer.
    pub(super) fn add(&mut self, at: &str, keyword: &str, message: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(Violation {
                instance_path: at.to_owned(),
                keyword: keyword.to_owned(),
                message: message.into(),
                params: json!({}),
                schema_path: format!("#/{keyword}"),
            });
        }
    }

    /// Notes an error that something else found at this place.
    pub(super) fn error(&mut self, at: &str, keyword: &str, error: &Error) {
        match error.violations() {
            [] => self.add(at, keyword, error.message()),
            several => several.iter().for_each(|one| {
                self.add(&format!("{at}{}", one.instance_path), &one.keyword, one.message.clone());
            }),
        }
    }

    /// Notes a name that there is none of.
    pub(super) fn unknown<'a>(
        &mut self,
        at: &str,
        keyword: &str,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        let known: Vec<&str> = known.collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None if known.is_empty() || known.len() > 30 => String::new(),
            None => format!("; there is {}", known.join(", ")),
        };
        let shown: String = name.chars().take(100).flat_map(char::escape_debug).collect();
        self.add(at, keyword, format!("there is no {what} `{shown}`{hint}"));
    }

    /// The value, if nothing is wrong.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all faults.
    pub(super) fn unless_any<T>(self, value: Option<T>) -> Result<T> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::validation(self.0)),
        }
    }
}

/// A JSON pointer, one member deeper.
pub(super) fn below(at: &str, member: &str) -> String {
    format!("{at}/{}", member.replace('~', "~0").replace('/', "~1"))
}
