//! HTT-09: static folders, as whoever fills them sees them.

use std::time::Duration;

use modeller::doors::http::{Method, Route, RouteCx};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::program::{Place, has};
use crate::{FEATURED, app, connected, refused, start};

/// A directory with some files.
pub fn assets() -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.path("site/sub/deep")).unwrap();
    std::fs::create_dir_all(place.path("fonts")).unwrap();
    place.write("fonts/a.woff2", "0123456789");
    place.write("fonts/b c.TXT", "text");
    place.write("fonts/é.bin", "bytes");
    place.write("fonts/empty.css", "");
    place.write("site/index.html", "<p>home</p>");
    place.write("site/sub/index.html", "<p>sub</p>");
    place.write("site/sub/deep/a.txt", "deep");
    place
}

fn fonts(place: &Place) -> modeller::App {
    app().folder("/assets/fonts", place.path("fonts"))
}

// HTT-09
#[tokio::test]
async fn files_of_a_folder_are_served_by_name() {
    let place = assets();
    let mut client = connected(fonts(&place)).await;
    let answer = client.get("/assets/fonts/a.woff2").await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"0123456789"[..]));
    let headers = [
        ("content-type", "font/woff2"),
        ("content-length", "10"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-cache"),
    ];
    for (name, value) in headers {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("etag").is_some() && answer.header("last-modified").is_some());
    for (path, body, kind) in [
        ("/assets/fonts/b%20c.TXT", "text", "text/plain; charset=utf-8"),
        ("/assets/fonts/%C3%A9.bin?v=3", "bytes", "application/octet-stream"),
        ("/assets/fonts/empty.css", "", "text/css; charset=utf-8"),
        ("/%61ssets/fonts/%61.woff2", "0123456789", "font/woff2"),
    ] {
        let answer = client.get(path).await;
        assert_eq!(
            (answer.status, String::from_utf8(answer.body.clone()).unwrap().as_str()),
            (200, body),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), Some(kind));
    }
}

// HTT-09
#[tokio::test]
async fn a_folder_takes_get_head_and_options() {
    let place = assets();
    let mut client = connected(fonts(&place)).await;
    let (get, head) = (
        client.get("/assets/fonts/a.woff2").await,
        client.send("HEAD", "/assets/fonts/a.woff2", &[("Range", "bytes=0-1")], b"").await,
    );
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-length", "content-type", "last-modified", "accept-ranges"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let answer = client.send("OPTIONS", "/assets/fonts/a.woff2", &[], b"").await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
        let answer = client.send(method, "/assets/fonts/a.woff2", &[], b"x").await;
        assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"), "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
}

// HTT-09
#[tokio::test]
async fn what_the_caller_has_is_not_sent_again() {
    let place = assets();
    let mut client = connected(fonts(&place)).await;
    let path = "/assets/fonts/a.woff2";
    // So soon after a change the tag is a weak one: another change might leave no trace.
    let mut tag = String::new();
    for _ in 0..5 {
        // A busy machine may take longer than that: it is asked once more, then.
        place.write("fonts/a.woff2", "0123456789");
        tag = client.get(path).await.header("etag").unwrap().to_owned();
        if tag.starts_with("W/") {
            break;
        }
    }
    assert!(tag.starts_with("W/\""), "{tag}");
    sleep(Duration::from_millis(2_100)).await;
    let settled = client.get(path).await;
    let strong = settled.header("etag").unwrap().to_owned();
    assert_eq!(format!("W/{strong}"), tag);
    let date = settled.header("last-modified").unwrap().to_owned();
    for (name, value) in [("If-None-Match", &strong), ("If-None-Match", &tag), ("If-Modified-Since", &date)] {
        let answer = client.send("GET", path, &[(name, value)], b"").await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{name}");
        assert_eq!(answer.header("etag"), Some(strong.as_str()));
    }
    let other =
        client.send("GET", path, &[("If-None-Match", "\"x\""), ("If-Modified-Since", &date)], b"").await;
    assert_eq!(other.status, 200);
    let failed = client.send("GET", path, &[("If-Match", "\"x\"")], b"").await;
    assert_eq!((failed.status, failed.code().as_str()), (412, "PRECONDITION_FAILED"));
    // Other bytes of the same number, with the time of the old ones: another tag nonetheless.
    let modified = place.metadata("fonts/a.woff2").modified().unwrap();
    let file = std::fs::File::options().write(true).open(place.path("fonts/a.woff2")).unwrap();
    std::io::Write::write_all(&mut &file, b"9876543210").unwrap();
    file.set_modified(modified).unwrap();
    let changed = client.send("GET", path, &[("If-None-Match", &strong)], b"").await;
    assert_eq!((changed.status, changed.body.as_slice()), (200, &b"9876543210"[..]));
    let stale = client.send("GET", path, &[("If-Range", &strong), ("Range", "bytes=0-1")], b"").await;
    assert_eq!((stale.status, stale.body.len()), (200, 10));
}

// HTT-09
#[tokio::test]
async fn one_range_is_sent_as_a_part() {
    let place = assets();
    let mut client = connected(fonts(&place)).await;
    let path = "/assets/fonts/a.woff2";
    for (range, body, said) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-5", "2345", "bytes 2-5/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=5-99999999999999999999999", "56789", "bytes 5-9/10"),
    ] {
        let answer = client.send("GET", path, &[("Range", range)], b"").await;
        assert_eq!((answer.status, answer.body.as_slice()), (206, body.as_bytes()), "{range}");
        assert_eq!(answer.header("content-range"), Some(said));
        assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()));
    }
}

// HTT-09
#[tokio::test]
async fn a_directory_is_its_index_and_never_a_list() {
    let place = assets();
    let mut client =
        connected(app().folder("/site", place.path("site")).folder("/fonts", place.path("fonts"))).await;
    for (path, body) in
        [("/site/", "<p>home</p>"), ("/site/sub/", "<p>sub</p>"), ("/site/index.html", "<p>home</p>")]
    {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, body.as_bytes()), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    }
    for (path, place) in [("/site", "./site/"), ("/site/sub?a=1", "./sub/?a=1")] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (307, Some(place)), "{path}");
    }
    for path in ["/site/sub/deep/", "/site/sub/deep", "/fonts/", "/fonts"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "ROUTE_NOT_FOUND"), "{path}");
    }
}

// HTT-09
#[tokio::test]
async fn a_folder_hides_nothing_else() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("system/users/insert")).unwrap();
    for name in ["@metadata", "hello", "system/users/count", "system/users/inser", "index.html", "file.txt"] {
        place.write(name, "of the folder");
    }
    let nested = axum::Router::new()
        .route("/there", axum::routing::get(|| async { "nested" }).post(|| async { "posted" }));
    let app = app()
        .folder("/", place.path("."))
        .route(Route::new(Method::GET, "/hello", async |_: RouteCx| Ok("route")))
        .nest("/else", nested);
    let mut client = connected(app).await;
    assert_eq!(client.get("/file.txt").await.body, b"of the folder");
    assert_eq!(client.get("/").await.body, b"of the folder");
    assert_eq!(client.get("/hello").await.json(), "route");
    assert_eq!(client.get("/system/users/count").await.json(), 0);
    assert!(client.get("/@metadata").await.json().is_object());
    assert_eq!(client.get("/else/there").await.body, b"nested");
    assert_eq!(client.send("POST", "/else/there", &[], b"x").await.body, b"posted");
    // The models' own words are better than a file below them.
    let answer = client.get("/system/users/inser").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "METHOD_NOT_FOUND"));
    assert_eq!(client.get("/system/user/count").await.code(), "MODEL_NOT_FOUND");
    assert_eq!(client.get("/nothing").await.code(), "ROUTE_NOT_FOUND");
}

// HTT-09
#[tokio::test]
async fn the_longest_path_has_its_folder() {
    let place = assets();
    let app = app().folder("/a", place.path("site")).folder("/a/sub", place.path("fonts"));
    let mut client = connected(app).await;
    assert_eq!(client.get("/a/sub/a.woff2").await.status, 200);
    assert_eq!(client.get("/a/sub/deep/a.txt").await.status, 404);
    assert_eq!(client.get("/a/").await.status, 200);
}

// HTT-09
#[tokio::test]
async fn folders_that_can_not_be_are_reported_at_the_start_all_at_once() {
    let place = assets();
    let error = refused(
        app()
            .folder("/a", place.path("not-there"))
            .folder("/b", place.path("fonts/a.woff2"))
            .folder("no-slash", place.path("fonts")),
    )
    .await;
    has(
        &error,
        &[
            "3 faults",
            "`/a` is not possible: there is no directory",
            "not-there",
            "is no directory",
            "`no-slash`",
        ],
    );
    let error = refused(
        app()
            .folder("/twice", place.path("fonts"))
            .folder("/twice", place.path("site"))
            .folder("/system/users", place.path("site"))
            .folder("/system/users/get", place.path("site")),
    )
    .await;
    has(
        &error,
        &[
            "3 faults",
            "two folders are to be served at `/twice`",
            "that is where the model `system/users` is",
        ],
    );
    has(&refused(app().folder("/@docs", place.path("site"))).await, &["`/@` are the server's own"]);
}

// HTT-09
#[tokio::test]
async fn a_missing_folder_keeps_a_program_from_listening() {
    let place = Place::new();
    let environment =
        [("FOLDER", "no/such/place"), ("MODELLER_ADDRESS", "127.0.0.1:0"), ("MODELLER_DATABASE", "a.db")];
    let error = place.run_with(FEATURED, &[], &environment, "").await.failed(1);
    has(&error, &["no/such/place", "the folder `/assets`"]);
    assert!(!place.has("mounted.txt") && !place.has("a.db"));
}

/// Reads what is left of a connection.
async fn rest(stream: &mut TcpStream) -> usize {
    let (mut total, mut piece) = (0, vec![0; 1 << 16]);
    loop {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return total,
            Ok(read) => total += read,
        }
    }
}

// HTT-09
#[tokio::test]
async fn a_file_may_grow_or_shrink_while_it_is_sent() {
    const LARGE: usize = 24 << 20;
    let place = assets();
    let address = start(fonts(&place)).await;
    for shrinks in [false, true] {
        place.write("fonts/large.bin", vec![b'x'; LARGE]);
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /assets/fonts/large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut head = vec![0; 1024];
        let begun = stream.read(&mut head).await.unwrap();
        assert!(String::from_utf8_lossy(&head).contains(&format!("content-length: {LARGE}")));
        let file = std::fs::File::options().write(true).open(place.path("fonts/large.bin")).unwrap();
        file.set_len(if shrinks { 1000 } else { 2 * LARGE as u64 }).unwrap();
        let total = begun + rest(&mut stream).await;
        // The connection ends before a promise that can't be kept, and after one that was.
        assert_eq!(total < LARGE, shrinks, "{total}");
        assert!(total < LARGE + 1024, "{total}");
    }
    assert_eq!(modeller_tests::http::Client::connect(address).await.get("/@health").await.status, 200);
}
