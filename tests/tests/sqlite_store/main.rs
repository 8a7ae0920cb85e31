//! What only the SQLite store has: files, crashes, other processes, migrations.

mod companions;
mod crash;
mod files;
#[allow(dead_code)]
#[path = "../store_conformance/lab.rs"]
mod lab;
mod migrations;
#[allow(dead_code)]
#[path = "../store_conformance/models.rs"]
mod models;
mod rebuilds;
mod sharing;
