#[modeller::query(User)]
/// What it does.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct FindByEmail {
    /// Where mail goes.
    #[validate(email)]
    pub email: String,
}
