//! What a column can be compared with, and which operators its type has: one marker trait a rule.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet, VecDeque};

use serde::Serialize;

use crate::model::{Id, Ref};

/// A value that can stand beside a column of type `T`: a `T`, a `&T`, and whatever reads naturally (`"x"` for a `String`, a `T`
/// for an `Option<T>`).
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` can't be compared with `{Self}`",
    label = "this is no `{T}`",
    note = "give a value of the field's own type; for an `Option<T>` the bare `T` does as well"
)]
pub trait Literal<T>: Serialize {}

impl<T: Serialize> Literal<T> for T {}
impl<T: Serialize> Literal<T> for &T {}
impl<T: Serialize> Literal<Option<T>> for T {}
impl<T: Serialize> Literal<Option<T>> for &T {}
impl Literal<String> for &str {}
impl Literal<Option<String>> for &str {}
impl Literal<String> for Cow<'_, str> {}
impl Literal<Box<str>> for &str {}
impl<M> Literal<Id<M>> for &str {}
impl<M> Literal<Id<M>> for String {}
impl<M> Literal<Id<M>> for &String {}
impl<M> Literal<Option<Id<M>>> for &str {}
impl<M> Literal<Ref<M>> for &str {}
impl<M> Literal<Ref<M>> for String {}
impl<M> Literal<Ref<M>> for Id<M> {}
impl<M> Literal<Ref<M>> for &Id<M> {}
impl<M> Literal<Option<Ref<M>>> for &str {}
impl<M> Literal<Option<Ref<M>>> for Id<M> {}
impl<M> Literal<Option<Ref<M>>> for &Id<M> {}

/// The types of columns that `gt`, `gte`, `lt`, `lte` and `between` know an order for: numbers, text, ids, dates and times.
#[diagnostic::on_unimplemented(
    message = "`>` and `<` mean nothing for a column of type `{Self}`",
    label = "the column holds `{Self}`",
    note = "numbers, `String`, `Id`, dates and times (and their `Option`) have an order; others have `eq`, `ne`, `is_in`, `is_null`"
)]
pub trait Ordered {
    /// What a column holds that has a value: the type itself, without an `Option`.
    type Value;
}

/// The types of columns that `contains`, `starts_with`, `ends_with` and `like` look into: text.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` holds no text to look into",
    label = "the column holds `{Self}`",
    note = "`contains`, `starts_with`, `ends_with` and `like` are for `String` and `Option<String>`; for a list use `has(item)`"
)]
pub trait Textual {}

/// The types of columns that `has` looks into: lists and sets.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` is no list",
    label = "the column holds `{Self}`",
    note = "`has(item)` is for `Vec`, sets and arrays (and their `Option`); for part of a text use `contains(text)`"
)]
pub trait ListOf {
    /// What the list is made of.
    type Item;
}

macro_rules! ordered {
    ($($(#[$condition:meta])* $type:ty),* $(,)?) => {
        $($(#[$condition])* impl Ordered for $type { type Value = Self; })*
    };
}

ordered! {
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64, String, Box<str>, Cow<'static, str>,
    #[cfg(feature = "jiff")] jiff::Timestamp,
    #[cfg(feature = "jiff")] jiff::civil::Date,
    #[cfg(feature = "jiff")] jiff::civil::DateTime,
    #[cfg(feature = "jiff")] jiff::civil::Time,
    #[cfg(feature = "chrono")] chrono::NaiveDate,
    #[cfg(feature = "chrono")] chrono::NaiveDateTime,
    #[cfg(feature = "chrono")] chrono::NaiveTime,
    #[cfg(feature = "decimal")] rust_decimal::Decimal,
}
#[cfg(feature = "chrono")]
impl<Z: chrono::TimeZone> Ordered for chrono::DateTime<Z> {
    type Value = Self;
}
impl<M> Ordered for Id<M> {
    type Value = Self;
}
#[diagnostic::do_not_recommend]
impl<T: Ordered> Ordered for Option<T> {
    type Value = T::Value;
}

/// The types of columns that can be added up, and changed by `inc` and `times`: numbers.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` holds no numbers",
    label = "the column holds `{Self}`",
    note = "`sum`, `inc` and `times` are for integers, floats and `Decimal` (and their `Option`)"
)]
pub trait Numeric {
    /// What the sum is, and what a number is changed by: `i64` for integers, `f64` for floats.
    type Sum;
}

/// The types of columns that have an average: integers and floats. That of decimal numbers could not be exact.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` has no average",
    label = "the column holds `{Self}`",
    note = "`avg` is for integers and floats (and their `Option`); of decimal numbers ask for `sum` and `count`"
)]
pub trait Averaged: Numeric {}

macro_rules! numeric {
    ($($sum:ty: $($type:ty)*;)*) => {
        $($(
            impl Numeric for $type { type Sum = $sum; }
            impl Averaged for $type {}
        )*)*
    };
}

numeric! {
    i64: i8 i16 i32 i64 isize u8 u16 u32 u64 usize;
    f64: f32 f64;
}
#[cfg(feature = "decimal")]
impl Numeric for rust_decimal::Decimal {
    type Sum = Self;
}
#[diagnostic::do_not_recommend]
impl<T: Numeric> Numeric for Option<T> {
    type Sum = T::Sum;
}
#[diagnostic::do_not_recommend]
impl<T: Averaged> Averaged for Option<T> {}

/// The types of columns that may be without a value: `Option`s.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` can't be without a value",
    label = "the column holds `{Self}`",
    note = "`unset` is for `Option`s"
)]
pub trait Optional {}

impl<T> Optional for Option<T> {}

impl Textual for String {}
impl Textual for Box<str> {}
impl Textual for Cow<'static, str> {}
#[diagnostic::do_not_recommend]
impl<T: Textual> Textual for Option<T> {}

macro_rules! lists {
    ($($name:ident),*) => { $(impl<T> ListOf for $name<T> { type Item = T; })* };
}

lists!(Vec, VecDeque, BTreeSet);
impl<T, S> ListOf for HashSet<T, S> {
    type Item = T;
}
impl<T, const N: usize> ListOf for [T; N] {
    type Item = T;
}
#[diagnostic::do_not_recommend]
impl<L: ListOf> ListOf for Option<L> {
    type Item = L::Item;
}
