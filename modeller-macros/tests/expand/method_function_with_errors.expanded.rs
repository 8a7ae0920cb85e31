::core::compile_error! {
    "unknown option `nam`: did you mean `name`?\nthe options of a method are `name`, `crate`"
}
::core::compile_error! {
    "an argument by value is a field of the payload: give it a plain name, and take it apart in the body\na method is written `async fn name(cx: &Cx, field: Type) -> Result<Reply> { .. }`"
}
pub async fn reset_password(cx: &Cx, email: String, (a, b): Pair) -> Result<ResetToken> {
    Ok(ResetToken::new(cx, email, a, b))
}
#[derive(::serde::Serialize, ::serde::Deserialize)]
#[derive(::schemars::JsonSchema, ::validator::Validate)]
#[allow(missing_docs, missing_debug_implementations)]
pub struct ResetPassword {
    #[validate(email)]
    pub email: String,
}
const _: () = {
    use ::modeller::__private as __modeller;
    #[automatically_derived]
    impl __modeller::IsMethod for ResetPassword {
        type Model = User;
        fn behaviour() -> &'static __modeller::Behaviour {
            ::core::panic!("this has errors")
        }
    }
    #[automatically_derived]
    impl __modeller::Method for ResetPassword {
        type Reply = __modeller::ReplyOf<Result<ResetToken>>;
        async fn call(self, cx: &__modeller::Cx) -> __modeller::Result<Self::Reply> {
            ::core::panic!("this has errors")
        }
    }
};
