::core::compile_error! {
    "unknown option `scop`: did you mean `scope`?\nthe options of a struct are `scope`, `name`, `unique`, `index`, `geo`, `trash`, `ttl`, `max_size`, `renamed_from`, `crate`"
}
::core::compile_error! {
    "unknown option `uniqu`: did you mean `unique`?\nthe options of a field are `key`, `unique`, `index`, `private`, `searchable`, `references`, `on_delete`, `generated`, `renamed_from`"
}
::core::compile_error! {
    "a field `version` would hide `Model::VERSION`, which every model has\ngive it another name in Rust, and keep this one on the wire with `#[serde(rename = \"version\")]`"
}
const _: () = {
    use ::modeller::__private as __modeller;
    #[automatically_derived]
    impl __modeller::Model for Item
    where
        for<'__any> Item: __modeller::Derived,
    {
        fn descriptor() -> &'static __modeller::Descriptor {
            ::core::panic!("this model has errors")
        }
    }
    #[allow(dead_code, private_interfaces, unreachable_pub)]
    impl Item {
        /// The `name` field.
        pub const NAME: __modeller::Column<Item, String> = __modeller::Column::field(0);
        /// The `price` field.
        pub const PRICE: __modeller::Column<Item, u64> = __modeller::Column::field(1);
    }
};
