//! The WebSocket door over real sockets, with an independent client and with none at all.

mod channels;
mod ending;
mod endpoint;
mod endpoint_tokens;
mod limits;
mod live;
mod operations;
mod protocol;
mod rules;
mod watching;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use modeller::App;
use modeller::doors::http::{
    Backend, BoxFuture, HttpDoor, HttpOptions, Method as Verb, Mount, Route, RouteCx, listen, remote, serve,
};
use modeller::doors::ws::{Caller, PATH, RealtimeDoor, RealtimeOptions, WsDoor};
use modeller::engine::{Call, Cx, Engine, Method, Reply, Transact};
use modeller::live::{Live, LiveOptions};
use modeller::prelude::*;
use modeller::registry::Registry;
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// After this nothing comes any more.
/// Longer than a busy machine takes, and shorter than the half a minute after which a server notices by itself who is gone.
pub const PATIENCE: Duration = Duration::from_secs(25);

/// Somebody.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users")]
pub struct User {
    /// Where to write to.
    #[validate(email)]
    #[model(unique)]
    pub email: String,
    /// How old.
    pub age: i64,
    /// What nobody is shown.
    #[model(private)]
    pub secret: Option<String>,
}

/// Something written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "app", name = "notes")]
pub struct Note {
    /// The words.
    pub text: String,
}

/// Does as it is told.
#[modeller::method(User)]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Behave {
    /// How.
    pub how: String,
}

impl Method for Behave {
    type Reply = String;
    async fn call(self, _: &Cx) -> modeller::Result<String> {
        match self.how.as_str() {
            "panic" => panic!("the handler broke"),
            "sleep" => tokio::time::sleep(Duration::from_millis(300)).await,
            "hang" => std::future::pending().await,
            "own" => return Err(modeller::Error::custom("OUT_OF_LUCK", 400, "not today")),
            "fail" => return Err(modeller::Error::new(modeller::Code::InternalError, "no disk at /secret")),
            _ => {}
        }
        Ok(self.how)
    }
}

/// The engine, as the HTTP door sees it.
struct Pipeline(Arc<Engine>);

impl Backend for Pipeline {
    fn registry(&self) -> &Registry {
        self.0.registry()
    }

    fn call(&self, call: Call) -> BoxFuture<'_, modeller::Result<Reply>> {
        Box::pin(self.0.perform(call))
    }

    fn transact(&self, several: Transact) -> BoxFuture<'_, modeller::Result<Reply>> {
        Box::pin(self.0.transact(several))
    }

    fn cx(&self) -> Cx {
        self.0.cx()
    }
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub live: Arc<Live>,
    pub cx: Cx,
    /// What a log would have of each request.
    pub seen: Arc<Mutex<Vec<String>>>,
    _stop: oneshot::Sender<()>,
    _task: JoinHandle<()>,
}

impl Server {
    pub async fn start(options: LiveOptions) -> Self {
        Self::of(App::isolated(), options).await
    }

    pub async fn of(app: App, options: LiveOptions) -> Self {
        Self::with(app, options, RealtimeOptions::new()).await
    }

    /// With this, too, in the endpoint-first form.
    pub async fn with(app: App, options: LiveOptions, realtime: RealtimeOptions) -> Self {
        let engine = app.models::<(User, Note)>().engine().await.unwrap();
        let live = Live::new(engine.clone(), options);
        let door = WsDoor::new(live.clone());
        let realtime = RealtimeDoor::new(live.clone(), realtime);
        let (asked, paths) = (realtime.clone(), realtime.options().clone());
        let subscribe = move |cx: RouteCx| {
            let asked = asked.clone();
            async move {
                let caller = Caller::new(cx.headers().clone(), cx.remote(), cx.identity().clone());
                asked.subscribe(caller, cx.json()?).await
            }
        };
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = seen.clone();
        let http = HttpOptions::default();
        let service = HttpDoor::new(Arc::new(Pipeline(engine.clone())), http.clone())
            .mount(Mount::at(PATH, move |request| {
                let remote = remote(&request);
                std::future::ready(door.answer(request, remote))
            }))
            .route(Route::new(Verb::POST, paths.subscribe_path, subscribe))
            .mount(Mount::at(&paths.websocket_path, move |request| {
                let (remote, realtime) = (remote(&request), realtime.clone());
                async move { realtime.answer(request, remote).await }
            }))
            .on(move |event| log.lock().unwrap().push(format!("{event:?}")))
            .service()
            .unwrap();
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            serve(listener, service, &http, stopped).await.unwrap();
        });
        Server { address, live, cx: engine.cx(), seen, _stop: stop, _task: task }
    }

    /// A client that was welcomed.
    pub async fn client(&self) -> Client {
        let mut client = self.newcomer().await;
        assert_eq!(client.next().await["type"], "welcome");
        client
    }

    /// A client that has read nothing yet.
    pub async fn newcomer(&self) -> Client {
        let (socket, _) = connect_async(format!("ws://{}{PATH}", self.address)).await.unwrap();
        Client { socket, last: 0 }
    }

    /// Waits until there are so many connections.
    pub async fn until(&self, connections: usize) {
        let counted = async {
            while self.live.connections().count() != connections {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, counted).await.expect("connections come and go");
    }
}

/// An independent client.
pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last: u64,
}

impl Client {
    pub async fn say(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// The next message.
    pub async fn next(&mut self) -> Json {
        match self.message().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?} is no message"),
        }
    }

    pub async fn message(&mut self) -> Message {
        timeout(PATIENCE, self.socket.next()).await.expect("something comes").unwrap().unwrap()
    }

    /// The code and the reason of the end, whatever comes before it.
    pub async fn end(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(close) = self.message().await {
                let close = close.expect("an end has its code");
                return (close.code.into(), close.reason.to_string());
            }
        }
    }

    /// Asks, and waits for the answer to that; says that it is there if it is asked meanwhile.
    pub async fn ask(&mut self, kind: &str, mut members: Json) -> Json {
        self.last += 1;
        members["id"] = self.last.into();
        members["type"] = kind.into();
        self.say(members.to_string()).await;
        let mut answer = self.next().await;
        while answer["type"] == "ping" {
            self.say(json!({ "type": "pong" }).to_string()).await;
            answer = self.next().await;
        }
        assert_eq!(answer["id"], self.last, "{answer}");
        answer
    }

    /// The data of the answer.
    pub async fn data(&mut self, kind: &str, members: Json) -> Json {
        let mut answer = self.ask(kind, members).await;
        assert_eq!(answer["type"], "result", "{answer}");
        answer["data"].take()
    }

    /// The code of the error, and the error.
    pub async fn code(&mut self, kind: &str, members: Json) -> (String, Json) {
        let answer = self.ask(kind, members).await;
        assert_eq!(answer["type"], "error", "{answer}");
        (answer["code"].as_str().unwrap().to_owned(), answer)
    }

    pub async fn insert(&mut self, email: &str, age: i64) -> Json {
        let data = json!({ "email": email, "age": age });
        self.data("store.insert", json!({ "bucket": "system/users", "data": data })).await
    }
}
