//! Values of options: durations, sizes, paths.

use syn::{Lit, LitInt, LitStr};

use crate::diag::Diag;
use crate::syntax::model::RawDuration;
use crate::{messages, names, vocab};

/// The longest name that every database keeps whole.
pub(super) const LONGEST: usize = 63;

/// Milliseconds.
pub(super) fn duration(word: &str, raw: Option<&RawDuration>, diag: &Diag) -> Option<u64> {
    let literal = match raw? {
        RawDuration::Default => return Some(vocab::TRASH),
        RawDuration::Given(literal) => literal,
    };
    milliseconds(literal, || messages::zero_duration(word), diag)
}

/// A literal as milliseconds; zero is an error.
pub(super) fn milliseconds(literal: &Lit, zero: impl Fn() -> String, diag: &Diag) -> Option<u64> {
    let (text, milliseconds) = match literal {
        Lit::Str(text) => (text.value(), in_units(&text.value())),
        Lit::Int(number) => (number.to_string(), number.base10_parse().ok()),
        other => (quote::quote!(#other).to_string(), None),
    };
    // What is stored is a signed number of milliseconds.
    match milliseconds.filter(|milliseconds| i64::try_from(*milliseconds).is_ok()) {
        Some(0) => {
            diag.error(literal, zero());
            None
        }
        None => {
            diag.error(literal, messages::bad_duration(&text));
            None
        }
        some => some,
    }
}

fn in_units(text: &str) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = vocab::UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A number of documents.
pub(super) fn size(raw: Option<&LitInt>, diag: &Diag) -> Option<u64> {
    let literal = raw?;
    match literal.base10_parse::<u64>().ok().filter(|size| i64::try_from(*size).is_ok()) {
        Some(0) => {
            diag.error(literal, messages::zero_size());
            None
        }
        None => {
            diag.error(literal, messages::size_range());
            None
        }
        some => some,
    }
}

/// The former path of a model.
pub(super) fn former_path(raw: Option<&LitStr>, now: &str, diag: &Diag) -> Option<String> {
    let literal = raw?;
    let path = literal.value();
    let is_path = path.split_once('/').is_some_and(|(scope, name)| {
        names::is_path_segment(scope, true) && names::is_path_segment(name, true)
    });
    if !is_path {
        diag.error(literal, messages::bad_path(&path));
    } else if path == now {
        diag.error(literal, messages::renamed_to_itself(&path));
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SCH-23
    #[test]
    fn durations_have_a_number_and_a_unit() {
        for (text, milliseconds) in [
            ("5ms", Some(5)),
            ("1s", Some(1_000)),
            ("30m", Some(1_800_000)),
            ("1h", Some(3_600_000)),
            ("7d", Some(604_800_000)),
            ("90 d", Some(7_776_000_000)),
            ("", None),
            ("d", None),
            ("30", None),
            ("-1s", None),
            ("1.5h", None),
            ("1w", None),
            ("1m30s", None),
            ("99999999999999999999d", None),
            ("999999999999999999d", None),
        ] {
            assert_eq!(in_units(text), milliseconds, "{text}");
        }
    }
}
