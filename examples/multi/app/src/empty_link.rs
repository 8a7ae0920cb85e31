//! A program that demands models of a crate that has none: `serde_json`.

use std::process::ExitCode;

use modeller::prelude::*;

modeller::link!(multi_accounts, serde_json);

fn main() -> ExitCode {
    App::new().main()
}
