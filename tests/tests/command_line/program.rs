//! Programs as a user runs them: in a directory of their own, by their command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub const QUICKSTART: &str = env!("CARGO_BIN_EXE_test-quickstart");
pub const MULTI_APP: &str = env!("CARGO_BIN_EXE_test-multi-app");
pub const FORGOTTEN: &str = env!("CARGO_BIN_EXE_test-forgotten");
pub const EMPTY_LINK: &str = env!("CARGO_BIN_EXE_test-empty-link");
pub const FILE_STORE: &str = env!("CARGO_BIN_EXE_test-file-store");
pub const STAGED: &str = env!("CARGO_BIN_EXE_test-staged");

const PATIENCE: Duration = Duration::from_secs(60);

/// A directory that is gone with the test.
pub struct Place(PathBuf);

impl Place {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("modeller-cli-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub fn metadata(&self, name: &str) -> std::fs::Metadata {
        std::fs::metadata(self.path(name)).unwrap()
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.0).kill_on_drop(true);
        let log = ["LOG", "LOG_LEVEL", "LOG_FEATURES", "LOG_TIMESTAMP"];
        for name in ["DATABASE", "ADDRESS", "PORT", "READERS", "QUEUE"].into_iter().chain(log) {
            command.env_remove(format!("MODELLER_{name}"));
        }
        command.envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a program to its end.
    pub async fn run(&self, program: &str, arguments: &[&str]) -> Ended {
        self.run_with(program, arguments, &[], "").await
    }

    /// Runs one stage of the staged program to its end.
    pub async fn stage(&self, stage: &str, arguments: &[&str]) -> Ended {
        self.run_with(STAGED, arguments, &[("STAGE", stage), ("MODELLER_DATABASE", "staged.db")], "").await
    }

    /// Runs a program to its end, with this environment and this standard input.
    pub async fn run_with(
        &self,
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        input: &str,
    ) -> Ended {
        let mut command = self.command(program, arguments, environment);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A program that reads nothing may be gone already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = timeout(PATIENCE, child.wait_with_output()).await.expect("the program ends").unwrap();
        Ended::of(output)
    }

    /// Starts a server, and waits until it says where it listens.
    pub async fn serve(&self, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Server {
        let mut child = self.command(program, arguments, environment).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.expect("the server says where it listens");
        let Some(first) = first.unwrap() else {
            let output = child.wait_with_output().await.unwrap();
            panic!("the server ended: {}", String::from_utf8_lossy(&output.stderr));
        };
        let address = first.strip_prefix("listening on http://").expect("the address comes first");
        Server { address: address.parse().unwrap(), child }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A server that is running. It is killed when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    pub async fn client(&self) -> modeller_tests::http::Client {
        modeller_tests::http::Client::connect(self.address).await
    }

    /// Sends a signal, and waits for the end.
    pub async fn signal(mut self, name: &str) -> ExitStatus {
        self.send(name);
        timeout(PATIENCE, self.child.wait()).await.expect("the server ends").unwrap()
    }

    /// Ends the server in order, and answers what it logged.
    #[allow(dead_code)]
    pub async fn logged(self) -> String {
        self.send("TERM");
        let output =
            timeout(PATIENCE, self.child.wait_with_output()).await.expect("the server ends").unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn send(&self, signal: &str) {
        let id = self.child.id().expect("the server is running").to_string();
        assert!(std::process::Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What was printed, of a program that did what it was told.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// What was complained of, by a program that failed and printed nothing.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        self.err
    }
}

/// Whether the text has all of these parts.
#[track_caller]
pub fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

/// The file of the repository with this path.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
