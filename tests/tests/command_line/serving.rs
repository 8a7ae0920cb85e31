//! `serve`: the address, its limits, and an orderly end.

use serde_json::json;
use tokio::net::TcpListener;

use crate::program::{Place, QUICKSTART, has};

async fn serves_and_ends_with(signal: &str) {
    let place = Place::new();
    let server = place.serve(QUICKSTART, &["--address", "127.0.0.1:0", "--database", "a.db"], &[]).await;
    assert_ne!(server.address.port(), 0);
    let mut client = server.client().await;
    let answer = client.post("/system/users/insert", &json!({ "email": "ada@example.org" })).await;
    assert_eq!(answer.status, 201);
    assert_eq!(client.get("/@health").await.json(), json!({ "status": "ok" }));
    assert!(place.has("a.db-wal"));
    let status = server.signal(signal).await;
    assert_eq!(status.code(), Some(0), "{status:?}");
    // The log was written back, and is gone.
    assert!(!place.has("a.db-wal"));
    let exported = place.run(QUICKSTART, &["export", "--database", "a.db"]).await.ok();
    has(&exported, &["ada@example.org"]);
}

#[tokio::test]
async fn a_termination_ends_the_server_in_order() {
    serves_and_ends_with("TERM").await;
}

#[tokio::test]
async fn an_interrupt_ends_the_server_in_order() {
    serves_and_ends_with("INT").await;
}

#[tokio::test]
async fn serving_is_what_a_program_does_by_default() {
    let place = Place::new();
    let environment = [("MODELLER_ADDRESS", "127.0.0.1:0"), ("MODELLER_DATABASE", "env.db")];
    let server = place.serve(QUICKSTART, &[], &environment).await;
    assert_eq!(server.client().await.get("/system/users/count").await.json(), 0);
    assert_eq!(server.signal("TERM").await.code(), Some(0));
    assert!(place.has("env.db"));
    let server = place.serve(QUICKSTART, &["serve"], &environment).await;
    assert_eq!(server.signal("TERM").await.code(), Some(0));
}

#[tokio::test]
async fn the_command_line_wins_over_the_environment() {
    let place = Place::new();
    // Nobody could listen there.
    let environment = [("MODELLER_ADDRESS", "192.0.2.1:1"), ("MODELLER_DATABASE", "env.db")];
    let arguments = ["--database", "line.db", "serve", "--address", "localhost:0"];
    let server = place.serve(QUICKSTART, &arguments, &environment).await;
    assert_eq!(server.signal("TERM").await.code(), Some(0));
    assert!(place.has("line.db") && !place.has("env.db"));
    // An address of the command line has its own port.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let environment = [("MODELLER_PORT", "1"), ("MODELLER_DATABASE", "env.db")];
    let server = place.serve(QUICKSTART, &["--address", &free.to_string()], &environment).await;
    assert_eq!(server.address, free);
    let server = place.serve(QUICKSTART, &["--port", "0"], &environment).await;
    assert_ne!(server.address.port(), 1);
}

#[tokio::test]
async fn a_database_in_memory_leaves_no_file() {
    let place = Place::new();
    let server = place.serve(QUICKSTART, &["--port=0", "--database=:memory:"], &[]).await;
    assert_eq!(server.client().await.get("/system/users/count").await.json(), 0);
    assert_eq!(server.signal("TERM").await.code(), Some(0));
    assert_eq!(std::fs::read_dir(place.path(".")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused() {
    let place = Place::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:3030"] {
        let complaint = place.run(QUICKSTART, &["serve", "--address", address]).await.failed(1);
        has(&complaint, &[address, "no sign-in", "127.0.0.1:", "gateway"]);
    }
    assert!(!place.has("modeller.db"), "nothing was opened");
}

#[tokio::test]
async fn a_server_answers_to_local_names_alone() {
    let place = Place::new();
    // All of 127.0.0.0/8 is this machine on Linux; elsewhere the plain address does.
    let address = if cfg!(target_os = "linux") { "127.0.0.2:0" } else { "127.0.0.1:0" };
    let server = place.serve(QUICKSTART, &["--database=:memory:", "--address", address], &[]).await;
    let mut client = server.client().await;
    assert_eq!(client.get("/@health").await.status, 200);
    for (host, status) in [("localhost", 200), ("localhost:80", 200), ("[::1]:1", 200), ("example.org", 403)]
    {
        let request = format!("GET /@health HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(client.raw(request.as_bytes()).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_said() {
    let place = Place::new();
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other.local_addr().unwrap().to_string();
    let complaint = place.run(QUICKSTART, &["--address", &address]).await.failed(1);
    has(&complaint, &[&address, "another program", "--address"]);
}

#[tokio::test]
async fn a_database_that_can_not_be_opened_is_named() {
    let place = Place::new();
    place.write(
        "text.db",
        "this is not a database, but a text that is long enough to be looked at.".repeat(20),
    );
    let complaint = place.run(QUICKSTART, &["--database", "text.db"]).await.failed(1);
    has(&complaint, &["text.db", "not a SQLite database"]);
    let complaint = place.run(QUICKSTART, &["--database", "no/where.db"]).await.failed(1);
    has(&complaint, &["no/where.db", "there is no directory"]);
}

#[tokio::test]
async fn a_low_limit_of_files_is_kept_to() {
    let place = Place::new();
    let limited =
        |files: &str| format!("ulimit -n {files}; exec {QUICKSTART} --address 127.0.0.1:0 --readers 1");
    let complaint = place.run("sh", &["-c", &limited("40")]).await.failed(1);
    has(&complaint, &["40 files", "ulimit -n"]);
    // More connections than there may be: all of them get their turn.
    let server = place.serve("sh", &["-c", &limited("120")], &[]).await;
    let mut clients: Vec<_> =
        (0..200).map(|_| Some(tokio::net::TcpStream::connect(server.address))).collect();
    let mut open = Vec::new();
    for client in &mut clients {
        open.push(client.take().unwrap().await.unwrap());
    }
    drop(open);
    assert_eq!(server.client().await.get("/system/users/count").await.json(), 0);
    assert_eq!(server.signal("TERM").await.code(), Some(0));
}
