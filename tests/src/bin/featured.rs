//! A program with everything that a server can have beside its models. It writes down what it is told.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;

use modeller::app::{Extension, Setup};
use modeller::doors::http::{Method, Route, RouteCx};
use modeller::engine::LogOptions;
use modeller::prelude::*;

/// Something to remember.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(name = "notes")]
pub struct Note {
    pub text: String,
    #[model(private)]
    pub secret: Option<String>,
}

/// How notes are kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct NoteConfig {
    pub limit: u32,
    pub mail_key: Secret<String>,
}

impl Configured for Note {
    type Config = NoteConfig;
}

/// Greets.
struct Greeter;

impl Extension for Greeter {
    fn id(&self) -> &str {
        "greeter"
    }

    fn setup(self: Box<Self>, server: &mut Setup<'_>) -> Result<()> {
        server.route(Route::new(Method::GET, "/hello", async |_: RouteCx| Ok("hello")));
        server.folder("/greetings", "assets");
        Ok(())
    }
}

fn note(file: &str, line: &str) {
    let file = OpenOptions::new().create(true).append(true).open(file);
    if let Ok(mut file) = file {
        let _ = writeln!(file, "{line}");
    }
}

fn main() -> ExitCode {
    App::isolated()
        .models::<(Note,)>()
        .folder("/assets", std::env::var("FOLDER").unwrap_or_else(|_| "assets".into()))
        .extension(Greeter)
        .configure::<Note>(NoteConfig { limit: 3, mail_key: "hunter2".to_owned().into() })
        .on_mounted(|mounted| note("mounted.txt", &mounted.address().to_string()))
        .on_request(|request| {
            let from = request.remote().map(|remote| remote.ip());
            note(
                "requests.txt",
                &format!("{} {} {from:?} {}", request.method(), request.path(), request.protected()),
            );
        })
        .log(LogOptions::new().on_entry(|entry| note("log.jsonl", &serde_json::json!(entry).to_string())))
        .main()
}
