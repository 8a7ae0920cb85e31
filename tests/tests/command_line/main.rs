//! The command line of real programs.

mod examples;
mod migrations;
mod models;
mod program;
mod readme;
mod serving;
mod transfer;
mod usage;
