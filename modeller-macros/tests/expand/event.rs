#[modeller::event(User)]
/// What it does.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct ShowTyping {
    /// Where mail goes.
    #[validate(email)]
    pub email: String,
}
