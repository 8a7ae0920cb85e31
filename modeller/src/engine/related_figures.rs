//! Figures of related documents: `comments.likes` of users, and `with` as what there must be.

use serde_json::{Map, Value as Json};

use super::with::With;
use crate::model::{Code, Error, Relation, Relations, Result, Shape, View};
use crate::query::Filter;
use crate::query::limits::MAX_RELATION_DEPTH;

/// What `with` asks of the documents that are counted: that there are such related ones.
pub(super) fn constraint(with: &[With]) -> Result<Filter> {
    let mut filter = Filter::True;
    for with in with {
        let says_more = with.count.is_some()
            || with.totals.is_some()
            || !with.order.is_empty()
            || with.view != View::Public;
        if says_more {
            let message =
                "here `with` says which related documents there must be: it takes `query` and `with`";
            return Err(Error::new(Code::InvalidQuery, message).with_field(with.relation.name.clone()));
        }
        let inner = with.filter.clone().and(constraint(&with.with)?);
        filter = filter.and(Filter::some_related(with.relation.link(), inner));
    }
    Ok(filter)
}

/// A field of related documents, and how they are reached.
pub(super) struct Reached<'a, 'n> {
    relations: Vec<&'a Relation>,
    /// The field's name in the model that the last relation leads to.
    pub(super) field: &'n str,
}

impl<'a, 'n> Reached<'a, 'n> {
    /// The field that a path through relations leads to; `None` if it leads through none.
    pub(super) fn by(
        relations: &'a dyn Relations,
        shape: &'static Shape,
        path: &'n str,
    ) -> Result<Option<Self>> {
        let mut reached = Reached { relations: Vec::new(), field: path };
        let mut model = shape;
        while let Some((head, rest)) = reached.field.split_once('.') {
            let mut known = relations.relations(model).iter().filter(|relation| !relation.is_private());
            let Some(relation) = known.find(|relation| relation.name == head) else { break };
            if reached.relations.len() == MAX_RELATION_DEPTH {
                let message = format!("a path leads through {MAX_RELATION_DEPTH} relations at most");
                return Err(Error::new(Code::InvalidQuery, message));
            }
            model = relation.to;
            reached.relations.push(relation);
            reached.field = rest;
        }
        Ok((!reached.relations.is_empty()).then_some(reached))
    }

    /// The model of the field.
    pub(super) fn shape(&self, shape: &'static Shape) -> &'static Shape {
        self.relations.last().map_or(shape, |relation| relation.to)
    }

    /// The relations' names, which are the same for what is reached on the same way.
    pub(super) fn way(&self) -> Vec<&'a str> {
        self.relations.iter().map(|relation| relation.name.as_str()).collect()
    }

    /// The filter for what belongs to documents that fulfil the filter.
    pub(super) fn of(&self, filter: Filter) -> Filter {
        self.relations
            .iter()
            .fold(filter, |filter, relation| Filter::some_related(relation.link().turned(), filter))
    }

    /// Whether what is reached belongs to one document each, so that nothing would have to count several times.
    fn is_tree(&self) -> bool {
        self.relations.iter().all(|relation| relation.reverse && !relation.to.columns[relation.target].array)
    }

    /// Refuses a figure for which documents would count as often as they are referred to.
    pub(super) fn check(&self, path: &str, function: &str, distinct: bool) -> Result<()> {
        let counts_once = distinct || matches!(function, "min" | "max" | "distinct");
        if self.is_tree() || counts_once {
            return Ok(());
        }
        let message = format!(
            "`{path}` leads to documents that several refer to: `{function}` of it goes with `\"distinct\": true` only"
        );
        Err(Error::new(Code::InvalidQuery, message).with_field(path.to_owned()))
    }
}

/// The figures of one model: those of the documents themselves, or of what is reached on one way.
pub(super) struct Group<'a, 'n> {
    pub(super) reached: Option<Reached<'a, 'n>>,
    /// As they were given, but for the paths, which are those of the model.
    pub(super) figures: Map<String, Json>,
}

/// The figures, by what they are of.
pub(super) fn groups<'a, 'n>(
    relations: &'a dyn Relations,
    shape: &'static Shape,
    figures: &'n Map<String, Json>,
) -> Result<Vec<Group<'a, 'n>>> {
    let mut groups: Vec<Group<'a, 'n>> = vec![Group { reached: None, figures: Map::new() }];
    for (name, figure) in figures {
        let members = figure.as_object().into_iter().flatten();
        let field = members.filter_map(|(member, value)| Some((member, value.as_str()?))).next();
        let reached = match field {
            Some((_, path)) => Reached::by(relations, shape, path)?,
            None => None,
        };
        let (Some((function, path)), Some(reached)) = (field, reached) else {
            groups[0].figures.insert(name.clone(), figure.clone());
            continue;
        };
        let distinct = figure.get("distinct").and_then(Json::as_bool).unwrap_or(false);
        reached.check(path, function, distinct)?;
        let mut figure = figure.clone();
        figure[function] = reached.field.into();
        let way = reached.way();
        let known = groups.iter().position(|group| group.reached.as_ref().is_some_and(|it| it.way() == way));
        let at = known.unwrap_or_else(|| {
            groups.push(Group { reached: Some(reached), figures: Map::new() });
            groups.len() - 1
        });
        groups[at].figures.insert(name.clone(), figure);
    }
    groups.retain(|group| !group.figures.is_empty());
    Ok(groups)
}
