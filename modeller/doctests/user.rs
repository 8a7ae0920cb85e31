// A model for the doctests of the typed operators, written by hand: it shows what the derive makes.
use modeller::__private::{Column, Descriptor, Field, Model};

/// A person.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, validator::Validate)]
struct User {
    name: String,
    age: Option<i64>,
    email: Option<String>,
    tags: Vec<String>,
}

impl User {
    const NAME: Column<User, String> = Column::field(0);
    const AGE: Column<User, Option<i64>> = Column::field(1);
    const EMAIL: Column<User, Option<String>> = Column::field(2);
    const TAGS: Column<User, Vec<String>> = Column::field(3);
}

impl Model for User {
    fn descriptor() -> &'static Descriptor {
        const FIELDS: &[Field] = &[
            Field::new("name", "name"),
            Field::new("age", "age"),
            Field::new("email", "email"),
            Field::new("tags", "tags"),
        ];
        static DESCRIPTOR: Descriptor =
            Descriptor::new::<User>("system", "users", "User", FIELDS, modeller::__private::site!());
        &DESCRIPTOR
    }
}
