//! The models of the suite.

use modeller::__private::{Field, Site};
use modeller::model::{Descriptor, Generated, Model, Row, Shape, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

pub const SITE: Site = Site { package: "tests", module: "models", file: "models.rs", line: 1 };

/// Implements `Model` as the derive does.
macro_rules! model {
    ($type:ident, $descriptor:expr) => {
        impl Model for $type {
            fn descriptor() -> &'static Descriptor {
                static DESCRIPTOR: Descriptor = $descriptor;
                &DESCRIPTOR
            }
        }

        impl $type {
            pub fn shape() -> &'static Shape {
                Self::descriptor().shape()
            }
        }
    };
}

/// All kinds of columns.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Person {
    pub email: String,
    pub name: Option<String>,
    pub age: Option<i64>,
    pub score: f64,
    pub active: bool,
    pub tags: Vec<String>,
    #[serde(rename = "apiToken")]
    pub token: Option<String>,
}

model!(
    Person,
    Descriptor::new::<Person>(
        "system",
        "people",
        "Person",
        &[
            Field::new("email", "email").unique(),
            Field::new("name", "name"),
            Field::new("age", "age").index(),
            Field::new("score", "score"),
            Field::new("active", "active"),
            Field::new("tags", "tags"),
            Field::new("token", "apiToken").unique().private(),
        ],
        SITE
    )
);

impl Person {
    pub fn row(id: &str, email: &str) -> Row {
        Row(vec![
            id.into(),
            Value::Integer(1),
            Value::Integer(1000),
            Value::Integer(1000),
            email.into(),
            Value::Null,
            Value::Null,
            Value::Number(0.5),
            Value::Integer(1),
            "[]".into(),
            Value::Null,
        ])
    }

    pub fn aged(id: &str, age: i64) -> Row {
        let mut row = Self::row(id, &format!("{id}@example.org"));
        row[6] = Value::Integer(age);
        row
    }
}

/// Names that are words of SQL, a set of unique fields, and a number that counts by itself.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Seat {
    pub select: String,
    pub order: Option<i64>,
    #[serde(default)]
    pub serial: i64,
}

model!(
    Seat,
    Descriptor::new::<Seat>(
        "table",
        "index",
        "Seat",
        &[
            Field::new("select", "select"),
            Field::new("order", "order"),
            Field::new("serial", "serial").generated(Generated::Autoincrement),
        ],
        SITE
    )
    .unique(&[&["select", "order"]])
);

impl Seat {
    pub const SERIAL: usize = 6;

    pub fn row(id: &str, select: &str, order: Option<i64>) -> Row {
        Row(vec![
            id.into(),
            Value::Integer(1),
            Value::Integer(1000),
            Value::Integer(1000),
            select.into(),
            order.map_or(Value::Null, Value::Integer),
            Value::Integer(0),
        ])
    }
}

/// A number that counts by itself and is nobody else's.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Ticket {
    #[serde(default)]
    pub number: i64,
}

model!(
    Ticket,
    Descriptor::new::<Ticket>(
        "table",
        "tickets",
        "Ticket",
        &[Field::new("number", "number").unique().private().generated(Generated::Autoincrement)],
        SITE
    )
    .trash(1000)
);

impl Ticket {
    pub const NUMBER: usize = 4;

    pub fn row(number: i64) -> Row {
        Row(vec![
            number.to_string().into(),
            Value::Integer(1),
            Value::Integer(1000),
            Value::Integer(1000),
            Value::Integer(number),
            Value::Null,
        ])
    }
}

/// Documents that go to the trash.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Note {
    pub title: String,
}

model!(
    Note,
    Descriptor::new::<Note>("docs", "notes", "Note", &[Field::new("title", "title").unique()], SITE)
        .trash(1000)
);

impl Note {
    pub const DELETED: usize = 5;

    pub fn row(id: &str, title: &str) -> Row {
        Row(vec![
            id.into(),
            Value::Integer(1),
            Value::Integer(1000),
            Value::Integer(1000),
            title.into(),
            Value::Null,
        ])
    }
}

/// Nothing but a number.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Mark {
    pub number: i64,
}

model!(Mark, Descriptor::new::<Mark>("table", "marks", "Mark", &[Field::new("number", "number")], SITE));

impl Mark {
    pub const NUMBER: usize = 4;

    pub fn row(number: i64) -> Row {
        let one = || Value::Integer(1);
        Row(vec![format!("m{number:05}").into(), one(), one(), one(), Value::Integer(number)])
    }
}

/// A model that is never migrated.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Stranger {
    pub name: String,
}

model!(
    Stranger,
    Descriptor::new::<Stranger>("out", "strangers", "Stranger", &[Field::new("name", "name")], SITE)
);

/// Found by its words, and by where it is.
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Place {
    pub name: Option<String>,
    pub tags: Vec<String>,
    pub lat: Option<f64>,
    pub lng: Option<f64>,
}

model!(
    Place,
    Descriptor::new::<Place>(
        "test",
        "places",
        "Place",
        &[
            Field::new("name", "name").searchable(),
            Field::new("tags", "tags").searchable(),
            Field::new("lat", "lat"),
            Field::new("lng", "lng"),
        ],
        SITE
    )
    .geo(&[("lat", "lng")])
);

impl Place {
    pub fn row(id: &str, name: &str, place: Option<(f64, f64)>) -> Row {
        let degrees = |number: Option<f64>| number.map_or(Value::Null, Value::Number);
        let mut row = vec![id.into(), Value::Integer(1), Value::Integer(1), Value::Integer(1)];
        row.extend([name.into(), "[]".into(), degrees(place.map(|at| at.0)), degrees(place.map(|at| at.1))]);
        Row(row)
    }
}

pub fn all() -> [&'static Shape; 6] {
    [Person::shape(), Seat::shape(), Ticket::shape(), Note::shape(), Mark::shape(), Place::shape()]
}
