//! HTT-08: parts of a server that somebody else wrote.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use modeller::app::{Extension, Setup};
use modeller::doors::http::{Method, Page, Route, RouteCx};
use modeller::prelude::*;
use serde_json::json;

use crate::folders::assets;
use crate::program::{Place, has};
use crate::{FEATURED, User, app, connected, refused};

type Body = Box<dyn FnOnce(&mut Setup<'_>) -> Result<()> + Send>;

struct Named(&'static str, Body);

impl Extension for Named {
    fn id(&self) -> &str {
        self.0
    }

    fn setup(self: Box<Self>, server: &mut Setup<'_>) -> Result<()> {
        (self.1)(server)
    }
}

fn named(id: &'static str, body: impl FnOnce(&mut Setup<'_>) -> Result<()> + Send + 'static) -> Named {
    Named(id, Box::new(body))
}

async fn count(cx: RouteCx) -> Result<u64> {
    User::count(&cx).await
}

// HTT-08
#[tokio::test]
async fn an_extension_adds_to_the_server_what_an_application_could() {
    let place = assets();
    let requests = Arc::new(AtomicUsize::new(0));
    let (counted, fonts) = (requests.clone(), place.path("fonts"));
    let nested = axum::Router::new().route("/there", axum::routing::get(|| async { "nested" }));
    let app = app().extension(named("all", move |server| {
        server
            .route(Route::new(Method::GET, "/how-many", count))
            .nest("/else", nested)
            .page(Page::new("/@all", "text/plain", "page"))
            .folder("/fonts", fonts)
            .on_request(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
            });
        assert!(server.options().readers.is_none());
        assert_eq!(server.http().body_limit, 1 << 20);
        server.http_mut().body_limit = 100;
        // The models are at hand already.
        let cx = server.cx();
        assert_eq!(server.engine().registry().models().len(), 1);
        tokio::spawn(async move { User::insert(&cx, User::new("by@extension")).await.map(drop) });
        Ok(())
    }));
    let mut client = connected(app).await;
    assert_eq!(client.get("/else/there").await.body, b"nested");
    assert_eq!(client.get("/@all").await.body, b"page");
    assert_eq!(client.get("/fonts/a.woff2").await.status, 200);
    while client.get("/how-many").await.json() != 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let large = json!({ "email": "x".repeat(200) });
    assert_eq!(client.post("/system/users/insert", &large).await.status, 413);
    assert!(requests.load(Ordering::SeqCst) >= 5);
    let described = client.get("/@openapi.json").await.json();
    assert!(described["paths"]["/how-many"]["get"].is_object());
}

// HTT-08
#[tokio::test]
async fn extensions_are_set_up_in_their_order_and_once() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let app = ["first", "second", "third"].into_iter().fold(app(), |app, id| {
        let order = order.clone();
        app.extension(named(id, move |_| {
            order.lock().unwrap().push(id);
            Ok(())
        }))
    });
    drop(app.router().await.unwrap());
    assert_eq!(*order.lock().unwrap(), ["first", "second", "third"]);
}

// HTT-08
#[tokio::test]
async fn two_extensions_of_one_id_are_a_fault_at_the_start() {
    let nothing = |id| named(id, |_| panic!("nothing is set up"));
    let error = refused(app().extension(nothing("a")).extension(nothing("a")).extension(nothing(" "))).await;
    has(&error, &["2 faults", "there are two extensions `a`", "an extension has no id"]);
}

// HTT-08
#[tokio::test]
async fn an_extension_that_can_not_be_set_up_says_why() {
    let fails = |id, why| named(id, move |_| Err(Error::new(Code::InternalError, why)));
    let error = refused(app().extension(fails("a", "no key")).extension(fails("b", "no mail"))).await;
    has(&error, &["2 faults", "`a` can't be set up: INTERNAL_ERROR: no key", "no mail"]);
    let gone = named("c", |server| {
        server.folder("/x", "not/there");
        server.route(Route::new(Method::GET, "/system/users/get", count));
        Ok(())
    });
    has(&refused(app().extension(gone)).await, &["2 faults", "not/there", "`system/users`'s `get`"]);
}

// HTT-08, HOO-17
#[tokio::test]
async fn listings_tell_of_everything_that_is_served() {
    let place = Place::new();
    let listed = place.run(FEATURED, &["inspect"]).await.ok();
    has(
        &listed,
        &[
            "model app/notes",
            "configuration of app/notes  limit, mail_key\n",
            "extension greeter\n",
            "route GET /hello\n",
            "folder /assets  assets\n",
            "folder /greetings  assets\n",
        ],
    );
    assert!(!listed.contains("hunter2"));
    has(&place.run(FEATURED, &["openapi"]).await.ok(), &["\"/hello\""]);
}
