#[modeller::method(User, nam = "other")]
pub async fn reset_password(cx: &Cx, #[validate(email)] email: String, (a, b): Pair) -> Result<ResetToken> {
    Ok(ResetToken::new(cx, email, a, b))
}
