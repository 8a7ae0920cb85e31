//! The types of fields that refer to documents: `Ref<M>`, and options and lists of it.

use super::{Doc, Model, OnDelete, Ref};

/// A type that refers to documents of another model: `Ref<M>`, `Option<Ref<M>>`, `Vec<Ref<M>>`, `Option<Vec<Ref<M>>>`.
///
/// Columns of such a type lead to the other model: `Comment::AUTHOR.is(User::ROLE.eq(Role::Admin))`.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` refers to no model",
    label = "this type says of no model that it is referred to",
    note = "write `Ref<Model>` (or `Option` or `Vec` of it), or name what it refers to: `#[model(references = Model)]`"
)]
pub trait Refers {
    /// The model that is referred to.
    type Model: Model;

    /// The documents that are referred to: an `Option`, or a `Vec`.
    type Docs;

    /// These documents as what they are.
    #[doc(hidden)]
    fn docs(docs: Vec<Doc<Self::Model>>) -> Self::Docs;
}

impl<M: Model> Refers for Ref<M> {
    type Model = M;
    type Docs = Option<Doc<M>>;

    fn docs(docs: Vec<Doc<M>>) -> Option<Doc<M>> {
        docs.into_iter().next()
    }
}

impl<M: Model> Refers for Option<Ref<M>> {
    type Model = M;
    type Docs = Option<Doc<M>>;

    fn docs(docs: Vec<Doc<M>>) -> Option<Doc<M>> {
        docs.into_iter().next()
    }
}

impl<M: Model> Refers for Vec<Ref<M>> {
    type Model = M;
    type Docs = Vec<Doc<M>>;

    fn docs(docs: Vec<Doc<M>>) -> Vec<Doc<M>> {
        docs
    }
}

impl<M: Model> Refers for Option<Vec<Ref<M>>> {
    type Model = M;
    type Docs = Vec<Doc<M>>;

    fn docs(docs: Vec<Doc<M>>) -> Vec<Doc<M>> {
        docs
    }
}

/// A type that can do without a reference: an option, which becomes `None`, or a list, which loses the element.
#[diagnostic::on_unimplemented(
    message = "`on_delete = \"set_null\"` can't empty a field of type `{Self}`",
    label = "this is neither an `Option` nor a `Vec`",
    note = "make it an `Option` or a `Vec`, or choose `on_delete = \"cascade\"` or `on_delete = \"restrict\"`"
)]
pub trait Emptied {}

impl<T> Emptied for Option<T> {}
impl<T> Emptied for Vec<T> {}

/// A type that refers to documents and can do without them.
#[diagnostic::on_unimplemented(
    message = "`on_delete = \"set_null\"` can't empty a field of type `{Self}`",
    label = "this is neither `Option<Ref<Model>>` nor `Vec<Ref<Model>>`",
    note = "write one of these, name what the field refers to (`#[model(references = Model)]`), or choose \
            `on_delete = \"cascade\"` or `on_delete = \"restrict\"`"
)]
pub trait EmptiedRefers: Refers {}

impl<M: Model> EmptiedRefers for Option<Ref<M>> {}
impl<M: Model> EmptiedRefers for Vec<Ref<M>> {}
impl<M: Model> EmptiedRefers for Option<Vec<Ref<M>>> {}

/// `on_delete` of a field whose type says what it refers to.
#[doc(hidden)]
pub const fn on_delete_of_refers<T: Refers>(on_delete: OnDelete) -> OnDelete {
    on_delete
}

/// `on_delete = "set_null"` of such a field.
#[doc(hidden)]
pub const fn set_null_of_refers<T: EmptiedRefers>() -> OnDelete {
    OnDelete::SetNull
}

/// `on_delete = "set_null"` of a field with `references`.
#[doc(hidden)]
pub const fn set_null_of<T: Emptied>() -> OnDelete {
    OnDelete::SetNull
}
