//! A shop: customers, products in stock, and orders that take from it. Nobody gets what is not there, however many buy at once.
//!
//! ```sh
//! cargo run --example shop
//! api=http://127.0.0.1:3030
//! json='content-type: application/json'
//!
//! # Somebody buys, and something is there to be bought.
//! ada=$(curl -s $api/shop/customers/insert -H "$json" -d '{"email": "Ada@example.org"}' | sed 's/.*"_id":"\([^"]*\)".*/\1/')
//! curl -s $api/shop/products/insert -H "$json" -d '{"sku": "TEA", "name": "Tea", "cents": 450, "stock": 3}'
//!
//! # The shop's own route: an order, and less in stock, or neither.
//! curl -s $api/shop/buy -H "$json" -d "{\"customer\": \"$ada\", \"sku\": \"TEA\", \"count\": 2}"
//! curl -s $api/shop/buy -H "$json" -d "{\"customer\": \"$ada\", \"sku\": \"TEA\", \"count\": 2}"
//! # 409 {"code":"OUT_OF_STOCK", ..}
//!
//! # The same by hand, as one transaction over two models.
//! curl -s $api/@transaction -H "$json" -d "{\"operations\": [
//!   {\"op\": \"update\", \"model\": \"shop/products\", \"key\": \"TEA\", \"data\": {\"\$inc\": {\"stock\": -1}}},
//!   {\"op\": \"insert\", \"model\": \"shop/orders\", \"data\": {\"customer\": \"$ada\", \"product\": \"TEA\", \"count\": 1}}
//! ]}"
//!
//! # What was sold of each product, and for how much.
//! curl -s $api/shop/orders/aggregate -H "$json" -d '{
//!   "groupBy": ["product"], "aggregates": {"sold": {"sum": "count"}, "cents": {"sum": "cents"}}, "sort": "-cents"
//! }'
//! ```

use std::process::ExitCode;

use modeller::doors::http::{Method, Route, RouteCx};
use modeller::prelude::*;

/// Somebody who buys.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "customers")]
pub struct Customer {
    #[validate(email)]
    #[model(unique)]
    pub email: String,
    pub name: Option<String>,
}

/// Something that can be bought.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "products")]
pub struct Product {
    #[model(key)]
    pub sku: String,
    #[validate(length(min = 1, max = 80))]
    pub name: String,
    /// The price of one.
    #[validate(range(min = 0, max = 1_000_000))]
    pub cents: i64,
    /// How many there are. Less than none there can't be, whoever takes them.
    #[validate(range(min = 0))]
    #[serde(default)]
    pub stock: i64,
}

/// Something that was bought.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "orders")]
pub struct Order {
    pub customer: Ref<Customer>,
    pub product: Ref<Product>,
    #[validate(range(min = 1, max = 1_000))]
    pub count: i64,
    /// What it costs. The shop says so, not who orders.
    #[serde(default)]
    pub cents: i64,
}

/// Addresses are compared in lower case.
#[modeller::hook(Customer, before(insert, update))]
async fn normalize_email(customer: &mut Customer) -> Result<()> {
    customer.email = customer.email.to_lowercase();
    Ok(())
}

/// Works out what an order costs, whichever way it comes in.
#[modeller::hook(Order, before(insert))]
async fn price(cx: &Cx, order: &mut Order) -> Result<()> {
    // An order of what there is not is refused a moment later, as every reference to nothing is.
    if let Some(product) = Product::get(cx, order.product.id()).await? {
        order.cents = product.cents * order.count;
    }
    Ok(())
}

/// What somebody wants.
#[derive(Serialize, Deserialize)]
pub struct Purchase {
    pub customer: Id<Customer>,
    pub sku: String,
    pub count: i64,
}

/// Takes from the stock and writes the order, or does neither.
pub async fn buy(cx: &Cx, wanted: Purchase) -> Result<Doc<Order>> {
    let Purchase { customer, sku, count } = wanted;
    cx.transaction(async move |tx| {
        let order = Order { customer: customer.into(), product: sku.as_str().into(), count, cents: 0 };
        // Checks who and what, and how many.
        let order = Order::insert(&tx, order).await?;
        match Product::update(&tx, sku.as_str(), Product::STOCK.inc(-count)).await {
            Ok(product) if product.stock == 0 => {
                tx.after_commit(async move { println!("{} is sold out", product.name) });
            }
            Ok(_) => {}
            Err(error) if error.is(Code::ValidationError) => {
                return Err(Error::custom("OUT_OF_STOCK", 409, format!("there is not enough of `{sku}`")));
            }
            Err(error) => return Err(error),
        }
        Ok(order)
    })
    .await
}

async fn buy_route(cx: RouteCx) -> Result<Doc<Order>> {
    buy(&cx, cx.json()?).await
}

/// The shop.
pub fn app() -> App {
    App::new().title("Shop").route(Route::new(Method::POST, "/shop/buy", buy_route))
}

fn main() -> ExitCode {
    app().main()
}
