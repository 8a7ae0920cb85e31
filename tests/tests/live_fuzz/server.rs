//! The depot as a process of its own, with a database in a file: it can be killed, and started again.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// Where the server is, if it is anywhere.
pub type Address = watch::Receiver<Option<SocketAddr>>;

/// A server with its folder, which goes with it.
pub struct Server {
    folder: PathBuf,
    buffer: Option<usize>,
    child: Child,
    address: watch::Sender<Option<SocketAddr>>,
}

impl Server {
    /// A server where so many bytes wait for a client at most, unless it is what is usual.
    pub async fn start(name: &str, buffer: Option<usize>) -> Self {
        let folder = std::env::temp_dir().join(format!("modeller-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (child, address) = spawn(&folder, buffer).await;
        Server { folder, buffer, child, address: watch::Sender::new(Some(address)) }
    }

    pub fn address(&self) -> Address {
        self.address.subscribe()
    }

    /// Ends it without a warning (`SIGKILL`).
    pub async fn kill(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the server has ended:\n{}", self.log());
        self.child.start_kill().unwrap();
        self.address.send_replace(None);
        self.child.wait().await.unwrap();
    }

    /// Starts it again, somewhere else.
    pub async fn restart(&mut self) {
        let (child, address) = spawn(&self.folder, self.buffer).await;
        self.child = child;
        self.address.send_replace(Some(address));
    }

    /// What it has written to its log, or the end of that.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// How much memory it has in use (`VmRSS`), in KiB, where the system says so.
    pub fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.start_kill());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

async fn spawn(folder: &Path, buffer: Option<usize>) -> (Child, SocketAddr) {
    let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_test-depot"))
        .args(["--port", "0", "--database", "depot.db"])
        .envs(buffer.map(|bytes| ("BUFFER", bytes.to_string())))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = tokio::time::timeout(Duration::from_secs(30), lines.next_line());
    let first = first.await.expect("the server starts in time").unwrap().expect("the server starts");
    let address = first.strip_prefix("listening on http://").expect("the address comes first");
    let address = address.parse().unwrap();
    // What it says further is of no interest, but it has to have somewhere to say it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, address)
}
