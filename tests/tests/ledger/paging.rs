//! Pages by cursor see each document once, whatever happens meanwhile.

use std::collections::HashMap;

use super::*;

const USERS: &str = "/system/users";

async fn filled(count: usize) -> (Server, Client) {
    let server = start::<(User, Product)>().await;
    let users = (0..count)
        .map(|n| User { age: (n % 4 > 0).then_some((n % 7) as i64), ..User::new(&format!("{n:03}@b.c")) });
    User::insert_many(&server.cx, users.collect()).await.unwrap();
    let client = server.client().await;
    (server, client)
}

#[tokio::test]
async fn a_page_says_whether_and_where_there_is_more() {
    // QRY-14
    let (server, mut client) = filled(5).await;
    let page = client.get(&format!("{USERS}/paginate?count=2&sort=-email")).await.json();
    assert_eq!((page["records"].as_array().unwrap().len(), &page["hasMore"]), (2, &json!(true)));
    let next = page["nextCursor"].as_str().unwrap();
    let page = client.get(&format!("{USERS}/paginate?count=3&sort=-email&after={next}")).await.json();
    assert_eq!((page["records"].as_array().unwrap().len(), &page["hasMore"]), (3, &json!(false)));
    assert_eq!(page["nextCursor"], Json::Null);
    // A page of nothing could not say where the next one begins.
    refused(&client.get(&format!("{USERS}/paginate?count=0")).await, 400, "INVALID_QUERY");
    let least = User::find().limit(0).page(&server.cx, None).await.unwrap();
    assert_eq!((least.records.len(), least.next_cursor.is_some()), (1, true));
    let first = User::paginate(&server.cx, 4, None).await.unwrap();
    let second = User::paginate(&server.cx, 4, first.next_cursor.as_deref()).await.unwrap();
    assert_eq!((first.records.len(), second.records.len(), second.next_cursor), (4, 1, None));
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_query_only() {
    let (server, mut client) = filled(5).await;
    let path = format!("{USERS}/paginate?count=2&sort=age");
    let cursor = client.get(&path).await.json()["nextCursor"].as_str().unwrap().to_owned();
    let shorter = &cursor[..cursor.len() - 1];
    let mut forged = cursor.clone().into_bytes();
    forged[3] = if forged[3] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let twice = format!("{cursor}{cursor}");
    let long = "A".repeat(50_000);
    for (path, cursor) in [
        (path.clone(), shorter),
        (path.clone(), &forged),
        (path.clone(), &twice),
        (path.clone(), &long),
        (path.clone(), "x"),
        (path.clone(), "%00"),
        (path.clone(), "..%2F.."),
        (format!("{USERS}/paginate?sort=email"), &cursor),
        (format!("{USERS}/paginate?sort=-age"), &cursor),
        (format!("{USERS}/paginate?sort=age&role=user"), &cursor),
        (format!("{USERS}/list?sort=age&query=%7B%22age%22:1%7D"), &cursor),
        ("/shop/products/paginate?sort=price".to_owned(), &cursor),
    ] {
        let answer = client.get(&format!("{path}&after={cursor}")).await;
        refused(
            &answer,
            if answer.status == 431 { 431 } else { 400 },
            if answer.status == 431 { "INVALID_REQUEST" } else { "INVALID_CURSOR" },
        );
    }
    refused(
        &client.get(&format!("{USERS}/list?sort=age&start=1&after={cursor}")).await,
        400,
        "INVALID_QUERY",
    );
    // That of the application's own code is another identity's, and that of another server was signed by another one.
    let own = User::find().order_by(User::AGE.asc()).limit(2).page(&server.cx, None).await.unwrap();
    refused(&client.get(&format!("{path}&after={}", own.next_cursor.unwrap())).await, 400, "INVALID_CURSOR");
    let (_other, mut elsewhere) = filled(5).await;
    refused(&elsewhere.get(&format!("{path}&after={cursor}")).await, 400, "INVALID_CURSOR");
    assert_eq!(client.get(&format!("{path}&after={cursor}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stable_documents_are_seen_once_while_others_come_and_go() {
    // QRY-03, QRY-14
    let (server, mut client) = filled(120).await;
    let mut noise = server.client().await;
    let busy = tokio::spawn(async move {
        for n in 0..400 {
            let email = format!("x{:03}@b.c", (n * 37) % 200);
            let answer = match n % 3 {
                2 => noise.delete(&format!("{USERS}/delete?email={email}")).await,
                _ => noise.post(&format!("{USERS}/upsert"), &user(&email, n % 9)).await,
            };
            assert!(answer.status < 500);
        }
    });
    let mut rounds = 0;
    while !busy.is_finished() || rounds < 4 {
        let sort = ["email", "-age", "age,-email", "_createdAt"][rounds % 4];
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut after = String::new();
        loop {
            let page = client.get(&format!("{USERS}/list?count=17&sort={sort}&after={after}")).await;
            assert_eq!(page.status, 200, "{}", page.json());
            for email in pluck(&page, "email") {
                *seen.entry(email.as_str().unwrap().to_owned()).or_default() += 1;
            }
            match page.header("next-cursor") {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        for n in 0..120 {
            assert_eq!(seen.get(&format!("{n:03}@b.c")), Some(&1), "sorted by {sort}");
        }
        rounds += 1;
    }
    busy.await.unwrap();
}
