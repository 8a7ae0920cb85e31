const _: () = {
    use ::modeller::__private as __modeller;
    static DESCRIPTOR: __modeller::Descriptor = __modeller::Descriptor::new::<
        User,
    >(
            "system",
            "users",
            "User",
            &[
                __modeller::Field::new("email", "email")
                    .unique()
                    .messages(&[("format", "no address")]),
                __modeller::Field::new("name", "name"),
                __modeller::Field::new("password", "password").private(),
                __modeller::Field::new("role", "role"),
                __modeller::Field::new("age", "age"),
            ],
            __modeller::site!(),
        )
        .index(&[&["role", "age"]]);
    __modeller::inventory::submit! {
        __modeller::Entry::model(|| & DESCRIPTOR, __modeller::site!())
    }
    #[automatically_derived]
    impl __modeller::Model for User
    where
        for<'__any> User: __modeller::Derived,
    {
        fn descriptor() -> &'static __modeller::Descriptor {
            &DESCRIPTOR
        }
    }
    #[allow(dead_code, private_interfaces, unreachable_pub)]
    impl User {
        /// Where mail goes.
        pub const EMAIL: __modeller::Column<User, String> = __modeller::Column::field(0);
        /// The `name` field.
        pub const NAME: __modeller::Column<User, Option<String>> = __modeller::Column::field(
            1,
        );
        /// The `password` field.
        pub const PASSWORD: __modeller::Column<User, Option<String>> = __modeller::Column::field(
            2,
        );
        /// The `role` field.
        pub const ROLE: __modeller::Column<User, Role> = __modeller::Column::field(3);
        /// The `age` field.
        pub const AGE: __modeller::Column<User, u32> = __modeller::Column::field(4);
    }
};
