//! How values of one kind become values of another.

use crate::model::Kind;

/// A conversion of a column's values; `null` stays `null` and is not its business.
pub(super) struct Conversion {
    /// The new value.
    pub(super) value: String,
    /// Which values have one; `None`: all of them.
    pub(super) fits: Option<String>,
    /// Whether a value that fits can still lose something.
    pub(super) loses: bool,
}

/// The conversion of an expression of kind `from` to kind `to`; `None` if no value can be converted.
pub(super) fn conversion(from: Kind, to: Kind, of: &str) -> Option<Conversion> {
    let all = |value: String| Some(Conversion { value, fits: None, loses: false });
    let some = |value: String, fits: String| Some(Conversion { value, fits: Some(fits), loses: false });
    match (from, to) {
        (from, to) if from == to => all(of.into()),
        // Text of one kind that is text of another, as it stands.
        (Kind::DateTime | Kind::Decimal, Kind::Text) => all(of.into()),
        (Kind::Text, Kind::DateTime) => {
            let digits = |count: usize| "[0-9]".repeat(count);
            let (two, four, nine) = (digits(2), digits(4), digits(9));
            some(of.into(), format!("{of} GLOB '{four}-{two}-{two}T{two}:{two}:{two}.{nine}Z'"))
        }
        (Kind::Text, Kind::Decimal) => {
            // Digits with at most one sign in front and one point between.
            let bare = format!("ltrim({of}, '-')");
            some(
                of.into(),
                format!(
                    "{bare} NOT GLOB '*[^0-9.]*' AND {bare} NOT GLOB '*.*.*' AND {bare} GLOB '[0-9]*' \
                     AND {bare} GLOB '*[0-9]' AND length({of}) - length({bare}) <= 1"
                ),
            )
        }
        (Kind::Integer, Kind::Number) => {
            some(format!("CAST({of} AS REAL)"), format!("abs({of}) <= 9007199254740992"))
        }
        (Kind::Number, Kind::Integer) => some(
            format!("CAST({of} AS INTEGER)"),
            format!("{of} = CAST({of} AS INTEGER) AND abs({of}) < 9e18"),
        ),
        (Kind::Boolean, Kind::Integer) => all(of.into()),
        (Kind::Integer, Kind::Boolean) => some(of.into(), format!("{of} IN (0, 1)")),
        (Kind::Boolean, Kind::Text | Kind::Json) => all(format!("iif({of}, 'true', 'false')")),
        (Kind::Integer, Kind::Text | Kind::Json | Kind::Decimal) => all(format!("CAST({of} AS TEXT)")),
        (Kind::Number, Kind::Text) => all(format!("CAST({of} AS TEXT)")),
        (Kind::Number, Kind::Json) => all(format!("json_quote({of})")),
        (Kind::Text | Kind::DateTime | Kind::Decimal, Kind::Json) => all(format!("json_quote({of})")),
        (Kind::Number, Kind::Decimal) => {
            let value = format!("printf('%!.17g', {of})");
            Some(Conversion { value, fits: None, loses: true })
        }
        (Kind::Decimal, Kind::Number) => {
            Some(Conversion { value: format!("CAST({of} AS REAL)"), fits: None, loses: true })
        }
        (Kind::Text | Kind::Decimal, Kind::Integer) => {
            let value = format!("CAST({of} AS INTEGER)");
            some(value.clone(), format!("CAST({value} AS TEXT) = {of}"))
        }
        (Kind::Text, Kind::Number) => {
            let value = format!("CAST({of} AS REAL)");
            some(
                value.clone(),
                format!("{of} IN (CAST({value} AS TEXT), CAST(CAST({of} AS INTEGER) AS TEXT))"),
            )
        }
        (Kind::Text, Kind::Boolean) => some(format!("{of} = 'true'"), format!("{of} IN ('true', 'false')")),
        (Kind::Json, Kind::Text) => some(format!("{of} ->> '$'"), format!("json_type({of}) = 'text'")),
        (Kind::Json, Kind::Integer) => some(format!("{of} ->> '$'"), format!("json_type({of}) = 'integer'")),
        (Kind::Json, Kind::Number) => {
            some(format!("CAST({of} ->> '$' AS REAL)"), format!("json_type({of}) IN ('integer', 'real')"))
        }
        (Kind::Json, Kind::Boolean) => {
            some(format!("{of} ->> '$'"), format!("json_type({of}) IN ('true', 'false')"))
        }
        _ => None,
    }
}
