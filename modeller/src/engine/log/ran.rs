//! Entries about what an application's own handlers came to: hooks, methods, events, workers, jobs, rules.

use std::fmt;

use serde_json::json;

use super::{Feature, LogLevel};
use crate::engine::Engine;
use crate::model::{Error, Shape, Site};

/// Tells the log what a handler came to: `debug` if it did what it should, `error` with the code and the reason if it failed.
///
/// `what` says which it was and when: ``hook `normalize` before(insert)``. Failures that the log is not set to take go to
/// `tracing` all the same, as those of the server itself: somebody should be able to see them.
pub(crate) fn ran<T>(
    engine: &Engine,
    feature: Feature,
    shape: Option<&'static Shape>,
    site: Option<Site>,
    what: fmt::Arguments<'_>,
    result: &Result<T, Error>,
) {
    let level = if result.is_ok() { LogLevel::Debug } else { LogLevel::Error };
    let is_on = engine.log().is_on(level, feature);
    let mut logger = engine.logger(shape).about(feature);
    if let Some(site) = site.or_else(|| shape.map(|shape| shape.descriptor.site)) {
        logger = logger.at(site);
    }
    match result {
        Ok(_) if is_on => logger.debug(what, ()),
        Ok(_) => {}
        Err(error) if is_on => {
            let data = json!({ "code": error.code(), "error": error.message() });
            logger.error(format_args!("{what} failed"), data);
        }
        Err(error) => {
            let model = shape.map(|shape| shape.path.as_str());
            tracing::error!(model, code = error.code(), error = ?error.message(), "{what} failed");
        }
    }
}
