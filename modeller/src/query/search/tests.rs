//! Searches as they are typed, and what they find.
