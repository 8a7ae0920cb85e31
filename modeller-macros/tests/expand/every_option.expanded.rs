const _: () = {
    use ::backend::__private as __modeller;
    #[allow(unused_imports)]
    use __modeller::Model as _;
    static DESCRIPTOR: __modeller::Descriptor = __modeller::Descriptor::new::<
        Item,
    >(
            "shop",
            "items",
            "Item",
            &[
                __modeller::Field::new("id", "id")
                    .key()
                    .generated(__modeller::Generated::Uuid)
                    .renamed_from("code"),
                __modeller::Field::new("seller", "seller")
                    .references(__modeller::Reference::model::<people::Person>()),
                __modeller::Field::new("sold_with", "soldWith")
                    .index()
                    .references(__modeller::Reference::column(Item::ID)),
                __modeller::Field::new("title", "title")
                    .messages(
                        &[
                            ("minLength", "1 to 9"),
                            ("minItems", "1 to 9"),
                            ("minProperties", "1 to 9"),
                            ("maxLength", "1 to 9"),
                            ("maxItems", "1 to 9"),
                            ("maxProperties", "1 to 9"),
                            ("custom", "fine"),
                        ],
                    ),
                __modeller::Field::new("kind", "kind"),
                __modeller::Field::new("lat", "lat"),
                __modeller::Field::new("lng", "lng"),
                __modeller::Field::new("words", "words").searchable(),
                __modeller::Field::new("type", "type").unique().private(),
            ],
            __modeller::site!(),
        )
        .unique(&[&["seller", "title"], &["title", "kind"]])
        .index(&[&["kind", "seller"]])
        .geo(&[("lat", "lng")])
        .trash(2592000000)
        .ttl(1800000)
        .max_size(1000)
        .renamed_from("shop/things");
    __modeller::inventory::submit! {
        __modeller::Entry::model(|| & DESCRIPTOR, __modeller::site!())
    }
    const _: () = __modeller::coordinate::<f64>();
    const _: () = __modeller::coordinate::<Option<f32>>();
    const _: () = __modeller::searchable::<Vec<String>>();
    #[automatically_derived]
    impl __modeller::Model for Item
    where
        for<'__any> Item: __modeller::Derived,
    {
        fn descriptor() -> &'static __modeller::Descriptor {
            &DESCRIPTOR
        }
    }
    #[allow(dead_code, private_interfaces, unreachable_pub)]
    impl Item {
        /// The `id` field.
        const ID: __modeller::Column<Item, String> = __modeller::Column::field(0);
        /// The `seller` field.
        const SELLER: __modeller::Column<Item, String> = __modeller::Column::field(1);
        /// The `sold_with` field.
        const SOLD_WITH: __modeller::Column<Item, Option<String>> = __modeller::Column::field(
            2,
        );
        /// The `title` field.
        const TITLE: __modeller::Column<Item, String> = __modeller::Column::field(3);
        /// The `kind` field.
        const KIND: __modeller::Column<Item, Kind> = __modeller::Column::field(4);
        /// The `lat` field.
        const LAT: __modeller::Column<Item, f64> = __modeller::Column::field(5);
        /// The `lng` field.
        pub const LNG: __modeller::Column<Item, Option<f32>> = __modeller::Column::field(
            6,
        );
        /// The `words` field.
        const WORDS: __modeller::Column<Item, Vec<String>> = __modeller::Column::field(
            7,
        );
        /// The `type` field.
        pub(crate) const TYPE: __modeller::Column<Item, Vec<u8>> = __modeller::Column::field(
            8,
        );
        /// The position that two fields are together.
        const LAT_LNG: __modeller::Geo<Item> = __modeller::Geo::fields(5, 6);
    }
};
