//! A migration's plan in words.

use crate::store::{Plan, PlannedStep};

/// The steps, one a line, each with its reason and (if asked for) its SQL.
pub(super) fn describe(plan: &Plan, with_sql: bool) -> String {
    if plan.steps.is_empty() {
        return "The database fits the models.\n".into();
    }
    let mut text = String::new();
    for step in &plan.steps {
        text.push_str(mark(step));
        text.push_str(&step.what);
        if let Some(why) = &step.why {
            text.push_str(" (");
            text.push_str(why);
            text.push(')');
        }
        text.push('\n');
        for sql in step.sql.iter().filter(|_| with_sql) {
            text.push_str("    ");
            text.push_str(sql);
            text.push('\n');
        }
    }
    let does_nothing = plan.steps.iter().all(|step| step.sql.is_empty() && !step.impossible);
    text.push_str(if plan.applied {
        "Done.\n"
    } else if plan.steps.iter().any(|step| step.impossible) {
        "Steps marked with x can't be carried out with the data that is there, so nothing will be changed.\n"
    } else if plan.is_destructive() {
        "Steps marked with ! lose data: a start refuses them. `migrate apply` carries out all steps.\n"
    } else if does_nothing {
        "There is nothing to do.\n"
    } else {
        "`migrate apply` carries them out; so does the next start.\n"
    });
    text
}

fn mark(step: &PlannedStep) -> &'static str {
    match step {
        PlannedStep { impossible: true, .. } => "x ",
        PlannedStep { destructive: true, .. } => "! ",
        _ => "- ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drop() -> PlannedStep {
        PlannedStep::safe("drop column users.age", vec!["ALTER ..".into()]).destructive("3 documents have it")
    }

    fn describe(steps: Vec<PlannedStep>, applied: bool) -> String {
        super::describe(&Plan { steps, applied }, true)
    }

    #[test]
    fn a_plan_says_which_steps_lose_data() {
        let text = describe(vec![drop()], false);
        assert!(text.starts_with("! drop column users.age (3 documents have it)\n    ALTER ..\n"), "{text}");
        assert!(text.contains("`migrate apply`"), "{text}");
    }

    #[test]
    fn a_plan_says_what_can_not_be_done() {
        let text = describe(vec![drop(), drop().impossible("2 documents have \"a\"")], false);
        assert!(text.contains("\nx drop column") && !text.contains("`migrate apply`"), "{text}");
    }

    #[test]
    fn a_remark_is_nothing_to_do() {
        let remark = PlannedStep::safe("keep table old", Vec::new());
        assert!(describe(vec![remark], false).ends_with("There is nothing to do.\n"));
        assert!(describe(vec![drop()], true).ends_with("Done.\n"));
    }
}
