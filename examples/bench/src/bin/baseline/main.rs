//! The server that modeller is compared with: the same table and the same routes, written by hand with axum and
//! rusqlite, as somebody would who knows both well.
//!
//! Writes go through one thread that commits all that is waiting at once; reads run where the request runs, with prepared
//! statements; JSON is written straight from the row. It keeps no log of changes. `--no-group` gives each write a
//! transaction of its own; with `--lean-update` an update writes no column that has an index unless one of those changed. Both are
//! there to show what they are worth.

mod store;
mod user;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::serve::ListenerExt;
use modeller_bench::options::Options;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use validator::Validate;

use store::{How, List, Reader, Writer};
use user::{Failure, User, json};

#[derive(Clone)]
struct App {
    path: Arc<Path>,
    writer: Writer,
}

/// The document that a request is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    #[serde(rename = "_id")]
    id: String,
}

async fn insert(State(app): State<App>, body: Bytes) -> Result<Response, Failure> {
    let user: User = serde_json::from_slice(&body)?;
    user.validate()?;
    let stored = app.writer.insert(user).await?;
    let document = serde_json::to_vec(&stored.document())?;
    Ok((StatusCode::CREATED, json(document)).into_response())
}

async fn update(State(app): State<App>, Query(pin): Query<Pin>, body: Bytes) -> Result<Response, Failure> {
    let stored = app.writer.update(pin.id, serde_json::from_slice(&body)?).await?;
    Ok(json(serde_json::to_vec(&stored.document())?).into_response())
}

async fn read(State(app): State<App>, Query(pin): Query<Pin>) -> Result<Response, Failure> {
    Reader::with(&app.path, |reader| reader.get(&pin.id)).map(|body| json(body).into_response())
}

async fn list(State(app): State<App>, Query(list): Query<List>) -> Result<Response, Failure> {
    Reader::with(&app.path, |reader| reader.list(&list)).map(|body| json(body).into_response())
}

/// Greets somebody: the method of `subject`, by hand.
#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Greet {
    #[validate(email)]
    email: String,
    #[validate(length(min = 1, max = 100))]
    name: String,
    #[validate(range(min = 1, max = 100))]
    times: u32,
}

#[derive(Serialize)]
struct Greeting {
    to: String,
    text: String,
    times: u32,
}

async fn greet(body: Bytes) -> Result<Response, Failure> {
    let greet: Greet = serde_json::from_slice(&body)?;
    greet.validate()?;
    let greeting = Greeting { to: greet.email, text: format!("Hello, {}!", greet.name), times: greet.times };
    Ok(json(serde_json::to_vec(&greeting)?).into_response())
}

#[tokio::main]
async fn main() -> modeller_bench::Result<()> {
    let options = Options::from_args(&[
        ("--port", "N", "where to listen; 0, the default, takes a free one"),
        ("--database", "FILE", "the database (baseline.db)"),
        ("--no-group", "", "a transaction for each write"),
        ("--lean-update", "", "an update leaves out the columns with an index unless one of them changed"),
    ]);
    let path: PathBuf = options.value("--database", "baseline.db".into());
    let how = How { no_group: options.has("--no-group"), lean_update: options.has("--lean-update") };
    let (writer, thread) = Writer::start(&path, how)?;
    let routes = Router::new()
        .route("/system/users/insert", post(insert))
        .route("/system/users/update", put(update))
        .route("/system/users/get", get(read))
        .route("/system/users/list", get(list))
        .route("/system/users/greet", post(greet))
        .route("/@health", get(|| async { "ok" }))
        .layer(DefaultBodyLimit::max(1 << 20))
        .with_state(App { path: path.into(), writer });

    let listener = TcpListener::bind(("127.0.0.1", options.value("--port", 0))).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Without it answers would only be late.
        let _ = stream.set_nodelay(true);
    });
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        terminate.recv().await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(stop).await?;
    // The routes are gone, and with them the last `Writer`: the thread ends after what it still had to do.
    thread.join().map_err(|_| "the writer panicked")??;
    Ok(())
}
