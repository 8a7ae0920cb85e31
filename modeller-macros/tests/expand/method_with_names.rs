#[modeller::method(User)]
/// What it does.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct ResetPassword {
    /// Where mail goes.
    #[validate(email)]
    pub email: String,
    pub sent_by: Option<String>,
    #[serde(rename(deserialize = "type", serialize = "kind"))]
    pub r#type: u32,
    #[serde(rename(deserialize = "how", serialize = "manner"))]
    #[validate(range(min = 1, message = "at least one"))]
    pub kind: u8,
    pub plain: bool,
}
