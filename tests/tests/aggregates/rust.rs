//! Figures and changes from Rust.

use super::*;

async fn cx() -> Cx {
    let cx = App::isolated().models::<(Product, Counter)>().cx().await.unwrap();
    for (sku, kind, stock, weight) in
        [("a", Kind::Book, 3, Some(0.5)), ("b", Kind::Game, 5, None), ("c", Kind::Game, 4, Some(1.5))]
    {
        let cost = Some(stock * 100);
        Product::insert(&cx, Product { kind, weight, cost, ..Product::new(sku, stock) }).await.unwrap();
    }
    cx
}

#[tokio::test]
async fn figures_have_the_types_of_their_columns() {
    // QRY-15 QRY-16 QRY-17
    let cx = cx().await;
    let games = || Product::find().filter(Product::KIND.eq(Kind::Game));
    assert_eq!(Product::find().sum(&cx, Product::STOCK).await.unwrap(), 12);
    assert_eq!(games().sum(&cx, Product::WEIGHT).await.unwrap(), 1.5);
    assert_eq!(games().avg(&cx, Product::STOCK).await.unwrap(), Some(4.5));
    assert_eq!(games().min(&cx, Product::WEIGHT).await.unwrap(), Some(1.5));
    assert_eq!(Product::find().max(&cx, Product::SKU).await.unwrap().as_deref(), Some("c"));
    assert_eq!(Product::find().max(&cx, Product::ARRIVED).await.unwrap(), None);
    assert_eq!(Product::find().count_distinct(&cx, Product::KIND).await.unwrap(), 2);
    assert_eq!(Product::find().distinct(&cx, Product::KIND).await.unwrap(), [Kind::Book, Kind::Game]);
    assert_eq!(Product::find().distinct(&cx, Product::WEIGHT).await.unwrap(), [Some(0.5), Some(1.5)]);
    // Nothing is hidden from the application's own code.
    assert_eq!(Product::find().sum(&cx, Product::COST).await.unwrap(), 1200);
    let none = Product::find().filter(Product::STOCK.gt(99));
    let figures = (Figure::count(), Product::STOCK.sum(), Product::STOCK.avg(), Product::SKU.min());
    assert_eq!(none.figures(&cx, figures).await.unwrap(), (0, 0, None, None));
    // Neither `start` nor `limit` make a difference.
    assert_eq!(Product::find().start(1).limit(1).sum(&cx, Product::STOCK).await.unwrap(), 12);
}

#[tokio::test]
async fn groups_come_with_their_keys() {
    let cx = cx().await;
    let kinds = Product::find().group_by(Product::KIND).count(&cx).await.unwrap();
    assert_eq!(kinds, [(Kind::Book, 1), (Kind::Game, 2)]);
    let figures = (Product::STOCK.sum(), Product::WEIGHT.max());
    let groups = Product::find()
        .filter(Product::STOCK.gt(3))
        .group_by((Product::KIND, Product::WEIGHT))
        .figures(&cx, figures)
        .await
        .unwrap();
    assert_eq!(groups, [((Kind::Game, None), (5, None)), ((Kind::Game, Some(1.5)), (4, Some(1.5)))]);
    let keys = Product::find().group_by(Product::WEIGHT).keys(&cx).await.unwrap();
    assert_eq!(keys, [None, Some(0.5), Some(1.5)]);
}

#[tokio::test]
async fn figures_in_a_transaction_see_its_own_writes() {
    let cx = cx().await;
    let sum = cx
        .transaction(async |tx| {
            Product::insert(&tx, Product::new("d", 100)).await?;
            Product::find().sum(&tx, Product::STOCK).await
        })
        .await
        .unwrap();
    assert_eq!(sum, 112);
}

#[tokio::test]
async fn changes_work_on_what_is_stored() {
    let cx = cx().await;
    let product = Product::update(
        &cx,
        "a",
        [
            Product::STOCK.inc(-1),
            Product::WEIGHT.times(2),
            Product::TAGS.push("x"),
            Product::COST.at_most(7),
            Product::KIND.set(Kind::Game),
        ],
    )
    .await
    .unwrap();
    assert_eq!((product.stock, product.weight, product.cost), (2, Some(1.0), Some(7)));
    assert_eq!((product.kind, product.tags.clone()), (Kind::Game, vec!["x".to_owned()]));
    let changes = [
        Product::TAGS.add_to_set("x"),
        Product::WEIGHT.unset(),
        Product::WISHES.push("y"),
        Product::COST.inc(1),
    ];
    let product = Product::update(&cx, "a", changes).await.unwrap();
    assert_eq!((product.tags.len(), product.weight, product.cost), (1, None, Some(8)));
    assert_eq!(product.wishes.as_deref(), Some(&["y".to_owned()][..]));
    let all = Product::update_where(&cx, Product::STOCK.gte(0), Product::STOCK.at_least(5)).await.unwrap();
    assert!(all.len() == 3 && all.iter().all(|product| product.stock == 5));
    let product = Product::update(&cx, "a", json!({"$pull": {"tags": "x"}})).await.unwrap();
    assert!(product.tags.is_empty());
}

#[tokio::test]
async fn changes_that_can_not_be_are_errors() {
    let cx = cx().await;
    let refused = async |patch: Patch<Product>| Product::update(&cx, "a", patch).await.unwrap_err();
    assert!(refused(Product::STOCK.inc(-9).into()).await.is(Code::ValidationError));
    assert!(refused(Product::STOCK.times(i64::MAX).into()).await.is(Code::ValidationError));
    assert!(refused(Product::WEIGHT.inc(f64::NAN).into()).await.is(Code::InvalidQuery));
    assert!(refused([Product::STOCK.inc(1), Product::STOCK.inc(1)].into()).await.is(Code::ValidationError));
    assert!(refused([Product::STOCK.inc(1), Product::STOCK.set(1)].into()).await.is(Code::ValidationError));
    let product = Product::get(&cx, "a").await.unwrap().unwrap();
    assert_eq!((product.stock, product.version), (3, 1));
}
