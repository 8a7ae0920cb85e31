//! What goes on in the background: matching what the store tells of, and reading answers anew.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::kept::Kept;
use super::node::Node;
use super::reactive::DEBOUNCE;
use super::{Key, Queries, Waiting};
use crate::engine::caught;
use crate::model::{Code, Error};

/// How long after a failure an answer is read again.
const PAUSE: Duration = Duration::from_millis(200);

/// How often the store is asked whether somebody else has written.
const LOOK: Duration = Duration::from_secs(1);

/// Matches what the store tells of, for as long as there is somebody to tell.
pub(super) async fn attend(queries: Weak<Queries>, mut batches: UnboundedReceiver<Waiting>) {
    loop {
        if let Some(queries) = queries.upgrade()
            && let Some(engine) = queries.engine.upgrade()
            && let Err(error) = queries.begin(&engine).await
        {
            tracing::warn!(%error, "it is not known yet how far the change log goes; trying again");
        }
        let told = tokio::time::timeout(LOOK, batches.recv()).await;
        let Some((queries, engine)) = queries.upgrade().and_then(|queries| {
            let engine = queries.engine.upgrade()?;
            Some((queries, engine))
        }) else {
            return;
        };
        match told {
            Ok(Some(waiting)) => queries.take_in(&engine, waiting).await,
            Ok(None) => return,
            Err(_) => queries.look_round(&engine, &mut batches).await,
        }
        queries.moved.notify_waiters();
    }
}

/// Reads the answer of a query until it is one of a moment since which nothing has happened that it is not told of.
pub(super) async fn read_anew(queries: Weak<Queries>, key: Key) {
    loop {
        let Some(queries) = queries.upgrade() else { return };
        let Some(engine) = queries.engine.upgrade() else { return };
        let stale = |node: &mut Node, _| node.goes_on().then(|| Arc::clone(&node.asked));
        let Some(asked) = queries.with_node(&key, stale).flatten() else { return };
        let read = async {
            let (position, kept) = Kept::read(&asked.standing, &engine).await?;
            queries.was_read(&engine, &key, Some(&asked), position, kept);
            Ok::<_, Error>(())
        };
        // There may be another one of this name by now.
        let same = |body: &dyn Fn(&mut Node, u64)| {
            let only = |node: &mut Node, matched| node.has_asked(&asked).then(|| body(node, matched));
            queries.with_node(&key, only);
        };
        let pause = match caught(read).await {
            Ok(Ok(())) => DEBOUNCE,
            Ok(Err(error)) if error.is(Code::InvalidQuery) => {
                same(&|node, matched| node.refuse(&error, matched));
                queries.moved.notify_waiters();
                continue;
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "a live query can't be read; trying again");
                PAUSE
            }
            Err(panic) => {
                tracing::error!(%panic, "the read of a live query panicked; it begins anew");
                same(&Node::forget);
                PAUSE
            }
        };
        queries.moved.notify_waiters();
        drop((queries, engine));
        tokio::time::sleep(pause).await;
    }
}
