#[modeller::method(User)]
/// Starts a password reset and answers the one-time token.
pub async fn reset_password(
    cx: &Cx,
    /// Where mail goes.
    #[validate(email)] email: String,
    #[serde(default)] mut r#type: u32,
) -> Result<ResetToken> {
    Ok(ResetToken::new(cx, email, r#type))
}
