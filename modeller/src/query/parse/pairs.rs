//! Filters from the pairs of a URL's query: `?active=true&age[$gte]=18`.

use serde_json::Value as Json;

use super::operators::{self, Operator};
use super::{Access, Parser, invalid, shown};
use crate::model::{Kind, Relations, Result, Shape};
use crate::query::{Filter, Path};

impl Filter {
    /// A filter from `field=value` and `field[$operator]=value` pairs (the `$` may be left out); all of them have to fit.
    /// The caller has taken out the pairs that mean something else (`sort`, `start`, ..).
    ///
    /// The column says how a value is read: `age=18` is a number, `active=true` a boolean, `name=18` a text.
    ///
    /// - `null` asks for an absent value, except on columns of text, where it is the text: use `name[$exists]=false`.
    /// - In JSON columns (`tags=a`, `address.zip=12`) a value is JSON where it reads as JSON, else a text; a text that looks
    ///   like a number has to be quoted there: `address.zip="12"`.
    /// - `$in` and `$nin` take values with commas between; values with commas of their own need a JSON filter.
    ///
    /// # Errors
    /// As [`Filter::parse`].
    pub fn parse_pairs<N: AsRef<str>, V: AsRef<str>>(
        shape: &Shape,
        pairs: &[(N, V)],
        access: Access,
    ) -> Result<Filter> {
        Self::parse_pairs_among(shape, pairs, access, &())
    }

    /// As [`parse_pairs`](Filter::parse_pairs), with paths to related documents: `?author.role=admin`.
    ///
    /// # Errors
    /// As [`Filter::parse`].
    pub fn parse_pairs_among<N: AsRef<str>, V: AsRef<str>>(
        shape: &Shape,
        pairs: &[(N, V)],
        access: Access,
        relations: &dyn Relations,
    ) -> Result<Filter> {
        let mut parser = Parser { relations, ..Parser::new(shape, access) };
        let mut filter = Filter::True;
        for (name, value) in pairs {
            filter = filter.and(parser.pair(name.as_ref(), value.as_ref())?);
        }
        Ok(filter)
    }
}

impl Parser<'_> {
    fn pair(&mut self, name: &str, value: &str) -> Result<Filter> {
        let (field, key) = match name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
            Some((field, key)) if self.visible(name).is_none() => (field, Some(key)),
            _ => (name, None),
        };
        if self.visible(field).is_none()
            && let Some((relation, _)) = self.through_path(field)
        {
            // What follows the relation's name and the dot, operator included.
            let rest = &name[relation.name.len() + 1..];
            let inner = self.through(relation, |parser| parser.pair(rest, value))?;
            return Ok(Filter::some_related(relation.link(), inner));
        }
        let path = self.path(field)?;
        let kind = self.column(&path).kind;
        let operator = match key {
            None => Operator::Eq,
            Some(key) => Operator::parse(key)
                .filter(|operator| *operator != Operator::Not)
                .ok_or_else(|| operators::unknown(key, field, &operators::names(kind, &path)))?,
        };
        if !operator.applies(kind, &path) {
            return Err(operators::not_applicable(field, &path, kind, operator));
        }
        let json = match operator {
            Operator::In | Operator::Nin if value.is_empty() => Json::Array(Vec::new()),
            Operator::In | Operator::Nin => {
                value.split(',').map(|value| self.value(&path, value)).collect::<Json>()
            }
            Operator::Exists => match value {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                _ => {
                    return Err(invalid(format!("`$exists` of `{}` is `true` or `false`", shown(field)))
                        .with_field(shown(field)));
                }
            },
            Operator::Contains | Operator::StartsWith | Operator::EndsWith | Operator::Like => value.into(),
            _ => self.value(&path, value),
        };
        self.test(field, &path, operator, &json)
    }

    /// A text as the column would have it. What it can't have stays text, and is refused as such.
    fn value(&self, path: &Path, text: &str) -> Json {
        let parsed = || serde_json::from_str::<Json>(text).ok();
        let read = match self.column(path).kind {
            Kind::Text => None,
            _ if text == "null" => Some(Json::Null),
            Kind::Integer | Kind::Number => parsed().filter(Json::is_number),
            Kind::Boolean => parsed().filter(Json::is_boolean),
            Kind::DateTime => text.parse::<i64>().ok().map(Json::from),
            Kind::Decimal => None,
            Kind::Json => parsed(),
        };
        read.unwrap_or_else(|| text.into())
    }
}
