//! The same program, but nobody names the crates of the models: they are not linked, and the program says so.

use std::process::ExitCode;

use modeller::prelude::*;

fn main() -> ExitCode {
    App::new().main()
}
