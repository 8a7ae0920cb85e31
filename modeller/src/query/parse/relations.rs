//! Conditions on what is related: `"author.role": "admin"`, `"comments": {"$some": {..}}`.

use serde_json::{Value as Json, json};

use super::{Access, Parser, invalid, shown, suggest, values};
use crate::model::{Error, Relation, Result};
use crate::query::{Filter, limits};

/// How many of the related documents have to fulfil a filter.
const QUANTIFIERS: [&str; 3] = ["$some", "$every", "$none"];

impl<'a> Parser<'a> {
    /// The relation of this name, as far as the caller may know of it.
    pub(super) fn relation(&self, name: &str) -> Option<&'a Relation> {
        let mut relations = self.relations.relations(self.shape).iter();
        relations.find(|relation| relation.name == name && self.may_know(relation))
    }

    pub(super) fn may_know(&self, relation: &Relation) -> bool {
        self.access == Access::Full || !relation.is_private()
    }

    /// The names of the relations that the caller may know of.
    pub(super) fn relation_names(&self) -> impl Iterator<Item = &'a str> {
        let known = self.relations.relations(self.shape).iter().filter(|relation| self.may_know(relation));
        known.map(|relation| relation.name.as_str())
    }

    /// The relation that a path begins with, and the rest of the path.
    pub(super) fn through_path<'n>(&self, name: &'n str) -> Option<(&'a Relation, &'n str)> {
        let (head, rest) = name.split_once('.')?;
        Some((self.relation(head)?, rest))
    }

    /// What is asked of related documents; `None` if the name is no relation's, or means the field of that name.
    pub(super) fn related(&mut self, name: &str, json: &Json, depth: usize) -> Result<Option<Filter>> {
        if let Some(relation) = self.relation(name) {
            let quantified = match json.as_object() {
                Some(object) => object.keys().any(|key| QUANTIFIERS.contains(&key.as_str())),
                None => false,
            };
            if quantified || self.visible(name).is_none() {
                return self.of_relation(relation, json, depth, quantified).map(Some);
            }
        } else if self.visible(name).is_none()
            && let Some((relation, rest)) = self.through_path(name)
        {
            let inner = self.through(relation, |parser| parser.entry(rest, json, depth + 1))?;
            return Ok(Some(Filter::some_related(relation.link(), inner)));
        }
        Ok(None)
    }

    /// `comments: {"$some": {..}, "$none": {..}}`, or `comments: {..}` for `$some`.
    fn of_relation(
        &mut self,
        relation: &'a Relation,
        json: &Json,
        depth: usize,
        quantified: bool,
    ) -> Result<Filter> {
        let name = relation.name.as_str();
        let Some(object) = json.as_object() else {
            let message = format!(
                "`{name}` is a relation, which takes {{\"$some\": {{..}}}}, {{\"$every\": {{..}}}} or {{\"$none\": {{..}}}}, not {}",
                values::describe(json)
            );
            let details = json!({ "field": name, "expected": QUANTIFIERS });
            return Err(invalid(message).with_field(name).with_details(details));
        };
        if !quantified {
            return self.quantified(relation, "$some", json, depth);
        }
        let mut filter = Filter::True;
        for (key, json) in object {
            filter = filter.and(self.quantified(relation, key, json, depth)?);
        }
        Ok(filter)
    }

    fn quantified(
        &mut self,
        relation: &'a Relation,
        quantifier: &str,
        json: &Json,
        depth: usize,
    ) -> Result<Filter> {
        let make = match quantifier {
            "$some" => Filter::some_related,
            "$every" => Filter::every_related,
            "$none" => Filter::no_related,
            other => return Err(unknown_quantifier(&relation.name, other)),
        };
        let inner = self.through(relation, |parser| parser.filter(json, depth + 1))?;
        Ok(make(relation.link(), inner))
    }

    /// Parses a condition on the other side of a relation.
    pub(super) fn through(
        &mut self,
        relation: &'a Relation,
        parse: impl FnOnce(&mut Self) -> Result<Filter>,
    ) -> Result<Filter> {
        self.node()?;
        self.related += 1;
        let (most, how) = if self.hops == limits::MAX_RELATION_DEPTH {
            (limits::MAX_RELATION_DEPTH, "one after the other")
        } else if self.related > limits::MAX_RELATIONS {
            (limits::MAX_RELATIONS, "in all")
        } else {
            self.hops += 1;
            let shape = std::mem::replace(&mut self.shape, relation.to);
            let parsed = parse(self);
            self.shape = shape;
            self.hops -= 1;
            return parsed;
        };
        let field = shown(&relation.name);
        Err(invalid(format!("the filter leads through more than {most} relations {how}")).with_field(field))
    }
}

fn unknown_quantifier(relation: &str, name: &str) -> Error {
    let message = format!("there is no operator `{}` of the relation `{relation}`", shown(name));
    suggest::unknown(message, relation, name, &QUANTIFIERS)
}
