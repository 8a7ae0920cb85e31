//! Models for the tests of the doors, written by hand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::model::{Column, Descriptor, Field, Generated, Model, Reference, Shape};
use crate::registry::Registry;

/// A person who can sign in.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct User {
    #[validate(email)]
    email: String,
    /// What to call the person.
    name: Option<String>,
    password: Option<String>,
    #[serde(default)]
    role: Role,
    #[validate(range(min = 0, max = 150))]
    age: Option<u8>,
    #[serde(default)]
    tags: Vec<String>,
    address: Option<Address>,
}

/// What a person may do.
#[derive(Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
enum Role {
    #[default]
    User,
    Admin,
}

/// Where somebody lives.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Address {
    city: String,
    street: Option<String>,
}

/// Something written.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Post {
    #[validate(length(min = 1, max = 200))]
    title: String,
    author: crate::Ref<User>,
    #[serde(default)]
    stars: f64,
    draft: bool,
    #[serde(default)]
    slug: String,
    north: Option<f64>,
    east: Option<f64>,
}

/// Another `Role`, which must not be taken for the first.
mod other {
    use super::*;

    /// Users of another scope.
    #[derive(Serialize, Deserialize, JsonSchema, Validate)]
    pub struct Guest {
        role: Role,
    }

    /// Which part somebody plays.
    #[derive(Serialize, Deserialize, JsonSchema)]
    enum Role {
        Hamlet,
        Ophelia,
    }

    impl Model for Guest {
        fn descriptor() -> &'static Descriptor {
            static FIELDS: &[Field] = &[Field::new("role", "role")];
            static DESCRIPTOR: Descriptor =
                Descriptor::new::<Guest>("stage", "users", "Guest", FIELDS, crate::__site!());
            &DESCRIPTOR
        }
    }
}

impl Model for User {
    fn descriptor() -> &'static Descriptor {
        static FIELDS: &[Field] = &[
            Field::new("email", "email").unique(),
            Field::new("name", "name"),
            Field::new("password", "password").private(),
            Field::new("role", "role").index(),
            Field::new("age", "age"),
            Field::new("tags", "tags"),
            Field::new("address", "address"),
        ];
        static DESCRIPTOR: Descriptor =
            Descriptor::new::<User>("system", "users", "User", FIELDS, crate::__site!())
                .unique(&[&["name", "password"]])
                .trash(1000);
        &DESCRIPTOR
    }
}

impl Model for Post {
    fn descriptor() -> &'static Descriptor {
        static FIELDS: &[Field] = &[
            Field::new("title", "title").searchable(),
            Field::new("author", "author").references(Reference::model::<User>()),
            Field::new("stars", "stars"),
            Field::new("draft", "draft"),
            Field::new("slug", "slug").key().generated(Generated::Cuid),
            Field::new("north", "north"),
            Field::new("east", "east"),
        ];
        static DESCRIPTOR: Descriptor =
            Descriptor::new::<Post>("blog", "posts", "Post", FIELDS, crate::__site!())
                .ttl(60_000)
                .geo(&[("north", "east")]);
        &DESCRIPTOR
    }
}

/// The column of a field, as the derive makes it.
#[allow(dead_code)]
const EMAIL: Column<User, String> = Column::field(0);

pub fn users() -> &'static Shape {
    User::descriptor().shape()
}

pub fn all() -> Vec<&'static Shape> {
    vec![users(), Post::descriptor().shape(), other::Guest::descriptor().shape()]
}

/// The registry of all.
pub fn registry() -> Registry {
    let descriptors: Vec<&'static Descriptor> = all().iter().map(|shape| shape.descriptor).collect();
    Registry::of(&descriptors).unwrap()
}
