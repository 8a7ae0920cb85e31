//! What a path means, as far as models go: `/{scope}/{model}/{operation}`, and the same below extensions.

use super::decode;
use crate::engine::{Operation, unknown};
use crate::model::{Code, Error, Result, Shape, nearest, shown};
use crate::registry::{MAX_EXTENSIONS, Registry};

/// The operation, method or query that a path names; nothing if it names none.
///
/// # Errors
/// `INVALID_REQUEST` if the path is not well encoded.
pub(super) fn find(registry: &Registry, path: &str) -> Result<Option<(&'static Shape, Operation)>> {
    let Some((shape, name)) = place(registry, path)? else { return Ok(None) };
    let operation = Operation::from_name(&name).filter(|operation| operation.is_offered(shape));
    let invoked = || registry.callable(shape, &name).map(Operation::Invoke);
    Ok(operation.or_else(invoked).map(|operation| (shape, operation)))
}

/// The model whose live queries a path is for, and what they answer: `/{scope}/{model}/live` documents, and `../live/count` and
/// `../live/aggregate` figures.
#[cfg(feature = "live")]
pub(super) fn live(registry: &Registry, path: &str) -> Option<(&'static Shape, Operation)> {
    let of_figures = |operation: Operation| {
        let path = path.strip_suffix(operation.name())?.strip_suffix('/')?;
        Some((path, operation))
    };
    let figures = of_figures(Operation::Count).or_else(|| of_figures(Operation::Aggregate));
    let (path, operation) = figures.unwrap_or((path, Operation::List));
    let (shape, _) = place(registry, path).ok()?.filter(|(_, name)| name == super::live::NAME)?;
    Some((shape, operation))
}

/// What to say of a path that means nothing.
pub(super) fn nothing(registry: &Registry, path: &str) -> Error {
    if path.starts_with("/@") {
        return no_route(path);
    }
    match place(registry, path) {
        Ok(Some((shape, name))) => unknown(registry, shape, &name),
        Err(error) => error,
        Ok(None) => {
            let Some([scope, model, _]) = three(path) else { return no_route(path) };
            let part = |raw| decode::segment(raw).unwrap_or_default();
            let written = format!("{}/{}", part(scope), part(model));
            let near = nearest(&written, registry.models().iter().map(|shape| shape.path.as_str()));
            let hint = near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
            let message = format!("there is no model `{}`{hint}", shown(&written, 60));
            Error::new(Code::ModelNotFound, message)
        }
    }
}

/// That there is nothing at a path, whatever it looks like.
pub(super) fn no_route(path: &str) -> Error {
    Error::new(Code::RouteNotFound, format!("there is nothing at `{}`", shown(path, 60)))
}

/// Whether a path is below a model, at its own path or where it is mounted.
pub(super) fn is_of_model(registry: &Registry, path: &str) -> bool {
    place(registry, path).is_ok_and(|place| place.is_some())
}

/// The model of a path, and the last segment.
fn place<'a>(
    registry: &Registry,
    path: &'a str,
) -> Result<Option<(&'static Shape, std::borrow::Cow<'a, str>)>> {
    let Some(path) = path.strip_prefix('/') else { return Ok(None) };
    let mut segments = path.split('/');
    let (Some(scope), Some(model), Some(mut last)) = (segments.next(), segments.next(), segments.next())
    else {
        return Ok(None);
    };
    let (scope, model) = (decode::segment(scope)?, decode::segment(model)?);
    let Some(mut shape) = registry.find(&scope, &model) else { return Ok(None) };
    for (depth, next) in segments.enumerate() {
        let extension = registry.extension(shape, &decode::segment(last)?).filter(|_| depth < MAX_EXTENSIONS);
        let Some(extension) = extension else { return Ok(None) };
        (shape, last) = (extension, next);
    }
    let last = decode::segment(last)?;
    Ok((!last.is_empty()).then_some((shape, last)))
}

/// The three segments of a path that has three, none of them empty.
fn three(path: &str) -> Option<[&str; 3]> {
    let mut parts = path.strip_prefix('/')?.split('/');
    let all = [parts.next()?, parts.next()?, parts.next()?];
    (parts.next().is_none() && all.iter().all(|part| !part.is_empty())).then_some(all)
}
