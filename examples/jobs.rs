//! Orders, and what follows from them: a job for each, one by the calendar, and a worker.
//!
//! ```text
//! cargo run --example jobs -- --database :memory:
//! curl -X POST http://127.0.0.1:3030/shop/orders/insert -H 'content-type: application/json' \
//!      -d '{"what": "tea", "email": "ada@example.org"}'
//! ```
//!
//! The program says how many orders there are, at its start and every ten seconds. With each order it confirms it at once; the
//! first attempt fails, as mail servers do, so that the confirmation comes within a second after that. Had the program been
//! killed in between, it would come after the next start (with a database in a file). Each full minute it counts the day's
//! orders. `cargo run --example jobs -- inspect` lists all of it.

use std::process::ExitCode;

use modeller::prelude::*;

/// What somebody wants.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "orders")]
pub struct Order {
    /// What it is.
    #[validate(length(min = 1, max = 80))]
    pub what: String,
    /// Who wants it.
    #[validate(email)]
    pub email: String,
    /// Whether they know that we know.
    #[serde(default)]
    pub confirmed: bool,
}

/// Tells somebody that their order has come in.
#[modeller::job(Order, attempts = 5, backoff = "1s", timeout = "10s")]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Confirm {
    /// Which order.
    pub order: Id<Order>,
}

impl Job for Confirm {
    async fn run(self, cx: &Cx) -> Result<()> {
        let Some(order) = Order::get(cx, &self.order).await? else { return Ok(()) };
        if cx.attempt() == 1 {
            return Err(Error::custom("MAIL_SERVER_BUSY", 503, "the mail server is busy"));
        }
        println!("to {}: your {} is on its way", order.email, order.what);
        // The mark and the end of the job are one.
        cx.complete_with(async |tx| Order::update(&tx, &self.order, Order::CONFIRMED.set(true)).await)
            .await?;
        Ok(())
    }
}

/// In the transaction of the order: there is a confirmation exactly if there is an order.
#[modeller::hook(Order, after(insert))]
async fn confirm(cx: &Cx, order: &Doc<Order>) -> Result<()> {
    Confirm { order: order.id.clone() }.enqueue(cx).await?;
    Ok(())
}

/// Each full minute.
#[modeller::job(cron = "* * * * *")]
async fn count_orders(cx: &Cx) -> Result<()> {
    let unconfirmed = Order::find().filter(Order::CONFIRMED.eq(false)).count(cx).await?;
    println!("{unconfirmed} orders are not confirmed");
    Ok(())
}

/// Every ten seconds.
#[modeller::worker(every = "10s")]
async fn watch(cx: &Cx) -> Result<()> {
    println!("{} orders", Order::count(cx).await?);
    Ok(())
}

fn main() -> ExitCode {
    App::new().main()
}
