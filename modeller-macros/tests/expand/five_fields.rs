/// A person who can sign in.
#[model(scope = "system", name = "users", index(role, age))]
pub struct User {
    /// Where mail goes.
    #[validate(email(message = "no address"))]
    #[model(unique)]
    pub email: String,
    pub name: Option<String>,
    #[model(private)]
    pub password: Option<String>,
    #[serde(default)]
    pub role: Role,
    pub age: u32,
}
