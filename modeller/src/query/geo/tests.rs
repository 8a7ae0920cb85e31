//! Areas and their boxes.
