/// What it does.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct FindByEmail {
    /// Where mail goes.
    #[validate(email)]
    pub email: String,
}
const _: () = {
    use ::modeller::__private as __modeller;
    static BEHAVIOUR: __modeller::Behaviour = __modeller::query::<
        FindByEmail,
    >(
        __modeller::names!("findByEmail", "FindByEmail", "What it does."),
        __modeller::site!(),
    );
    __modeller::submit!(BEHAVIOUR);
    #[automatically_derived]
    impl __modeller::IsQuery for FindByEmail {
        type Model = User;
        fn behaviour() -> &'static __modeller::Behaviour {
            &BEHAVIOUR
        }
    }
};
