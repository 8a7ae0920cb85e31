//! Hooks before lists, and live queries.

use modeller::engine::{Arguments, Listing};
use modeller::live::{Live, LiveEvent, LiveOptions, LiveStream};
use modeller::prelude::*;
use serde_json::{Value as Json, json};

use super::support::PATIENCE;

/// Somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "narrowed")]
pub struct Member {
    /// What they are called.
    pub name: String,
    /// Nobody sees them then.
    pub banned: bool,
}

#[modeller::hook(Member, before(list))]
async fn hide_the_banned(asked: &mut Listing) -> Result<()> {
    if asked.arguments["sort"] == "-name" {
        return Err(Error::new(Code::Forbidden, "from a to z"));
    }
    asked.count = asked.count.min(25);
    asked.narrow(Member::BANNED.eq(false))
}

fn member(name: &str, banned: bool) -> Member {
    Member { name: name.into(), banned }
}

async fn next(stream: &mut LiveStream) -> Json {
    match tokio::time::timeout(PATIENCE, stream.next()).await.unwrap() {
        LiveEvent::Changes(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_hook_before_lists_says_what_a_live_query_shows() {
    // LIV-07, HOO-01
    let cx = App::isolated().models::<(Member,)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let subscribe =
        |arguments: Json| live.subscribe(&cx, Member::descriptor().shape(), Arguments::Json(arguments), None);
    Member::insert(&cx, member("eve", true)).await.unwrap();
    let ada = Member::insert(&cx, member("ada", false)).await.unwrap();
    let mut all = subscribe(json!({})).await.unwrap();
    let mut window = subscribe(json!({ "sort": "name", "count": 100 })).await.unwrap();
    for stream in [&all, &window] {
        assert!(stream.first().contains("ada") && !stream.first().contains("eve"), "{}", stream.first());
    }

    // Nobody is told of who is not shown, and who is not shown any more leaves.
    Member::insert(&cx, member("bob", true)).await.unwrap();
    Member::update(&cx, &ada.id, Member::BANNED.set(true)).await.unwrap();
    for stream in [&mut all, &mut window] {
        let told = next(stream).await;
        assert_eq!(told["changes"], json!([{ "type": "leave", "_id": ada.id.as_str() }]), "{told}");
    }

    // It has bounded the window, and made none of what is none.
    let many: Vec<Member> = (10..40).map(|number| member(&format!("m{number}"), false)).collect();
    Member::insert_many(&cx, many).await.unwrap();
    live.settle().await.unwrap();
    let count = |stream: &LiveStream| stream.first().matches("\"_id\"").count();
    let window = subscribe(json!({ "sort": "name", "count": 100 })).await.unwrap();
    assert_eq!((count(&subscribe(json!({})).await.unwrap()), count(&window)), (30, 25));

    // And it may refuse.
    let refused = subscribe(json!({ "sort": "-name", "count": 3 })).await.unwrap_err();
    assert!(refused.is(Code::Forbidden), "{refused}");
}
