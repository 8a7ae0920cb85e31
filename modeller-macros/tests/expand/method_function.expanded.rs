/// Starts a password reset and answers the one-time token.
pub async fn reset_password(
    cx: &Cx,
    email: String,
    mut r#type: u32,
) -> Result<ResetToken> {
    Ok(ResetToken::new(cx, email, r#type))
}
/// Starts a password reset and answers the one-time token.
#[derive(::serde::Serialize, ::serde::Deserialize)]
#[derive(::schemars::JsonSchema, ::validator::Validate)]
#[allow(missing_docs, missing_debug_implementations)]
pub struct ResetPassword {
    /// Where mail goes.
    #[validate(email)]
    pub email: String,
    #[serde(default)]
    pub r#type: u32,
}
const _: () = {
    use ::modeller::__private as __modeller;
    static BEHAVIOUR: __modeller::Behaviour = __modeller::method::<
        ResetPassword,
    >(
        __modeller::names!(
            "resetPassword", "ResetPassword",
            "Starts a password reset and answers the one-time token."
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
    #[automatically_derived]
    impl __modeller::Method for ResetPassword {
        type Reply = __modeller::ReplyOf<Result<ResetToken>>;
        async fn call(self, cx: &__modeller::Cx) -> __modeller::Result<Self::Reply> {
            <Result<
                ResetToken,
            > as __modeller::Outcome>::into_outcome(
                reset_password(
                        __modeller::FromCall::from_call(cx),
                        self.email,
                        self.r#type,
                    )
                    .await,
            )
        }
    }
};
