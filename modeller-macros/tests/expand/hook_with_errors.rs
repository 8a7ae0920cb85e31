#[modeller::hook(User, before(get), ordr = 1)]
fn normalize<T>(user: &mut User) {}
