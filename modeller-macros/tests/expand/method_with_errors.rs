#[modeller::method(nam = "other")]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct ResetPassword {
    pub email: String,
}
