//! Columns to search in: one, or several of different types.

use crate::model::{Column, Searchable};

/// One searchable column of model `M`, or a tuple of up to four: `(Post::TITLE, Post::TAGS)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no column of `{M}` that can be searched, and no tuple of such columns",
    label = "write `Post::TITLE` or `(Post::TITLE, Post::TAGS)`"
)]
pub trait SearchColumns<M> {
    /// Their indexes among the model's columns.
    fn indexes(&self) -> Vec<usize>;
}

impl<M, T: Searchable> SearchColumns<M> for Column<M, T> {
    fn indexes(&self) -> Vec<usize> {
        vec![self.index()]
    }
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),*))*) => {$(
        impl<M, $($name: SearchColumns<M>),*> SearchColumns<M> for ($($name,)*) {
            fn indexes(&self) -> Vec<usize> {
                [$(self.$at.indexes()),*].concat()
            }
        }
    )*};
}

tuples! { (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) }
