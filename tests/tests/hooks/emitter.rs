//! What the engine tells listeners in its own process.

use modeller::engine::{Arguments, Call, Emitted};

use super::*;

fn told(seen: &Seen) -> impl Fn(&Emitted) + Send + Sync + 'static {
    let seen = seen.clone();
    move |emitted| {
        let data = match emitted.data.get("name") {
            Some(name) => name.clone(),
            None => emitted.data["data"].clone(),
        };
        seen.tell(format!("{} {} {data}", emitted.model, emitted.event.name()));
    }
}

// HOO-13, HOO-18: what is told is the operation, the model and the data, after the commit and of it alone.
#[tokio::test]
async fn listeners_hear_of_what_was_committed_and_of_nothing_else() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    let (all, inserts, once) = (Seen::default(), Seen::default(), Seen::default());
    let everything = engine.on("shop/products.*", told(&all)).unwrap();
    let _inserts = engine.on("*.insert", told(&inserts)).unwrap();
    let _once = engine.once("shop/products.update", told(&once)).unwrap();
    assert!(engine.on("shop/product.insert", told(&all)).is_err());

    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    Product::update(&cx, &pen.id, Product::PRICE.set(2)).await.unwrap();
    Product::update(&cx, &pen.id, Product::PRICE.set(3)).await.unwrap();
    Product::upsert(&cx, product("ink")).await.unwrap();
    Entry::insert(&cx, Entry { text: "x".into() }).await.unwrap();
    Product::delete(&cx, &pen.id).await.unwrap();
    let products = [
        "shop/products insert \"pen\"",
        "shop/products update {\"price\":2}",
        "shop/products update {\"price\":3}",
        "shop/products insert \"ink\"",
        "shop/products delete \"pen\"",
    ];
    assert_eq!(all.take(), products);
    assert_eq!(inserts.take(), [products[0], products[3], "shop/entries insert null"]);
    assert_eq!(once.take(), [products[1]]);

    // TXN-06: after the commit, and never if there is none.
    let rolled_back: Result<()> = cx
        .transaction(async |tx| {
            Product::insert(&tx, product("never")).await?;
            Err(refused())
        })
        .await;
    assert!(rolled_back.is_err());
    cx.transaction(async |tx| {
        Product::insert(&tx, product("cap")).await?;
        assert_eq!(all.take(), [""; 0]);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(all.take(), ["shop/products insert \"cap\""]);

    // From every door, and once for what is repeated.
    let mut call =
        Call::new(Operation::Update, Product::descriptor().shape()).with_mutation_id("one").unwrap();
    call.arguments = Arguments::Json(json!({ "query": { "name": "cap" } }));
    call.body = b"{\"$inc\":{\"price\":1}}".to_vec();
    for _ in 0..2 {
        let mut again = Call::new(call.operation, call.shape).with_mutation_id("one").unwrap();
        (again.arguments, again.body) = (call.arguments.clone(), call.body.clone());
        engine.perform(again).await.unwrap();
    }
    assert_eq!(all.take(), ["shop/products update {\"$inc\":{\"price\":1}}"]);

    drop(everything);
    Product::insert(&cx, product("late")).await.unwrap();
    assert_eq!(all.take(), [""; 0]);
}
