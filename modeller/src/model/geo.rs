//! Positions and searchable text: the pair of columns as a constant, and what the types of their fields must be.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use super::Shape;

/// The position of documents of model `M`: a column of latitudes and one of longitudes, in degrees.
///
/// `#[derive(Model)]` makes one associated constant for each `#[model(geo(latitude, longitude))]`, called like the two fields
/// together: `geo(lat, lng)` is `Shop::LAT_LNG`. [`within`](Geo::within) asks for documents by it.
pub struct Geo<M> {
    latitude: usize,
    longitude: usize,
    model: PhantomData<fn() -> M>,
}

impl<M> Geo<M> {
    /// The pair of fields with these indexes in the descriptor's fields.
    #[doc(hidden)]
    pub const fn fields(latitude: usize, longitude: usize) -> Self {
        Geo { latitude: Shape::FIELDS + latitude, longitude: Shape::FIELDS + longitude, model: PhantomData }
    }

    /// Index of the column of latitudes ([`Shape::columns`]).
    pub const fn latitude(self) -> usize {
        self.latitude
    }

    /// Index of the column of longitudes ([`Shape::columns`]).
    pub const fn longitude(self) -> usize {
        self.longitude
    }
}

impl<M> Clone for Geo<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Geo<M> {}

impl<M> fmt::Debug for Geo<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Geo({}, {})", self.latitude, self.longitude)
    }
}

/// The types of fields that can be half of a position.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` can't be part of a `geo` pair",
    label = "latitudes and longitudes are `f64` or `f32`",
    note = "the fields of `geo(latitude, longitude)` are `f64`, `f32` or an `Option` of them, in degrees"
)]
pub trait Coordinate {}

impl Coordinate for f64 {}
impl Coordinate for f32 {}
impl Coordinate for Option<f64> {}
impl Coordinate for Option<f32> {}

/// The types of fields that a full-text search can look into.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` can't be `searchable`",
    label = "this holds no text to search",
    note = "a `searchable` field is a `String` or a `Vec<String>`, or an `Option` of them"
)]
pub trait Searchable {}

impl Searchable for String {}
impl Searchable for Box<str> {}
impl Searchable for Cow<'static, str> {}
impl Searchable for Vec<String> {}
impl Searchable for Option<String> {}
impl Searchable for Option<Box<str>> {}
impl Searchable for Option<Cow<'static, str>> {}
impl Searchable for Option<Vec<String>> {}

/// Compiles for types that can be half of a position.
pub const fn coordinate<T: Coordinate>() {}

/// Compiles for types that can be searched.
pub const fn searchable<T: Searchable>() {}
