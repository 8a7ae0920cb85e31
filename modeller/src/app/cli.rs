//! The program's command line: `serve`, `inspect`, `schema`, `openapi`, `migrate`, `export`, `import`.

use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::Value as Json;

use super::{App, Database, StartError, transfer};
use crate::doors::{http, openapi};
use crate::model::Code;
use crate::store::{Apply, Plan};

pub(super) fn main(app: App) -> ExitCode {
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&StartError::Io(error)),
    };
    match runtime.block_on(run(app, &matches)) {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

fn failed(error: &StartError) -> ExitCode {
    // A pipe that was closed (`inspect | head`) is no failure of ours to report.
    if let StartError::Io(error) = error
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(io::stderr(), "error: {error}");
    if let StartError::Store(error) = error
        && let Some(plan) = error.details().filter(|_| error.is(Code::Conflict))
    {
        let _ = writeln!(io::stderr(), "{plan:#}");
    }
    ExitCode::FAILURE
}

fn command() -> Command {
    let database = Arg::new("database")
        .long("database")
        .value_name("PATH")
        .env("MODELLER_DATABASE")
        .global(true)
        .help("Keep the documents in this SQLite file (`:memory:` for none)");
    let readers = Arg::new("readers")
        .long("readers")
        .value_name("N")
        .env("MODELLER_READERS")
        .value_parser(value_parser!(u16).range(1..=1024))
        .global(true)
        .help("How many connections read at the same time");
    let queue = Arg::new("queue")
        .long("queue")
        .value_name("N")
        .env("MODELLER_QUEUE")
        .value_parser(value_parser!(u32).range(1..))
        .global(true)
        .help("How many writes may wait");
    let address = Arg::new("address")
        .long("address")
        .value_name("ADDRESS")
        .env("MODELLER_ADDRESS")
        .value_parser(value_parser!(SocketAddr))
        .global(true)
        .help("Listen here, for example 127.0.0.1:3030");
    let port = Arg::new("port")
        .long("port")
        .value_name("PORT")
        .env("MODELLER_PORT")
        .value_parser(value_parser!(u16))
        .global(true)
        .help("Listen on this port instead of the address's own; 0 takes any free one");
    let model = Arg::new("model").value_name("MODEL").help("Only this model, for example app/user");
    Command::new("modeller")
        .about("A backend made of models")
        .args([database, readers, queue, address, port])
        .subcommand(Command::new("serve").about("Serve the models (the default)"))
        .subcommand(Command::new("inspect").about("Print the models that were linked, and where from"))
        .subcommand(Command::new("schema").about("Print the JSON Schema of the models").arg(model.clone()))
        .subcommand(Command::new("openapi").about("Print the OpenAPI document"))
        .subcommand(
            Command::new("migrate")
                .about("Compare the database with the models")
                .subcommand_required(true)
                .subcommand(Command::new("plan").about("Print what would be done"))
                .subcommand(Command::new("apply").about("Do it, even where data is lost")),
        )
        .subcommand(
            Command::new("export")
                .about("Print documents as JSON lines")
                .arg(model)
                .arg(output().help("Write to this file instead")),
        )
        .subcommand(
            Command::new("import")
                .about("Insert documents from JSON lines, as `export` prints them")
                .arg(Arg::new("file").value_name("FILE").value_parser(value_parser!(PathBuf))),
        )
}

fn output() -> Arg {
    Arg::new("output").long("output").short('o').value_name("FILE").value_parser(value_parser!(PathBuf))
}

async fn run(mut app: App, matches: &ArgMatches) -> Result<ExitCode, StartError> {
    let (name, matches) = matches.subcommand().unwrap_or(("serve", matches));
    if let Some(path) = matches.get_one::<String>("database") {
        app.options.database = Database::from(path.clone());
    }
    if let Some(&readers) = matches.get_one::<u16>("readers") {
        app.options.readers = Some(readers.into());
    }
    if let Some(&queue) = matches.get_one::<u32>("queue") {
        app.options.queue = Some(queue as usize);
    }
    if let Some(&address) = matches.get_one::<SocketAddr>("address") {
        app.options.address = address;
    }
    if let Some(&port) = matches.get_one::<u16>("port") {
        app.options.address.set_port(port);
    }
    match name {
        "inspect" => print(&app.registry()?.report())?,
        "schema" => return schema(&app, matches.get_one::<String>("model")),
        "openapi" => {
            let registry = app.registry()?;
            print(&format!("{:#}\n", openapi::document(registry.models(), &app.about)))?;
        }
        "migrate" => {
            let apply = match matches.subcommand_name() {
                Some("apply") => Apply::Everything,
                _ => Apply::Nothing,
            };
            let engine = app.open()?;
            let plan = engine.migrate(apply).await?;
            engine.store().close().await;
            print(&describe(&plan))?;
        }
        "export" => {
            let model = matches.get_one::<String>("model").cloned();
            let output = matches.get_one::<PathBuf>("output").cloned();
            let engine = app.open()?;
            engine.migrate(Apply::Safe).await?;
            transfer::export(&engine, model.as_deref(), output.as_deref()).await?;
            engine.store().close().await;
        }
        "import" => {
            let file = matches.get_one::<PathBuf>("file").cloned();
            let engine = app.open()?;
            engine.migrate(Apply::Safe).await?;
            transfer::import(&engine, file.as_deref()).await?;
            engine.store().close().await;
        }
        _ => serve(app).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn schema(app: &App, model: Option<&String>) -> Result<ExitCode, StartError> {
    let registry = app.registry()?;
    let schemas: Json = match model {
        Some(path) => match registry.by_id(path) {
            Some(shape) => shape.schema.clone(),
            None => {
                let known: Vec<&str> = registry.models().iter().map(|shape| shape.path.as_str()).collect();
                let _ = writeln!(io::stderr(), "error: no model `{path}`; there are {}", known.join(", "));
                return Ok(ExitCode::FAILURE);
            }
        },
        None => registry.models().iter().map(|shape| (shape.path.clone(), shape.schema.clone())).collect(),
    };
    print(&format!("{schemas:#}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return "The database fits the models.\n".into();
    }
    let mut text = String::new();
    for step in &plan.steps {
        text.push_str(if step.destructive { "! " } else { "- " });
        text.push_str(&step.what);
        if let Some(why) = &step.why {
            text.push_str(" (");
            text.push_str(why);
            text.push(')');
        }
        text.push('\n');
        for sql in &step.sql {
            text.push_str("    ");
            text.push_str(sql);
            text.push('\n');
        }
    }
    text.push_str(match (plan.applied, plan.is_destructive()) {
        (true, _) => "Done.\n",
        (false, true) => "Steps marked with ! lose data; `migrate apply` carries out all of them.\n",
        (false, false) => "`migrate apply` carries them out; so does the next start.\n",
    });
    text
}

async fn serve(app: App) -> Result<(), StartError> {
    log();
    let address = app.options.address;
    if !address.ip().is_loopback() {
        return Err(StartError::Io(io::Error::other(format!(
            "{address} can be reached from outside, and there is no sign-in that would keep anybody from writing: \
             listen on a loopback address such as 127.0.0.1:{} and put a gateway in front",
            address.port()
        ))));
    }
    let engine = app.engine().await?;
    for line in engine.registry().manifest() {
        tracing::info!("{line}");
    }
    let options = app.http.clone();
    let service = app.door(engine.clone())?.service()?;
    let listener = http::listen(address)?;
    let address = listener.local_addr()?;
    print(&format!(
        "listening on http://{address}\n  API reference  http://{address}/@docs\n  \
         There is no sign-in: everybody who reaches this loopback address may read and write.\n"
    ))?;
    let served = http::serve(listener, service, &options, stopped()).await;
    engine.store().close().await;
    Ok(served?)
}

/// Ends with SIGTERM or ctrl-c.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}

/// Logs to standard error what `MODELLER_LOG` asks for (`info`, `modeller=debug`, ..); warnings by default.
fn log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("MODELLER_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_plan_says_which_steps_lose_data() {
        let step = crate::store::PlannedStep {
            what: "drop column users.age".into(),
            destructive: true,
            impossible: false,
            why: Some("3 rows have values".into()),
            sql: Vec::new(),
        };
        let plan = Plan { steps: vec![step], applied: false };
        assert!(describe(&plan).starts_with("! drop column users.age (3 rows have values)\n"));
    }
}
