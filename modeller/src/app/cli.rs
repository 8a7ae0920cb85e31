//! The program's command line: `serve`, `inspect`, `schema`, `openapi`, `asyncapi`, `migrate`, `export`, `import`.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::Value as Json;

use super::serve::serve;
use super::{App, Database, StartError, export, import, plan};
use crate::doors::openapi;
use crate::engine::{Feature, LogLevel};
use crate::model::Code;
use crate::store::{Apply, Plan};

pub(super) fn main(app: App) -> ExitCode {
    let matches = match command(&app.about).try_get_matches() {
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
        && let Some(details) = error.details().filter(|_| error.is(Code::Conflict))
        && let Ok(refused) = serde_json::from_value::<Plan>(details.clone())
    {
        let _ = write!(io::stderr(), "{}", plan::describe(&refused, false));
    }
    ExitCode::FAILURE
}

const PRECEDENCE: &str = "\
The command line wins over the environment, and that over what the program itself says.
MODELLER_LOG sets what is logged to standard error (`warn`, `info`, `modeller=debug`, ..).

Exit status: 0 if all went well, 1 if not, 2 if the command line is wrong.";

const LINES: &str = "\
Each line is one document with its model: {\"model\": \"app/user\", \"document\": {..}}. Private fields, ids, versions and the
trash are among it.";

fn command(about: &openapi::About) -> Command {
    let database = Arg::new("database")
        .long("database")
        .value_name("PATH")
        .env("MODELLER_DATABASE")
        .value_parser(NonEmptyStringValueParser::new())
        .global(true)
        .help("Keep the documents in this SQLite file (`:memory:` for none)");
    let address = Arg::new("address")
        .long("address")
        .value_name("ADDRESS")
        .env("MODELLER_ADDRESS")
        .value_parser(address)
        .global(true)
        .help("Listen here, for example 127.0.0.1:3030");
    let port = Arg::new("port")
        .long("port")
        .value_name("PORT")
        .env("MODELLER_PORT")
        .value_parser(value_parser!(u16))
        .global(true)
        .help("Listen on this port instead of the address's own; 0 takes any free one");
    let readers = Arg::new("readers")
        .long("readers")
        .value_name("N")
        .env("MODELLER_READERS")
        .value_parser(value_parser!(u16).range(1..=1024))
        .global(true)
        .help("How many connections there are for quick reads, and as many again for long ones");
    let queue = Arg::new("queue")
        .long("queue")
        .value_name("N")
        .env("MODELLER_QUEUE")
        .value_parser(value_parser!(u32).range(1..=1 << 24))
        .global(true)
        .help("How many writes may wait");
    let log_level = Arg::new("log-level")
        .long("log-level")
        .value_name("LEVEL")
        .env("MODELLER_LOG_LEVEL")
        .value_parser(str::parse::<LogLevel>)
        .global(true)
        .help("How much the models' log says: debug, info, warn, error, silent");
    let log_features = Arg::new("log-features")
        .long("log-features")
        .value_name("FEATURES")
        .env("MODELLER_LOG_FEATURES")
        .value_delimiter(',')
        .value_parser(str::parse::<Feature>)
        .global(true)
        .help("What the models' log is about: some of hook,worker,method,event,crud,job,rule");
    let log_timestamp = Arg::new("log-timestamp")
        .long("log-timestamp")
        .value_name("BOOL")
        .env("MODELLER_LOG_TIMESTAMP")
        .value_parser(value_parser!(bool))
        .global(true)
        .help("Whether the log's lines have the time");
    let model = Arg::new("model").value_name("MODEL").help("Only this model, for example app/user");
    let file = |help| Arg::new("file").value_name("FILE").value_parser(value_parser!(PathBuf)).help(help);
    // The name is that of the program's file, which clap takes from the command line.
    Command::new("modeller")
        .about(format!("{} {}", about.title, about.version))
        .after_help(PRECEDENCE)
        .args([database, address, port, readers, queue, log_level, log_features, log_timestamp])
        .subcommand(Command::new("serve").about("Serve the models over HTTP (the default)").after_help(
            "SIGTERM or ctrl-c ends it: requests under way are finished, and the database is closed.",
        ))
        .subcommand(Command::new("inspect").about("Print the models that were linked, what they do, where they stand, and what else is served"))
        .subcommand(
            Command::new("schema")
                .about("Print the JSON Schema of one model, or of all by path")
                .arg(model.clone()),
        )
        .subcommand(Command::new("openapi").about("Print the OpenAPI document"))
        .subcommand(Command::new("asyncapi").about("Print the AsyncAPI document: what goes over connections that stay open"))
        .subcommand(
            Command::new("migrate")
                .about("Compare the database with the models")
                .after_help(
                    "A start applies by itself what can't lose data, and refuses the rest. Make a backup before `apply`.",
                )
                .subcommand_required(true)
                .subcommand(Command::new("plan").about("Print the steps, and change nothing"))
                .subcommand(Command::new("apply").about("Carry out all steps, even those that lose data")),
        )
        .subcommand(
            Command::new("export")
                .about("Print the documents of one model, or of all, as JSON lines")
                .after_help(LINES)
                .arg(model)
                .arg(
                    Arg::new("output")
                        .long("output")
                        .short('o')
                        .value_name("FILE")
                        .value_parser(value_parser!(PathBuf))
                        .help("Write to this file instead of standard output"),
                ),
        )
        .subcommand(
            Command::new("import")
                .about("Insert documents from JSON lines, as `export` prints them")
                .after_help(LINES)
                .arg(file("Read this file instead of standard input")),
        )
}

/// An address; `localhost` is understood too.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    if let Some(Ok(port)) = text.strip_prefix("localhost:").map(str::parse::<u16>) {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:3030 or [::1]:3030")
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
        // A port of the environment is no match for an address of the command line.
        let said = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
        if said("port") || !said("address") {
            app.options.address.set_port(port);
        }
    }
    if let Some(&level) = matches.get_one::<LogLevel>("log-level") {
        app.log = app.log.level(level);
    }
    if let Some(features) = matches.get_many::<Feature>("log-features") {
        app.log = app.log.features(features.copied());
    }
    if let Some(&on) = matches.get_one::<bool>("log-timestamp") {
        app.log = app.log.timestamp(on);
    }
    match name {
        "inspect" => {
            let app = app.listed().await?;
            let registry = app.registry()?;
            let behaviours: String =
                app.behaviours(&registry).iter().map(|line| format!("{line}\n")).collect();
            print(&(registry.report() + &behaviours + &app.report()))?;
        }
        "schema" => return schema(&app, matches.get_one::<String>("model")),
        "openapi" => {
            let app = app.listed().await?;
            let registry = app.registry()?;
            print(&format!("{:#}\n", openapi::document(&registry, &app.about())))?;
        }
        "asyncapi" => {
            let app = app.listed().await?;
            match app.watch.document(&app.registry()?, &app.about()) {
                Some(document) => print(&format!("{document:#}\n"))?,
                None => {
                    let _ =
                        writeln!(io::stderr(), "error: this program was built without the feature `live`");
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
        "migrate" => {
            let apply = match matches.subcommand_name() {
                Some("apply") => Apply::Everything,
                _ => Apply::Nothing,
            };
            // A plan leaves no file behind either.
            let missing = app.missing_database().filter(|_| apply == Apply::Nothing);
            if missing.is_some() {
                app.options.database = Database::Memory;
            }
            let engine = app.open()?;
            let plan = engine.migrate(apply).await?;
            engine.store().close().await;
            if let Some(path) = missing {
                print(&format!("There is no database {} yet.\n", path.display()))?;
            }
            print(&plan::describe(&plan, true))?;
        }
        "export" => {
            let model = matches.get_one::<String>("model").cloned();
            let output = matches.get_one::<PathBuf>("output").cloned();
            app.registry()?;
            if let Some(path) = app.missing_database() {
                let message = format!("there is no database {}", path.display());
                return Err(io::Error::new(io::ErrorKind::NotFound, message).into());
            }
            let engine = app.open()?;
            engine.migrate(Apply::Safe).await?;
            export::export(&engine, model.as_deref(), output.as_deref()).await?;
            engine.store().close().await;
        }
        "import" => {
            let file = matches.get_one::<PathBuf>("file").cloned();
            let engine = app.open()?;
            engine.migrate(Apply::Safe).await?;
            import::import(&engine, file.as_deref()).await?;
            engine.store().close().await;
        }
        _ => serve(app).await?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn print(text: &str) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command(&openapi::About::default()).debug_assert();
    }

    #[test]
    fn addresses_are_written_in_several_ways() {
        for (text, address) in
            [("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:80", "[::1]:80"), ("localhost:80", "127.0.0.1:80")]
        {
            assert_eq!(super::address(text).unwrap(), address.parse().unwrap());
        }
        for bad in ["", "localhost", "example.com:80", "127.0.0.1", "80", "127.0.0.1:99999"] {
            assert!(super::address(bad).is_err(), "{bad}");
        }
    }
}
