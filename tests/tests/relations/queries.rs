//! How many queries it takes, and from which moment they are.

use super::*;

#[tokio::test]
async fn each_relation_takes_one_query_however_many_documents_there_are() {
    // QRY-23
    let Filled { server, mut client, ada, .. } = filled(false).await;
    let more = (0..500).map(|n| Post {
        title: n.to_string(),
        owner: ada.as_str().into(),
        readers: vec![ada.as_str().into()],
    });
    Post::insert_many(&server.cx, more.collect()).await.unwrap();
    let asked = |url: String, expected: usize| (url, expected);
    for (url, expected) in [
        asked("/blog/posts/list?count=1".into(), 1),
        asked("/blog/posts/list?count=1&with=owner".into(), 2),
        asked("/blog/posts/list?count=500&with=owner".into(), 2),
        asked("/blog/posts/list?count=500&with=owner,readers,comments".into(), 4),
        asked("/blog/posts/list?count=500&with=comments.author.boss,owner".into(), 5),
        asked(format!("/blog/users/list?{}", with(&json!({"comments": {"_count": true}}))), 2),
        asked(format!("/blog/users/list?{}", with(&json!({"comments": {"count": 2}}))), 2),
        // The totals are of more than what is shown.
        asked(format!("/blog/users/list?{}", with(&json!({"comments": {"count": 2, "_count": true}}))), 3),
        // Nothing leads on.
        asked("/blog/users/list?email=nobody&with=comments.author,boss".into(), 1),
        asked("/blog/users/list?email=ada@b.c&with=boss.boss".into(), 1),
    ] {
        let before = server.reads.load(Ordering::Relaxed);
        let answer = client.get(&url).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(server.reads.load(Ordering::Relaxed) - before, expected, "{url}");
    }
}

#[tokio::test]
async fn a_store_without_views_answers_the_same() {
    let mut own = filled(true).await;
    let mut other = filled(false).await;
    for asked in [
        json!({"comments": {"count": 2, "sort": "-likes", "_count": true, "fields": "likes"}}),
        json!({"comments": {"count": 1, "fields": "likes", "with": {"post": {"fields": "title"}}}}),
        json!({"postsByReaders": {"count": 1, "fields": "title"}, "boss": {"fields": "email"}}),
    ] {
        let url = format!("/blog/users/list?sort=email&fields=email&{}", with(&asked));
        let plain = |json: Json| {
            // Ids differ from run to run.
            let text = json.to_string();
            let ids = text.split('"').filter(|part| part.len() == 36 && part.contains('-'));
            ids.fold(text.clone(), |text, id| text.replace(id, "id"))
        };
        let (own, other) = (good(own.client.get(&url).await), good(other.client.get(&url).await));
        assert_eq!(plain(own), plain(other));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_answered_is_from_one_moment() {
    let server = start::<Blog>(true).await;
    let cx = server.cx.clone();
    let user = |email: &str| User { email: email.into(), role: None, password: None, boss: None };
    let ada = User::insert(&cx, user("ada@b.c")).await.unwrap();
    let running = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let writes = {
        let (cx, id, running) = (cx.clone(), ada.id.clone(), running.clone());
        // The number of posts is always in the user's role.
        tokio::spawn(async move {
            for n in 1..400 {
                if !running.load(Ordering::Relaxed) {
                    break;
                }
                cx.transaction(async |tx| {
                    let post = Post { title: "x".into(), owner: (&id).into(), readers: vec![] };
                    Post::insert(&tx, post).await?;
                    User::update(&tx, &id, User::ROLE.set(n.to_string())).await
                })
                .await
                .unwrap();
            }
        })
    };
    let mut client = server.client().await;
    let counted = with(&json!({"postsByOwner": {"count": 0, "_count": true}}));
    for at in 0..200 {
        let url = format!(
            "/blog/users/get?_id={}&{}",
            ada.id,
            if at % 2 == 0 { "with=postsByOwner" } else { &counted }
        );
        let user = good(client.get(&url).await);
        let expected: u64 = user["role"].as_str().map_or(0, |role| role.parse().unwrap());
        let found = match at % 2 {
            0 => user["postsByOwner"].as_array().unwrap().len() as u64,
            _ => user["postsByOwnerAggregate"]["count"].as_u64().unwrap(),
        };
        assert_eq!(found, expected);
    }
    running.store(false, Ordering::Relaxed);
    writes.await.unwrap();
}

#[tokio::test]
async fn a_transaction_loads_what_it_wrote() {
    let Filled { server, ada, .. } = filled(true).await;
    let cx = server.cx.clone();
    cx.transaction(async |tx| {
        let post = Post { title: "third".into(), owner: ada.as_str().into(), readers: vec![] };
        Post::insert(&tx, post).await?;
        let users = User::find().filter(User::ID.eq(ada.as_str())).with(Post::OWNER).all(&tx).await?;
        assert_eq!(users[0].1.len(), 3);
        Ok(())
    })
    .await
    .unwrap();
}
