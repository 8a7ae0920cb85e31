//! Where subscriptions meet: one room for each model and scope, for as long as somebody holds on to it.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use serde::de::DeserializeOwned;
use serde_json::{Number, Value as Json};
use sha2::{Digest as _, Sha256};
use tokio::sync::broadcast;

use super::subscription::QUEUE;
use crate::model::{Code, Error, MAX_DEPTH, Result, Shape};

/// Longest scope, in bytes of its JSON.
const MAX_SCOPE: usize = 4 * 1024;

/// A payload that was published, as JSON. It is cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published(Arc<str>);

impl Published {
    pub(super) fn new(json: String) -> Self {
        Published(json.into())
    }

    /// The payload's JSON.
    pub fn json(&self) -> &str {
        &self.0
    }

    /// The payload as a value that serde can read.
    ///
    /// # Errors
    /// `PARSE_ERROR` if it is none.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.0).map_err(|error| {
            Error::new(Code::ParseError, format!("what was published does not fit: {error}"))
        })
    }
}

/// Who hears of everything that is published, whatever the scope: a door that has listeners of its own.
pub trait Observer: Send + Sync + 'static {
    /// Something was published to a subscription with this [id](super::Subscription::id). It must not block.
    fn published(&self, model: &'static Shape, scope: &Json, id: &str, payload: &Published);

    /// A subscription was ended for all: nobody listens there any more.
    fn ended(&self, id: &str) {
        let _ = id;
    }
}

pub(super) type Callback = Arc<dyn Fn(&Published) + Send + Sync>;

/// A model and a scope, normalised.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    model: &'static str,
    scope: String,
}

/// All rooms.
#[derive(Default)]
pub(super) struct Hub {
    rooms: Mutex<HashMap<Key, Weak<Room>>>,
    observers: RwLock<Vec<Arc<dyn Observer>>>,
    is_observed: AtomicBool,
}

impl Hub {
    /// The room of a scope; a new one, if nobody has it.
    pub(super) fn room(self: &Arc<Self>, shape: &'static Shape, scope: &Json) -> Result<Arc<Room>> {
        let key = Key { model: &shape.path, scope: normalised(scope)? };
        let mut rooms = lock(&self.rooms);
        if let Some(room) = rooms.get(&key).and_then(Weak::upgrade) {
            return Ok(room);
        }
        let digest = Sha256::digest(key.scope.as_bytes());
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let room = Arc::new(Room {
            id: format!("{}:{hex}", shape.path),
            shape,
            // It has just been written.
            scope: serde_json::from_str(&key.scope).unwrap_or_default(),
            key: key.clone(),
            hub: Arc::downgrade(self),
            state: Mutex::default(),
        });
        rooms.insert(key, Arc::downgrade(&room));
        Ok(room)
    }

    /// Ends the subscription of a scope, for all who have it. `false` if nobody has.
    pub(super) fn end(&self, shape: &'static Shape, scope: &Json) -> Result<bool> {
        let key = Key { model: &shape.path, scope: normalised(scope)? };
        let room = lock(&self.rooms).remove(&key).and_then(|room| room.upgrade());
        let Some(room) = room else { return Ok(false) };
        let mut state = lock(&room.state);
        state.is_over = true;
        state.sender = None;
        let callbacks = std::mem::take(&mut state.callbacks);
        drop(state);
        drop(callbacks);
        for observer in self.observers() {
            observer.ended(&room.id);
        }
        Ok(true)
    }

    pub(super) fn observe(&self, observer: Arc<dyn Observer>) {
        self.observers.write().unwrap_or_else(PoisonError::into_inner).push(observer);
        self.is_observed.store(true, Ordering::Release);
    }

    fn observers(&self) -> Vec<Arc<dyn Observer>> {
        if !self.is_observed.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.observers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many rooms there are.
    pub(super) fn len(&self) -> usize {
        lock(&self.rooms).len()
    }
}

/// What all handles of one subscription share.
pub(super) struct Room {
    pub(super) shape: &'static Shape,
    pub(super) scope: Json,
    pub(super) id: String,
    key: Key,
    hub: Weak<Hub>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Made for the first receiver.
    sender: Option<broadcast::Sender<Published>>,
    callbacks: Vec<(u64, Callback)>,
    last: u64,
    is_over: bool,
}

impl Room {
    /// Gives a payload to all who listen, in the order of the calls.
    pub(super) fn deliver(&self, payload: &Published) {
        let state = lock(&self.state);
        if state.is_over {
            return;
        }
        if let Some(sender) = &state.sender {
            // Without receivers there is nobody to miss it.
            let _ = sender.send(payload.clone());
        }
        let callbacks: Vec<Callback> = state.callbacks.iter().map(|(_, callback)| callback.clone()).collect();
        // A callback may publish, listen, or end the subscription.
        drop(state);
        for callback in callbacks {
            if catch_unwind(AssertUnwindSafe(|| callback(payload))).is_err() {
                tracing::error!(subscription = %self.id, "a listener of a subscription panicked");
            }
        }
        let Some(hub) = self.hub.upgrade() else { return };
        for observer in hub.observers() {
            observer.published(self.shape, &self.scope, &self.id, payload);
        }
    }

    /// A receiver of what is published from now on; an ended one, if the subscription is over.
    pub(super) fn receiver(&self) -> broadcast::Receiver<Published> {
        let mut state = lock(&self.state);
        if state.is_over {
            return broadcast::channel(1).1;
        }
        state.sender.get_or_insert_with(|| broadcast::channel(QUEUE).0).subscribe()
    }

    pub(super) fn add(&self, callback: Callback) -> u64 {
        let mut state = lock(&self.state);
        state.last += 1;
        let id = state.last;
        if !state.is_over {
            state.callbacks.push((id, callback));
        }
        id
    }

    pub(super) fn remove(&self, id: u64) {
        let mut state = lock(&self.state);
        let at = state.callbacks.iter().position(|(other, _)| *other == id);
        let removed = at.map(|at| state.callbacks.remove(at));
        drop(state);
        // What it holds may be dropped with it, and want to be heard.
        drop(removed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let Some(hub) = self.hub.upgrade() else { return };
        let mut rooms = lock(&hub.rooms);
        // Another one may have taken the place meanwhile.
        if rooms.get(&self.key).is_some_and(|room| room.strong_count() == 0) {
            rooms.remove(&self.key);
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.shape.path, self.key.scope)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A scope as text that is the same for all ways to write it.
fn normalised(scope: &Json) -> Result<String> {
    if !scope.is_object() {
        let message = "the scope of a subscription is an object, such as {\"roomId\": \"abc\"} or {}";
        return Err(Error::new(Code::InvalidQuery, message));
    }
    let mut out = String::new();
    write(scope, &mut out, 0)?;
    Ok(out)
}

fn write(value: &Json, out: &mut String, depth: usize) -> Result<()> {
    let too_large = || {
        let message = format!("a scope has at most {MAX_SCOPE} bytes, and {MAX_DEPTH} levels");
        Err(Error::new(Code::InvalidQuery, message))
    };
    if depth > MAX_DEPTH {
        return too_large();
    }
    match value {
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Json::from(name.as_str()).to_string());
                out.push(':');
                write(value, out, depth + 1)?;
            }
            out.push('}');
        }
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out, depth + 1)?;
            }
            out.push(']');
        }
        Json::Number(number) => out.push_str(&whole(number).unwrap_or_else(|| number.to_string())),
        other => out.push_str(&other.to_string()),
    }
    if out.len() > MAX_SCOPE { too_large() } else { Ok(()) }
}

/// `1.0` as `1`, where a float is exact about it.
fn whole(number: &Number) -> Option<String> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float =
        number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT)?;
    Some((float as i64).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_scope_is_the_same_however_it_is_written() {
        // RTE-02
        let same = |one: &str, other: &str| {
            let parse = |text| serde_json::from_str::<Json>(text).unwrap();
            normalised(&parse(one)).unwrap() == normalised(&parse(other)).unwrap()
        };
        assert!(same(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#, r#"{"b":{"d":null,"c":[1.0,2e0]},"a":1.0}"#));
        assert!(same("{}", " { } "));
        assert!(same(r#"{"a":0}"#, r#"{"a":-0.0}"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":"1"}"#));
        assert!(!same(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#));
        assert!(!same(r#"{"a":{}}"#, r#"{"a":[]}"#));
        assert!(!same(r#"{"a":null}"#, "{}"));
        assert!(!same(r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#));
    }

    #[test]
    fn a_normalised_scope_is_json() {
        for scope in [json!({}), json!({ "a": {} }), json!({ "a": { "b": {} }, "c": [{}, []], "\"": "\n" })] {
            let text = normalised(&scope).unwrap();
            assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), scope, "{text}");
        }
    }

    #[test]
    fn a_scope_is_a_small_object() {
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({ "a": deep });
        }
        for bad in [json!(null), json!([]), json!("a"), json!(1), deep, json!({ "a": "x".repeat(5_000) })] {
            assert!(normalised(&bad).unwrap_err().is(Code::InvalidQuery));
        }
    }
}
