//! HTT-09: static folders, as whoever wants more than is in them sees them.

use std::process::Command;

use crate::folders::assets;
use crate::program::Place;
use crate::{app, connected, start};
use modeller_tests::http::{Answer, Client};

const SECRET: &str = "the crown jewels";

/// A folder with everything beside it, and in it, that should not be seen.
fn trap() -> Place {
    let place = assets();
    std::fs::create_dir_all(place.path("fonts/.git")).unwrap();
    std::fs::create_dir_all(place.path("outside")).unwrap();
    for name in ["secret.txt", "outside/secret.txt", "fonts/.hidden", "fonts/.git/config", "fontsecret.txt"] {
        place.write(name, SECRET);
    }
    place
}

#[cfg(unix)]
fn links(place: &Place) {
    use std::os::unix::fs::symlink;
    let link = |to: &str, name: &str| symlink(to, place.path(name)).unwrap();
    link("../secret.txt", "fonts/link.txt");
    link("../outside", "fonts/outside");
    link(".hidden", "fonts/shown.txt");
    link(".git", "fonts/git");
    link("/etc", "fonts/etc");
    link("loop", "fonts/loop");
    link("nowhere", "fonts/dangling");
    link("a.woff2", "fonts/inside.woff2");
    std::fs::create_dir_all(place.path("fonts/dir")).unwrap();
    link("../../secret.txt", "fonts/dir/index.html");
    assert!(Command::new("mkfifo").arg(place.path("fonts/pipe")).status().unwrap().success());
}

async fn asked(client: &mut Client, target: &str) -> Answer {
    client.raw(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await
}

// HTT-09, attacks: static
#[tokio::test]
async fn no_path_leads_out_of_a_folder() {
    let place = trap();
    #[cfg(unix)]
    links(&place);
    let address = start(app().folder("/assets", place.path("fonts"))).await;
    let long = format!("/assets/{}", "a".repeat(10_000));
    let deep = format!("/assets/{}a.woff2", "dir/".repeat(5_000));
    for target in [
        "/assets/../secret.txt",
        "/assets/..",
        "/assets/../",
        "/assets/../fontsecret.txt",
        "/assetsecret.txt",
        "/ASSETS/a.woff2",
        "/assets/%2e%2e/secret.txt",
        "/assets/%2E%2E/secret.txt",
        "/assets/.%2e/secret.txt",
        "/assets/%2e%2e%2fsecret.txt",
        "/assets/..%2fsecret.txt",
        "/assets/..%2F..%2F..%2F..%2F..%2F..%2Fetc%2Fpasswd",
        "/assets/%252e%252e/secret.txt",
        "/assets/%252e%252e%252fsecret.txt",
        "/assets/..%5csecret.txt",
        "/assets/%2e%2e%5csecret.txt",
        "/assets/..%c0%afsecret.txt",
        "/assets/%c0%ae%c0%ae/secret.txt",
        "/assets/%ef%bc%8e%ef%bc%8e/secret.txt",
        "/assets/dir/../../secret.txt",
        "/assets/./a.woff2",
        "/assets//a.woff2",
        "/assets//etc/passwd",
        "/assets/%2fetc/passwd",
        "/assets/a.woff2/",
        "/assets/a.woff2/x",
        "/assets/a.woff2%00",
        "/assets/a.woff2%00.png",
        "/assets/a.woff2%0a",
        "/assets/a.woff2;x",
        "/assets/a.woff2::$DATA",
        "/assets/C:%5cwindows%5cwin.ini",
        "/assets/.hidden",
        "/assets/%2ehidden",
        "/assets/.git/config",
        "/assets/.git/",
        "/assets/link.txt",
        "/assets/outside/secret.txt",
        "/assets/shown.txt",
        "/assets/git/config",
        "/assets/etc/passwd",
        "/assets/loop",
        "/assets/dangling",
        "/assets/dir/",
        "/assets/dir",
        "/assets/pipe",
        "/assets/%",
        "/assets/%zz",
        "/assets/\\..\\secret.txt",
        "http://x/assets/../secret.txt",
        &long,
        &deep,
    ] {
        // What hyper does not read ends its connection.
        let mut client = Client::connect(address).await;
        let answer = asked(&mut client, target).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert!(matches!(answer.status, 400 | 404), "{} for {target:.80}", answer.status);
        assert!(
            ["ROUTE_NOT_FOUND", "INVALID_REQUEST"].contains(&answer.code().as_str()),
            "{target:.80}: {text}"
        );
        let place = place.path("").display().to_string();
        assert!(
            !text.contains(SECRET) && !text.contains("root:") && !text.contains(&place),
            "{target:.80}: {text}"
        );
    }
    let mut client = Client::connect(address).await;
    assert_eq!(client.get("/assets/a.woff2").await.status, 200);
    // A link that stays inside is as good as what it leads to.
    #[cfg(unix)]
    assert_eq!(client.get("/assets/inside.woff2").await.body, b"0123456789");
}

// HTT-09, attacks: static
#[tokio::test]
async fn ranges_never_cost_more_than_the_file() {
    let place = assets();
    let mut client = connected(app().folder("/assets", place.path("fonts"))).await;
    let path = "/assets/a.woff2";
    for range in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=18446744073709551615-18446744073709551615"] {
        let answer = client.send("GET", path, &[("Range", range)], b"").await;
        assert_eq!((answer.status, answer.code().as_str()), (416, "INVALID_REQUEST"), "{range}");
        assert_eq!(answer.header("content-range"), Some("bytes */10"));
    }
    let overlapping = format!("bytes=0-{}", ",0-".repeat(5_000));
    for range in [
        "bytes=0-1,3-4",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=-",
        "bytes=",
        "items=0-1",
        "bytes=0--1",
        "bytes=99999999999999999999-1",
        &overlapping,
    ] {
        let answer = client.send("GET", path, &[("Range", range)], b"").await;
        assert_eq!((answer.status, answer.body.len()), (200, 10), "{range:.80}");
    }
    let twice = client.send("GET", path, &[("Range", "bytes=0-1"), ("Range", "bytes=2-3")], b"").await;
    assert_eq!((twice.status, twice.body.len()), (200, 10));
    let empty = client.send("GET", "/assets/empty.css", &[("Range", "bytes=0-")], b"").await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
}

// HTT-09
#[cfg(unix)]
#[tokio::test]
async fn what_may_not_be_read_is_not_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = assets();
    let file = place.path("fonts/a.woff2");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Who may read everything can't be kept from it.
    let is_root = std::fs::File::open(&file).is_ok();
    let answer = connected(app().folder("/assets", place.path("fonts"))).await.get("/assets/a.woff2").await;
    assert_eq!(answer.status, if is_root { 200 } else { 404 });
}
