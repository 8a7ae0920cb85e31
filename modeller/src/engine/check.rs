//! What can be wrong with what models do, as far as the engine knows better than the registry.

use super::{Operation, job, worker};
use crate::registry::{BehaviourKind, Fault, Faults, Registry};

/// Checks the names of methods, queries and extensions against those of the operations, every payload's type, jobs and workers.
///
/// # Errors
/// All faults at once, each with its place.
pub fn check(registry: &Registry) -> Result<(), Faults> {
    let mut faults = Faults::default();
    // Doors serve live queries under this name.
    let is_operation = |name: &str| Operation::from_name(name).is_some() || name == "live";
    for behaviour in registry.behaviours() {
        let is_called = matches!(behaviour.kind, BehaviourKind::Method | BehaviourKind::Query);
        if is_called && is_operation(behaviour.name) {
            let kind = behaviour.kind;
            let message = format!(
                "{kind} `{}` can't be called `{}`: every model has an operation of that name; give it another one with \
                 `#[modeller::{kind}(.., name = \"..\")]`",
                behaviour.rust, behaviour.name
            );
            faults.push(Fault::new(message).at(behaviour.site));
        }
        if let Some(Err(fault)) = behaviour.try_payload_shape() {
            let message =
                format!("`{}` can't be the payload of a {}: {fault}", behaviour.rust, behaviour.kind);
            faults.push(Fault::new(message).at(behaviour.site));
        }
    }
    for mount in registry.mounts() {
        let name = mount.shape.descriptor.name;
        if is_operation(name) {
            let message = format!(
                "the extension of `{}` by `{}` is not possible: `{name}` is an operation of every model",
                mount.parent.descriptor.rust, mount.shape.descriptor.rust
            );
            let sites = (mount.parent.descriptor.site, mount.shape.descriptor.site);
            faults.push(Fault::new(message).at(sites.0).at(sites.1));
        }
    }
    job::check(registry, &mut faults);
    worker::check(registry, &mut faults);
    faults.into_result()
}
