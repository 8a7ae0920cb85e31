//! Hooks that wait, fail badly, or set off each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::*;

use Operation::{Insert, Update};
use Timing::{After, AfterCommit, Before};

#[tokio::test]
async fn others_write_while_a_hook_before_an_update_waits() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let (waits, runs) = (gate.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = runs.clone();
    engine
        .hooks()
        .hook::<Product>("slow", &[at(Before, Update)], move |mut parts| {
            let (waits, counted) = (waits.clone(), counted.clone());
            let product: &mut Product = take(&mut parts);
            Box::pin(async move {
                counted.fetch_add(1, Ordering::Relaxed);
                waits.acquire().await.unwrap().forget();
                product.cost = Some(product.price);
                Ok(())
            })
        })
        .unwrap();
    let (own, id) = (cx.clone(), pen.id.clone());
    let slow = tokio::spawn(async move { Product::update(&own, &id, Product::PRICE.set(7)).await });
    while runs.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    // The writer is free meanwhile.
    Entry::insert(&cx, Entry { text: "meanwhile".into() }).await.unwrap();
    gate.add_permits(1);
    let pen = slow.await.unwrap().unwrap();
    assert_eq!((pen.price, pen.cost, pen.version), (7, Some(7), 2));

    // Whoever changes the document meanwhile makes the hook begin again with what is there now.
    let (own, id) = (cx.clone(), pen.id.clone());
    let slow = tokio::spawn(async move { Product::update(&own, &id, Product::NAME.set("ink")).await });
    while runs.load(Ordering::Relaxed) == 1 {
        tokio::task::yield_now().await;
    }
    engine.hooks().unhook::<Product>("slow");
    Product::update(&cx, &pen.id, Product::PRICE.set(9)).await.unwrap();
    gate.add_permits(2);
    let ink = slow.await.unwrap().unwrap();
    assert_eq!((ink.name.as_str(), ink.price, ink.cost, ink.version), ("ink", 9, Some(9), 4));
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_hook_that_waits_after_a_write_holds_its_transaction_open() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    engine
        .hooks()
        .hook::<Product>("slow", &[at(After, Insert)], |mut parts| {
            let (cx, product) = (take::<&Cx>(&mut parts), take::<&Doc<Product>>(&mut parts));
            Box::pin(async move {
                Entry::insert(cx, Entry { text: "one".into() }).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
                let task = tokio::spawn(async { 2 });
                assert_eq!(task.await.unwrap(), 2);
                Entry::insert(cx, Entry { text: "two".into() }).await?;
                match product.name.as_str() {
                    "bad" => Err(refused()),
                    _ => Ok(()),
                }
            })
        })
        .unwrap();
    let names = ["one", "bad", "two"].map(|name| Product::insert(&cx, product(name)));
    let [one, bad, two] = names;
    let (one, bad, two) = tokio::join!(one, bad, two);
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(bad.unwrap_err().to_json(), quota());
    assert_eq!(entries(&cx).await.len(), 4);
    assert_eq!(Product::count(&cx).await.unwrap(), 2);
}

#[tokio::test]
async fn a_hook_that_never_ends_is_ended() {
    let (engine, cx) = start::<(Product,)>().await;
    let brief = HookOptions { timeout: Some(200), ..HookOptions::default() };
    for timing in [Before, After, AfterCommit] {
        engine
            .hooks()
            .hook_with::<Product>("endless", &[at(timing, Insert)], brief, |_| {
                Box::pin(std::future::pending())
            })
            .unwrap();
        let (own, started) = (cx.clone(), std::time::Instant::now());
        let insert = tokio::spawn(async move { Product::insert(&own, product("pen")).await });
        let result = insert.await.unwrap();
        assert!(started.elapsed() > Duration::from_millis(150), "{timing}");
        match timing {
            AfterCommit => assert!(result.is_ok()),
            _ => assert!(result.unwrap_err().is(Code::Timeout), "{timing}"),
        }
        engine.hooks().unhook::<Product>("endless");
        if timing != AfterCommit {
            assert_eq!(Product::count(&cx).await.unwrap(), 0);
            Product::insert(&cx, product("other")).await.unwrap();
            Product::clear(&cx).await.unwrap();
        }
    }
}

#[tokio::test]
async fn hooks_that_set_off_each_other_without_end_are_stopped() {
    let (engine, cx) = start::<(Entry,)>().await;
    for timing in [Before, After] {
        engine
            .hooks()
            .hook::<Entry>("again", &[at(timing, Insert)], |mut parts| {
                let cx: &Cx = take(&mut parts);
                Box::pin(async move {
                    Entry::insert(cx, Entry { text: "again".into() }).await?;
                    Ok(())
                })
            })
            .unwrap();
        let error = Entry::insert(&cx, Entry { text: "first".into() }).await.unwrap_err();
        assert!(error.is(Code::InternalError), "{error}");
        engine.hooks().unhook::<Entry>("again");
        assert_eq!(entries(&cx).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_panic_in_a_hook_is_that_calls_failure_alone() {
    let (engine, cx) = start::<(Product,)>().await;
    for timing in [Before, After, AfterCommit] {
        engine
            .hooks()
            .hook::<Product>("panics", &[at(timing, Insert)], |mut parts| {
                let name = match parts.point.timing {
                    Before => take::<&mut Product>(&mut parts).name.clone(),
                    _ => take::<&Doc<Product>>(&mut parts).name.clone(),
                };
                Box::pin(async move {
                    assert!(name != "bad", "this one is bad");
                    Ok(())
                })
            })
            .unwrap();
        let own = cx.clone();
        let bad = tokio::spawn(async move { Product::insert(&own, product("bad")).await });
        let good = Product::insert(&cx, product("good")).await;
        good.unwrap();
        match (timing, bad.await) {
            // The task that makes the call, or the writer that hosts the hook.
            (Before, result) => assert!(result.is_err() || result.unwrap().is_err()),
            (After, result) => assert!(result.unwrap().unwrap_err().is(Code::InternalError)),
            (AfterCommit, result) => assert!(result.unwrap().is_ok()),
        }
        engine.hooks().unhook::<Product>("panics");
        let left: u64 = if timing == AfterCommit { 2 } else { 1 };
        assert_eq!(Product::clear(&cx).await.unwrap(), left, "{timing}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_update_is_lost_among_hooks_that_wait() {
    let (engine, cx) = start::<(Product,)>().await;
    let pen = Product::insert(&cx, Product { price: 0, ..product("pen") }).await.unwrap();
    engine
        .hooks()
        .hook::<Product>("count", &[at(Before, Update)], |mut parts| {
            let product: &mut Product = take(&mut parts);
            Box::pin(async move {
                if product.price % 3 == 0 {
                    tokio::task::yield_now().await;
                }
                product.price += 1;
                Ok(())
            })
        })
        .unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let (cx, id) = (cx.clone(), pen.id.clone());
            tokio::spawn(async move {
                loop {
                    match Product::update(&cx, &id, Product::COST.set(Some(n))).await {
                        Ok(_) => break,
                        Err(error) => assert!(error.is(Code::Conflict), "{error}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let pen = Product::get(&cx, &pen.id).await.unwrap().unwrap();
    assert_eq!((pen.price, pen.version), (40, 41));
}
