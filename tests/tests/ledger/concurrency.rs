//! Many at once: one winner, no lost write, no fault of the server.

use std::collections::HashMap;
use std::sync::Mutex;

use modeller::engine::{Call, Identity, Operation};

use super::*;

const USERS: &str = "/system/users";

/// Sends one request from each of `count` connections at the same time.
async fn all_at_once(
    server: &Server,
    count: usize,
    request: impl AsyncFn(usize, &mut Client) -> Answer + Copy + 'static,
) -> Vec<Answer> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(server.client().await);
    }
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async move {
            let tasks: Vec<_> = clients
                .into_iter()
                .enumerate()
                .map(|(n, mut client)| tokio::task::spawn_local(async move { request(n, &mut client).await }))
                .collect();
            let mut answers = Vec::new();
            for task in tasks {
                answers.push(task.await.unwrap());
            }
            answers
        })
        .await
}

fn tally(answers: &[Answer]) -> HashMap<u16, usize> {
    let mut counts = HashMap::new();
    for answer in answers {
        *counts.entry(answer.status).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn one_of_many_equal_inserts_wins() {
    let server = start::<(User,)>().await;
    let answers = all_at_once(&server, 100, async |n, client| {
        client.post(&format!("{USERS}/insert"), &user("same@b.c", n as i64)).await
    })
    .await;
    assert_eq!(tally(&answers), HashMap::from([(201, 1), (409, 99)]));
    assert!(answers.iter().filter(|one| one.status == 409).all(|one| one.code() == "UNIQUE_VIOLATION"));
    assert_eq!(User::count(&server.cx).await.unwrap(), 1);
}

#[tokio::test]
async fn one_of_many_updates_of_one_version_wins() {
    let server = start::<(User,)>().await;
    User::insert(&server.cx, User::new("a@b.c")).await.unwrap();
    let answers = all_at_once(&server, 40, async |n, client| {
        let headers = [("Content-Type", "application/json"), ("If-Match", "\"1\"")];
        let body = json!({"age": n}).to_string();
        client.send("PUT", &format!("{USERS}/update?email=a@b.c"), &headers, body.as_bytes()).await
    })
    .await;
    assert_eq!(tally(&answers), HashMap::from([(200, 1), (412, 39)]));
    assert!(answers.iter().filter(|one| one.status == 412).all(|one| one.code() == "CONFLICT"));
    assert_eq!(User::find().first(&server.cx).await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn a_delete_among_updates_ends_them() {
    let server = start::<(User,)>().await;
    let id = User::insert(&server.cx, User::new("a@b.c")).await.unwrap().id;
    let answers = all_at_once(&server, 40, async |n, client| match n {
        20 => client.delete(&format!("{USERS}/delete?email=a@b.c")).await,
        _ => client.put(&format!("{USERS}/update?email=a@b.c"), &json!({"age": n})).await,
    })
    .await;
    let updated = answers.iter().filter(|one| one.status == 200).count();
    assert!(answers.iter().all(|one| one.status == 200 || (one.status == 404 && one.code() == "NOT_FOUND")));
    assert!(User::get(&server.cx, &id).await.unwrap().is_none());
    // The deletion is one of them, and each has made one version.
    let gone = User::find().trashed().first(&server.cx).await.unwrap().unwrap();
    assert_eq!(gone.version, 1 + updated as i64);
}

#[tokio::test]
async fn a_write_sent_many_times_with_one_key_happens_once() {
    let server = start::<(User,)>().await;
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k")];
    let same = all_at_once(&server, 32, async move |_, client| {
        client.send("POST", &format!("{USERS}/insert"), &headers, b"{\"email\":\"a@b.c\"}").await
    })
    .await;
    assert!(same.iter().all(|one| one.status == 201 && one.body == same[0].body));
    assert_eq!(same.iter().filter(|one| one.header("idempotent-replayed").is_none()).count(), 1);
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "two")];
    let two = all_at_once(&server, 32, async move |n, client| {
        let body = json!({"email": format!("{}@b.c", n % 2)}).to_string();
        client.send("POST", &format!("{USERS}/insert"), &headers, body.as_bytes()).await
    })
    .await;
    assert_eq!(tally(&two), HashMap::from([(201, 16), (409, 16)]));
    assert!(two.iter().filter(|one| one.status == 409).all(|one| one.code() == "CONFLICT"));
    assert_eq!(User::count(&server.cx).await.unwrap(), 2);
    // A whole batch, too; one that failed leaves its key unused.
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "three")];
    let batch = |email: &str| {
        json!({"operations": [{"op": "insert", "data": {"email": "new@b.c"}}, {"op": "insert", "data": {"email": email}}]})
            .to_string()
    };
    let mut client = server.client().await;
    let failing = client.send("POST", &format!("{USERS}/batch"), &headers, batch("a@b.c").as_bytes()).await;
    refused(&failing, 409, "UNIQUE_VIOLATION");
    for _ in 0..2 {
        let answer =
            client.send("POST", &format!("{USERS}/batch"), &headers, batch("z@b.c").as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
    }
    assert_eq!(User::count(&server.cx).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_doing_everything_lose_nothing() {
    let server = start::<(User,)>().await;
    let updates: Arc<Mutex<HashMap<String, i64>>> = Arc::default();
    let counter = User::insert(&server.cx, User { age: Some(0), ..User::new("counter@b.c") }).await.unwrap();
    let increments = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let mut tasks = Vec::new();
    for seed in 0..64_u64 {
        let mut client = server.client().await;
        let (updates, increments, counter) = (updates.clone(), increments.clone(), counter.id.clone());
        tasks.push(tokio::spawn(async move {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut next = move |below: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % below
            };
            for _ in 0..40 {
                let name = format!("{}@b.c", next(40));
                let answer = match next(9) {
                    0 | 1 => client.post(&format!("{USERS}/insert"), &user(&name, next(100) as i64)).await,
                    2 => {
                        client.post(&format!("{USERS}/upsert"), &json!({"email": name, "tags": ["u"]})).await
                    }
                    3 => client.delete(&format!("{USERS}/delete?email={name}")).await,
                    4 => client.send("POST", &format!("{USERS}/restore?email={name}"), &[], b"").await,
                    5 => {
                        let batch = json!({"operations": [
                            {"op": "insert", "data": user(&format!("b{name}"), 1)},
                            {"op": "delete", "query": {"email": format!("b{name}")}},
                            {"op": "update", "query": {"email": name}, "data": {"fullName": "batch"}},
                        ]});
                        client.post(&format!("{USERS}/batch"), &batch).await
                    }
                    6 => client.get(&format!("{USERS}/list?sort=-age,email&count=30&age[gte]=5")).await,
                    7 => {
                        let now = client.get(&format!("{USERS}/get?_id={counter}")).await;
                        let etag = now.header("etag").unwrap().to_owned();
                        let body =
                            json!({"age": (now.json()["age"].as_i64().unwrap() + 1) % 150}).to_string();
                        let headers = [("Content-Type", "application/json"), ("If-Match", etag.as_str())];
                        let path = format!("{USERS}/update?_id={counter}");
                        let answer = client.send("PUT", &path, &headers, body.as_bytes()).await;
                        if answer.status == 200 {
                            increments.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        }
                        answer
                    }
                    _ => {
                        let answer =
                            client.put(&format!("{USERS}/update?email={name}"), &json!({"age": 7})).await;
                        if answer.status == 200 {
                            let json = answer.json();
                            let mut updates = updates.lock().unwrap();
                            let newest = updates.entry(json["_id"].as_str().unwrap().to_owned()).or_default();
                            *newest = (*newest).max(json["_version"].as_i64().unwrap());
                        }
                        answer
                    }
                };
                assert!(answer.status < 500, "{} {}", answer.status, String::from_utf8_lossy(&answer.body));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let counted = User::get(&server.cx, &counter.id).await.unwrap().unwrap();
    let increments = increments.load(std::sync::atomic::Ordering::SeqCst);
    assert!(increments > 0, "the first to come has the version that is there");
    assert_eq!((counted.version, counted.age), (increments + 1, Some(increments % 150)));
    let all = User::find().all(&server.cx).await.unwrap();
    let mut emails: Vec<&str> = all.iter().map(|doc| doc.email.as_str()).collect();
    emails.sort_unstable();
    let count = emails.len();
    emails.dedup();
    assert_eq!(emails.len(), count);
    assert!(!emails.iter().any(|email| email.starts_with('b')), "half a batch was kept");
    // The log knows as many changes of a document as it has versions: each write made one.
    let trash = User::find().trashed().all(&server.cx).await.unwrap();
    let changes = server.engine().store().changes(0, usize::MAX).await.unwrap();
    let mut written: HashMap<&str, i64> = HashMap::new();
    for change in &changes {
        *written.entry(&change.id).or_default() += 1;
    }
    for doc in all.iter().chain(&trash) {
        assert_eq!(written[doc.id.as_str()], doc.version, "{}", doc.email);
        assert!(updates.lock().unwrap().get(doc.id.as_str()).is_none_or(|seen| *seen <= doc.version));
    }
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_who_calls() {
    let engine = engine::<(User,)>(Clock::manual(START)).await;
    let insert = |email: &str| {
        let call = Call::new(Operation::Insert, User::descriptor().shape());
        Call { body: user(email, 1).to_string().into_bytes(), ..call }.with_mutation_id("k").unwrap()
    };
    let anonymous = Cx::new(engine.clone(), Identity::Anonymous);
    assert!(engine.cx().perform(insert("a@b.c")).await.unwrap().created);
    assert!(anonymous.perform(insert("b@b.c")).await.unwrap().created);
    assert!(engine.cx().perform(insert("a@b.c")).await.unwrap().replayed);
    assert_eq!(User::count(&anonymous).await.unwrap(), 2);
}

#[tokio::test]
async fn a_batch_leaves_the_writer_alone_until_it_has_something_to_write() {
    let server = start::<(User,)>().await;
    let mut client = server.client().await;
    let read = json!({"op": "count"});
    let invalid = json!({"op": "insert", "data": {"email": "no address"}});
    server
        .cx
        .transaction(async |tx| {
            User::insert(&tx, User::new("a@b.c")).await?;
            // The writer is taken: whoever needs it waits until this transaction runs out of time.
            // Its commit would fail then.
            let answer = client.post(&format!("{USERS}/batch"), &json!({"operations": [read, read]})).await;
            assert_eq!(answer.json()["results"][1]["data"], 0);
            let answer =
                client.post(&format!("{USERS}/batch"), &json!({"operations": [read, invalid]})).await;
            refused(&answer, 400, "VALIDATION_ERROR");
            assert_eq!(answer.json()["details"]["index"], 1);
            Ok(())
        })
        .await
        .unwrap();
}
