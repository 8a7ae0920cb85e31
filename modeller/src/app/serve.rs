//! `serve`: the address, the log, and an orderly end.

use std::fs;
use std::future::Future;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::cli::print;
use super::{App, StartError};
use crate::doors::http;
use crate::engine::{Feature, LogOptions};

/// With fewer files than this there is hardly room for the database and the listener.
const LEAST_FILES: usize = 64;

/// Files that are left to the database and to the application's own code once connections have taken the rest.
const SPARE_FILES: usize = 64;

pub(super) async fn serve(mut app: App) -> Result<(), StartError> {
    log(&app.log);
    let address = app.options.address;
    if !address.ip().is_loopback() {
        return Err(StartError::Io(io::Error::other(format!(
            "{address} can be reached from outside, and there is no sign-in that would keep anybody from writing: \
             listen on a loopback address such as 127.0.0.1:{} and put a gateway in front",
            address.port()
        ))));
    }
    let files = file_limit();
    if let Some(files) = files.filter(|files| *files < LEAST_FILES) {
        let message = format!(
            "this process may open only {files} files, and needs {LEAST_FILES} at least: raise the limit (`ulimit -n`)"
        );
        return Err(StartError::Io(io::Error::other(message)));
    }
    app.check_folders()?;
    let engine = app.engine().await?;
    app.set_up(&engine)?;
    for line in engine.registry().manifest().into_iter().chain(app.behaviours(engine.registry())) {
        tracing::info!("{line}");
    }
    if app.http.hosts.is_empty() {
        // Else a page from anywhere could point its own name at this machine and read what is served here.
        // `SocketAddr` writes an address of version 6 as hosts have it, in brackets.
        let own = SocketAddr::new(address.ip(), 0).to_string().trim_end_matches(":0").to_owned();
        app.http = app.http.hosts(["localhost", "127.0.0.1", "[::1]", &own]);
    }
    let mut options = app.http.clone();
    if let Some(files) = files {
        // Further connections wait in the system's queue, where they do no harm.
        let most = files.saturating_sub(open_files() + SPARE_FILES).max(8);
        if most < options.max_connections.saturating_add(app.watch.most()) {
            // Those that stay open take no more than their half: there is always room to ask for something.
            app.watch.limit(most / 2);
            options.max_connections = options.max_connections.min(most - app.watch.most());
            tracing::info!("at most {most} connections at once: this process may open {files} files");
        }
    }
    let watched = app.watch.open(&engine);
    let service = app.door(engine.clone(), &watched)?.service()?;
    let listener = http::listen(address).map_err(|error| unbound(address, &error))?;
    let address = listener.local_addr()?;
    // Before anybody can know that we are there.
    let stopped = stopped()?;
    watched.set_port(address.port());
    service.mounted(address);
    print(&format!(
        "listening on http://{address}\n  API reference  http://{address}/@docs\n  \
         There is no sign-in: everybody who reaches this loopback address may read and write.\n"
    ))?;
    let ending = watched.ending();
    let leaving = ending.clone();
    let stopped = async move {
        stopped.await;
        // Clients that stay connected are told at once, while requests under way are finished.
        tokio::spawn(async move { leaving.come().await });
    };
    let served = http::serve(listener, service, &options, stopped).await;
    ending.come().await;
    engine.stop().await;
    engine.store().close().await;
    Ok(served?)
}

/// Why nobody can listen there, and what to do about it.
fn unbound(address: SocketAddr, error: &io::Error) -> io::Error {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program does; end it, or choose another port with `--address`".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need special rights".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("can't listen on {address}: {why}"))
}

/// How many files this process may open, where the system says so.
fn file_limit() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").map_or(LEAST_FILES, Iterator::count)
}

/// Done with SIGTERM or ctrl-c, either of which is noticed from now on. A second one ends the program at once.
#[cfg(unix)]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut either = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    Ok(async move {
        either().await;
        tokio::spawn(async move {
            either().await;
            // What was answered is on the disk already.
            std::process::exit(1);
        });
    })
}

/// Done with ctrl-c.
#[cfg(not(unix))]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// Logs to standard error what `MODELLER_LOG` asks for; by default warnings, and what was linked. What the models' log lets
/// through is printed whatever that says.
fn log(models: &LogOptions) {
    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let wanted = std::env::var("MODELLER_LOG").ok().filter(|wanted| !wanted.trim().is_empty());
    let filter = wanted.as_deref().map(str::parse::<Targets>).and_then(|filter| match filter {
        Ok(filter) => Some(filter),
        Err(error) => {
            let _ = writeln!(io::stderr(), "MODELLER_LOG is not understood, and ignored: {error}");
            None
        }
    });
    let usual =
        Targets::new().with_default(LevelFilter::WARN).with_target("modeller::app", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .with_timer(Timer(models.has_timestamp()))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let mut filter = filter.unwrap_or(usual);
    if !models.is_silent() {
        let features = Feature::ALL.iter().map(|feature| format!("modeller::{feature}"));
        filter = filter.with_targets(features.map(|target| (target, LevelFilter::TRACE)));
    }
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// Writes the time, or nothing.
struct Timer(bool);

impl FormatTime for Timer {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        if self.0 { SystemTime.format_time(writer) } else { Ok(()) }
    }
}
