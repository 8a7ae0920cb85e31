//! Extensions: models that are also served below another one, at its path.

use super::{BehaviourKind, Fault, Faults, Registry};
use crate::model::{Descriptor, Shape};

/// How many extensions may stand below one another.
pub const MAX_EXTENSIONS: usize = 3;

/// A model at a path besides its own.
#[derive(Clone, Debug)]
pub struct Mount {
    /// `system/users/posts`: where it stands.
    pub path: String,
    /// The model that it is mounted on.
    pub parent: &'static Shape,
    /// The model itself.
    pub shape: &'static Shape,
}

impl Registry {
    /// Mounts models under others: the second of each pair below the first, under its own name. It stays what it is, with
    /// hooks, methods and all; it can only be reached at one more path.
    ///
    /// # Errors
    /// All at once: models that are not part of the application, names that the parent has given to something else,
    /// circles, more than [`MAX_EXTENSIONS`] below one another.
    pub fn extend(&mut self, pairs: &[(&'static Descriptor, &'static Descriptor)]) -> Result<(), Faults> {
        let mut faults = Faults::default();
        for &(parent, extension) in pairs {
            let what = format!("the extension of `{}` by `{}`", parent.rust, extension.rust);
            let mut fault = |message: String| {
                faults.push(Fault::new(message).at(parent.site).at(extension.site));
            };
            let (Some(on), Some(shape)) =
                (self.find(parent.scope, parent.name), self.find(extension.scope, extension.name))
            else {
                fault(format!(
                    "{what} is not possible: one of them is no model of this application; link its crate \
                     (`modeller::link!(..)`) or add it to `models::<(..)>()`"
                ));
                continue;
            };
            let mounted = self.extensions.entry(&on.path).or_default();
            if let Some(other) = mounted.iter().find(|other| other.descriptor.name == extension.name) {
                fault(format!(
                    "{what} is not possible: `{}` has an extension called `{}` already, `{}`",
                    parent.rust, extension.name, other.descriptor.rust
                ));
                continue;
            }
            mounted.push(shape);
            if let Some(taken) = self.callable(on, extension.name) {
                fault(format!(
                    "{what} is not possible: `{}` has a {} called `{}`",
                    parent.rust, taken.kind, extension.name
                ));
            }
        }
        if let Some(deep) = self.mounts_to(MAX_EXTENSIONS + 1).into_iter().find(is_too_deep) {
            let message = format!(
                "`{}` is too deep, or goes in a circle: at most {MAX_EXTENSIONS} extensions stand below one another",
                deep.path
            );
            faults.push(Fault::new(message).at(deep.parent.descriptor.site).at(deep.shape.descriptor.site));
        }
        faults.into_result()
    }

    /// The models that are mounted on this one, in the order in which they were.
    pub fn extensions(&self, shape: &Shape) -> &[&'static Shape] {
        self.extensions.get(shape.path.as_str()).map_or(&[], Vec::as_slice)
    }

    /// The model that is mounted on this one under this name.
    pub fn extension(&self, shape: &Shape, name: &str) -> Option<&'static Shape> {
        self.extensions(shape).iter().copied().find(|extension| extension.descriptor.name == name)
    }

    /// Every model at a path besides its own.
    pub fn mounts(&self) -> Vec<Mount> {
        self.mounts_to(MAX_EXTENSIONS)
    }

    fn mounts_to(&self, depth: usize) -> Vec<Mount> {
        let below = |path: &str, parent: &'static Shape| -> Vec<Mount> {
            let mount = |&shape: &&'static Shape| Mount {
                path: format!("{path}/{}", shape.descriptor.name),
                parent,
                shape,
            };
            self.extensions(parent).iter().map(mount).collect()
        };
        let mut level: Vec<Mount> =
            self.models().iter().flat_map(|&parent| below(&parent.path, parent)).collect();
        let mut all = Vec::new();
        for _ in 0..depth {
            let next = level.iter().flat_map(|mount| below(&mount.path, mount.shape)).collect();
            all.append(&mut level);
            level = next;
        }
        all
    }
}

fn is_too_deep(mount: &Mount) -> bool {
    // A scope, a model, and the extensions.
    mount.path.split('/').count() > 2 + MAX_EXTENSIONS
}

/// What stands in one place of a route: methods and queries have one set of names.
pub(super) fn is_callable(kind: BehaviourKind) -> bool {
    matches!(kind, BehaviourKind::Method | BehaviourKind::Query)
}
