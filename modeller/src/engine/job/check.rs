//! What can be wrong with the jobs and workers that were declared. A start reports it with everything else.

use super::board::declared;
use super::cron::{empty_payload, parse};
use super::enqueue::MOST_ATTEMPTS;
use crate::registry::{Fault, Faults, Registry};

/// Checks the jobs of an application.
pub(in crate::engine) fn check(registry: &Registry, faults: &mut Faults) {
    for (behaviour, handler) in declared(registry) {
        let options = &handler.options;
        let mut fault = |message: String| {
            let message = format!("job `{}` {message}", behaviour.rust);
            faults.push(Fault::new(message).at(behaviour.site));
        };
        if options.attempts == 0 || options.attempts > MOST_ATTEMPTS {
            fault(format!("has `attempts = {}`: write a number from 1 to {MOST_ATTEMPTS}", options.attempts));
        }
        if options.timeout == 0 {
            fault("has a `timeout` of no time: it could never run".to_owned());
        }
        let Some(pattern) = options.cron else { continue };
        if let Err(why) = parse(pattern) {
            fault(format!(
                "has `cron = \"{pattern}\"`, which names no times ({why}): write five fields, as in \"0 3 * * *\" for three \
                 o'clock each night, UTC"
            ));
        }
        if empty_payload(handler).is_none() {
            fault(
                "has a `cron`, and needs arguments that nobody gives it then: leave its fields out, or give each \
                 `#[serde(default)]` and a valid default"
                    .to_owned(),
            );
        }
    }
}
