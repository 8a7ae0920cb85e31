::core::compile_error! {
    "`Model` can't be derived for an enum: a model is a struct with named fields\nto store an enum, make it the type of a field"
}
const _: () = {
    use ::modeller::__private as __modeller;
    #[automatically_derived]
    impl<'a, T> __modeller::Model for Either<'a, T>
    where
        T: Clone,
        for<'__any> Either<'a, T>: __modeller::Derived + 'static,
    {
        fn descriptor() -> &'static __modeller::Descriptor {
            ::core::panic!("this model has errors")
        }
    }
};
