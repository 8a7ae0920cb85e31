//! Columns as constants: `User::EMAIL`.

use std::fmt;
use std::marker::PhantomData;

/// A column of model `M` that holds a `T`.
///
/// `#[derive(Model)]` makes one associated constant a field; [`Model`](super::Model) has those of the system columns.
/// The [`query`](mod@crate::query) module gives it its operators.
pub struct Column<M, T> {
    index: usize,
    types: PhantomData<fn() -> (M, T)>,
}

impl<M, T> Column<M, T> {
    pub(crate) const fn new(index: usize) -> Self {
        Column { index, types: PhantomData }
    }

    /// The column of the field with this index in the descriptor's fields.
    #[doc(hidden)]
    pub const fn field(index: usize) -> Self {
        Self::new(super::Shape::FIELDS + index)
    }

    /// Its index among the model's columns ([`Shape::columns`](super::Shape::columns)).
    pub const fn index(self) -> usize {
        self.index
    }
}

impl<M, T> Clone for Column<M, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T> Copy for Column<M, T> {}

impl<M, T> fmt::Debug for Column<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column({})", self.index)
    }
}
