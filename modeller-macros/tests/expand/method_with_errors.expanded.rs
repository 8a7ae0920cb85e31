::core::compile_error! {
    "a method belongs to a model, which is named first: `#[modeller::method(User)]`"
}
::core::compile_error! {
    "unknown option `nam`: did you mean `name`?\nthe options of a method are `name`, `crate`"
}
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct ResetPassword {
    pub email: String,
}
const _: () = {
    use ::modeller::__private as __modeller;
    #[automatically_derived]
    impl __modeller::IsMethod for ResetPassword {
        type Model = __modeller::Unknown;
        fn behaviour() -> &'static __modeller::Behaviour {
            ::core::panic!("this has errors")
        }
    }
    const _: () = __modeller::payload::<ResetPassword>();
};
