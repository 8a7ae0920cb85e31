//! From the wire to the tree: names become columns, values take the form of their column, everything else is a clear error.

mod aggregate;
mod geo;
mod operators;
mod order;
mod pairs;
mod relations;
mod suggest;
#[cfg(test)]
mod tests;
mod values;

use serde_json::{Map, Value as Json, json};

pub use aggregate::{Asked, parse_aggregation, parse_count};
pub use order::{parse_fields, parse_order};

use self::operators::Operator;
use super::{Filter, Op, Operand, Path, Step, limits};
use crate::model::{Code, ColumnInfo, Error, Kind, Relations, Result, Shape, Value};

/// Whose question it is: what a caller may not see, it can't ask about either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A private column is answered as if there were none of this name.
    Public,
    /// All columns: trusted code.
    Full,
}

impl Filter {
    /// A filter from JSON, checked against a model.
    ///
    /// - `{"name": "Ada", "age": {"$gt": 18}}`: all fields have to fit. Operators are `$eq $ne $gt $gte $lt $lte $in $nin
    ///   $exists $contains $startsWith $endsWith $like $not`, and `$and $or $nor $not` around whole filters.
    /// - On columns that hold no JSON the `$` may be left out: `{"age": {"gte": 18, "lt": 65}}`.
    /// - `"address.city"` and `"tags.0"` are paths into JSON. `{"tags": "a"}` asks a list for a member, `{"address": {"city":
    ///   "Rome"}}` for equality as a whole.
    /// - `{"$geoWithin": {"circle": {"center": {"latitude": 48.9, "longitude": 2.4}, "radius": 1000}}}` asks for a position
    ///   within a circle, a `box` or a `polygon`.
    /// - `null` is an absent value: `{"age": null}`, `{"age": {"$ne": null}}`. Every other test of an absent value is
    ///   neither true nor false, so that neither `{"$gt": 18}` nor its negation selects it.
    /// - A date-time is RFC 3339 text or Unix milliseconds.
    ///
    /// [`limits`] says how large a filter may be, and how long a pattern.
    ///
    /// # Errors
    /// `INVALID_QUERY` with `details: {field, expected, suggestion?}`.
    pub fn parse(shape: &Shape, json: &Json, access: Access) -> Result<Filter> {
        Parser::new(shape, access).filter(json, 0)
    }

    /// As [`parse`](Filter::parse), with conditions on related documents.
    ///
    /// - `{"author.role": "admin", "comments.text": {"$contains": "x"}}`: some related document fulfils it, whatever a path leads
    ///   through.
    /// - `{"comments": {"$some": {..}}}`, `$every` and `$none` ask how many fulfil a whole filter; `{"comments": {..}}` is
    ///   `$some`, unless a field has that name, too.
    ///
    /// # Errors
    /// As [`parse`](Filter::parse).
    pub fn parse_among(
        shape: &Shape,
        json: &Json,
        access: Access,
        relations: &dyn Relations,
    ) -> Result<Filter> {
        Parser { relations, ..Parser::new(shape, access) }.filter(json, 0)
    }
}

struct Parser<'a> {
    shape: &'a Shape,
    access: Access,
    relations: &'a dyn Relations,
    /// Through how many relations it has come to here.
    hops: usize,
    /// Conditions on related documents so far.
    related: usize,
    /// Tests and connectives so far.
    nodes: usize,
    /// Values in lists and JSON operands so far.
    values: usize,
}

impl<'a> Parser<'a> {
    fn new(shape: &'a Shape, access: Access) -> Self {
        Parser { shape, access, relations: &(), hops: 0, related: 0, nodes: 0, values: 0 }
    }

    fn node(&mut self) -> Result<()> {
        self.nodes += 1;
        if self.nodes > limits::MAX_NODES {
            return Err(invalid(format!("the filter has more than {} conditions", limits::MAX_NODES)));
        }
        Ok(())
    }

    fn depth(depth: usize) -> Result<()> {
        if depth > limits::MAX_DEPTH {
            return Err(invalid(format!("the filter is nested more than {} levels deep", limits::MAX_DEPTH)));
        }
        Ok(())
    }

    fn filter(&mut self, json: &Json, depth: usize) -> Result<Filter> {
        Self::depth(depth)?;
        let Some(object) = json.as_object() else {
            return Err(invalid(format!("a filter is an object, not {}", values::describe(json))));
        };
        let mut filter = Filter::True;
        for (name, json) in object {
            filter = filter.and(self.entry(name, json, depth)?);
        }
        Ok(filter)
    }

    fn entry(&mut self, name: &str, json: &Json, depth: usize) -> Result<Filter> {
        if let Some(connective) = name.strip_prefix('$') {
            self.node()?;
            match connective {
                "and" => return self.list(name, json, depth, Filter::and),
                "or" => return self.list(name, json, depth, Filter::or),
                "nor" => return Ok(self.list(name, json, depth, Filter::or)?.negate()),
                "not" => return Ok(self.filter(json, depth + 1)?.negate()),
                // A field may have a name like this.
                "geoWithin" => return self.geo_within(json),
                _ if self.visible(name).is_none() => {
                    let geo = self.has_positions().then_some(geo::NAME);
                    let known: Vec<&str> = operators::CONNECTIVES.into_iter().chain(geo).collect();
                    return Err(operators::unknown(name, "", &known));
                }
                _ => {}
            }
        }
        if let Some(filter) = self.related(name, json, depth)? {
            return Ok(filter);
        }
        let path = self.path(name)?;
        self.field(name, &path, json, depth)
    }

    fn list(
        &mut self,
        name: &str,
        json: &Json,
        depth: usize,
        combine: impl Fn(Filter, Filter) -> Filter,
    ) -> Result<Filter> {
        let filters = json
            .as_array()
            .filter(|filters| !filters.is_empty())
            .ok_or_else(|| invalid(format!("`{name}` takes a list of filters that is not empty")))?;
        let mut combined: Option<Filter> = None;
        for json in filters {
            let filter = self.filter(json, depth + 1)?;
            combined = Some(match combined {
                Some(combined) => combine(combined, filter),
                None => filter,
            });
        }
        Ok(combined.unwrap_or(Filter::True))
    }

    /// `name: json`, where the JSON is a value or an object of operators.
    fn field(&mut self, name: &str, path: &Path, json: &Json, depth: usize) -> Result<Filter> {
        let inside_json = path.is_json(self.column(path));
        let operators = match json {
            Json::Object(object) if !object.is_empty() => {
                let dollars = object.keys().filter(|key| key.starts_with('$')).count();
                match (dollars, inside_json) {
                    (0, true) => None,
                    (0, false) => Some(object),
                    (dollars, _) if dollars == object.len() => Some(object),
                    _ => {
                        return Err(invalid(format!(
                            "the operators of `{}` are mixed with other keys; equality with an object is `{{\"$eq\": ..}}`",
                            shown(name)
                        ))
                        .with_field(shown(name)));
                    }
                }
            }
            _ => None,
        };
        match operators {
            Some(object) => self.operators(name, path, object, depth),
            None => self.test(name, path, Operator::Eq, json),
        }
    }

    fn operators(
        &mut self,
        name: &str,
        path: &Path,
        object: &Map<String, Json>,
        depth: usize,
    ) -> Result<Filter> {
        Self::depth(depth)?;
        let kind = self.column(path).kind;
        let mut filter = Filter::True;
        for (key, json) in object {
            let operator = Operator::parse(key).ok_or_else(|| self.unknown_operator(name, path, key))?;
            let test = if operator == Operator::Not {
                self.node()?;
                let inner = json.as_object().filter(|inner| !inner.is_empty()).ok_or_else(|| {
                    invalid(format!("`$not` of `{}` takes an object of operators", shown(name)))
                        .with_field(shown(name))
                })?;
                self.operators(name, path, inner, depth + 1)?.negate()
            } else {
                if !operator.applies(kind, path) {
                    return Err(operators::not_applicable(name, path, kind, operator));
                }
                self.test(name, path, operator, json)?
            };
            filter = filter.and(test);
        }
        Ok(filter)
    }

    fn unknown_operator(&self, name: &str, path: &Path, key: &str) -> Error {
        let kind = self.column(path).kind;
        if path.is_json(self.column(path)) || key.starts_with('$') {
            return operators::unknown(key, name, &operators::names(kind, path));
        }
        // An object beside a plain column: operators without `$`, or a mistake.
        let plain: Vec<&str> = operators::names(kind, path).iter().map(|name| &name[1..]).collect();
        operators::unknown(key, name, &plain)
    }

    fn test(&mut self, name: &str, path: &Path, operator: Operator, json: &Json) -> Result<Filter> {
        self.node()?;
        let test = |op| Ok(Filter::Test(path.clone(), op));
        match operator {
            Operator::Eq => test(Op::Eq(self.operand(operator, name, path, json)?)),
            Operator::Ne => test(Op::Ne(self.operand(operator, name, path, json)?)),
            Operator::Gt => test(Op::Gt(self.ordered(name, path, operator, json)?)),
            Operator::Gte => test(Op::Gte(self.ordered(name, path, operator, json)?)),
            Operator::Lt => test(Op::Lt(self.ordered(name, path, operator, json)?)),
            Operator::Lte => test(Op::Lte(self.ordered(name, path, operator, json)?)),
            Operator::In => Ok(Filter::one_of(path.clone(), self.operands(name, path, operator, json)?)),
            Operator::Nin => Ok(Filter::none_of(path.clone(), self.operands(name, path, operator, json)?)),
            Operator::Exists => test(Op::Exists(json.as_bool().ok_or_else(|| {
                wrong(operator, name, "true or false", &["boolean"], values::describe(json))
            })?)),
            Operator::Contains => test(Op::Contains(self.pattern(name, operator, json)?)),
            Operator::StartsWith => test(Op::StartsWith(self.pattern(name, operator, json)?)),
            Operator::EndsWith => test(Op::EndsWith(self.pattern(name, operator, json)?)),
            Operator::Like => match Op::like(self.pattern(name, operator, json)?) {
                Op::Like(pattern) if pattern.chars().nth(limits::MAX_LIKE).is_some() => {
                    let (name, most) = (shown(name), limits::MAX_LIKE);
                    let message = format!(
                        "`{}` of `{name}` is longer than {most} characters; only `abc%`, `%abc` and `%abc%` may be",
                        operator.name()
                    );
                    Err(invalid(message).with_field(name))
                }
                op => test(op),
            },
            // `operators` has taken it.
            Operator::Not => Ok(Filter::True),
        }
    }

    fn ordered(&mut self, name: &str, path: &Path, operator: Operator, json: &Json) -> Result<Operand> {
        let operand = self.operand(operator, name, path, json)?;
        match operand {
            Operand::Cell(Value::Null) | Operand::Boolean(_) | Operand::Json(_) => {
                let given = values::describe(json);
                Err(wrong(operator, name, "a number or a string", &["number", "string"], given))
            }
            operand => Ok(operand),
        }
    }

    fn operands(&mut self, name: &str, path: &Path, operator: Operator, json: &Json) -> Result<Vec<Operand>> {
        let list = json
            .as_array()
            .ok_or_else(|| wrong(operator, name, "an array", &["array"], values::describe(json)))?;
        if list.len() > limits::MAX_IN {
            return Err(invalid(format!(
                "`{}` of `{}` lists more than {} values",
                operator.name(),
                shown(name),
                limits::MAX_IN
            ))
            .with_field(shown(name)));
        }
        self.count_values(list.len())?;
        list.iter().map(|json| self.operand(operator, name, path, json)).collect()
    }

    fn pattern(&self, name: &str, operator: Operator, json: &Json) -> Result<String> {
        let not_text = || wrong(operator, name, "a string", &["string"], values::describe(json));
        let text = json.as_str().ok_or_else(not_text)?;
        let too_much = |what: String| {
            let name = shown(name);
            Err(invalid(format!("`{}` of `{name}` {what}", operator.name())).with_field(name))
        };
        if text.chars().nth(limits::MAX_PATTERN).is_some() {
            return too_much(format!("is longer than {} characters", limits::MAX_PATTERN));
        }
        if operator == Operator::Like && text.matches('%').count() > limits::MAX_WILDCARDS {
            return too_much(format!("has more than {} `%`", limits::MAX_WILDCARDS));
        }
        Ok(text.to_owned())
    }

    fn count_values(&mut self, more: usize) -> Result<()> {
        self.values += more;
        if self.values > limits::MAX_VALUES {
            return Err(invalid(format!("the filter lists more than {} values", limits::MAX_VALUES)));
        }
        Ok(())
    }

    fn column(&self, path: &Path) -> &'a ColumnInfo {
        // Paths come from `path`, which finds columns in this shape.
        &self.shape.columns[path.column]
    }

    fn visible(&self, name: &str) -> Option<usize> {
        let index = self.shape.index_of(name)?;
        (self.access == Access::Full || !self.shape.columns[index].private).then_some(index)
    }

    /// A field's name, or a path with dots into a JSON column.
    fn path(&self, name: &str) -> Result<Path> {
        if let Some(column) = self.visible(name) {
            return Ok(Path::column(column));
        }
        let heads = name.match_indices('.').map(|(at, _)| (&name[..at], &name[at + 1..]));
        for (head, rest) in heads.take(limits::MAX_DEPTH) {
            let Some(column) = self.visible(head) else { continue };
            let kind = self.shape.columns[column].kind;
            if kind != Kind::Json {
                return Err(invalid(format!(
                    "`{head}` holds {}: there is nothing inside it",
                    values::kind_name(kind)
                ))
                .with_field(shown(name))
                .with_details(json!({ "field": shown(name), "expected": [head] })));
            }
            return Ok(Path { column, steps: self.steps(name, rest)? });
        }
        Err(self.unknown_field(name))
    }

    fn steps(&self, name: &str, rest: &str) -> Result<Vec<Step>> {
        if name.len() > limits::MAX_PATH || rest.split('.').nth(limits::MAX_DEPTH).is_some() {
            return Err(invalid(format!("the path `{}` is too long", shown(name))).with_field(shown(name)));
        }
        let empty =
            || invalid(format!("the path `{}` has an empty step", shown(name))).with_field(shown(name));
        Step::all(rest).ok_or_else(empty)
    }

    fn names(&self) -> Vec<&'a str> {
        let seen = |column: &&ColumnInfo| self.access == Access::Full || !column.private;
        let columns = self.shape.columns.iter().filter(seen).map(|column| column.name.as_str());
        let named = columns.clone().collect::<Vec<_>>();
        columns.chain(self.relation_names().filter(|name| !named.contains(name))).collect()
    }

    fn unknown_field(&self, name: &str) -> Error {
        let message = format!("`{}` has no field `{}`", self.shape.path, shown(name));
        suggest::unknown(message, name, name, &self.names())
    }
}

impl Step {
    /// The steps of a path with dots; `None` if one of them is empty.
    pub(crate) fn all(path: &str) -> Option<Vec<Step>> {
        let step = |part: &str| match part.parse::<u32>() {
            _ if part.is_empty() => None,
            // `01` and `+1` are names, not places.
            Ok(index) if index.to_string() == part => Some(Step::Index(index)),
            _ => Some(Step::Key(part.to_owned())),
        };
        path.split('.').map(step).collect()
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::InvalidQuery, message)
}

/// What an operator, or the field itself, takes, and what it was given instead.
fn wrong(operator: Operator, name: &str, takes: &str, expected: &[&str], given: &str) -> Error {
    let name = shown(name);
    let message = match operator {
        Operator::Eq => format!("`{name}` takes {takes}, not {given}"),
        operator => format!("`{}` of `{name}` takes {takes}, not {given}", operator.name()),
    };
    invalid(message).with_details(json!({ "field": name, "expected": expected })).with_field(name)
}

/// A name as an error shows it: what a caller sends is not sent back at any length.
fn shown(name: &str) -> String {
    const LONGEST: usize = 100;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
