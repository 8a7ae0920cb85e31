/// What it does.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct ResetPassword {
    /// Where mail goes.
    #[validate(email)]
    pub email: String,
}
const _: () = {
    use ::modeller::__private as __modeller;
    static BEHAVIOUR: __modeller::Behaviour = __modeller::method::<
        ResetPassword,
    >(
        __modeller::names!("resetPassword", "ResetPassword", "What it does."),
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
