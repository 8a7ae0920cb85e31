//! Jobs and workers that can't be: all of them are reported at once, before anything starts.

use modeller::App;
use modeller::prelude::*;

#[modeller::job(cron = "61 * * * *")]
async fn no_pattern(_cx: &Cx) {}

#[modeller::job(cron = "0 0 30 2 *")]
async fn no_such_day(_cx: &Cx) {}

#[modeller::job(cron = "0 0 * * *")]
async fn has_arguments(_cx: &Cx, whom: String) {
    drop(whom);
}

#[modeller::job(cron = "0 0 * * *")]
async fn is_sound(_cx: &Cx) {}

// HOO-14
#[test]
fn what_is_wrong_with_jobs_is_said_at_the_start_with_its_place() {
    let error = App::isolated().allow_empty().registry().unwrap_err().to_string();
    let expected = [
        ("job `NoPattern` has `cron = \"61 * * * *\"`", 6),
        ("job `NoSuchDay` has `cron = \"0 0 30 2 *\"`", 9),
        ("job `HasArguments` has a `cron`, and needs arguments", 12),
    ];
    assert!(error.contains("3 faults"), "{error}");
    for (message, line) in expected {
        let at = error.find(message).unwrap_or_else(|| panic!("{message} in {error}"));
        let place = error[at..].lines().nth(1).unwrap();
        assert!(place.contains(&format!("job_faults.rs:{line}")), "{place}, line {line}");
    }
    assert!(!error.contains("IsSound"), "{error}");
}
