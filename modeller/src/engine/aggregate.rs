//! Figures as calls: their arguments, and their answers as JSON.

use std::collections::HashMap;
#[cfg(feature = "live")]
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::arguments::Request;
use super::pipeline::too_large;
use super::related_figures::{self, Group, Reached};
use super::scope::{MAX_BYTES, visible};
use super::{Argument, Arguments, Call, Cx, Operation, Reply};
use crate::model::{Cell, Code, Error, Result, Row, Shape, Value, write_cell};
#[cfg(feature = "live")]
use crate::query::Aggregate;
use crate::query::{Access, Aggregation, Asked, Filter, parse_aggregation, parse_count};
use crate::registry::Registry;

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
    let is_paged = request.start > 0 || request.count.is_some() || asked.sort.is_some();
    if asked.group_by.is_none() && is_paged {
        return Err(invalid("`sort`, `start` and `count` are for groups: they go with `groupBy`"));
    }
    if let (None, Some(figures)) = (asked.group_by, asked.aggregates.and_then(Json::as_object)) {
        let groups = related_figures::groups(registry, shape, figures)?;
        if groups.iter().any(|group| group.reached.is_some()) {
            return several(cx, shape, request.filter.clone(), figures, groups).await;
        }
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
        return match Reached::by(registry, shape, field)? {
            Some(_) => Ok(()),
            None => parse_count(shape, field, false, Access::Public).map(drop),
        };
    }
    let (group_by, aggregates) = (given(Argument::GroupBy), given(Argument::Aggregates));
    if let (None, Some(figures)) = (group_by, aggregates.and_then(Json::as_object))
        && related_figures::groups(registry, shape, figures)?.iter().any(|group| group.reached.is_some())
    {
        return Ok(());
    }
    let asked = Asked { group_by, aggregates, sort: given(Argument::Sort) };
    parse_aggregation(shape, asked, Access::Public).map(drop)
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
async fn several(
    cx: &Cx,
    shape: &'static Shape,
    filter: Filter,
    figures: &Map<String, Json>,
    groups: Vec<Group<'_, '_>>,
) -> Result<Reply> {
    let mut answers: HashMap<String, Vec<u8>> = HashMap::new();
    for Group { reached, figures } in groups {
        let (of, filter) = match &reached {
            None => (shape, filter.clone()),
            Some(reached) => (reached.shape(shape), reached.of(filter.clone())),
        };
        let figures = Json::Object(figures);
        let asked = Asked { aggregates: Some(&figures), ..Asked::default() };
        let (mut aggregation, names) = parse_aggregation(of, asked, Access::Public)?;
        aggregation.filter = visible(of, filter, cx.engine());
        let rows = cx.aggregate(&aggregation).await?;
        for (column, name) in names.into_iter().enumerate() {
            let mut value = Vec::new();
            let cell = rows.first().and_then(|row| row.0.get(column)).map_or(Cell::Null, Value::view);
            write_cell(aggregation.kind(column), cell, &mut value);
            answers.insert(name, value);
        }
    }
    let mut body = vec![b'{'];
    for (at, name) in figures.keys().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(format!("{}:", Json::from(name.as_str())).as_bytes());
        body.extend_from_slice(answers.get(name).map_or(b"null", Vec::as_slice));
    }
    body.push(b'}');
    Ok(Reply { body, ..Reply::default() })
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
        let is_paged = request.start > 0 || request.count.is_some() || asked.sort.is_some();
        if group_by.is_none() && is_paged {
            return Err(invalid("`sort`, `start` and `count` are for groups: they go with `groupBy`"));
        }
        if request.count.is_none() && request.start > 0 {
            return Err(invalid("a live query has no `start` without a `count`"));
        }
        if let (None, Some(figures)) = (group_by, aggregates.and_then(Json::as_object))
            && related_figures::groups(registry, shape, figures)?.iter().any(|group| group.reached.is_some())
        {
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
