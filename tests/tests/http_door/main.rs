//! The HTTP door over a real socket, in front of a pipeline that only says what it was asked.

mod bodies;
mod browser;
mod calls;
mod conditions;
mod pipeline;
mod routes;
mod server;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use modeller::doors::http::{Backend, BoxFuture, HttpDoor, HttpOptions, listen, serve};
use modeller::engine::{Arguments, Call, Clock, Cx, Engine, Operation, Reply, Transact};
use modeller::registry::Registry;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::{Code, Error, Model, Result};
use modeller_tests::http::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use validator::Validate;

/// Somebody.
#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users")]
pub struct User {
    /// What they are called.
    pub name: String,
}

/// Something ordered.
#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "orders", trash = "1h")]
pub struct Order {
    /// What.
    pub item: String,
}

/// A pipeline that answers what it was called with, or does what the field `do` asks for.
pub struct Echo {
    engine: Arc<Engine>,
    /// One permit for each call that has begun to wait.
    begun: Semaphore,
    /// No permit while calls have to wait; one that they hand on afterwards.
    gate: Semaphore,
    finished: AtomicUsize,
}

impl Echo {
    fn new() -> Arc<Self> {
        let registry =
            Registry::of(&[User::descriptor(), Order::descriptor()]).expect("the models fit together");
        let store = Sqlite::open(SqliteOptions::memory()).expect("there is memory");
        let engine = Engine::new(registry, Arc::new(store), Clock::system());
        let (begun, gate) = (Semaphore::new(0), Semaphore::new(0));
        Arc::new(Echo { engine, begun, gate, finished: AtomicUsize::new(0) })
    }

    fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }

    /// Comes back when so many more calls have begun to wait.
    async fn waiting(&self, calls: u32) {
        let begun = timeout(Duration::from_secs(60), self.begun.acquire_many(calls)).await;
        begun.expect("the calls come").expect("nobody closes it").forget();
    }

    /// Lets all calls that wait go on.
    fn open(&self) {
        self.gate.add_permits(1);
    }

    async fn answer(&self, call: Call) -> Result<Reply> {
        let todo = match &call.arguments {
            Arguments::Pairs(pairs) => {
                pairs.iter().find(|(name, _)| name == "do").map(|(_, value)| value.as_str())
            }
            _ => None,
        };
        match todo {
            Some("panic") => panic!("the handler broke"),
            Some("conflict") => return Err(Error::new(Code::Conflict, "changed meanwhile")),
            Some("break") => {
                return Err(Error::new(Code::InternalError, "disk I/O error in /var/lib/data.db"));
            }
            Some("overload") => return Err(Error::new(Code::Overloaded, "the queue is full")),
            Some("big") => return Ok(Reply { body: big(), version: Some(3), ..Reply::default() }),
            Some("null") => return Ok(Reply { body: b"null".to_vec(), ..Reply::default() }),
            Some("wait") => {
                self.begun.add_permits(1);
                drop(self.gate.acquire().await);
            }
            Some("hang") => {
                self.begun.add_permits(1);
                std::future::pending().await
            }
            _ => {}
        }
        let arguments = match &call.arguments {
            Arguments::None => json!(null),
            Arguments::Pairs(pairs) => json!({ "pairs": pairs }),
            Arguments::Json(value) => json!({ "json": value }),
        };
        let body = json!({
            "_id": "an id/1",
            "operation": call.operation.name(),
            "model": call.shape.path,
            "arguments": arguments,
            "body": String::from_utf8_lossy(&call.body),
            "expectedVersion": call.expected_version,
            "mutationId": call.mutation_id,
        });
        self.finished.fetch_add(1, Ordering::SeqCst);
        let one = !matches!(call.operation, Operation::List | Operation::Find | Operation::Count);
        Ok(Reply {
            body: body.to_string().into_bytes(),
            created: call.operation == Operation::Insert,
            version: one.then_some(3),
            next_cursor: (call.operation == Operation::List).then(|| "b3Blbg".to_owned()),
            replayed: call.mutation_id.as_deref() == Some("again"),
        })
    }
}

impl Backend for Echo {
    fn registry(&self) -> &Registry {
        self.engine.registry()
    }

    fn cx(&self) -> Cx {
        self.engine.cx()
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply>> {
        Box::pin(self.answer(call))
    }

    fn transact(&self, several: Transact) -> BoxFuture<'_, Result<Reply>> {
        let text = String::from_utf8_lossy(&several.body).into_owned();
        let said = json!({ "transaction": text, "mutationId": several.mutation_id });
        Box::pin(async move { Ok(Reply { body: said.to_string().into_bytes(), ..Reply::default() }) })
    }
}

/// 100 kB of JSON.
pub fn big() -> Vec<u8> {
    let rows: Vec<String> = (0..5_000).map(|n| format!("row number {n}")).collect();
    serde_json::to_vec(&rows).expect("texts are JSON")
}

/// A running server, and the pipeline behind it.
pub struct Running {
    pub address: SocketAddr,
    pub echo: Arc<Echo>,
    pub stop: Option<oneshot::Sender<()>>,
    pub task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }
}

/// Starts a server with these options, and whatever else the door is to serve.
pub async fn start_with(options: HttpOptions, more: impl FnOnce(HttpDoor) -> HttpDoor) -> Running {
    let echo = Echo::new();
    let door = more(HttpDoor::new(echo.clone(), options.clone()));
    let service = door.service().expect("nothing contradicts");
    let listener = listen(([127, 0, 0, 1], 0).into()).expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        serve(listener, service, &options, async {
            let _ = stopped.await;
        })
        .await
    });
    Running { address, echo, stop: Some(stop), task }
}

/// Starts a server with options.
pub async fn start(options: HttpOptions) -> Running {
    start_with(options, |door| door).await
}

/// Starts a server and connects to it.
pub async fn connected() -> (Running, Client) {
    let running = start(HttpOptions::default()).await;
    let client = running.client().await;
    (running, client)
}
