//! What it takes to make a store fit the models.

use serde::Serialize;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// What is done, in words (`add column system_users.age`).
    pub what: String,
    /// Whether it can lose data, or fail on the data that is there.
    pub destructive: bool,
    /// What it would lose, or why it could fail.
    pub why: Option<String>,
    /// The statements.
    pub sql: Vec<String>,
}

/// The steps from what is stored to what the models say, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
}
