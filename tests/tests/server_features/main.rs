//! What a server has beside its models: folders, events, extensions, configurations, the log.

mod configuration;
mod events;
mod extensions;
mod folder_attacks;
mod folders;
mod logging;
#[allow(dead_code)]
#[path = "../command_line/program.rs"]
mod program;

use std::net::SocketAddr;

use modeller::doors::http::{HttpOptions, listen, serve};
use modeller::prelude::*;
use modeller_tests::http::Client;

pub const FEATURED: &str = env!("CARGO_BIN_EXE_test-featured");

/// Somebody.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users")]
pub struct User {
    /// How they are known.
    #[model(unique)]
    pub email: String,
    /// What they prove themselves with.
    #[model(private)]
    pub password: Option<String>,
}

impl User {
    pub fn new(email: &str) -> Self {
        User { email: email.into(), password: Some("hunter2".into()) }
    }
}

/// Something that has the name of another model.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "users")]
pub struct Customer {
    /// How they are known.
    pub email: String,
}

/// An application of users.
pub fn app() -> App {
    App::isolated().models::<(User,)>()
}

/// Serves an application on a port of its own, until the test ends.
pub async fn start(app: App) -> SocketAddr {
    let router = app.router().await.expect("the application starts");
    let listener = listen(([127, 0, 0, 1], 0).into()).expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    tokio::spawn(
        async move { serve(listener, router, &HttpOptions::default(), std::future::pending()).await },
    );
    address
}

/// Serves an application, and connects to it.
pub async fn connected(app: App) -> Client {
    Client::connect(start(app).await).await
}

/// Why an application does not start.
pub async fn refused(app: App) -> String {
    match app.router().await {
        Ok(_) => panic!("the application started"),
        Err(error) => error.to_string(),
    }
}
