//! Conditions on related documents: `Comment::AUTHOR.is(User::ROLE.eq(Role::Admin))`.

use super::Predicate;
use crate::model::{Column, Link, Model, Refers, Shape};
use crate::query::Filter;

impl<M: Model, T: Refers> Column<M, T> {
    /// The document that is referred to fulfils this (of a list, one of them).
    ///
    /// ```
    /// # use modeller::prelude::*;
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct User { pub name: String }
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct Comment { pub author: Ref<User>, pub readers: Vec<Ref<User>> }
    /// let predicate = Comment::AUTHOR.is(User::NAME.eq("Ada")) & !Comment::READERS.is(User::NAME.eq("Bob"));
    /// ```
    ///
    /// A condition on another model than the one that is referred to does not compile:
    ///
    /// ```compile_fail,E0308
    /// # use modeller::prelude::*;
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct User { pub name: String }
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct Comment { pub author: Ref<User>, pub text: String }
    /// let predicate = Comment::AUTHOR.is(Comment::TEXT.eq("x"));
    /// ```
    pub fn is(self, condition: Predicate<T::Model>) -> Predicate<M> {
        let filter = condition.into_filter();
        Predicate::from_result(filter.map(|filter| Filter::some_related(self.link(), filter)))
    }

    /// Some document refers by this column to a document of the other model, and fulfils the condition.
    #[cfg(feature = "engine")]
    pub(crate) fn referred_by(self, condition: Predicate<M>) -> Predicate<T::Model> {
        let filter = condition.into_filter();
        Predicate::from_result(filter.map(|filter| Filter::some_related(self.link().turned(), filter)))
    }

    /// What belongs together by the column.
    pub(crate) fn link(self) -> Link {
        let (from, to) = (M::descriptor().shape(), T::Model::descriptor().shape());
        Link { from, column: self.index(), to, target: Shape::ID }
    }
}
