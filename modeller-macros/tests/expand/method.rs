#[modeller::method(User)]
/// What it does.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct ResetPassword {
    /// Where mail goes.
    #[validate(email)]
    pub email: String,
}
