//! The predicate tree as SQL.
