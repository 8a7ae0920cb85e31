//! `with` from the wire: `author,comments.author`, or `{"comments": {"count": 5, "with": ..}}`.

use serde_json::{Map, Value as Json, json};

use super::With;
use super::totals::Totals;
use crate::model::{Code, Error, Kind, Relation, Relations, Result, Shape, View, check_json, nearest};
use crate::query::limits::{MAX_COUNT, MAX_RELATION_DEPTH, MAX_RELATIONS};
use crate::query::{Access, Filter, parse_fields, parse_order};

/// What can be said of a relation to load.
const OPTIONS: [&str; 11] =
    ["query", "where", "sort", "count", "fields", "with", "_count", "_avg", "_sum", "_min", "_max"];

/// Relations to load with documents of a model.
///
/// # Errors
/// `INVALID_QUERY` for what is no relation of the model that a caller may know of, and for too many of them.
pub(crate) fn parse(relations: &dyn Relations, shape: &Shape, json: &Json) -> Result<Vec<With>> {
    Parser { relations, count: 0 }.all(shape, json, 1)
}

struct Parser<'a> {
    relations: &'a dyn Relations,
    /// Relations so far.
    count: usize,
}

impl<'a> Parser<'a> {
    fn all(&mut self, shape: &Shape, json: &Json, depth: usize) -> Result<Vec<With>> {
        let mut all = Vec::new();
        match json {
            Json::Null => {}
            Json::String(text) if text.trim().is_empty() => {}
            Json::String(text) if text.trim_start().starts_with(['{', '[']) => {
                check_json(text.as_bytes())?;
                let json = serde_json::from_str(text)
                    .map_err(|error| invalid(format!("`with` is no valid JSON: {error}")))?;
                return self.all(shape, &json, depth);
            }
            Json::String(text) => {
                text.split(',').try_for_each(|path| self.path(shape, path.trim(), depth, &mut all))?;
            }
            Json::Array(paths) => {
                for path in paths {
                    let path =
                        path.as_str().ok_or_else(|| invalid("`with` is a list of names of relations"))?;
                    self.path(shape, path, depth, &mut all)?;
                }
            }
            Json::Object(members) => {
                for (name, options) in members {
                    let with = match options {
                        Json::Bool(false) => continue,
                        Json::Bool(true) => With::all(self.relation(shape, name, depth)?),
                        Json::Object(options) => {
                            let relation = self.relation(shape, name, depth)?;
                            self.options(relation, options, depth)?
                        }
                        _ => {
                            let takes = "takes `true` or an object of options";
                            return Err(
                                invalid(format!("`{name}` of `with` {takes}")).with_field(name.clone())
                            );
                        }
                    };
                    all.push(with);
                }
            }
            _ => {
                return Err(invalid("`with` is the names of relations, or an object with a member for each"));
            }
        }
        Ok(all)
    }

    /// `comments.author`: the one, and with it the other.
    fn path(&mut self, shape: &Shape, path: &str, depth: usize, all: &mut Vec<With>) -> Result<()> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let at = match all.iter().position(|with| with.relation.name == name) {
            Some(at) => at,
            None => {
                all.push(With::all(self.relation(shape, name, depth)?));
                all.len() - 1
            }
        };
        match rest {
            Some(rest) => {
                let to = all[at].relation.to;
                self.path(to, rest, depth + 1, &mut all[at].with)
            }
            None => Ok(()),
        }
    }

    fn relation(&mut self, shape: &Shape, name: &str, depth: usize) -> Result<&'a Relation> {
        if depth > MAX_RELATION_DEPTH {
            return Err(invalid(format!("`with` is nested more than {MAX_RELATION_DEPTH} levels deep")));
        }
        self.count += 1;
        if self.count > MAX_RELATIONS {
            return Err(invalid(format!("`with` names more than {MAX_RELATIONS} relations")));
        }
        let relations = self.relations.relations(shape);
        let known = || relations.iter().filter(|relation| !relation.is_private());
        known().find(|relation| relation.name == name).ok_or_else(|| {
            let names: Vec<&str> = known().map(|relation| relation.name.as_str()).collect();
            unknown(&format!("`{}` has no relation", shape.path), name, &names)
        })
    }

    fn options(&mut self, relation: &Relation, options: &Map<String, Json>, depth: usize) -> Result<With> {
        let (shape, name) = (relation.to, relation.name.as_str());
        let mut with = With::all(relation);
        let mut totals = Totals::none(shape);
        for (option, json) in options {
            let is_of_many = !matches!(option.as_str(), "query" | "where" | "fields" | "with");
            if !relation.many && is_of_many && OPTIONS.contains(&option.as_str()) {
                let message = format!("`{option}` means nothing for `{name}`, which is one document");
                return Err(invalid(message).with_field(name.to_owned()));
            }
            match option.as_str() {
                "query" | "where" => {
                    let filter = Filter::parse_among(shape, json, Access::Public, self.relations)?;
                    with.filter = std::mem::replace(&mut with.filter, Filter::True).and(filter);
                }
                "sort" => with.order = parse_order(shape, json, Access::Public)?,
                "count" => with.count = Some(count(json)?),
                "fields" => with.view = View::Only(parse_fields(shape, json, Access::Public)?),
                "with" => with.with = self.all(shape, json, depth + 1)?,
                "_count" => {
                    totals.count = json.as_bool().ok_or_else(|| invalid("`_count` is true or false"))?;
                }
                "_avg" => totals.avg = columns(shape, option, json, true)?,
                "_sum" => totals.sum = columns(shape, option, json, true)?,
                "_min" => totals.min = columns(shape, option, json, false)?,
                "_max" => totals.max = columns(shape, option, json, false)?,
                _ => return Err(unknown("a relation of `with` has no option", option, &OPTIONS)),
            }
        }
        with.totals = totals.some();
        Ok(with)
    }
}

fn count(json: &Json) -> Result<u64> {
    let whole = json
        .as_u64()
        .or_else(|| json.as_f64().filter(|float| float.fract() == 0.0).map(|float| float as u64));
    whole
        .filter(|count| *count <= MAX_COUNT && json.as_f64().is_some_and(|float| float >= 0.0))
        .ok_or_else(|| invalid(format!("`count` must be a whole number from 0 to {MAX_COUNT}")))
}

/// The columns of a total: `{"likes": true}`, `["likes"]` or `"likes"`.
fn columns(shape: &Shape, option: &str, json: &Json, numeric: bool) -> Result<Vec<usize>> {
    let names = match json {
        Json::Object(members) => {
            let wanted = |(name, json): (&String, &Json)| match json {
                Json::Bool(true) => Some(Ok(Json::from(name.as_str()))),
                Json::Bool(false) => None,
                _ => Some(Err(invalid(format!("`{option}` takes `true` for each field")))),
            };
            Json::Array(members.iter().filter_map(wanted).collect::<Result<_>>()?)
        }
        other => other.clone(),
    };
    let columns = parse_fields(shape, &names, Access::Public)?;
    for &column in &columns {
        let column = &shape.columns[column];
        let fits = match numeric {
            true => matches!(column.kind, Kind::Integer | Kind::Number),
            false => column.kind.is_ordered(),
        };
        if !fits {
            let what = if numeric { "numbers" } else { "values with an order" };
            let message = format!("`{option}` is for {what}, and `{}` holds none", column.name);
            return Err(invalid(message).with_field(column.name.clone()));
        }
    }
    Ok(columns)
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::InvalidQuery, message)
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    let shown: String = name.chars().take(100).collect();
    let suggestion = nearest(name, known.iter().copied());
    let meant = suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    let mut details = json!({ "field": shown, "expected": known });
    if let Some(suggestion) = suggestion {
        details["suggestion"] = suggestion.into();
    }
    invalid(format!("{what} `{shown}`{meant}")).with_field(shown).with_details(details)
}
