//! Where a hook runs: operations that hooks run around, each once.

use proc_macro2::{Ident, Span};

use crate::diag::Diag;
use crate::syntax::attribute::RawAttribute;
use crate::vocab::{HOOKED, Kind, OPERATIONS};
use crate::{messages, names};

/// The points: constructors of `HookPoint`, and variants of `Operation`.
pub(super) fn check(raw: &RawAttribute, diag: &Diag) -> Vec<(Ident, Ident)> {
    let mut points = Vec::new();
    for point in &raw.points {
        let timing = point.timing.to_string();
        if point.operations.is_empty() {
            diag.error(&point.timing, messages::no_operation(&timing));
        }
        for operation in &point.operations {
            let name = operation.to_string();
            let Some((_, variant)) = HOOKED.iter().find(|(known, _)| *known == name) else {
                let meant = names::nearest(&name, HOOKED.iter().map(|(known, _)| *known));
                let meant = meant.filter(|_| !OPERATIONS.contains(&&*name));
                diag.error(operation, messages::not_hooked(&name, meant));
                continue;
            };
            if timing == "after_commit" && name == "list" {
                diag.error(operation, messages::list_commits_nothing());
                continue;
            }
            let ident = |name: &str| Ident::new(name, Span::call_site());
            let point = (ident(&timing), ident(variant));
            if points.contains(&point) {
                diag.error(operation, messages::point_twice(&timing, &name));
            } else {
                points.push(point);
            }
        }
    }
    if raw.points.is_empty() && raw.whole {
        diag.push(syn::Error::new(Span::call_site(), messages::no_point(Kind::Hook)));
    }
    if let Some((schedule, _)) = &raw.schedule
        && raw.points.iter().any(|point| point.timing == "before")
    {
        diag.error(schedule, messages::scheduled_before());
    }
    points
}
