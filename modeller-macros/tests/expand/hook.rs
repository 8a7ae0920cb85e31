#[modeller::hook(User, before(insert, update))]
/// Addresses are compared in lower case.
async fn normalize_email(user: &mut User) -> Result<()> {
    user.email = user.email.to_lowercase();
    Ok(())
}
