//! Changes of models, through a channel.

use modeller::live::{ChangesEvent, ChangesRequest, ChannelEventKind, ChannelSettings, DocumentChange};
use modeller::model::{Row, Shape, Value, to_row};
use modeller::store::{ChangeOp, RowChange};
use modeller::{Code, Model, Records};
use serde_json::json;

use super::{Order, START, Site, site};

fn row(status: &str, total: i64) -> Option<Row> {
    let order = Order { status: status.to_owned(), total, margin: Some(99) };
    let mut row = to_row(&order, shape()).unwrap();
    row[Shape::ID] = Value::Text("o1".into());
    for column in [Shape::VERSION, Shape::CREATED_AT, Shape::UPDATED_AT] {
        row[column] = Value::Integer(1);
    }
    Some(row)
}

fn shape() -> &'static Shape {
    Order::descriptor().shape()
}

fn request(json: serde_json::Value) -> ChangesRequest {
    ChangesRequest::parse(&json).unwrap()
}

impl Site {
    fn changes(&self, old: Option<Row>, new: Option<Row>) {
        let op = match (&old, &new) {
            (None, _) => ChangeOp::Insert,
            (_, None) => ChangeOp::Delete,
            _ => ChangeOp::Update,
        };
        self.channels().changed(&RowChange { shape: shape(), op, old, new }, START);
    }

    async fn bind(&self, who: &str, json: serde_json::Value) -> modeller::Result<String> {
        let bound = self.channels().bind(&self.anybody(), who, "a", &request(json)).await;
        bound.map(|id| id.to_string())
    }
}

#[tokio::test]
async fn a_binding_hears_of_the_changes_that_it_asked_for() {
    // LIV-21, LIV-22, CHA-02, CHA-06
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    let open = json!({ "event": "*", "schema": "shop", "table": "orders", "filter": "status=eq.open" });
    let all = site.bind("c1", open).await.unwrap();
    let gone = site.bind("c1", json!({ "event": "DELETE", "table": "orders" })).await.unwrap();
    assert_ne!(all, gone);
    let heard = |old, new| {
        site.changes(old, new);
        let mut ids: Vec<String> =
            ear.events().iter().map(|event| event.subscription_id().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let mut both = vec![all.clone(), gone.clone()];
    both.sort();
    assert_eq!(heard(None, row("open", 1)), [all.as_str()]);
    assert_eq!(heard(None, row("done", 1)), [""; 0]);
    assert_eq!(heard(row("done", 1), row("done", 2)), [""; 0]);
    assert_eq!(heard(row("done", 1), row("open", 1)), [all.as_str()], "it comes in");
    assert_eq!(heard(row("open", 1), row("done", 1)), [all.as_str()], "it goes out");
    assert_eq!(heard(row("open", 1), None), both);
    assert_eq!(heard(row("done", 1), None), [gone.as_str()]);
    assert_eq!(site.channels().stats().changes, 6);
}

#[tokio::test]
async fn a_change_is_told_without_what_is_private() {
    // LIV-23, LIV-25
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    site.bind("c1", json!({ "table": "shop/orders" })).await.unwrap();
    site.changes(row("open", 1), row("done", 1));
    let events = ear.events();
    assert_eq!(events[0].kind(), ChannelEventKind::Changes);
    assert_eq!(events[0].kind().name(), "postgres_changes");
    let json: serde_json::Value = serde_json::from_str(events[0].json()).unwrap();
    assert_eq!(
        (&json["eventType"], &json["schema"], &json["table"]),
        (&json!("UPDATE"), &json!("shop"), &json!("orders"))
    );
    assert_eq!((&json["old"]["status"], &json["new"]["status"]), (&json!("open"), &json!("done")));
    assert!(!events[0].json().contains("margin") && !events[0].json().contains("99"));
    let private = site.bind("c1", json!({ "table": "orders", "filter": "margin=gt.5" })).await;
    assert!(private.unwrap_err().is(Code::InvalidQuery));
}

#[tokio::test]
async fn each_event_has_its_own_type() {
    // LIV-24, LIV-25, LIV-26, LIV-27
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    site.bind("c1", json!({ "event": "*", "table": "orders" })).await.unwrap();
    site.changes(None, row("open", 1));
    site.changes(row("open", 1), row("done", 2));
    site.changes(row("done", 2), None);
    let events = ear.events();
    let mut seen = Vec::new();
    for event in &events {
        seen.push(match event.document_change::<Order>().unwrap() {
            Some(DocumentChange::Insert { new }) => format!("insert {}", new.status),
            Some(DocumentChange::Update { new, old }) => format!("update {} {}", old["status"], new.status),
            Some(DocumentChange::Delete { old }) => format!("delete {}", old["status"]),
            None => panic!("{} tells of no document", event.json()),
        });
    }
    assert_eq!(seen, ["insert open", "update \"open\" done", "delete \"done\""]);
    let wrong = events[0].document_change::<Vec<u8>>();
    assert!(wrong.unwrap_err().is(Code::ValidationError));
}

#[tokio::test]
async fn a_binding_ends_with_its_channel() {
    // CHA-22
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    let id = site.bind("c1", json!({ "table": "orders" })).await.unwrap();
    site.channels().unbind("c1", &id).unwrap();
    assert!(site.channels().unbind("c1", &id).unwrap_err().is(Code::NotFound));
    let id = site.bind("c1", json!({ "table": "orders" })).await.unwrap();
    assert!(site.channels().unbind("c2", &id).unwrap_err().is(Code::NotFound), "it belongs to somebody else");
    site.channels().leave("c1", "a");
    site.changes(None, row("open", 1));
    assert!(ear.events().is_empty());
    assert_eq!(site.channels().stats().bindings, 0);
    assert!(site.bind("c1", json!({ "table": "orders" })).await.unwrap_err().is(Code::NotFound));
}

#[tokio::test]
async fn what_can_not_be_bound_is_refused() {
    // LIV-21
    let mut settings = ChannelSettings::new();
    settings.max_bindings = 1;
    let site = site(settings).await;
    site.join("c1", "a").await;
    for table in ["nothing", "_modeller/jobs", "jobs", "broadcasts", ""] {
        let bound = site.bind("c1", json!({ "table": table })).await;
        assert!(bound.unwrap_err().is(Code::ModelNotFound), "{table}");
    }
    let own = site.bind("c1", json!({ "schema": "_modeller", "table": "broadcasts" })).await;
    assert!(own.unwrap_err().is(Code::ModelNotFound));
    assert!(
        site.bind("c1", json!({ "table": "orders", "filter": "x=eq.1" }))
            .await
            .unwrap_err()
            .is(Code::InvalidQuery)
    );
    site.bind("c1", json!({ "table": "orders" })).await.unwrap();
    assert!(site.bind("c1", json!({ "table": "orders" })).await.unwrap_err().is(Code::RateLimited));
    for bad in
        [json!([]), json!({ "event": "TRUNCATE" }), json!({ "table": 1 }), json!({ "filters": "a=eq.1" })]
    {
        assert!(ChangesRequest::parse(&bad).unwrap_err().is(Code::InvalidRequest), "{bad}");
    }
    assert_eq!(request(json!({ "table": "orders" })).event, ChangesEvent::All);
}

/// A new document.
pub fn insert(site: &Site) {
    site.changes(None, row("open", 1));
}

#[tokio::test]
async fn what_is_written_is_told_in_the_order_of_the_commits() {
    // LIV-21, LIV-24, LIV-25, LIV-26
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    site.bind("c1", json!({ "table": "orders", "filter": "total=gte.10" })).await.unwrap();
    let cx = &site.cx;
    let order = |total| Order { status: "open".into(), total, margin: Some(5) };
    let mut one = Order::insert(cx, order(10)).await.unwrap();
    Order::insert(cx, order(9)).await.unwrap();
    one.total = 5;
    let one = Order::save(cx, &one).await.unwrap();
    let failed: modeller::Result<()> = cx
        .transaction(async |tx| {
            Order::insert(&tx, order(50)).await?;
            Err(modeller::Error::new(Code::Conflict, "no"))
        })
        .await;
    assert!(failed.is_err());
    Order::delete(cx, &one.id).await.unwrap();
    let last = Order::insert(cx, order(11)).await.unwrap();
    Order::delete(cx, &last.id).await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..500 {
        heard.extend(ear.json());
        if heard.len() == 4 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let short = |json: &serde_json::Value| {
        let total = |name: &str| json[name]["total"].as_i64();
        (json["eventType"].as_str().unwrap_or("?").to_owned(), total("old"), total("new"))
    };
    let told: Vec<_> = heard.iter().map(short).collect();
    let told: Vec<_> = told.iter().map(|(event, old, new)| (event.as_str(), *old, *new)).collect();
    let expected = [
        ("INSERT", None, Some(10)),
        ("UPDATE", Some(10), Some(5)),
        ("INSERT", None, Some(11)),
        ("DELETE", Some(11), None),
    ];
    assert_eq!(told, expected);
    assert!(heard.iter().all(|json| !json.to_string().contains("margin")));
}

#[tokio::test]
async fn what_another_process_has_changed_is_not_passed_over_in_silence() {
    // LIV-21, LIV-23
    let path = std::env::temp_dir().join(format!("modeller-bindings-{}.db", modeller::model::new_id()));
    let file = path.to_str().unwrap();
    let site = super::stored(file).await;
    let ear = site.join("c1", "a").await;
    let id = site.bind("c1", json!({ "table": "orders", "filter": "total=gt.1000" })).await.unwrap();
    let order = || Order { status: "open".into(), total: 2_000, margin: None };
    Order::insert(&site.cx, order()).await.unwrap();
    let other = super::stored(file).await;
    Order::insert(&other.cx, order()).await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..1_000 {
        heard.extend(ear.events());
        if heard.len() >= 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let json = |at: usize| serde_json::from_str::<serde_json::Value>(heard[at].json()).unwrap();
    assert_eq!(json(0)["eventType"], "INSERT");
    assert!(json(1)["errors"][0].is_string(), "{heard:?}");
    assert_eq!(heard[1].subscription_id(), Some(id.as_str()));
    for site in [site, other] {
        site.cx.engine().store().close().await;
    }
    super::remove(file);
}
