//! Rules: facts are kept, events reach whoever wants to hear of them, and nobody is harmed by a handler.

mod bridge;
mod events;
mod facts;
mod operations;
