//! Layers that work alone, stores of one's own, files that keep what was written, migrations.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use modeller::app::{Database, Options};
use modeller::store::Rows;

use super::*;

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("modeller-ledger-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn database(&self) -> String {
        self.0.join("data.db").to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn each_layer_works_without_those_above() {
    // PER-01
    // A model: schema, validation and filters, without anything running.
    let shape = User::descriptor().shape();
    assert!(modeller::model::accept(shape, b"{\"email\":\"no\"}").is_err());
    let row = modeller::model::to_row(&User { age: Some(3), ..User::new("a@b.c") }, shape).unwrap();
    let filter = Filter::parse(shape, &json!({"age": {"$gt": 2}}), modeller::query::Access::Public).unwrap();
    assert!(filter.matches(shape, &row));
    // A store: rows and a change log.
    let store = Sqlite::open(SqliteOptions::memory()).unwrap();
    store.migrate(&[shape], Apply::Safe).await.unwrap();
    let mut row = row;
    for (index, value) in [
        (Shape::ID, "u1".into()),
        (Shape::VERSION, 1.into()),
        (Shape::CREATED_AT, 0.into()),
        (Shape::UPDATED_AT, 0.into()),
    ] {
        row[index] = value;
    }
    let steps: Work = Work {
        single: true,
        actor: None,
        steps: Box::new(move |tx| {
            Box::pin(async move {
                tx.insert(shape, &row).await?;
                Ok(Box::new(()) as Done)
            })
        }),
    };
    store.write(steps).await.unwrap();
    let rows: Rows = modeller::store::sink(store.read(&Select::all(shape), Rows::of(shape)).await.unwrap());
    assert_eq!((rows.rows.len(), store.changes(0, 10).await.unwrap().len()), (1, 1));
    // An application without a door.
    let cx = App::isolated().models::<(User,)>().cx().await.unwrap();
    User::insert(&cx, User::new("a@b.c")).await.unwrap();
}

#[tokio::test]
async fn without_options_documents_live_in_memory_before_any_server() {
    // PER-05, HTT-11
    let app = App::isolated().models::<(User,)>();
    let engine = app.engine().await.unwrap();
    User::insert(&engine.cx(), User::new("a@b.c")).await.unwrap();
    let address = served(App::isolated().models::<(User,)>().store(Shared(engine.store().clone()))).await;
    assert_eq!(Client::connect(address).await.get("/system/users/count").await.json(), 1);
    // Another application has a memory of its own.
    assert_eq!(User::count(&App::isolated().models::<(User,)>().cx().await.unwrap()).await.unwrap(), 0);
}

/// Counts what is written.
struct Counting(Shared, Arc<AtomicUsize>);

impl Store for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }
    fn migrate<'a>(&'a self, models: &'a [&'static Shape], apply: Apply) -> BoxFuture<'a, Result<Plan>> {
        self.0.migrate(models, apply)
    }
    fn read<'a>(&'a self, select: &'a Select, sink: Box<dyn Sink>) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.0.read(select, sink)
    }
    fn count<'a>(&'a self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        self.0.count(shape, filter)
    }
    fn aggregate<'a>(&'a self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        self.0.aggregate(aggregation)
    }
    fn write(&self, work: Work) -> BoxFuture<'_, Result<Done>> {
        match self.1.fetch_add(1, Ordering::SeqCst) {
            2 => Box::pin(async { Err(Error::new(Code::StoreUnavailable, "nothing can be written")) }),
            _ => self.0.write(work),
        }
    }
    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>> {
        self.0.begin(actor)
    }
    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<modeller::store::Change>>> {
        self.0.changes(after, limit)
    }
    fn secret(&self) -> [u8; 32] {
        self.0.secret()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close()
    }
}

#[tokio::test]
async fn a_store_of_ones_own_gets_every_write_before_it_is_answered() {
    // PER-02
    let writes = Arc::new(AtomicUsize::new(0));
    let inner = Shared(Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap()));
    let address = served(App::isolated().models::<(User,)>().store(Counting(inner, writes.clone()))).await;
    let mut client = Client::connect(address).await;
    let insert = "/system/users/insert";
    assert_eq!(client.post(insert, &user("a@b.c", 1)).await.status, 201);
    assert_eq!(writes.load(Ordering::SeqCst), 1);
    client.put("/system/users/update?email=a@b.c", &json!({"age": 2})).await;
    // What it can't write is not said to be written.
    refused(&client.post(insert, &user("b@b.c", 1)).await, 503, "STORE_UNAVAILABLE");
    assert_eq!(client.get("/system/users/count").await.json(), 1);
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    // PER-03, PER-06, PER-07
    let folder = Folder::new("restart");
    let mut options = Options::default();
    options.database = Database::File(folder.database().into());
    options.readers = Some(1);
    options.queue = Some(8);
    for round in 0..3_u64 {
        let engine = App::isolated().models::<(User,)>().options(options.clone()).engine().await.unwrap();
        let cx = engine.cx();
        // It is there before anything is served.
        assert_eq!(User::count(&cx).await.unwrap(), round);
        User::insert(&cx, User { password: Some("p".into()), ..User::new(&format!("{round}@b.c")) })
            .await
            .unwrap();
        engine.store().close().await;
    }
    assert_eq!(Database::from(":memory:".to_owned()), Database::Memory);
    let engine = App::isolated().models::<(User,)>().database(":memory:").engine().await.unwrap();
    assert_eq!(User::count(&engine.cx()).await.unwrap(), 0);
}

mod old {
    use super::*;

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "office", name = "people")]
    pub struct Person {
        pub name: String,
        pub phone: Option<String>,
    }
}

mod new {
    use super::*;

    /// A field more, one with another name, and a time to live.
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "office", name = "people", ttl = "1h", trash = "1h")]
    pub struct Person {
        #[model(renamed_from = "name", index)]
        pub full_name: String,
        pub phone: Option<String>,
        #[serde(default)]
        pub floor: i64,
    }
}

mod without {
    use super::*;

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "office", name = "people", ttl = "1h", trash = "1h")]
    pub struct Person {
        #[model(index)]
        pub full_name: String,
        #[serde(default)]
        pub floor: i64,
    }
}

#[tokio::test]
async fn a_database_follows_its_models_unless_that_would_lose_something() {
    // PER-12
    let folder = Folder::new("migrate");
    let app = |models: App| models.database(folder.database());
    let engine = app(App::isolated().models::<(old::Person,)>()).engine().await.unwrap();
    let ada = old::Person { name: "Ada".into(), phone: Some("1".into()) };
    let ada = old::Person::insert(&engine.cx(), ada).await.unwrap();
    engine.store().close().await;

    let engine = app(App::isolated().models::<(new::Person,)>()).engine().await.unwrap();
    let cx = engine.cx();
    let found =
        new::Person::find().first(&cx).await.unwrap().expect("what is older than the ttl is still there");
    assert_eq!((found.full_name.as_str(), found.floor, found.id.as_str()), ("Ada", 0, ada.id.as_str()));
    assert_eq!(found.expires_at, None);
    let written = new::Person::update(&cx, &found.id, new::Person::FLOOR.set(2)).await.unwrap();
    assert!(written.expires_at.is_some());
    engine.store().close().await;

    let refused = app(App::isolated().models::<(without::Person,)>()).engine().await.unwrap_err();
    let modeller::app::StartError::Store(error) = refused else { panic!("{refused}") };
    assert!(error.is(Code::Conflict), "{error}");
    assert!(error.details().unwrap().to_string().contains("phone"));
    // It is as it was, until somebody says so.
    let store = Sqlite::open(SqliteOptions::file(folder.database())).unwrap();
    let registry = Registry::of(&[without::Person::descriptor()]).unwrap();
    let engine = Engine::new(registry, Arc::new(store), Clock::system());
    assert!(engine.migrate(Apply::Nothing).await.unwrap().is_destructive());
    assert!(engine.migrate(Apply::Everything).await.unwrap().applied);
    assert_eq!(without::Person::find().first(&engine.cx()).await.unwrap().unwrap().floor, 2);
    engine.store().close().await;
}
