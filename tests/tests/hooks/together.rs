//! What belongs to a write happens with it or not at all, whatever its hooks write, wait for, or leave behind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::*;

use Operation::{Insert, Update};
use Timing::{After, Before};

/// Says that a hook has begun, and waits until it may go on.
#[derive(Clone)]
struct Gate {
    begun: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Gate { begun: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    async fn pass(&self) {
        self.begun.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }

    async fn begun(&self) {
        let begun = tokio::time::timeout(Duration::from_secs(60), self.begun.acquire()).await;
        begun.expect("no hook comes").unwrap().forget();
    }
}

fn entry(text: &str) -> Entry {
    Entry { text: text.into() }
}

fn nothing(_: HookParts<'_>) -> Answer<'_> {
    Box::pin(async { Ok(()) })
}

// HOO-05
#[tokio::test]
async fn what_a_hook_writes_goes_with_the_write_although_it_has_hooks_itself() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    engine.hooks().hook::<Entry>("after", &[at(After, Insert)], nothing).unwrap();
    engine
        .hooks()
        .hook::<Product>("record", &[at(Before, Insert), at(Before, Update)], |mut parts| {
            let (cx, product) = (take::<&Cx>(&mut parts), take::<&mut Product>(&mut parts));
            Box::pin(async move {
                Entry::insert(cx, entry("comes")).await?;
                if product.name == "bad" { Err(refused()) } else { Ok(()) }
            })
        })
        .unwrap();
    for name in ["bad", "x"] {
        Product::insert(&cx, product(name)).await.unwrap_err();
        assert_eq!((entries(&cx).await, log(&engine).await), (vec![], vec![]), "{name}");
    }
    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    Product::update(&cx, &pen.id, Product::NAME.set("bad")).await.unwrap_err();
    assert_eq!(entries(&cx).await, ["comes"]);
    let changes = engine.store().changes(0, 100).await.unwrap();
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|change| change.transaction == changes[0].transaction));
}

#[tokio::test]
async fn what_a_hook_wrote_that_has_to_begin_again_is_undone() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    let (gate, followed) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
    let (passes, counted) = (gate.clone(), followed.clone());
    engine
        .hooks()
        .hook::<Product>("record", &[at(Before, Update)], move |mut parts| {
            let (cx, passes, counted) = (take::<&Cx>(&mut parts), passes.clone(), counted.clone());
            Box::pin(async move {
                passes.pass().await;
                Entry::insert(cx, entry("changed")).await?;
                cx.after_commit(async move {
                    counted.fetch_add(1, Ordering::Relaxed);
                });
                Ok(())
            })
        })
        .unwrap();
    let (own, id) = (cx.clone(), pen.id.clone());
    let slow = tokio::spawn(async move { Product::update(&own, &id, Product::PRICE.set(7)).await });
    gate.begun().await;
    engine.hooks().unhook::<Product>("record");
    Product::update(&cx, &pen.id, Product::PRICE.set(5)).await.unwrap();
    gate.open.add_permits(2);
    let pen = slow.await.unwrap().unwrap();
    assert_eq!((pen.price, pen.version), (7, 3));
    assert_eq!(entries(&cx).await, ["changed"]);
    assert_eq!(followed.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_hook_whose_document_changes_all_the_time_is_run_four_times() {
    let (engine, cx) = start::<(Product,)>().await;
    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    let gate = Gate::new();
    let passes = gate.clone();
    engine
        .hooks()
        .hook::<Product>("slow", &[at(Before, Update)], move |mut parts| {
            let (passes, product) = (passes.clone(), take::<&mut Product>(&mut parts));
            Box::pin(async move {
                if product.price == 7 {
                    passes.pass().await;
                }
                Ok(())
            })
        })
        .unwrap();
    let (own, id) = (cx.clone(), pen.id.clone());
    let slow = tokio::spawn(async move { Product::update(&own, &id, Product::PRICE.set(7)).await });
    for cost in 0..4 {
        gate.begun().await;
        Product::update(&cx, &pen.id, Product::COST.set(Some(cost))).await.unwrap();
        gate.open.add_permits(1);
    }
    assert!(slow.await.unwrap().unwrap_err().is(Code::Conflict));
}

#[tokio::test]
async fn two_upserts_whose_hooks_wait_insert_one_document() {
    let (engine, cx) = start::<(Product,)>().await;
    let gate = Gate::new();
    let passes = gate.clone();
    engine
        .hooks()
        .hook::<Product>("slow", &[at(Before, Insert)], move |_| {
            let passes = passes.clone();
            Box::pin(async move {
                passes.pass().await;
                Ok(())
            })
        })
        .unwrap();
    let both = [1, 2].map(|price| {
        let cx = cx.clone();
        tokio::spawn(async move { Product::upsert(&cx, Product { price, ..product("pen") }).await })
    });
    for _ in 0..2 {
        gate.begun().await;
    }
    gate.open.add_permits(2);
    let mut created = 0;
    for one in both {
        created += usize::from(one.await.unwrap().unwrap().1);
    }
    assert_eq!((created, Product::count(&cx).await.unwrap()), (1, 1));
}

// HOO-05
#[tokio::test]
async fn a_hook_that_finds_nothing_calls_the_write_off_as_any_other_error_does() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    Product::insert(&cx, product("pen")).await.unwrap();
    fn run(mut parts: HookParts<'_>) -> Answer<'_> {
        let cx: &Cx = take(&mut parts);
        Box::pin(async move {
            Entry::insert(cx, entry("one")).await?;
            Entry::update(cx, "nobody", Entry::TEXT.set("two")).await.map(drop)
        })
    }
    engine.hooks().hook::<Product>("find", &[at(After, Insert), at(After, Update)], run).unwrap();
    let many = Product::update_where(&cx, Product::NAME.eq("pen"), Product::PRICE.set(1)).await;
    assert!(many.unwrap_err().is(Code::NotFound));
    let none = Product::update_where(&cx, Product::NAME.eq("ink"), Product::PRICE.set(1)).await;
    assert!(none.unwrap().is_empty());
    // The body hides the error, and can't hide what was done before it.
    let hidden = cx
        .transaction(async |tx| {
            assert!(Product::insert(&tx, product("ink")).await.unwrap_err().is(Code::NotFound));
            Ok(())
        })
        .await;
    assert!(hidden.unwrap_err().is(Code::Conflict));
    assert_eq!((Product::count(&cx).await.unwrap(), entries(&cx).await), (1, vec![]));
    // Where there was nothing to do, nothing was done.
    let harmless = cx
        .transaction(async |tx| {
            assert!(Product::update(&tx, "nobody", Product::PRICE.set(1)).await.is_err());
            Ok(())
        })
        .await;
    harmless.unwrap();
}

#[tokio::test]
async fn what_a_hook_asks_for_after_the_commit_is_done_although_the_caller_has_gone() {
    let (engine, cx) = start::<(Product,)>().await;
    let (begun, has_begun) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let (done, mut is_done) = tokio::sync::mpsc::unbounded_channel();
    let gone = Mutex::new(gone);
    engine
        .hooks()
        .hook::<Product>("follow", &[at(After, Insert)], move |mut parts| {
            let done = done.clone();
            take::<&Cx>(&mut parts).after_commit(async move { done.send(()).unwrap() });
            begun.send(()).unwrap();
            // On the thread that writes: the write is under way while its caller goes.
            gone.lock().unwrap().recv().unwrap();
            Box::pin(async { Ok(()) })
        })
        .unwrap();
    let own = cx.clone();
    let caller = tokio::spawn(async move { Product::insert(&own, product("pen")).await });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(60), is_done.recv()).await.unwrap().unwrap();
    assert_eq!(Product::count(&cx).await.unwrap(), 1);
}

/// It can't even be dropped in peace.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("this is part of the test");
    }
}

#[tokio::test]
async fn a_hook_that_panics_when_it_is_dropped_does_not_take_the_writer_with_it() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let gone = Arc::new(Mutex::new(gone));
    engine
        .hooks()
        .hook::<Product>("bomb", &[at(Before, Update)], move |_| {
            let (begun, gone) = (begun.clone(), gone.clone());
            Box::pin(async move {
                let _bomb = Bomb;
                begun.send(()).unwrap();
                gone.lock().unwrap().recv().unwrap();
                std::future::pending().await
            })
        })
        .unwrap();
    let own = cx.clone();
    let caller = tokio::spawn(async move { Product::update(&own, &pen.id, Product::PRICE.set(7)).await });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    Entry::insert(&cx, entry("still there")).await.unwrap();
}

#[tokio::test]
async fn whoever_has_waited_with_a_hook_does_not_wait_for_the_next_one_too() {
    let (engine, cx) = start::<(Product,)>().await;
    let (runs, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, seen, told) = (runs.clone(), answered.clone(), Seen::default());
    let tell = told.clone();
    engine
        .hooks()
        .hook::<Product>("slow", &[at(After, Insert)], move |_| {
            let (counted, seen, tell) = (counted.clone(), seen.clone(), tell.clone());
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if counted.fetch_add(1, Ordering::Relaxed) == 3 {
                    tell.tell(format!("{}", seen.load(Ordering::Relaxed) > 0));
                }
                Ok(())
            })
        })
        .unwrap();
    let all: Vec<_> = (0..4)
        .map(|n| {
            let (cx, answered) = (cx.clone(), answered.clone());
            tokio::spawn(async move {
                Product::insert(&cx, product(&format!("p{n}"))).await.unwrap();
                answered.fetch_add(1, Ordering::Relaxed);
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    assert_eq!((runs.load(Ordering::Relaxed), told.take()), (4, vec!["true".to_owned()]));
}

/// What has a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "tickets")]
pub struct Ticket {
    /// From 1 on.
    #[model(key, generated = "autoincrement")]
    #[serde(default)]
    pub number: i64,
}

#[tokio::test]
async fn a_number_that_a_hook_took_is_free_again_when_the_write_is_called_off() {
    let (engine, cx) = start::<(Product, Ticket)>().await;
    engine
        .hooks()
        .hook::<Product>("number", &[at(After, Insert)], |mut parts| {
            let (cx, product) = (take::<&Cx>(&mut parts), take::<&Doc<Product>>(&mut parts));
            Box::pin(async move {
                let ticket = Ticket::insert(cx, Ticket { number: 0 }).await?;
                assert_eq!(ticket.number, 1);
                if product.name == "bad" { Err(refused()) } else { Ok(()) }
            })
        })
        .unwrap();
    Product::insert(&cx, product("bad")).await.unwrap_err();
    Product::insert(&cx, product("pen")).await.unwrap();
}
