/// What it does.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct ShowTyping {
    /// Where mail goes.
    #[validate(email)]
    pub email: String,
}
const _: () = {
    use ::modeller::__private as __modeller;
    static BEHAVIOUR: __modeller::Behaviour = __modeller::event::<
        ShowTyping,
    >(
        __modeller::names!("showTyping", "ShowTyping", "What it does."),
        __modeller::site!(),
    );
    __modeller::submit!(BEHAVIOUR);
    #[automatically_derived]
    impl __modeller::IsEvent for ShowTyping {
        type Model = User;
        fn behaviour() -> &'static __modeller::Behaviour {
            &BEHAVIOUR
        }
    }
};
