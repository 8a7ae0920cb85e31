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
const _: () = {
    use ::modeller::__private as __modeller;
    static BEHAVIOUR: __modeller::Behaviour = __modeller::method::<
        ResetPassword,
    >(
        __modeller::names!(
            "resetPassword", "ResetPassword", "What it does.", "sent_by" as "sentBy" {},
            "kind" as "how" { "minimum" => "at least one" }
        ),
        __modeller::site!(),
    );
    __modeller::submit!(BEHAVIOUR);
    #[automatically_derived]
    impl __modeller::IsMethod for ResetPassword {
        type Model = User;
        fn behaviour() -> &'static __modeller::Behaviour {
            &BEHAVIOUR
        }
    }
};
