//! What it takes to make a store fit the models.

use serde::{Deserialize, Serialize};

use crate::model::{Code, Error, Result};

/// How far a migration may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// Only say what would be done.
    Nothing,
    /// What can't lose data: new tables, nullable or defaulted columns, indexes, renames that are declared.
    Safe,
    /// All of it.
    Everything,
}

/// One step of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// What is done, in words (`add column system_users.age`).
    pub what: String,
    /// Whether it can lose data, or fail on the data that is there. [`Apply::Safe`] refuses it.
    pub destructive: bool,
    /// Whether it can't be carried out at all, with the data that is there.
    pub impossible: bool,
    /// What it would lose, why it can't be done, and what to do about it.
    pub why: Option<String>,
    /// The statements. None if it is only a remark.
    pub sql: Vec<String>,
}

impl PlannedStep {
    /// A step that loses nothing.
    pub fn safe(what: impl Into<String>, sql: Vec<String>) -> Self {
        PlannedStep { what: what.into(), destructive: false, impossible: false, why: None, sql }
    }

    /// The same step, which can lose data.
    #[must_use]
    pub fn destructive(self, why: impl Into<String>) -> Self {
        PlannedStep { destructive: true, why: Some(why.into()), ..self }
    }

    /// The same step, which can't be carried out.
    #[must_use]
    pub fn impossible(self, why: impl Into<String>) -> Self {
        PlannedStep { impossible: true, ..self.destructive(why) }
    }
}

/// The steps from what is stored to what the models say, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps; none if everything fits.
    pub steps: Vec<PlannedStep>,
    /// Whether they have been carried out.
    pub applied: bool,
}

impl Plan {
    /// Whether a step can lose data.
    pub fn is_destructive(&self) -> bool {
        self.steps.iter().any(|step| step.destructive)
    }

    /// The plan itself, if it may be carried out as far as `apply` goes.
    ///
    /// # Errors
    /// `CONFLICT` with the plan as details, if a step can't be done or would lose data that `apply` does not give up.
    pub fn allowed(self, apply: Apply) -> Result<Plan> {
        let refused = |step: &&PlannedStep| match apply {
            Apply::Nothing => false,
            Apply::Safe => step.destructive,
            Apply::Everything => step.impossible,
        };
        let Some(first) = self.steps.iter().find(refused) else { return Ok(self) };
        let why = first.why.as_deref().unwrap_or("it can lose data");
        let more = match self.steps.iter().filter(refused).count() {
            1 => String::new(),
            count => format!(" ({} more steps like it)", count - 1),
        };
        let advice = match self.steps.iter().any(|step| step.impossible) {
            true => "`migrate plan` shows all steps; nothing was changed",
            false => "`migrate plan` shows all steps, `migrate apply` carries them out; nothing was changed",
        };
        let message = format!("the database does not fit the models: {}: {why}{more}. {advice}", first.what);
        let details = serde_json::to_value(&self).unwrap_or_default();
        Err(Error::new(Code::Conflict, message).with_details(details))
    }
}
