#[modeller::hook(models::User, after(update, delete), after(list), after_commit(insert), order = -10, schedule = "2s", timeout = 500, name = "told", crate = crate::framework)]
/// Tells somebody.
///
/// Twice.
#[cfg(unix)]
pub fn tell(cx: &Cx, (one, two): Pair<'_>, user: &Doc<User>) {}
