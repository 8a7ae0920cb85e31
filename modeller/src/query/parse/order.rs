//! Sort keys and projections from the wire.

use serde_json::Value as Json;

use super::{Access, Parser, invalid, shown, values};
use crate::model::{Kind, Result, Shape, check_json};
use crate::query::{Order, limits};

/// Sort keys from `"name,-age"`, `{"age": -1}`, `[["age", "desc"]]` or `["name", "-age"]`.
///
/// A direction is `1`, `-1`, `"asc"` or `"desc"`. Objects and arrays can't be sorted by as a whole, but paths into them can.
///
/// # Errors
/// `INVALID_QUERY` as for a filter; also for more than [`limits::MAX_SORT`] keys, and for a key that comes twice.
pub fn parse_order(shape: &Shape, json: &Json, access: Access) -> Result<Vec<Order>> {
    let parser = Parser::new(shape, access);
    let mut order: Vec<Order> = Vec::new();
    let mut add = |name: &str, descending: bool| {
        let path = parser.path(name)?;
        if path.steps.is_empty() && parser.column(&path).kind == Kind::Json {
            return Err(invalid(format!(
                "can't sort by `{}`, which holds JSON: name a path into it",
                shown(name)
            ))
            .with_field(shown(name)));
        }
        if order.iter().any(|key| key.path == path) {
            return Err(invalid(format!("sorts by `{}` twice", shown(name))).with_field(shown(name)));
        }
        if order.len() == limits::MAX_SORT {
            return Err(invalid(format!("sorts by more than {} fields", limits::MAX_SORT)));
        }
        order.push(Order { path, descending });
        Ok(())
    };
    each_key(json, &mut add)?;
    Ok(order)
}

/// Gives each key of a sort, in whichever form it is written, with whether the largest come first.
pub(super) fn each_key(json: &Json, add: &mut dyn FnMut(&str, bool) -> Result<()>) -> Result<()> {
    match json {
        Json::Null => {}
        Json::String(text) if text.trim().is_empty() => {}
        Json::String(text) if text.trim_start().starts_with(['{', '[']) => {
            return each_key(&strict(text, "the sort is")?, add);
        }
        Json::String(text) => {
            text.split(',').map(|key| signed(key.trim())).try_for_each(|(name, down)| add(name, down))?
        }
        Json::Object(keys) => {
            keys.iter().try_for_each(|(name, direction)| add(name, descending(name, direction)?))?;
        }
        Json::Array(keys) => {
            for key in keys {
                match key {
                    Json::String(key) => {
                        let (name, down) = signed(key);
                        add(name, down)?;
                    }
                    Json::Array(pair) => match pair.as_slice() {
                        [Json::String(name), direction] => add(name, descending(name, direction)?)?,
                        _ => return Err(invalid("a sort key is a name or `[name, direction]`")),
                    },
                    _ => return Err(invalid("a sort key is a name or `[name, direction]`")),
                }
            }
        }
        json => {
            return Err(invalid(format!(
                "a sort is text, an object or an array, not {}",
                values::describe(json)
            )));
        }
    }
    Ok(())
}

/// JSON in a text, as strict as a body.
pub(super) fn strict(text: &str, what: &str) -> Result<Json> {
    check_json(text.as_bytes())
        .map_err(|error| error.message().to_owned())
        .and_then(|text| serde_json::from_str(text).map_err(|error| error.to_string()))
        .map_err(|why| invalid(format!("{what} no valid JSON: {why}")))
}

/// `-name` is `name` with the largest first.
fn signed(key: &str) -> (&str, bool) {
    match key.strip_prefix('-') {
        Some(name) => (name, true),
        None => (key.strip_prefix('+').unwrap_or(key), false),
    }
}

fn descending(name: &str, direction: &Json) -> Result<bool> {
    match direction {
        Json::Number(number) if number.as_f64() == Some(1.0) => Ok(false),
        Json::Number(number) if number.as_f64() == Some(-1.0) => Ok(true),
        Json::String(text) if text.eq_ignore_ascii_case("asc") => Ok(false),
        Json::String(text) if text.eq_ignore_ascii_case("desc") => Ok(true),
        _ => Err(invalid(format!("the direction of `{}` is 1, -1, \"asc\" or \"desc\"", shown(name)))
            .with_field(shown(name))),
    }
}

/// Columns from `"name,email"` or `["name", "email"]`, each once, in this order.
///
/// # Errors
/// `INVALID_QUERY` for what is no column of the model.
pub fn parse_fields(shape: &Shape, json: &Json, access: Access) -> Result<Vec<usize>> {
    let parser = Parser::new(shape, access);
    let names: Vec<&str> = match json {
        Json::Null => Vec::new(),
        Json::String(text) if text.trim().is_empty() => Vec::new(),
        Json::String(text) if text.trim_start().starts_with('[') => {
            return parse_fields(shape, &strict(text, "the fields are")?, access);
        }
        Json::String(text) => text.split(',').map(str::trim).collect(),
        Json::Array(names) => {
            let name = |json: &'_ Json| json.as_str().is_none();
            if names.iter().any(name) {
                return Err(invalid("fields are a list of names"));
            }
            names.iter().filter_map(Json::as_str).collect()
        }
        json => return Err(invalid(format!("fields are text or an array, not {}", values::describe(json)))),
    };
    let mut columns = Vec::new();
    for name in names {
        let column = parser.visible(name).ok_or_else(|| parser.unknown_field(name))?;
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    Ok(columns)
}
