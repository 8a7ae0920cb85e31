//! All standing queries, and which of them a row may belong to.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use super::asked::Asked;
use super::feed::{Feed, Waiting};
use super::node::Node;
use super::queue::Queue;
use super::{Filed, Key};
use crate::live::index::Index;
use crate::live::lookahead;

/// Where a query stands among all of them.
pub(super) type Place = u32;

/// All standing queries.
#[derive(Default)]
pub(super) struct Standings {
    /// The other end of the feed, until somebody subscribes.
    pub(super) batches: Option<UnboundedReceiver<Waiting>>,
    pub(super) nodes: Nodes,
    /// Which of them a row of a model may belong to, or may be told with.
    pub(super) models: HashMap<&'static str, Index<Place>>,
    /// How far the changes are matched. Whoever is given an answer is given it afterwards: what somebody else writes behind it is
    /// noticed as a gap.
    pub(super) position: Option<u64>,
    /// Where they are by their generations: a batch of some generation knows of those of that one and of earlier ones.
    generations: BTreeMap<u64, Place>,
}

/// Queries by their places, and by their names.
#[derive(Default)]
pub(super) struct Nodes {
    places: Vec<Option<Node>>,
    free: Vec<Place>,
    names: HashMap<Key, Place>,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Node> {
        self.places.iter().flatten()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.places.iter_mut().flatten()
    }

    /// The one at this place, if there still is one.
    pub(super) fn at(&mut self, place: Place) -> Option<&mut Node> {
        self.places.get_mut(place as usize)?.as_mut()
    }

    /// Looks at those of which something is about to be asked.
    pub(super) fn warm(&self, places: impl Iterator<Item = Place> + Clone) {
        let nodes = places.filter_map(|place| self.places.get(place as usize)?.as_ref());
        lookahead::look(nodes, &[|it| it.look(), |it| it.look_at_question(), |it| it.look_into_question()]);
    }

    pub(super) fn named(&mut self, key: &Key) -> Option<&mut Node> {
        let place = *self.names.get(key)?;
        self.at(place)
    }

    /// Where the next one is put; `None` if there are too many to be counted.
    fn vacant(&mut self) -> Option<Place> {
        if let Some(place) = self.free.pop() {
            return Some(place);
        }
        let place = Place::try_from(self.places.len()).ok()?;
        self.places.push(None);
        Some(place)
    }

    fn remove(&mut self, key: &Key) -> Option<(Place, Node)> {
        let place = self.names.remove(key)?;
        let node = self.places.get_mut(place as usize)?.take()?;
        self.free.push(place);
        if self.names.is_empty() {
            *self = Nodes::default();
        }
        Some((place, node))
    }
}

impl Standings {
    /// None, with the other end of the feed.
    pub(super) fn new(batches: UnboundedReceiver<Waiting>) -> Self {
        Standings { batches: Some(batches), ..Standings::default() }
    }

    /// Somebody subscribes. Answers whether there was room.
    pub(super) fn enter(&mut self, feed: &Feed, asked: &Arc<Asked>, queue: &Arc<Queue>) -> bool {
        if let Some(node) = self.nodes.named(&asked.key) {
            node.join(Arc::clone(queue));
            return true;
        }
        let Some(place) = self.nodes.vacant() else { return false };
        let (mut generation, filed) = (0, asked.standing.watched(None));
        for (shape, filter) in &filed {
            let index = self.models.entry(&shape.path).or_insert_with(|| Index::new(shape));
            index.insert(place, filter);
            generation = feed.want(shape);
        }
        self.generations.insert(generation, place);
        let position = self.position.unwrap_or_default();
        let mut node = Node::new(Arc::clone(asked), generation, filed, position);
        node.join(Arc::clone(queue));
        self.nodes.names.insert(asked.key, place);
        self.nodes.places[place as usize] = Some(node);
        true
    }

    /// Somebody does not any more.
    pub(super) fn leave(&mut self, feed: &Feed, key: &Key, queue: &Arc<Queue>) {
        if self.nodes.named(key).is_none_or(|node| node.part(queue)) {
            return;
        }
        let Some((place, node)) = self.nodes.remove(key) else { return };
        self.generations.remove(&node.generation);
        for (shape, filter) in node.filed() {
            feed.release(shape);
            let Some(index) = self.models.get_mut(&*shape.path) else { continue };
            index.remove(place, &filter);
            if index.is_empty() {
                self.models.remove(&*shape.path);
            }
        }
    }

    /// Files a query under other filters of the same models.
    pub(super) fn file(&mut self, key: &Key, filed: Vec<Filed>) {
        let Some(&place) = self.nodes.names.get(key) else { return };
        let Some(node) = self.nodes.at(place) else { return };
        let before = node.filed();
        node.file(filed.clone());
        for ((shape, before), (_, after)) in before.iter().zip(&filed).filter(|(one, other)| one.1 != other.1)
        {
            // There is none while nothing of the model concerns anybody.
            let index = self.models.entry(&shape.path).or_insert_with(|| Index::new(shape));
            index.remove(place, before);
            index.insert(place, after);
        }
    }

    /// Something may have been missed, up to this position, by those of a later generation. Answers whose answers have to be read.
    pub(super) fn missed(&mut self, generation: u64, until: u64) -> Vec<Key> {
        let later = self.generations.range((Bound::Excluded(generation), Bound::Unbounded));
        let mut stale = Vec::new();
        for (_, place) in later {
            let Some(node) = self.nodes.at(*place) else { continue };
            if node.missed(until) {
                stale.push(node.asked.key);
            }
        }
        stale
    }
}
