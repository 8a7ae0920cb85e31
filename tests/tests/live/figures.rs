//! Figures that are kept up to date from the rows that are written.

use std::time::Duration;

use modeller::engine::{Arguments, Operation};
use modeller::live::{Live, LiveEvent};
use modeller::prelude::*;
use serde_json::{Value as Json, json};

use super::agreement::{Random, write};
use super::follower::{Follower, Known};
use super::support::{Item, PATIENCE, isolated, item};

const MOMENT: Duration = Duration::from_millis(200);

async fn count(live: &Live, cx: &Cx, arguments: Json) -> Follower {
    Follower::new::<Item>(live, cx, Operation::Count, arguments).await
}

async fn aggregate(live: &Live, cx: &Cx, arguments: Json) -> Follower {
    Follower::new::<Item>(live, cx, Operation::Aggregate, arguments).await
}

async fn next(follower: &mut Follower) -> Known {
    assert!(follower.listen(PATIENCE).await, "nothing was told");
    follower.known.clone()
}

#[tokio::test]
async fn a_count_is_told_once_a_transaction_and_only_if_it_is_another_one() {
    // LIV-15, LIV-17, LIV-18, LIV-07
    let (cx, live) = isolated().await;
    let mut ada = count(&live, &cx, json!({ "query": { "owner": "ada", "rank": { "$gte": 5 } } })).await;
    assert_eq!(ada.known, Known::Data(json!(0)));
    let first = cx
        .transaction(async |tx| {
            Item::insert(&tx, item("ada", 5)).await?;
            Item::insert(&tx, item("bob", 9)).await?;
            Item::insert(&tx, item("ada", 6)).await
        })
        .await
        .unwrap();
    assert_eq!(next(&mut ada).await, Known::Data(json!(2)));
    // What is written and leaves the figure as it is.
    Item::update(&cx, &first.id, Item::RANK.set(7)).await.unwrap();
    Item::insert(&cx, item("bob", 6)).await.unwrap();
    cx.transaction(async |tx| {
        Item::insert(&tx, item("ada", 8)).await?;
        Item::delete(&tx, &first.id).await
    })
    .await
    .unwrap();
    assert!(!ada.listen(MOMENT).await);
    // By a field that is not what is counted.
    Item::update_where(&cx, Item::OWNER.eq("ada"), Item::RANK.set(1)).await.unwrap();
    assert_eq!(next(&mut ada).await, Known::Data(json!(0)));
    let failed: Result<()> = cx
        .transaction(async |tx| {
            Item::insert(&tx, item("ada", 9)).await?;
            Err(Error::new(Code::Conflict, "no"))
        })
        .await;
    assert!(failed.is_err() && !ada.listen(MOMENT).await);
    assert_eq!(ada.pushes, 2);
}

#[tokio::test]
async fn groups_come_change_and_go() {
    // LIV-15
    let (cx, live) = isolated().await;
    Item::insert(&cx, item("ada", 3)).await.unwrap();
    let figures = json!({ "n": { "count": true }, "most": { "max": "rank" } });
    let mut groups = aggregate(&live, &cx, json!({ "groupBy": "owner", "aggregates": figures })).await;
    let stream = groups.stream.take().unwrap();
    assert!(stream.first().ends_with(r#","groups":[{"owner":"ada","n":1,"most":3}]}"#), "{}", stream.first());
    let mut stream = stream;
    let mut told = async || match tokio::time::timeout(PATIENCE, stream.next()).await.unwrap() {
        LiveEvent::Changes(text) => serde_json::from_str::<Json>(&text).unwrap()["changes"].clone(),
        other => panic!("{other:?}"),
    };
    let bob = Item::insert(&cx, item("bob", 1)).await.unwrap();
    let group = json!({ "owner": "bob", "n": 1, "most": 1 });
    assert_eq!(told().await, json!([{ "type": "enter", "key": { "owner": "bob" }, "group": group }]));
    Item::insert(&cx, item("ada", 4)).await.unwrap();
    let group = json!({ "owner": "ada", "n": 2, "most": 4 });
    assert_eq!(told().await, json!([{ "type": "update", "key": { "owner": "ada" }, "group": group }]));
    // What no figure is about changes none.
    Item::update(&cx, &bob.id, Item::TAG.set(Some("x".to_owned()))).await.unwrap();
    Item::delete(&cx, &bob.id).await.unwrap();
    assert_eq!(told().await, json!([{ "type": "leave", "key": { "owner": "bob" } }]));
}

#[tokio::test]
async fn who_asks_the_same_figures_shares_them() {
    let (cx, live) = isolated().await;
    let one = count(&live, &cx, json!({ "query": { "owner": "ada", "rank": 1 } })).await;
    let same = count(&live, &cx, json!({ "query": { "rank": 1, "owner": "ada" } })).await;
    let other = aggregate(&live, &cx, json!({ "aggregates": { "n": { "count": true } } })).await;
    assert_eq!(live.queries(), (2, 3));
    drop((one, same, other));
    assert_eq!(live.queries(), (0, 0));
}

#[tokio::test]
async fn the_least_and_the_greatest_are_right_when_they_go() {
    let (cx, live) = isolated().await;
    let ids: Vec<Id<Item>> = {
        let all = (0..300).map(|rank| item(["ada", "bob"][(rank % 2) as usize], rank)).collect::<Vec<_>>();
        Item::insert_many(&cx, all).await.unwrap().into_iter().map(|item| item.id).collect()
    };
    let ends = json!({ "least": { "min": "rank" }, "most": { "max": "rank" } });
    let mut all = aggregate(&live, &cx, json!({ "aggregates": ends })).await;
    let mut groups = aggregate(&live, &cx, json!({ "groupBy": "owner", "aggregates": ends })).await;
    assert_eq!(all.known, Known::Data(json!({ "least": 0, "most": 299 })));
    for (at, id) in ids[..250].iter().enumerate() {
        Item::delete(&cx, id).await.unwrap();
        if at % 25 == 0 {
            all.agree(&cx).await;
            groups.agree(&cx).await;
        }
    }
    all.agree(&cx).await;
    groups.agree(&cx).await;
    assert_eq!(all.known, Known::Data(json!({ "least": 250, "most": 299 })));
    assert_eq!((all.resets, groups.resets), (0, 0));
}

#[tokio::test]
async fn a_figure_that_cannot_be_given_ends_and_may_be_asked_for_again() {
    let (cx, live) = isolated().await;
    let sum = json!({ "aggregates": { "sum": { "sum": "rank" } } });
    let mut follower = aggregate(&live, &cx, sum.clone()).await;
    Item::insert(&cx, item("ada", i64::MAX)).await.unwrap();
    assert_eq!(next(&mut follower).await, Known::Data(json!({ "sum": i64::MAX })));
    let large = Item::insert(&cx, item("ada", 1)).await.unwrap();
    let ended = follower.stream.as_mut().unwrap().next().await;
    assert!(matches!(ended, LiveEvent::Ended(error) if error.is(Code::InvalidQuery)));
    follower.stream = None;
    let shape = Item::descriptor().shape();
    let again = live.follow(&cx, shape, Operation::Aggregate, Arguments::Json(sum), None).await;
    assert!(again.unwrap_err().is(Code::InvalidQuery));
    Item::delete(&cx, &large.id).await.unwrap();
    follower.connect(&live, &cx).await;
    assert_eq!(follower.known, Known::Data(json!({ "sum": i64::MAX })));
    // What is beyond on the way, and not at the end.
    cx.transaction(async |tx| {
        Item::insert(&tx, item("ada", i64::MAX)).await?;
        Item::insert(&tx, item("ada", i64::MIN)).await
    })
    .await
    .unwrap();
    assert_eq!(next(&mut follower).await, Known::Data(json!({ "sum": i64::MAX - 1 })));
}

#[tokio::test]
async fn figures_go_on_where_they_were() {
    let (cx, live) = isolated().await;
    let mut number = count(&live, &cx, json!({})).await;
    let groups = json!({ "groupBy": "owner", "aggregates": { "n": { "count": true } } });
    let mut groups = aggregate(&live, &cx, groups).await;
    Item::insert(&cx, item("ada", 1)).await.unwrap();
    for follower in [&mut number, &mut groups] {
        follower.agree(&cx).await;
        follower.stream = None;
        follower.connect(&live, &cx).await;
        assert_eq!(follower.resets, 0);
        let first: Json = serde_json::from_str(follower.stream.as_ref().unwrap().first()).unwrap();
        assert_eq!(first["changes"], json!([]));
        follower.stream = None;
    }
    Item::insert(&cx, item("bob", 1)).await.unwrap();
    for follower in [&mut number, &mut groups] {
        follower.connect(&live, &cx).await;
        assert_eq!(follower.resets, 1);
        assert_eq!(follower.known, follower.expected(&cx).await);
    }
}

#[tokio::test]
async fn what_cannot_be_a_live_figure_is_refused() {
    let (cx, live) = isolated().await;
    let shape = Item::descriptor().shape();
    for (operation, arguments) in [
        (Operation::Count, json!({ "query": { "secret": "x" } })),
        (Operation::Count, json!({ "field": "nothing" })),
        (Operation::Count, json!({ "count": 3 })),
        (Operation::Aggregate, json!({})),
        (Operation::Aggregate, json!({ "aggregates": { "n": { "sum": "owner" } } })),
        (Operation::Aggregate, json!({ "groupBy": "secret" })),
        (Operation::Aggregate, json!({ "groupBy": "owner", "start": 3 })),
        (Operation::Aggregate, json!({ "aggregates": { "n": { "count": true } }, "count": 3 })),
    ] {
        let refused = live.follow(&cx, shape, operation, Arguments::Json(arguments.clone()), None).await;
        assert!(refused.unwrap_err().is(Code::InvalidQuery), "{operation} {arguments}");
    }
    let many = (0..101).map(|page| {
        let all = (0..100).map(|at| item(&format!("{}", page * 100 + at), 0)).collect::<Vec<_>>();
        Item::insert_many(&cx, all)
    });
    for page in many {
        page.await.unwrap();
    }
    let groups = Arguments::Json(json!({ "groupBy": "owner" }));
    let refused = live.follow(&cx, shape, Operation::Aggregate, groups, None).await;
    assert!(refused.unwrap_err().is(Code::InvalidQuery));
    assert_eq!(live.queries(), (0, 0));
}

/// Figures of some documents.
fn figures(random: &mut Random) -> (Operation, Json) {
    let rank = random.below(20);
    let mut arguments = json!({ "query": match random.below(5) {
        0 => json!({}),
        1 => json!({ "owner": random.owner() }),
        2 => json!({ "rank": { "$gte": rank, "$lt": rank + 8 } }),
        3 => json!({ "$or": [{ "owner": random.owner() }, { "rank": { "$lt": rank } }] }),
        _ => json!({ "tag": { "$like": "a%" } }),
    } });
    if random.below(4) == 0 {
        match random.below(3) {
            0 => arguments["field"] = json!("tag"),
            1 => (arguments["field"], arguments["distinct"]) = (json!("rank"), json!(true)),
            _ => {}
        }
        return (Operation::Count, arguments);
    }
    let all = [
        json!({ "count": true }),
        json!({ "count": "tag", "distinct": true }),
        json!({ "sum": "rank" }),
        json!({ "sum": "rank", "distinct": true }),
        json!({ "avg": "rank" }),
        json!({ "min": "rank" }),
        json!({ "max": "tag" }),
        json!({ "distinct": "tag" }),
    ];
    arguments["aggregates"] = json!({});
    for at in 0..1 + random.below(3) {
        arguments["aggregates"][format!("f{at}")] = all[random.below(all.len() as u64) as usize].clone();
    }
    if random.below(3) > 0 {
        arguments["groupBy"] = json!(["owner", "tag", "owner,tag", "rank"][random.below(4) as usize]);
        if random.below(2) == 0 {
            arguments["count"] = json!(1 + random.below(4));
            arguments["start"] = json!(random.below(2));
            let group = arguments["groupBy"].as_str().unwrap().split(',').next().unwrap().to_owned();
            let by = if arguments["aggregates"]["f0"]["distinct"].is_string() { &group } else { "f0" };
            arguments["sort"] = json!([by, &format!("-{by}")][random.below(2) as usize]);
        }
    }
    (Operation::Aggregate, arguments)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_those_of_who_asks_after_each_write() {
    // LIV-07, LIV-15
    for seed in [3, 8] {
        let (cx, live) = isolated().await;
        let mut random = Random(0x2545_F491_4F6C_DD1D ^ seed);
        let (mut ids, mut all) = (Vec::new(), Vec::new());
        for _ in 0..25 {
            let (operation, arguments) = figures(&mut random);
            all.push(Follower::new::<Item>(&live, &cx, operation, arguments).await);
        }
        for _ in 0..150 {
            write(&cx, &mut random, &mut ids).await;
            for follower in &mut all {
                let (before, expected) = (follower.pushes, follower.expected(&cx).await);
                let is_other = follower.known != expected;
                // One push, and that is the answer of this very moment.
                while follower.known != expected {
                    assert!(follower.listen(PATIENCE).await, "nothing was told");
                    assert!(follower.pushes == before + 1, "{}", follower.arguments);
                }
                assert_eq!(follower.pushes, before + usize::from(is_other));
            }
        }
        for follower in &mut all {
            assert!(!follower.listen(Duration::from_millis(5)).await, "{} is told more", follower.arguments);
            assert_eq!(follower.resets, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_and_goes_has_the_figures_at_quiet_points() {
    let (cx, live) = isolated().await;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut ids, mut all) = (Vec::new(), Vec::new());
    for round in 0..30 {
        let (operation, arguments) = figures(&mut random);
        all.push(Follower::new::<Item>(&live, &cx, operation, arguments).await);
        for _ in 0..30 {
            write(&cx, &mut random, &mut ids).await;
            let some = random.below(all.len() as u64) as usize;
            match random.below(8) {
                0 => all[some].stream = None,
                1 if all[some].stream.is_none() => all[some].connect(&live, &cx).await,
                2 => drop(all[some].listen(Duration::from_millis(1)).await),
                _ => {}
            }
        }
        if round % 5 == 4 {
            for follower in &mut all {
                if follower.stream.is_none() {
                    follower.connect(&live, &cx).await;
                }
                follower.agree(&cx).await;
            }
        }
    }
}
