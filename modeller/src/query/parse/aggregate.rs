//! Aggregations from the wire: which groups, which figures, in which order.

use serde_json::{Map, Value as Json, json};

use super::order::{each_key, strict};
use super::{Access, Parser, invalid, shown, suggest, values};
use crate::model::{Error, Kind, Result, Shape};
use crate::query::{Aggregate, Aggregation, Filter, Function, Path, limits};

/// What makes an aggregation, as it arrived; `filter`, `start` and `count` are the caller's to add.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// `groupBy`: `"role"`, `"role,city"` or `["role", "address.city"]`.
    pub group_by: Option<&'a Json>,
    /// `aggregates`: an object of figures, each under a name of the caller's choice.
    pub aggregates: Option<&'a Json>,
    /// `sort`: names of groups and figures, in the forms of [`parse_order`](super::parse_order).
    pub sort: Option<&'a Json>,
}

/// The functions, as the wire has them.
const FUNCTIONS: [(&str, Function); 6] = [
    ("count", Function::Count),
    ("sum", Function::Sum),
    ("avg", Function::Avg),
    ("min", Function::Min),
    ("max", Function::Max),
    ("distinct", Function::Values),
];

/// An aggregation over all rows, and the name of each column of its answer.
///
/// A figure is `{"count": true}`, or one of `count`, `sum`, `avg`, `min`, `max` and `distinct` with the name of a field or a path
/// into JSON; `"distinct": true` beside `count`, `sum` and `avg` takes equal values once (to the others it makes no difference).
///
/// # Errors
/// `INVALID_QUERY` for what the model can't answer, as for a filter; also if nothing is asked for, a name comes twice, or there is
/// more than [`limits`] allow.
pub fn parse_aggregation(
    shape: &'static Shape,
    asked: Asked<'_>,
    access: Access,
) -> Result<(Aggregation, Vec<String>)> {
    let parser = Parser::new(shape, access);
    let mut names: Vec<String> = Vec::new();
    let mut aggregation = Aggregation::new(shape, Filter::True, Vec::new());
    if let Some(json) = asked.group_by {
        for name in keys(json)? {
            let path = parser.path(&name)?;
            if aggregation.group_by.contains(&path) {
                return Err(invalid(format!("groups by `{}` twice", shown(&name))).with_field(shown(&name)));
            }
            aggregation.group_by.push(path);
            names.push(name);
        }
    }
    if let Some(json) = asked.aggregates {
        for (name, json) in &figures(json)? {
            aggregation.aggregates.push(parser.figure(name, json)?);
            if names.contains(name) {
                let message = format!("`{}` names both a group and a figure", shown(name));
                return Err(invalid(message).with_field(shown(name)));
            }
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        return Err(invalid("nothing is asked for: give `aggregates`, or `groupBy`, or both"));
    }
    if let Some(json) = asked.sort {
        let mut add = |name: &str, descending: bool| {
            let column = names.iter().position(|known| known == name).ok_or_else(|| {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let message =
                    format!("can't sort by `{}`, which is neither a group nor a figure", shown(name));
                suggest::unknown(message, name, name, &known)
            })?;
            let figure = column.checked_sub(aggregation.group_by.len());
            if let Some(Aggregate::Of { function: Function::Values, .. }) =
                figure.and_then(|figure| aggregation.aggregates.get(figure))
            {
                let message = format!("can't sort by `{}`, which is a list", shown(name));
                return Err(invalid(message).with_field(shown(name)));
            }
            if aggregation.order.iter().any(|(known, _)| *known == column) {
                return Err(invalid(format!("sorts by `{}` twice", shown(name))).with_field(shown(name)));
            }
            aggregation.order.push((column, descending));
            Ok(())
        };
        each_key(json, &mut add)?;
    }
    Ok((aggregation, names))
}

/// How many values a field has, and whether equal ones count once.
///
/// # Errors
/// `INVALID_QUERY` for what is no field of the model.
pub fn parse_count(shape: &Shape, field: &str, distinct: bool, access: Access) -> Result<Aggregate> {
    let path = Parser::new(shape, access).path(field)?;
    Ok(Aggregate::Of { function: Function::Count, path, distinct })
}

fn keys(json: &Json) -> Result<Vec<String>> {
    let names: Vec<String> = match json {
        Json::String(text) if text.trim_start().starts_with('[') => {
            return keys(&strict(text, "`groupBy` is")?);
        }
        Json::String(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        Json::Array(names) => {
            let name = |json: &Json| json.as_str().map(str::to_owned);
            let names = names.iter().map(name).collect::<Option<_>>();
            names.ok_or_else(|| invalid("`groupBy` is a list of names"))?
        }
        json => {
            let given = values::describe(json);
            return Err(invalid(format!("`groupBy` is a name or a list of names, not {given}")));
        }
    };
    if names.is_empty() || names.len() > limits::MAX_KEYS {
        return Err(invalid(format!("`groupBy` takes 1 to {} names", limits::MAX_KEYS)));
    }
    Ok(names)
}

fn figures(json: &Json) -> Result<Map<String, Json>> {
    let members = match json {
        Json::String(text) => return figures(&strict(text, "the aggregates are")?),
        Json::Object(members) => members,
        json => {
            let given = values::describe(json);
            return Err(invalid(format!("`aggregates` is an object of figures, not {given}")));
        }
    };
    if members.is_empty() || members.len() > limits::MAX_FIGURES {
        return Err(invalid(format!("`aggregates` takes 1 to {} figures", limits::MAX_FIGURES)));
    }
    Ok(members.clone())
}

/// Whether a figure may have this name: what every language can have as a member.
fn is_name(name: &str) -> bool {
    let mut characters = name.bytes();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && characters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.len() <= 64
}

impl Parser<'_> {
    fn figure(&self, name: &str, json: &Json) -> Result<Aggregate> {
        if !is_name(name) {
            let message = format!(
                "`{}` can't be the name of a figure: letters, digits and `_`, 64 at most, no digit first",
                shown(name)
            );
            return Err(invalid(message).with_field(shown(name)));
        }
        let Some(members) = json.as_object().filter(|members| !members.is_empty()) else {
            let message = format!("`{name}` is a figure such as {{\"count\": true}} or {{\"max\": \"age\"}}");
            return Err(invalid(message).with_field(name));
        };
        let (mut asked, mut distinct) = (None, false);
        for (member, value) in members {
            if let ("distinct", Json::Bool(flag)) = (member.as_str(), value) {
                distinct = *flag;
                continue;
            }
            let known = FUNCTIONS.iter().find(|(known, _)| known == member);
            let Some(&(member, function)) = known else {
                let names = FUNCTIONS.map(|(name, _)| name);
                let message = format!("there is no function `{}` for `{name}`", shown(member));
                return Err(suggest::unknown(message, name, member, &names));
            };
            if asked.replace((member, function, value)).is_some() {
                let message = format!("`{name}` asks for two figures: give each a name of its own");
                return Err(invalid(message).with_field(name));
            }
        }
        let bad = |message: String| Err(invalid(message).with_field(name));
        match asked {
            // Documents are all different.
            Some(("count", _, Json::Bool(true))) => Ok(Aggregate::Rows),
            Some((function_name, function, Json::String(field))) => {
                let path = self.path(field)?;
                self.applies(function_name, function, field, &path)?;
                Ok(Aggregate::Of { function, path, distinct })
            }
            Some((function_name, _, value)) => {
                let given = values::describe(value);
                let or = if function_name == "count" { " or `true`" } else { "" };
                bad(format!("`{function_name}` of `{name}` takes the name of a field{or}, not {given}"))
            }
            None => bad(format!("`{name}` says nothing to work out: `distinct` goes with a function")),
        }
    }

    /// Whether there is such a figure of such values. Inside JSON what is there shows only then.
    fn applies(&self, name: &str, function: Function, field: &str, path: &Path) -> Result<()> {
        let kind = self.column(path).kind;
        let is_known = match function {
            Function::Count | Function::Values => return Ok(()),
            Function::Sum => matches!(kind, Kind::Integer | Kind::Number | Kind::Decimal),
            Function::Avg => matches!(kind, Kind::Integer | Kind::Number),
            Function::Min | Function::Max => kind.is_ordered(),
        };
        if is_known || (kind == Kind::Json && !path.steps.is_empty()) {
            return Ok(());
        }
        Err(self.refused(name, function, field, kind))
    }

    fn refused(&self, name: &str, function: Function, field: &str, kind: Kind) -> Error {
        let takes = match function {
            _ if kind == Kind::Json => "a path into it".to_owned(),
            Function::Avg if kind == Kind::Decimal => {
                "what could not be exact: ask for its `sum` and its `count`".to_owned()
            }
            Function::Sum | Function::Avg => "numbers".to_owned(),
            _ => "what has an order".to_owned(),
        };
        let shown = shown(field);
        let holds = values::kind_name(kind);
        let message = match (kind, function) {
            (Kind::Decimal, Function::Avg) => format!("`avg` of `{shown}`, which holds {holds}, is {takes}"),
            _ => format!("`{name}` can't be asked of `{shown}`, which holds {holds}: it takes {takes}"),
        };
        let fits: Vec<&str> = (self.shape.columns.iter())
            .filter(|column| self.access == Access::Full || !column.private)
            .filter(|column| match function {
                Function::Sum => matches!(column.kind, Kind::Integer | Kind::Number | Kind::Decimal),
                Function::Avg => matches!(column.kind, Kind::Integer | Kind::Number),
                _ => column.kind.is_ordered(),
            })
            .map(|column| column.name.as_str())
            .collect();
        invalid(message).with_field(shown.clone()).with_details(json!({ "field": shown, "expected": fits }))
    }
}
