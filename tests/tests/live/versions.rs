//! From one version of a program to the next.

use std::path::Path;
use std::sync::Arc;

use modeller::engine::{Arguments, Clock, Cx, Engine};
use modeller::live::{Live, LiveOptions};
use modeller::model::Descriptor;
use modeller::prelude::*;
use modeller::registry::Registry;
use modeller::store::Apply;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use serde_json::{Value as Json, json};

/// A version of the models, in a module of its own.
macro_rules! version {
    ($module:ident: Writer { $($writer:tt)* } Book { $($book:tt)* }) => {
        mod $module {
            use modeller::model::Descriptor;
            use modeller::prelude::*;

            #[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
            #[model(scope = "versions")]
            pub struct Writer { pub name: String, $($writer)* }

            #[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
            #[model(scope = "versions")]
            pub struct Book {
                pub writer: Ref<Writer>,
                $($book)*
            }

            pub fn all() -> [&'static Descriptor; 2] {
                [Writer::descriptor(), Book::descriptor()]
            }
        }
    };
}

version!(first: Writer {} Book { pub title: String });
version!(longer: Writer {} Book {
    pub title: String,
    #[serde(default)]
    pub pages: i64,
});
version!(hidden: Writer {} Book {
    #[model(private)]
    pub title: String,
});
version!(related: Writer { pub born: Option<i64>, } Book { pub title: String });

async fn open(directory: &Path, models: &[&'static Descriptor]) -> (Cx, Arc<Live>) {
    let store = Sqlite::open(SqliteOptions::file(directory.join("versions.db"))).unwrap();
    let engine = Engine::new(Registry::of(models).unwrap(), Arc::new(store), Clock::system());
    engine.migrate(Apply::Safe).await.unwrap();
    (engine.cx(), Live::new(engine, LiveOptions::default()))
}

/// What a live query of books begins with.
async fn first(cx: &Cx, live: &Live, arguments: &Json, from: Option<&Json>) -> Json {
    let book = cx.engine().registry().find("versions", "book").unwrap();
    let from = from.map(|told| told["position"].as_str().unwrap());
    let stream = live.subscribe(cx, book, Arguments::Json(arguments.clone()), from).await.unwrap();
    serde_json::from_str(stream.first()).unwrap()
}

#[tokio::test]
async fn who_comes_back_after_the_columns_have_changed_gets_documents_as_they_are_now() {
    // LIV-15
    let directory = std::env::temp_dir().join(format!("modeller-versions-{}", std::process::id()));
    let window = json!({ "sort": "_createdAt", "count": 3 });
    let with = json!({ "with": ["writer"] });
    let all = [&json!({}), &window, &with];
    for (version, models, begins_anew) in [
        ("first", first::all(), [false, false, false]),
        ("longer", longer::all(), [true, true, true]),
        ("hidden", hidden::all(), [true, true, true]),
        ("related", related::all(), [false, false, true]),
    ] {
        std::fs::create_dir_all(&directory).unwrap();
        let (cx, live) = open(&directory, &first::all()).await;
        let writer = first::Writer::insert(&cx, first::Writer { name: "Ada".into() }).await.unwrap();
        let book = first::Book { writer: writer.id.clone().into(), title: "Notes".into() };
        first::Book::insert(&cx, book).await.unwrap();
        let mut known = Vec::new();
        for arguments in all {
            known.push(first(&cx, &live, arguments, None).await);
        }
        cx.engine().store().close().await;
        drop((cx, live));

        let (cx, live) = open(&directory, &models).await;
        for ((arguments, known), begins_anew) in all.into_iter().zip(&known).zip(begins_anew) {
            let told = first(&cx, &live, arguments, Some(known)).await;
            let fresh = first(&cx, &live, arguments, None).await;
            if begins_anew {
                assert_eq!(told["reset"], true, "{version} {arguments}: {told}");
                assert_eq!(told["documents"], fresh["documents"], "{version} {arguments}");
                assert_ne!(told["documents"], known["documents"], "{version} {arguments}");
            } else {
                assert_eq!(told["changes"], json!([]), "{version} {arguments}: {told}");
                assert_eq!(fresh["documents"], known["documents"], "{version} {arguments}");
            }
        }
        cx.engine().store().close().await;
        drop((cx, live));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
