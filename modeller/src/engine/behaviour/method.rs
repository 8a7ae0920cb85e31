//! Methods and queries: called by name, with a payload, for an answer.

use schemars::JsonSchema;
use serde::Serialize;

use super::Answering;
use crate::engine::Cx;
use crate::model::{Model, Result};
use crate::registry::Behaviour;

/// A struct with `#[modeller::method(..)]`: the attribute implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a method",
    label = "add `#[modeller::method(SomeModel)]` to this struct",
    note = "the attribute says to which model the method belongs, and registers it"
)]
pub trait IsMethod: Sized + Send + Sync + 'static {
    /// The model that it belongs to.
    type Model: Model;

    /// What the attribute left for the registry.
    fn behaviour() -> &'static Behaviour;
}

/// What a method does: one caller, one answer. The struct is its payload.
///
/// ```
/// use modeller::prelude::*;
///
/// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
/// pub struct Account { pub balance: i64 }
///
/// /// Puts money into an account, and answers what is in it then.
/// #[modeller::method(Account)]
/// #[derive(Serialize, Deserialize, JsonSchema, Validate)]
/// pub struct Deposit {
///     pub account: Id<Account>,
///     #[validate(range(min = 1))]
///     pub amount: i64,
/// }
///
/// impl Method for Deposit {
///     type Reply = i64;
///
///     async fn call(self, cx: &Cx) -> Result<i64> {
///         let Some(account) = Account::get(cx, &self.account).await? else {
///             return Err(Error::new(Code::NotFound, "there is no such account"));
///         };
///         let balance = account.balance + self.amount;
///         Ok(Account::update(cx, &self.account, Account::BALANCE.set(balance)).await?.balance)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as a method, and does nothing yet",
    label = "write `impl Method for {Self}`",
    note = "the attribute declares it, and the trait `Method` says what it does"
)]
pub trait Method: IsMethod {
    /// What it answers.
    type Reply: Serialize + JsonSchema + Send + 'static;

    /// Does it.
    ///
    /// # Errors
    /// Whatever goes wrong: the caller gets the error as it is, with its code and status.
    fn call(self, cx: &Cx) -> impl Future<Output = Result<Self::Reply>> + Send;
}

/// A struct with `#[modeller::query(..)]`: the attribute implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a query",
    label = "add `#[modeller::query(SomeModel)]` to this struct",
    note = "the attribute says to which model the query belongs, and registers it"
)]
pub trait IsQuery: Sized + Send + Sync + 'static {
    /// The model that it belongs to.
    type Model: Model;

    /// What the attribute left for the registry.
    fn behaviour() -> &'static Behaviour;
}

/// What a query answers. It reads only; the struct is its payload.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as a query, and does nothing yet",
    label = "write `impl Query for {Self}`",
    note = "the attribute declares it, and the trait `Query` says what it does"
)]
pub trait Query: IsQuery {
    /// What it answers.
    type Reply: Serialize + JsonSchema + Send + 'static;

    /// Reads and answers. Writes through this context fail.
    ///
    /// # Errors
    /// Whatever goes wrong: the caller gets the error as it is, with its code and status.
    fn run(self, cx: &Cx) -> impl Future<Output = Result<Self::Reply>> + Send;
}

/// How a method or a query is carried out: JSON in, JSON out.
pub struct MethodHandler {
    /// Decodes and validates the payload, calls, and encodes the answer.
    pub call: for<'a> fn(&'a Cx, &'a [u8]) -> Answering<'a>,
}
