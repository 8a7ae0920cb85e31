#[modeller::worker(User, every = "5s", immediate = false)]
/// Looks after old ones.
async fn sweep(cx: &Cx) -> Result<()> {
    Ok(())
}
