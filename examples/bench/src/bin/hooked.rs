//! The server that is measured, with hooks around its writes that do nothing: what hooks cost by themselves.

use std::process::ExitCode;

use modeller::prelude::*;

#[path = "../user.rs"]
mod user;

use user::User;

#[modeller::hook(User, before(insert, update))]
async fn look(user: &mut User) -> Result<()> {
    std::hint::black_box(user);
    Ok(())
}

#[modeller::hook(User, after(insert, update))]
async fn nod(cx: &Cx) -> Result<()> {
    std::hint::black_box(cx);
    Ok(())
}

fn main() -> ExitCode {
    App::new().main()
}
