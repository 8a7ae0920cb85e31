//! What `#[derive(Model)]` adds to an incremental `cargo check`, relative to what serde, schemars and validator add.
//!
//! The same models are generated into three crates: plain structs, with the derives of the three libraries, and with `Model`
//! beside those. Each round edits and checks each crate once. The ratio is of the medians of the differences within a round;
//! it is taken of CPU time, which other programs disturb less, and shown for the time on the clock too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use modeller_bench::Result;
use modeller_bench::options::Options;
use modeller_bench::server::{TempDir, children_cpu_time, describe_machine};
use modeller_bench::stats::median;

/// What `Model` may add, relative to the other derives; and the seconds of a build from nothing.
const ADDED: f64 = 1.0;
const CLEAN: f64 = 120.0;

/// What stands on the models of a crate.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Derives {
    None,
    Libraries,
    Model,
}

fn main() -> Result<ExitCode> {
    let options = Options::from_args(&[
        ("--rounds", "N", "how often each crate is checked (9)"),
        ("--models", "A,B,..", "how many models a crate has (10,50)"),
        (
            "--clean-build",
            "ARGS",
            "also time `cargo build ARGS` from nothing, such as \"--example quickstart\"",
        ),
        ("--dir", "PATH", "where the crates go (the system's temporary directory)"),
        ("--check", "", "exit with 1 if a bar is missed"),
    ]);
    let sizes = options
        .text("--models")
        .unwrap_or("10,50")
        .split(',')
        .map(str::parse)
        .collect::<Result<Vec<usize>, _>>()?;
    let rounds: usize = options.value("--rounds", 9);
    let directory = TempDir::new(&options.value("--dir", std::env::temp_dir()), "bench-compile")?;
    describe_machine()?;
    let mut reached = true;
    println!(
        "medians in ms, CPU time (time): plain structs | with the libraries | with Model too | Model adds / they add"
    );
    for size in sizes {
        let crates = [Derives::None, Derives::Libraries, Derives::Model]
            .map(|derives| Generated::new(directory.path(), size, derives));
        let mut costs = [const { Vec::new() }; 3];
        for round in 0..=rounds {
            for (generated, costs) in crates.iter().zip(&mut costs) {
                let cost = generated.as_ref().map_err(ToString::to_string)?.check(round)?;
                // The first round builds the dependencies and fills the incremental cache.
                if round > 0 {
                    costs.push(cost);
                }
            }
        }
        let ratio = |of: fn(&Cost) -> f64| {
            let [plain, libraries, model] =
                costs.each_ref().map(|costs| costs.iter().map(of).collect::<Vec<f64>>());
            let between =
                |more: &[f64], less: &[f64]| median(more.iter().zip(less).map(|(more, less)| more - less));
            between(&model, &libraries) / between(&libraries, &plain)
        };
        let (cpu, time) = (ratio(|cost| cost.cpu), ratio(|cost| cost.time));
        let [plain, libraries, model] = costs.each_ref().map(|costs| {
            let of = |of: fn(&Cost) -> f64| median(costs.iter().map(of)) * 1e3;
            format!("{:.0} ({:.0})", of(|cost| cost.cpu), of(|cost| cost.time))
        });
        println!("{size} models: {plain} | {libraries} | {model} | {cpu:.2} ({time:.2})");
        reached &= cpu <= ADDED;
    }
    if let Some(args) = options.text("--clean-build") {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let args: Vec<&str> = ["build"].into_iter().chain(args.split_whitespace()).collect();
        let seconds = cargo(&root, &args, &directory.path().join("clean"))?.time;
        println!("cargo {}, from nothing: {seconds:.1} s", args.join(" "));
        reached &= seconds <= CLEAN;
    }
    println!("bar of {ADDED} (and {CLEAN} s from nothing) {}", if reached { "reached" } else { "missed" });
    Ok(if options.has("--check") && !reached { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What a run of cargo cost, in seconds.
struct Cost {
    cpu: f64,
    time: f64,
}

/// Runs cargo.
fn cargo(directory: &Path, args: &[&str], target: &Path) -> Result<Cost> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.args(args).args(["--quiet", "--offline"]).current_dir(directory);
    cargo.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "1");
    let (start, before) = (Instant::now(), children_cpu_time()?);
    let output = cargo.output()?;
    let cost =
        Cost { time: start.elapsed().as_secs_f64(), cpu: (children_cpu_time()? - before).as_secs_f64() };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo {} failed in {}:\n{said}", args.join(" "), directory.display()).into());
    }
    Ok(cost)
}

/// A generated crate.
struct Generated {
    directory: PathBuf,
    code: String,
}

impl Generated {
    fn new(parent: &Path, models: usize, derives: Derives) -> Result<Self> {
        let directory = parent.join(format!("models-{models}-{}", derives as u8));
        fs::create_dir_all(directory.join("src"))?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        // The versions that the workspace has.
        fs::copy(root.join("Cargo.lock"), directory.join("Cargo.lock"))?;
        // All depend on the same, so that cargo itself has the same to do; rustc loads only what the code names.
        let manifest = format!(
            "[package]\nname = \"models-{models}-{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\nmodeller = {{ path = {:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\
             schemars = \"1\"\nvalidator = {{ version = \"0.21\", features = [\"derive\"] }}\n",
            derives as u8,
            root.join("modeller"),
        );
        fs::write(directory.join("Cargo.toml"), manifest)?;
        let mut code = String::from("//! Generated.\n");
        for number in 0..models {
            write_model(&mut code, number, derives);
        }
        Ok(Generated { directory, code })
    }

    /// Edits the crate and checks it.
    fn check(&self, edit: usize) -> Result<Cost> {
        let code = format!("{}\n/// The edit.\npub const EDIT: usize = {edit};\n", self.code);
        fs::write(self.directory.join("src/lib.rs"), code)?;
        // One for all, so that the dependencies are built once.
        cargo(&self.directory, &["check"], &self.directory.with_file_name("target"))
    }
}

/// Appends a model of five fields.
fn write_model(code: &mut String, number: usize, derives: Derives) {
    let mut line = |from: Derives, text: &str| {
        if derives >= from {
            code.push_str(text);
            code.push('\n');
        }
    };
    line(Derives::None, "\n/// One of many.");
    line(
        Derives::Libraries,
        "#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, validator::Validate)]",
    );
    line(Derives::Model, "#[derive(modeller::Model)]");
    line(Derives::Model, "#[model(scope = \"bench\")]");
    line(Derives::None, &format!("pub struct Model{number} {{"));
    line(Derives::Libraries, "    #[validate(email)]");
    line(Derives::Model, "    #[model(unique)]");
    line(Derives::None, "    /// Where mail goes.\n    pub email: String,");
    line(Derives::Libraries, "    #[validate(length(min = 1, max = 100))]");
    line(Derives::None, "    /// What to call it.\n    pub name: Option<String>,");
    line(Derives::Model, "    #[model(private)]");
    line(Derives::None, "    /// Nobody's business.\n    pub secret: Option<String>,");
    line(Derives::Libraries, "    #[serde(default)]");
    line(Derives::None, "    /// Words to find it by.\n    pub tags: Vec<String>,");
    line(Derives::Libraries, "    #[validate(range(min = 0, max = 1000))]");
    line(Derives::Model, "    #[model(index)]");
    line(Derives::None, "    /// In years.\n    pub age: i64,\n}");
}
