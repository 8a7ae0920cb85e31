//! The jobs and workers of an application, for people and for programs that list them.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::{job, worker};
use crate::registry::{Behaviour, Registry};

/// Whether it is the application's own; the framework's begin with `_`.
fn is_own(behaviour: &Behaviour) -> bool {
    !behaviour.name.starts_with('_')
}

/// One line a job and a worker, for the log at start-up and for `inspect`.
pub(crate) fn lines(registry: &Registry) -> Vec<String> {
    let jobs = job::declared(registry).map(|(behaviour, handler)| {
        let options = &handler.options;
        let mut line = format!("job {}  {} attempts", behaviour.id(), options.attempts);
        if let Some(pattern) = options.cron {
            // Writing to a string does not fail.
            let _ = write!(line, ", cron \"{pattern}\"");
        }
        (behaviour, line)
    });
    let workers = worker::declared(registry).map(|(behaviour, handler)| {
        let name = if behaviour.name.is_empty() { "(unnamed)".to_owned() } else { behaviour.id() };
        let later = if handler.options.immediate { "" } else { ", first after that" };
        (behaviour, format!("worker {name}  every {} ms{later}", handler.options.every))
    });
    let own = jobs.chain(workers).filter(|(behaviour, _)| is_own(behaviour));
    own.map(|(behaviour, line)| format!("{line}  [{} {}]", behaviour.rust, behaviour.site)).collect()
}

/// What is said of each.
pub(crate) fn about(behaviour: &Behaviour) -> Map<String, Json> {
    let mut about = Map::new();
    if !behaviour.name.is_empty() {
        about.insert("name".into(), behaviour.id().into());
    }
    if !behaviour.path().is_empty() {
        about.insert("model".into(), behaviour.path().into());
    }
    if !behaviour.docs.is_empty() {
        about.insert("description".into(), behaviour.docs.into());
    }
    about.insert("site".into(), behaviour.site.to_string().into());
    about
}

/// The jobs and the workers of an application as JSON: an array each.
pub(crate) fn describe(registry: &Registry) -> Map<String, Json> {
    let jobs =
        job::declared(registry).filter(|(behaviour, _)| is_own(behaviour)).map(|(behaviour, handler)| {
            let mut job = about(behaviour);
            job.insert("attempts".into(), handler.options.attempts.into());
            if let Some(pattern) = handler.options.cron {
                job.insert("cron".into(), pattern.into());
            }
            Json::Object(job)
        });
    let workers = worker::declared(registry).map(|(behaviour, handler)| {
        let mut worker = about(behaviour);
        worker.insert("every".into(), handler.options.every.into());
        worker.insert("immediate".into(), handler.options.immediate.into());
        Json::Object(worker)
    });
    Map::from_iter([("jobs".to_owned(), jobs.collect()), ("workers".to_owned(), workers.collect())])
}
