//! The server that is measured: the model of `baseline`, with nothing written by hand.

use std::process::ExitCode;

use modeller::prelude::*;

#[path = "../user.rs"]
mod user;

fn main() -> ExitCode {
    App::new().main()
}
