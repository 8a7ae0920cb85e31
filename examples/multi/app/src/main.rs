//! A program whose models are in two other crates.

use std::process::ExitCode;

use modeller::prelude::*;

modeller::link!(multi_accounts, multi_billing);

fn main() -> ExitCode {
    App::new().title("Accounts and bills").main()
}
