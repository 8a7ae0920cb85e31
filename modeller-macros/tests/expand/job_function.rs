#[modeller::job]
async fn send_mail(to: String) -> Result<()> {
    Ok(())
}
