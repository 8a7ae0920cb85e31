//! The bills of the multi-crate example.

use modeller::prelude::*;
use multi_accounts::Customer;

/// What a customer owes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "billing", name = "invoices")]
pub struct Invoice {
    /// Who owes it.
    pub customer: Ref<Customer>,
    /// How much, in cents.
    #[validate(range(min = 0))]
    pub amount: i64,
}
