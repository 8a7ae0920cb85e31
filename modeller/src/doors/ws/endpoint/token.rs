//! Tokens: a query with its arguments, until when, signed for one caller. Whoever has been given one need not be remembered; who has
//! used one is, until it would be over anyway.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::MAX_ARGUMENTS;
use crate::engine::{Engine, Identity};
use crate::live::NamedQuery;
use crate::model::{Code, Error, Result};

/// What a signature is for.
const PURPOSE: &[u8] = b"realtime 1";

/// Longer than any token of ours: arguments, a name, and what goes with them, in base64.
const MAX_TOKEN: usize = (MAX_ARGUMENTS + 2 * 1024) * 4 / 3;

/// So many tokens may be used within the time that one is good for.
const MAX_USED: usize = 65_536;

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Payload {
    #[serde(rename = "q")]
    query: String,
    #[serde(rename = "a")]
    arguments: Box<RawValue>,
    /// Until when, in Unix milliseconds.
    #[serde(rename = "e")]
    expires: i64,
    /// What no other token has.
    #[serde(rename = "n")]
    nonce: Uuid,
}

/// A token that was given out.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) query: String,
    pub(super) arguments: Json,
    pub(super) nonce: Uuid,
}

/// A token for this caller.
pub(super) fn issue(
    engine: &Engine,
    identity: &Identity,
    query: &NamedQuery,
    lifetime: Duration,
) -> Result<String> {
    let broken = |error: serde_json::Error| Error::new(Code::InternalError, error.to_string());
    let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    let payload = Payload {
        query: query.name(),
        arguments: RawValue::from_string(query.arguments().to_owned()).map_err(broken)?,
        expires: engine.clock().now().saturating_add(lifetime),
        nonce: Uuid::new_v4(),
    };
    let mut bytes = serde_json::to_vec(&payload).map_err(broken)?;
    let seal = engine.seal(&[PURPOSE, &caller(identity), &bytes]);
    bytes.extend_from_slice(&seal);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

impl Grant {
    /// What a token grants this caller, if it is one of ours and not over.
    pub(super) fn open(engine: &Engine, identity: &Identity, text: &str) -> Option<Self> {
        if text.len() > MAX_TOKEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (payload, seal) = bytes.split_last_chunk::<32>()?;
        if !engine.is_sealed(&[PURPOSE, &caller(identity), payload], seal) {
            return None;
        }
        let payload: Payload = serde_json::from_slice(payload).ok()?;
        if payload.expires <= engine.clock().now() {
            return None;
        }
        let arguments = serde_json::from_str(payload.arguments.get()).ok()?;
        Some(Grant { query: payload.query, arguments, nonce: payload.nonce })
    }
}

/// Nobody in particular is somebody else than one who has no name.
fn caller(identity: &Identity) -> Vec<u8> {
    match identity.actor() {
        Some(actor) => [b"=", actor.as_bytes()].concat(),
        None => b"-".to_vec(),
    }
}

/// The tokens that were used, for as long as they would be good.
pub(super) struct Used {
    lifetime: i64,
    most: usize,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    /// Since when `now` is filled.
    since: i64,
    now: HashSet<Uuid>,
    /// Those of the time before: what is older than both is over.
    before: HashSet<Uuid>,
}

impl Used {
    pub(super) fn new(lifetime: Duration) -> Self {
        let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        Used { lifetime, most: MAX_USED, spent: Mutex::default() }
    }

    /// Uses a token. `false` if it was used before.
    ///
    /// # Errors
    /// `OVERLOADED` if there are so many that they can't be remembered: better nobody than somebody twice.
    pub(super) fn spend(&self, nonce: Uuid, now: i64) -> Result<bool> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(spent.since) >= self.lifetime {
            spent.before = std::mem::take(&mut spent.now);
            spent.since = now;
        }
        if spent.before.contains(&nonce) || spent.now.contains(&nonce) {
            return Ok(false);
        }
        if spent.now.len() >= self.most {
            let message = "too many subscriptions are taken up at once; try again soon";
            return Err(Error::new(Code::Overloaded, message));
        }
        Ok(spent.now.insert(nonce))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::App;
    use crate::engine::Clock;
    use crate::registry::Registry;
    use serde_json::json;

    #[derive(
        Clone,
        Debug,
        serde::Serialize,
        serde::Deserialize,
        schemars::JsonSchema,
        validator::Validate,
        crate::Model,
    )]
    #[model(scope = "tokens", name = "notes")]
    struct Note {
        text: String,
    }

    fn query(registry: &Registry, count: u64) -> NamedQuery {
        NamedQuery::parse(registry, "tokens/notes/list", &json!({ "count": count })).unwrap()
    }

    #[tokio::test]
    async fn a_token_is_for_one_caller_and_one_time_and_can_t_be_changed() {
        // LIV-03, LIV-04
        let clock = Clock::manual(1_000);
        let engine = App::isolated().models::<(Note,)>().clock(clock.clone()).engine().await.unwrap();
        let other = App::isolated().models::<(Note,)>().clock(clock.clone()).engine().await.unwrap();
        let life = Duration::from_secs(30);
        let nobody = Identity::Anonymous;
        let token = issue(&engine, &nobody, &query(engine.registry(), 3), life).unwrap();
        let grant = Grant::open(&engine, &nobody, &token).unwrap();
        assert_eq!((&*grant.query, grant.arguments), ("tokens/notes/list", json!({ "count": 3 })));

        assert!(Grant::open(&engine, &Identity::System, &token).is_none(), "somebody else's");
        assert!(Grant::open(&other, &nobody, &token).is_none(), "of another database");
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Grant::open(&engine, &nobody, &URL_SAFE_NO_PAD.encode(changed)).is_none(), "byte {at}");
        }
        for wrong in ["", "a", "*", &token[1..], &token[..token.len() - 1], &"A".repeat(100_000)] {
            assert!(Grant::open(&engine, &nobody, wrong).is_none());
        }
        clock.advance(life - Duration::from_millis(1));
        assert!(Grant::open(&engine, &nobody, &token).is_some());
        clock.advance(Duration::from_millis(1));
        assert!(Grant::open(&engine, &nobody, &token).is_none(), "over");
    }

    #[test]
    fn a_token_is_used_once_and_remembered_until_it_is_over() {
        // LIV-04
        let used = Used { most: 3, ..Used::new(Duration::from_millis(100)) };
        let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
        assert!(used.spend(one, 1_000).unwrap());
        assert!(used.spend(two, 1_099).unwrap());
        // Whenever it might still be good.
        for now in [1_000, 1_050, 1_100, 1_150, 1_198] {
            assert!(!used.spend(two, now).unwrap(), "{now}");
        }
        for at in 0..2 {
            let all: Vec<_> = (0..4).map(|_| used.spend(Uuid::new_v4(), 1_400 + at * 100)).collect();
            assert!(all[..3].iter().all(|one| matches!(one, Ok(true))));
            assert!(all[3].as_ref().unwrap_err().is(Code::Overloaded));
        }
        // No more than two generations are kept.
        let spent = used.spent.lock().unwrap();
        assert_eq!(spent.now.len() + spent.before.len(), 6);
    }
}
