//! Figures as calls: their arguments, and their answers as JSON.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::arguments::{self, Request};
use super::pipeline::too_large;
use super::related_figures::{self, Reached};
use super::scope::{MAX_BYTES, visible};
use super::{Argument, Arguments, Call, Cx, Operation, Reply};
use crate::model::{Cell, Code, Error, Result, Row, Shape, Value, write_cell};
#[cfg(feature = "live")]
use crate::query::Aggregate;
use crate::query::limits::MAX_FIGURES;
use crate::query::{Access, Aggregation, Asked, Filter, parse_aggregation, parse_count};
use crate::registry::Registry;
use crate::store::{Answer, Look};

/// Carries out an `aggregate`.
pub(super) async fn run(cx: &Cx, call: Call) -> Result<Reply> {
    let Call { shape, operation, arguments, .. } = call;
    let registry = cx.engine().registry();
    let mut request = Request::parse(registry, shape, operation, arguments)?;
    request.constrain()?;
    let given = |wanted| request.figures.iter().find(|(name, _)| *name == wanted).map(|(_, json)| json);
    let asked = Asked {
        group_by: given(Argument::GroupBy),
        aggregates: given(Argument::Aggregates),
        sort: given(Argument::Sort),
    };
    paged(&request, &asked)?;
    if let Some(several) = Several::parse(registry, shape, &asked, &request.filter)? {
        return several.run(cx).await;
    }
    let (mut aggregation, names) = parse_aggregation(shape, asked, Access::Public)?;
    aggregation.filter = visible(shape, request.filter, cx.engine());
    aggregation.start = request.start;
    aggregation.count = request.count;
    let rows = cx.aggregate(&aggregation).await?;
    Ok(Reply { body: render(&aggregation, &names, &rows)?, ..Reply::default() })
}

/// Whether a `count` or an `aggregate` can have these arguments, without carrying it out.
pub(super) fn check(
    registry: &Registry,
    shape: &'static Shape,
    operation: Operation,
    arguments: Arguments,
) -> Result<()> {
    let mut request = Request::parse(registry, shape, operation, arguments)?;
    request.constrain()?;
    let given = |wanted| request.figures.iter().find(|(name, _)| *name == wanted).map(|(_, json)| json);
    if operation == Operation::Count {
        let Some(field) = given(Argument::Field) else { return Ok(()) };
        let field = field.as_str().ok_or_else(|| invalid("`field` is the name of a field"))?;
        // What stands for it is only known when it is called.
        let distinct = given(Argument::Distinct).and_then(Json::as_bool);
        let Some(reached) = Reached::by(registry, shape, field)? else {
            return parse_count(shape, field, false, Access::Public).map(drop);
        };
        reached.check(field, "count", distinct.unwrap_or(true))?;
        return parse_count(reached.shape(shape), reached.field, true, Access::Public).map(drop);
    }
    let (group_by, aggregates) = (given(Argument::GroupBy), given(Argument::Aggregates));
    let asked = Asked { group_by, aggregates, sort: given(Argument::Sort) };
    paged(&request, &asked)?;
    match Several::parse(registry, shape, &asked, &request.filter)? {
        Some(_) => Ok(()),
        None => parse_aggregation(shape, asked, Access::Public).map(drop),
    }
}

/// Fails if a page is asked for where there are no groups.
fn paged(request: &Request, asked: &Asked<'_>) -> Result<()> {
    let is_paged = request.start > 0 || request.count.is_some() || asked.sort.is_some();
    if asked.group_by.is_none() && is_paged {
        return Err(invalid("`sort`, `start` and `count` are for groups: they go with `groupBy`"));
    }
    Ok(())
}

/// The field whose values a `count` is of, and whether equal ones count once.
fn counted(figures: &[(Argument, Json)]) -> Result<(Option<&str>, Option<bool>)> {
    let (mut field, mut distinct) = (None, None);
    for (argument, json) in figures {
        match (argument, json) {
            (Argument::Field, Json::String(name)) => field = Some(name.as_str()),
            (Argument::Distinct, Json::Bool(flag)) => distinct = Some(*flag),
            (Argument::Distinct, Json::String(text)) if text == "true" => distinct = Some(true),
            (Argument::Distinct, Json::String(text)) if text == "false" => distinct = Some(false),
            (Argument::Distinct, _) => return Err(invalid("`distinct` is `true` or `false`")),
            _ => return Err(invalid("`field` is the name of a field")),
        }
    }
    Ok((field, distinct))
}

/// Carries out a `count`.
pub(super) async fn count(cx: &Cx, call: Call) -> Result<Reply> {
    let Call { shape, operation, arguments, .. } = call;
    let registry = cx.engine().registry();
    let mut request = Request::parse(registry, shape, operation, arguments)?;
    let is_constrained = !request.with.is_empty();
    request.constrain()?;
    let (field, distinct) = counted(&request.figures)?;
    let count = match field {
        // Documents are all different.
        None => cx.count(shape, &visible(shape, request.filter, cx.engine())).await?,
        Some(field) => {
            let reached = Reached::by(registry, shape, field)?;
            let distinct = distinct.unwrap_or(is_constrained || reached.is_some());
            let (shape, field, filter) = match &reached {
                None => (shape, field, request.filter),
                Some(reached) => {
                    reached.check(field, "count", distinct)?;
                    (reached.shape(shape), reached.field, reached.of(request.filter))
                }
            };
            let filter = visible(shape, filter, cx.engine());
            let figure = parse_count(shape, field, distinct, Access::Public)?;
            let rows = cx.aggregate(&Aggregation::new(shape, filter, vec![figure])).await?;
            let count = rows.first().and_then(|row| row.0.first()?.as_integer());
            count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default()
        }
    };
    Ok(Reply { body: count.to_string().into_bytes(), ..Reply::default() })
}

/// Figures of documents and of what is related to them: each way takes a query of its own.
struct Several {
    /// The names of the figures, in the order in which they were asked for.
    names: Vec<String>,
    ways: Vec<Way>,
}

/// The figures of what is reached on one way, and their names.
struct Way {
    aggregation: Aggregation,
    names: Vec<String>,
}

impl Several {
    /// What is asked for, if some of it leads to related documents.
    fn parse(
        registry: &Registry,
        shape: &'static Shape,
        asked: &Asked<'_>,
        filter: &Filter,
    ) -> Result<Option<Self>> {
        let (None, Some(figures)) = (asked.group_by, asked.aggregates.and_then(object)) else {
            return Ok(None);
        };
        let groups = related_figures::groups(registry, shape, &figures)?;
        if groups.iter().all(|group| group.reached.is_none()) {
            return Ok(None);
        }
        if figures.len() > MAX_FIGURES {
            return Err(Error::new(
                Code::InvalidQuery,
                format!("`aggregates` takes 1 to {MAX_FIGURES} figures"),
            ));
        }
        let way = |group: related_figures::Group<'_, '_>| {
            let (shape, filter) = match &group.reached {
                None => (shape, filter.clone()),
                Some(reached) => (reached.shape(shape), reached.of(filter.clone())),
            };
            let figures = Json::Object(group.figures);
            let asked = Asked { aggregates: Some(&figures), ..Asked::default() };
            let (mut aggregation, names) = parse_aggregation(shape, asked, Access::Public)?;
            aggregation.filter = filter;
            Ok(Way { aggregation, names })
        };
        let ways = groups.into_iter().map(way).collect::<Result<_>>()?;
        Ok(Some(Several { names: figures.keys().cloned().collect(), ways }))
    }

    /// Works them out, all from one snapshot.
    async fn run(mut self, cx: &Cx) -> Result<Reply> {
        for Way { aggregation, .. } in &mut self.ways {
            let filter = std::mem::replace(&mut aggregation.filter, Filter::True);
            aggregation.filter = visible(aggregation.shape, filter, cx.engine());
        }
        let Several { names, ways } = self;
        let ways: Arc<[Way]> = ways.into();
        let asked = Arc::clone(&ways);
        let look: Look = Arc::new(move |view| {
            let asked = Arc::clone(&asked);
            Box::pin(async move {
                let mut found = Vec::with_capacity(asked.len());
                for way in &*asked {
                    found.push(view.aggregate(&way.aggregation).await?);
                }
                Ok(Box::new(found) as Answer)
            })
        });
        let found = cx.view(look).await?.downcast::<Vec<Vec<Row>>>().map_err(|_| {
            Error::new(Code::InternalError, "the store answered something else than its figures")
        })?;
        let mut answers: HashMap<&str, Vec<u8>> = HashMap::new();
        for (way, rows) in ways.iter().zip(*found) {
            for (column, name) in way.names.iter().enumerate() {
                let cell = rows.first().and_then(|row| row.0.get(column)).map_or(Cell::Null, Value::view);
                let mut value = Vec::new();
                write_cell(way.aggregation.kind(column), cell, &mut value);
                answers.insert(name, value);
            }
        }
        if answers.values().map(Vec::len).sum::<usize>() > MAX_BYTES {
            return Err(too_large());
        }
        let mut body = vec![b'{'];
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            body.extend_from_slice(format!("{}:", Json::from(name.as_str())).as_bytes());
            body.extend_from_slice(answers.get(name.as_str()).map_or(b"null", Vec::as_slice));
        }
        body.push(b'}');
        Ok(Reply { body, ..Reply::default() })
    }
}

/// Figures as an object, which in a URL are text. What is none is looked at elsewhere.
fn object(json: &Json) -> Option<Cow<'_, Map<String, Json>>> {
    match json {
        Json::Object(members) => Some(Cow::Borrowed(members)),
        Json::String(text) => match arguments::json(text) {
            Ok(Json::Object(members)) => Some(Cow::Owned(members)),
            _ => None,
        },
        _ => None,
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(Code::InvalidQuery, message)
}

/// One object if nothing is grouped, which is one answer, else an array of them.
fn render(aggregation: &Aggregation, names: &[String], rows: &[Row]) -> Result<Vec<u8>> {
    let keys: Vec<String> = names.iter().map(|name| format!("{}:", Json::from(name.as_str()))).collect();
    let grouped = !aggregation.group_by.is_empty();
    let mut out = Vec::with_capacity(if grouped { 4096 } else { 256 });
    if grouped {
        out.push(b'[');
    }
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(aggregation, &keys, row, &mut out);
        if out.len() > MAX_BYTES {
            return Err(too_large());
        }
    }
    if grouped {
        out.push(b']');
    }
    Ok(out)
}

/// One answer as an object with as many of its columns as there are keys.
fn write(aggregation: &Aggregation, keys: &[String], row: &Row, out: &mut Vec<u8>) {
    out.push(b'{');
    for (column, (key, value)) in keys.iter().zip(&row.0).enumerate() {
        if column > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key.as_bytes());
        write_cell(aggregation.kind(column), value.view(), out);
    }
    out.push(b'}');
}

/// Figures that somebody wants to be kept up to date about.
#[cfg(feature = "live")]
#[derive(Clone, Debug)]
pub(crate) struct Figured {
    /// Of which rows is the caller's to add.
    pub(crate) aggregation: Aggregation,
    /// The names of the answer's columns, as JSON with a colon; none if it is a number.
    names: Vec<String>,
}

#[cfg(feature = "live")]
impl Figured {
    /// What a `count` or an `aggregate` asks for, and of which documents.
    pub(super) fn parse(
        registry: &Registry,
        shape: &'static Shape,
        operation: Operation,
        arguments: Arguments,
    ) -> Result<(Self, Filter)> {
        let mut request = Request::parse(registry, shape, operation, arguments)?;
        let is_constrained = !request.with.is_empty();
        request.constrain()?;
        let of_related = || Err(invalid("live figures are of the documents themselves, not of related ones"));
        if operation == Operation::Count {
            let (field, distinct) = counted(&request.figures)?;
            let figure = match field {
                None => Aggregate::Rows,
                Some(field) if Reached::by(registry, shape, field)?.is_some() => return of_related(),
                Some(field) => parse_count(shape, field, distinct.unwrap_or(is_constrained), Access::Public)?,
            };
            let aggregation = Aggregation::new(shape, Filter::True, vec![figure]);
            return Ok((Figured { aggregation, names: Vec::new() }, request.filter));
        }
        let given = |wanted| request.figures.iter().find(|(name, _)| *name == wanted).map(|(_, json)| json);
        let (group_by, aggregates) = (given(Argument::GroupBy), given(Argument::Aggregates));
        let asked = Asked { group_by, aggregates, sort: given(Argument::Sort) };
        paged(&request, &asked)?;
        if request.count.is_none() && request.start > 0 {
            return Err(invalid("a live query has no `start` without a `count`"));
        }
        if Several::parse(registry, shape, &asked, &request.filter)?.is_some() {
            return of_related();
        }
        let (mut aggregation, names) = parse_aggregation(shape, asked, Access::Public)?;
        (aggregation.start, aggregation.count) = (request.start, request.count);
        let names = names.iter().map(|name| format!("{}:", Json::from(name.as_str()))).collect();
        Ok((Figured { aggregation, names }, request.filter))
    }

    /// Whether there is an answer for each of many groups.
    pub(crate) fn is_grouped(&self) -> bool {
        !self.aggregation.group_by.is_empty()
    }

    /// One answer as JSON.
    pub(crate) fn json(&self, row: &Row) -> Arc<str> {
        let mut out = Vec::with_capacity(128);
        match self.names.is_empty() {
            true => {
                write_cell(self.aggregation.kind(0), row.0.first().map_or(Cell::Null, Value::view), &mut out)
            }
            false => write(&self.aggregation, &self.names, row, &mut out),
        }
        // JSON is always UTF-8.
        String::from_utf8(out).unwrap_or_default().into()
    }

    /// What tells the group of an answer from others, as JSON.
    pub(crate) fn key(&self, row: &Row) -> Arc<str> {
        let mut out = Vec::with_capacity(64);
        let keys = self.aggregation.group_by.len().min(self.names.len());
        write(&self.aggregation, &self.names[..keys], row, &mut out);
        String::from_utf8(out).unwrap_or_default().into()
    }
}
