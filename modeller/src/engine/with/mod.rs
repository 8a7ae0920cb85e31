//! Documents with those that belong to them: one query for each relation, however many documents there are.
//!
//! The documents of a level are written as JSON when their rows come by, and the values that lead on are kept. When all levels
//! have been read, in one view of the store, the pieces are put together.

mod assemble;
mod keys;
mod parse;
mod rows;
mod totals;

use std::sync::Arc;

pub(crate) use self::keys::{Kept, Keys};
pub(crate) use self::parse::parse;
use self::rows::Children;
use self::totals::Totals;
use super::read::{Form, JsonRows};
use super::scope::{MAX_BYTES, visible};
use super::search::Hits;
use super::{Cx, Engine};
use crate::engine::pipeline::too_large;
#[cfg(feature = "live")]
use crate::model::Value;
use crate::model::{Code, Error, Link, Relation, Result, Shape, View};
use crate::query::limits::MAX_RELATED;
use crate::query::{Filter, Op, Operand, Order, Path, Select};
use crate::store::{self, Answer, BoxFuture, Each, Look};

/// A relation to load, and what of it.
#[derive(Clone, Debug)]
pub(crate) struct With {
    pub(crate) relation: Relation,
    pub(crate) filter: Filter,
    pub(crate) order: Vec<Order>,
    /// How many documents for each one that they belong to.
    pub(crate) count: Option<u64>,
    pub(crate) view: View,
    pub(crate) totals: Option<Totals>,
    pub(crate) with: Vec<With>,
}

impl With {
    /// All that a relation leads to.
    pub(crate) fn all(relation: &Relation) -> Self {
        With {
            relation: relation.clone(),
            filter: Filter::True,
            order: Vec::new(),
            count: None,
            view: View::Public,
            totals: None,
            with: Vec::new(),
        }
    }

    /// Leaves out what is in the trash or has expired.
    fn see(&mut self, engine: &Engine) {
        let filter = std::mem::replace(&mut self.filter, Filter::True);
        self.filter = visible(self.relation.to, filter, engine);
        self.with.iter_mut().for_each(|with| with.see(engine));
    }

    /// The related rows of all these keys.
    fn select(&self, keys: &Keys) -> Select {
        let link = self.relation.link();
        let operands = keys.values().iter().map(|value| Operand::Cell(value.clone())).collect();
        let related = Filter::Test(Path::column(link.target), Op::In(operands));
        Select { order: self.order.clone(), ..Select::filtered(link.to, related.and(self.filter.clone())) }
    }

    /// How many rows of each key are enough, if the store can tell: where a row has one key, and is no part of any total.
    fn each(&self) -> Option<Each> {
        each_of(&self.relation.link(), self.count?)
    }
}

/// The first rows of each key, if each row has one key, and each document above.
pub(super) fn each_of(link: &Link, count: u64) -> Option<Each> {
    let is_list = link.from.columns[link.column].array || link.to.columns[link.target].array;
    (!is_list).then_some(Each { column: link.target, count })
}

/// The view without the fields in whose places related documents stand.
pub(crate) fn replaced(shape: &Shape, view: View, with: &[With]) -> View {
    let stands_in = |index: usize| {
        let relations = || with.iter().map(|with| &with.relation).filter(|relation| !relation.reverse);
        relations().any(|it| it.column == index && it.name == shape.columns[index].name)
    };
    let mut columns = match view {
        View::Only(columns) => columns,
        View::Public => (0..shape.columns.len()).filter(|&index| !shape.columns[index].private).collect(),
        View::Full => (0..shape.columns.len()).collect(),
    };
    columns.retain(|&index| !stands_in(index));
    View::Only(columns)
}

/// What has been read of one relation.
struct Level {
    /// The values of the documents above.
    keys: Keys,
    rows: Children,
    below: Vec<Level>,
}

/// What a read with relations is made of.
pub(super) struct Question {
    pub(super) select: Select,
    pub(super) view: View,
    pub(super) form: Form,
    pub(super) hits: Option<Hits>,
    pub(super) with: Vec<With>,
}

struct Found {
    rows: JsonRows,
    levels: Vec<Level>,
}

/// Reads documents with what belongs to them; they are in the rows' JSON.
pub(super) async fn read(cx: &Cx, mut question: Question) -> Result<JsonRows> {
    question.with.iter_mut().for_each(|with| with.see(cx.engine()));
    question.view = replaced(question.select.shape, question.view, &question.with);
    let question = Arc::new(question);
    let asked = Arc::clone(&question);
    let look: Look = Arc::new(move |view| {
        let question = Arc::clone(&asked);
        Box::pin(async move { Ok(Box::new(find(view, &question).await?) as Answer) })
    });
    let answer = cx.view(look).await?;
    let Ok(found) = answer.downcast::<Found>() else {
        return Err(Error::new(Code::InternalError, "the store answered something else than was found"));
    };
    let Found { mut rows, levels } = *found;
    if !rows.is_too_large() {
        let json = assemble::json(&rows, &question.with, &levels).ok_or_else(too_large)?;
        rows.replace(json);
    }
    Ok(rows)
}

/// Documents with what belongs to them, each by itself.
#[cfg(feature = "live")]
#[derive(Debug)]
pub(crate) struct Documents {
    /// Their JSON, and their ids before it.
    pub(crate) all: Vec<(Arc<str>, Arc<str>)>,
    /// By which values related documents were looked for: of each relation, from the outside in.
    pub(crate) reached: Vec<Vec<Value>>,
}

#[cfg(feature = "live")]
fn reach(levels: &[Level], reached: &mut Vec<Vec<Value>>) {
    for level in levels {
        reached.push(level.keys.values().to_vec());
        reach(&level.below, reached);
    }
}

/// Reads documents with what belongs to them, each by itself, and the position in the change log that they belong to.
#[cfg(feature = "live")]
pub(super) async fn each(engine: &Engine, mut question: Question) -> Result<(u64, Documents)> {
    question.with.iter_mut().for_each(|with| with.see(engine));
    question.view = replaced(question.select.shape, question.view, &question.with);
    let question = Arc::new(question);
    let asked = Arc::clone(&question);
    let look: Look = Arc::new(move |view| {
        let question = Arc::clone(&asked);
        Box::pin(async move {
            let position = view.position().await?;
            let kept = Kept::of(&question.with).with_ids();
            Ok(Box::new((position, find_keeping(view, &question, kept).await?)) as Answer)
        })
    });
    let answer = engine.store().view(look).await?;
    let Ok(found) = answer.downcast::<(u64, Found)>() else {
        return Err(Error::new(Code::InternalError, "the store answered something else than was found"));
    };
    let (position, Found { mut rows, levels }) = *found;
    if rows.is_too_large() {
        return Err(too_large());
    }
    let documents = assemble::each(&rows, &question.with, &levels).ok_or_else(too_large)?;
    let ids = rows.kept().and_then(|kept| kept.ids.take()).unwrap_or_default();
    // JSON is always UTF-8.
    let text = |json: Vec<u8>| String::from_utf8(json).unwrap_or_default().into();
    let all = ids.into_iter().zip(documents.into_iter().map(text)).collect();
    let mut reached = Vec::new();
    reach(&levels, &mut reached);
    Ok((position, Documents { all, reached }))
}

async fn find(view: &mut dyn store::View, question: &Question) -> Result<Found> {
    find_keeping(view, question, Kept::of(&question.with)).await
}

async fn find_keeping(view: &mut dyn store::View, question: &Question, kept: Kept) -> Result<Found> {
    let Question { select, view: shown, form, hits, with } = question;
    let rows = JsonRows::new(select.shape, shown.clone(), form.clone(), hits.clone()).keeping(kept);
    let mut rows = store::sink::<JsonRows>(view.read(select, rows).await?);
    let mut left = MAX_BYTES.saturating_sub(rows.written());
    let levels = match rows.is_too_large() {
        true => Vec::new(),
        false => levels(view, with, rows.kept().map(Kept::take_keys).unwrap_or_default(), &mut left).await?,
    };
    Ok(Found { rows, levels })
}

fn levels<'a>(
    view: &'a mut dyn store::View,
    with: &'a [With],
    keys: Vec<Keys>,
    left: &'a mut usize,
) -> BoxFuture<'a, Result<Vec<Level>>> {
    Box::pin(async move {
        let mut levels = Vec::with_capacity(with.len());
        for (with, keys) in with.iter().zip(keys) {
            levels.push(level(view, with, keys, left).await?);
        }
        Ok(levels)
    })
}

async fn level(view: &mut dyn store::View, with: &With, mut keys: Keys, left: &mut usize) -> Result<Level> {
    if keys.values().len() > most_keys(with) {
        return Err(too_many(with, "belong to too many documents"));
    }
    let each = with.each();
    let mut rows = Children::new(with, std::mem::take(&mut keys), *left, each.is_none());
    if !rows.keys.values().is_empty() && (with.count != Some(0) || each.is_none() && with.totals.is_some()) {
        let select = with.select(&rows.keys);
        let sink = match each {
            Some(each) => view.read_each(&select, each, rows).await?,
            None => view.read(&select, rows).await?,
        };
        rows = Box::new(store::sink::<Children>(sink));
    }
    if let (Some(_), Some(_), false) = (each, &with.totals, rows.keys.values().is_empty()) {
        // The totals are of all that belong to it, not only of those that are shown.
        let select = Select { order: Vec::new(), ..with.select(&rows.keys) };
        let counted = view.read(&select, rows.into_counting()).await?;
        rows = Box::new(store::sink::<Children>(counted));
    }
    rows.check(with)?;
    *left = left.saturating_sub(rows.written());
    let below = std::mem::take(&mut rows.kept.keys);
    let below = levels(view, &with.with, below, left).await?;
    keys = std::mem::take(&mut rows.keys);
    Ok(Level { keys, rows: *rows, below })
}

/// How many keys one query may ask for.
fn most_keys(with: &With) -> usize {
    let Link { to, target, .. } = with.relation.link();
    // Lists are looked through for each of the keys.
    if to.columns[target].array { 1_000 } else { MAX_RELATED }
}

fn too_many(with: &With, why: &str) -> Error {
    let name = &with.relation.name;
    Error::new(
        Code::InvalidQuery,
        format!("the documents of `{name}` {why}: ask for fewer, or give it a `count`"),
    )
    .with_field(name.clone())
}
