//! Servers as child processes, and what `/proc` knows of them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::{Result, http};

/// How to start a server: `program [args..] --port N`, in the directory where it is to keep its files.
#[derive(Clone, Debug)]
pub struct Program {
    /// The binary.
    pub path: PathBuf,
    /// Its arguments before `--port`.
    pub args: Vec<String>,
}

impl Program {
    /// A program of this package, as [`build`] has made it.
    ///
    /// # Errors
    /// If it is not known where programs lie.
    pub fn built(name: &str, args: &[&str]) -> Result<Self> {
        let exe = std::env::current_exe()?;
        let target = exe.ancestors().nth(2).ok_or("not started by cargo")?;
        let args = args.iter().map(ToString::to_string).collect();
        Ok(Program { path: target.join("release").join(name), args })
    }
}

/// Builds the programs of this package, as users would build theirs for production.
///
/// # Errors
/// If cargo fails.
pub fn build() -> Result<()> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.args(["build", "--release", "--package", "modeller-bench", "--features", "subject", "--bins"]);
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
    if status.success() { Ok(()) } else { Err("the servers can't be built".into()) }
}

/// Says what the numbers stand on: how many cores there are, and whether something else is using them.
///
/// # Errors
/// If `/proc` can't be read.
pub fn describe_machine() -> Result<()> {
    let cores = std::thread::available_parallelism()?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load: f64 = load.split(' ').next().unwrap_or_default().parse()?;
    println!("{cores} cores, load {load}");
    if load > 0.5 {
        println!("The machine is not idle: trust the ratios a little, and the numbers not at all.");
    }
    Ok(())
}

/// A running server. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long it took from the start of the process to the first answer of `/@health`.
    pub started_in: Duration,
}

impl Server {
    /// Starts the program in a directory and waits until it answers. Its output goes to `server.log` there.
    ///
    /// # Errors
    /// If it can't be started, ends, or does not answer `/@health` within ten seconds.
    pub fn start(program: &Program, directory: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let log = fs::File::create(directory.join("server.log"))?;
        let mut command = Command::new(&program.path);
        command.args(&program.args).arg("--port").arg(port.to_string()).current_dir(directory);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let start = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.path.display()))?;
        while !matches!(http::once(address, "GET", "/@health", ""), Ok((200, _))) {
            let ended = child.try_wait()?;
            if ended.is_some() || start.elapsed() > Duration::from_secs(10) {
                let _ = child.kill();
                let log = fs::read_to_string(directory.join("server.log"))?;
                return Err(format!("{} does not answer ({ended:?}):\n{log}", program.path.display()).into());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(Server { child, address, started_in: start.elapsed() })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// If it can't be asked, or is still there after ten seconds.
    pub fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.pid().to_string()).status()?;
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            if asked.elapsed() > Duration::from_secs(10) {
                return Err("the server does not stop".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU time that a process has spent, in its own code and in the kernel.
///
/// # Errors
/// If there is no such process.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    stat_time(pid, 14)
}

/// The CPU time that was spent by the children of this process which it has waited for, and by their children.
///
/// # Errors
/// If `/proc` can't be read.
pub fn children_cpu_time() -> Result<Duration> {
    stat_time(std::process::id(), 16)
}

/// The sum of two neighbouring fields of `/proc/PID/stat`, numbered from 1 as in its manual.
fn stat_time(pid: u32, field: usize) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field, in parentheses, may hold anything.
    let fields = stat.rsplit_once(')').ok_or("no process status")?.1.split_whitespace();
    let ticks = fields.skip(field - 3).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    // Linux shows hundredths of a second to programs, whatever it counts with.
    Ok(Duration::from_millis(ticks * 10))
}

/// The most memory that a process ever had resident, in bytes.
///
/// # Errors
/// If there is no such process.
pub fn peak_memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// A directory that is removed with all that is in it.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes a directory in `parent` whose name starts with `name`.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn new(parent: &Path, name: &str) -> Result<Self> {
        // Two of one name are two: servers that share a database tell of each other's changes.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(TempDir(path))
    }

    /// The same, filled with a copy of the files of `template`, which is on disk when this returns.
    ///
    /// # Errors
    /// If it can't be made or filled.
    pub fn copy(parent: &Path, name: &str, template: &Path) -> Result<Self> {
        let copy = Self::new(parent, name)?;
        for entry in fs::read_dir(template)? {
            let entry = entry?;
            let target = copy.path().join(entry.file_name());
            fs::copy(entry.path(), &target)?;
            fs::File::open(target)?.sync_all()?;
        }
        Ok(copy)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // Nothing depends on it any more.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_cpu_time_and_memory() {
        let pid = std::process::id();
        assert!(cpu_time(pid).unwrap() < Duration::from_secs(3600));
        assert!(peak_memory(pid).unwrap() > 100_000);
        assert!(cpu_time(0).is_err());
    }
}
