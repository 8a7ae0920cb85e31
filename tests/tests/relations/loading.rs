//! `with`: documents come with what belongs to them.

use super::*;

#[tokio::test]
async fn the_document_stands_in_the_place_of_its_id() {
    // QRY-23
    let Filled { mut client, ada, bob, .. } = filled(true).await;
    let comments = good(client.get("/blog/comments/list?with=author,post").await);
    let first = &comments[0];
    assert_eq!((&first["author"]["_id"], &first["author"]["email"]), (&json!(ada), &json!("ada@b.c")));
    assert_eq!(first["post"]["title"], "first");
    // The field itself has another name than the relation, and stays.
    assert_eq!(first["postId"], first["post"]["_id"]);
    assert_eq!(comments[1]["author"]["_id"], json!(bob));
    assert_eq!((&comments[4]["post"], &comments[4]["postId"]), (&Json::Null, &Json::Null));
    // Without `with` it is an id.
    assert_eq!(good(client.get("/blog/comments/list").await)[0]["author"], json!(ada));
    // A document answers once for each that it belongs to.
    assert_eq!(pluck(&comments, "likes"), [1, 2, 4, 8, 16].map(Json::from));
}

#[tokio::test]
async fn all_reads_know_with() {
    // QRY-23
    let Filled { mut client, ada, .. } = filled(true).await;
    let get = good(client.get(&format!("/blog/users/get?_id={ada}&with=comments")).await);
    assert_eq!(pluck(&get["comments"], "text"), ["a"].map(Json::from));
    assert_eq!(good(client.get("/blog/users/get?_id=none&with=comments").await), Json::Null);
    let find =
        good(client.post("/blog/users/find", &json!({"with": {"comments": true}, "sort": "email"})).await);
    assert_eq!(pluck(&find[1]["comments"], "text"), [json!("b"), Json::Null, json!("d"), json!("e")]);
    let first = good(client.get("/blog/posts/first?with=owner").await);
    assert_eq!(first[0]["owner"]["email"], "ada@b.c");
    let last = good(client.get("/blog/posts/last?with=comments").await);
    assert_eq!(last[0]["comments"].as_array().unwrap().len(), 1);
    let page = good(client.get("/blog/comments/paginate?count=2&with=author").await);
    assert_eq!(page["records"][1]["author"]["email"], "bob@b.c");
    let next = page["nextCursor"].as_str().unwrap();
    let page = good(client.get(&format!("/blog/comments/paginate?count=2&with=author&after={next}")).await);
    assert_eq!(page["records"][0]["author"]["email"], "bob@b.c");
    assert_eq!(page["hasMore"], true);
    let listed = client.get("/blog/comments/list?count=2&after=&with=author").await;
    assert!(listed.header("next-cursor").is_some());
    // The document that is answered has a version.
    let answer = client.get(&format!("/blog/users/get?_id={ada}&with=comments")).await;
    assert_eq!(answer.header("etag"), Some("\"1\""));
}

#[tokio::test]
async fn what_is_loaded_is_filtered_sorted_counted_and_nested() {
    // QRY-23
    let Filled { mut client, bob, .. } = filled(true).await;
    let asked = json!({
        "comments": {
            "query": {"likes": {"$gt": 2}},
            "sort": "-likes",
            "count": 2,
            "fields": ["likes"],
            "with": {"post": {"with": "owner", "fields": "title"}},
        },
    });
    let users = good(client.get(&format!("/blog/users/list?sort=email&{}", with(&asked))).await);
    assert_eq!(users[0]["comments"], json!([]));
    let comments = &users[1]["comments"];
    assert_eq!(pluck(comments, "likes"), [16, 8].map(Json::from));
    assert_eq!(comments[0]["post"], Json::Null);
    assert_eq!(comments[1]["post"]["title"], "second");
    assert_eq!(comments[1]["post"]["owner"]["role"], "admin");
    assert_eq!(comments[1].as_object().unwrap().len(), 3, "{comments}");
    // `where` says the same, and `true` means all of it.
    let asked = json!({"comments": {"where": {"likes": 4}}, "boss": true, "sessions": false});
    let user = good(client.get(&format!("/blog/users/get?_id={bob}&{}", with(&asked))).await);
    assert_eq!(pluck(&user["comments"], "likes"), [4].map(Json::from));
    assert_eq!(user["boss"]["email"], "ada@b.c");
    assert!(user.get("sessions").is_none());
    // A path leads on.
    let user = good(client.get(&format!("/blog/users/get?_id={bob}&with=comments.post.owner,boss")).await);
    assert_eq!(user["comments"][0]["post"]["owner"]["email"], "ada@b.c");
    // What one document may have limits nobody else's.
    let asked = json!({"comments": {"count": 1, "sort": {"likes": -1}}});
    let users = good(client.get(&format!("/blog/users/list?sort=email&{}", with(&asked))).await);
    assert_eq!(
        (&users[0]["comments"][0]["likes"], &users[1]["comments"][0]["likes"]),
        (&json!(1), &json!(16))
    );
    assert_eq!(users[1]["comments"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_of_references_are_loaded_in_their_order() {
    let Filled { mut client, ada, bob, first, .. } = filled(true).await;
    let post = good(client.get(&format!("/blog/posts/get?_id={first}&with=readers")).await);
    assert_eq!(pluck(&post["readers"], "_id"), [json!(bob), json!(ada)]);
    let sorted = with(&json!({"readers": {"sort": "email", "count": 1}}));
    let post = good(client.get(&format!("/blog/posts/get?_id={first}&{sorted}")).await);
    assert_eq!(pluck(&post["readers"], "email"), ["ada@b.c"].map(Json::from));
    // The other side of it.
    let users = good(client.get("/blog/users/list?sort=email&with=postsByReaders,postsByOwner").await);
    assert_eq!(pluck(&users[0]["postsByOwner"], "title"), ["first", "second"].map(Json::from));
    assert_eq!(pluck(&users[1]["postsByReaders"], "title"), ["first"].map(Json::from));
    assert_eq!(users[1]["postsByOwner"], json!([]));
}

#[tokio::test]
async fn what_is_private_deleted_or_expired_is_not_loaded() {
    // SCH-04
    let Filled { server, mut client, ada, bob, .. } = filled(true).await;
    let body = client.get("/blog/users/list?with=comments.author,users,postsByReaders").await.body;
    let text = String::from_utf8(body).unwrap();
    for hidden in ["password", "hidden", "note", "editor"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    // Nobody learns that there is such a relation.
    for name in ["commentsByEditor", "editor"] {
        let answer = client.get(&format!("/blog/users/list?with={name}")).await;
        refused(&answer, 400, "INVALID_QUERY");
        assert!(!answer.json()["details"]["expected"].to_string().contains("ditor"));
    }
    refused(&client.get("/blog/comments/list?with=editor").await, 400, "INVALID_QUERY");
    let fields = with(&json!({"comments": {"fields": ["note"]}}));
    refused(&client.get(&format!("/blog/users/list?{fields}")).await, 400, "INVALID_QUERY");
    let sorted = with(&json!({"comments": {"sort": "note"}}));
    refused(&client.get(&format!("/blog/users/list?{sorted}")).await, 400, "INVALID_QUERY");
    // The trash.
    let comment = good(client.get("/blog/comments/get?text=b").await)["_id"].as_str().unwrap().to_owned();
    assert_eq!(client.delete(&format!("/blog/comments/delete?_id={comment}")).await.status, 200);
    let user = good(client.get(&format!("/blog/users/get?_id={bob}&with=comments")).await);
    assert_eq!(user["comments"].as_array().unwrap().len(), 3);
    // What has expired.
    let session = insert(&mut client, "sessions", json!({"user": ada})).await;
    let step = insert(&mut client, "steps", json!({"session": session, "what": "in"})).await;
    let url = format!("/blog/steps/get?_id={step}&with=session");
    assert_eq!(good(client.get(&url).await)["session"]["_id"], json!(session));
    server.clock.advance(std::time::Duration::from_secs(120));
    assert_eq!(good(client.get(&url).await)["session"], Json::Null);
    let user = good(client.get(&format!("/blog/users/get?_id={ada}&with=sessions")).await);
    assert_eq!(user["sessions"], json!([]));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_what_was_meant() {
    let Filled { mut client, .. } = filled(true).await;
    let answer = client.get("/blog/users/list?with=comment").await;
    refused(&answer, 400, "INVALID_QUERY");
    assert_eq!(answer.json()["details"]["suggestion"], "comments");
    assert_eq!(answer.json()["details"]["field"], "comment");
    let bad = [
        json!({"comments": {"query": {"txt": "x"}}}),
        json!({"comments": {"counts": 5}}),
        json!({"comments": {"count": -1}}),
        json!({"comments": {"count": 1_001}}),
        json!({"comments": {"count": 0.5}}),
        json!({"comments": {"count": "5"}}),
        json!({"comments": {"sort": "nothing"}}),
        json!({"comments": {"fields": ["nothing"]}}),
        json!({"comments": {"with": "nothing"}}),
        json!({"comments": {"_count": 1}}),
        json!({"comments": {"_avg": {"text": true}}}),
        json!({"comments": {"_avg": {"likes": 1}}}),
        json!({"comments": {"_sum": "note"}}),
        json!({"comments": {"_min": "nothing"}}),
        json!({"boss": {"count": 1}}),
        json!({"boss": {"sort": "email"}}),
        json!({"boss": {"_count": true}}),
        json!({"comments": 1}),
        json!({"comments": null}),
        json!({"comments": "author"}),
        json!([1]),
        json!(1),
        json!({"boss": {"with": {"boss": {"with": {"boss": {"with": {"boss": {"with": {"boss": {"with": "boss"}}}}}}}}}}),
    ];
    for asked in bad {
        let answer = client.post("/blog/users/find", &json!({ "with": asked })).await;
        assert_eq!(answer.status, 400, "{asked} gave {}", answer.json());
        assert_eq!(answer.code(), "INVALID_QUERY", "{asked}");
    }
    for text in ["{", "[1", "comments.", ".", "comments,,boss", "{\"comments\":true,\"comments\":true}"] {
        let answer = client.get(&format!("/blog/users/list?with={}", url(text))).await;
        assert_eq!(answer.status, 400, "{text} gave {}", answer.json());
    }
    let wide: Vec<String> = (0..30).map(|_| "comments.author.boss".to_owned()).collect();
    assert_eq!(client.post("/blog/users/find", &json!({ "with": wide })).await.status, 200);
    let names = ["comments", "users", "postsByOwner", "postsByReaders", "sessions", "boss"];
    let all: Json = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({"with": {}})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(client.post("/blog/users/find", &json!({ "with": all })).await.status, 200);
    let each =
        json!({"with": {"comments": {"with": ["author"]}, "users": {"with": names}, "postsByOwner": true}});
    let wide: Json = ["users", "boss"]
        .iter()
        .map(|name| ((*name).to_owned(), json!({"with": {"users": each, "boss": each}})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    refused(&client.post("/blog/users/find", &json!({ "with": wide })).await, 400, "INVALID_QUERY");
    // Writes answer no related documents.
    refused(
        &client.put("/blog/users/update?email=ada@b.c&with=comments", &json!({})).await,
        400,
        "INVALID_QUERY",
    );
}

#[tokio::test]
async fn nobody_loads_more_than_fits() {
    let Filled { server, mut client, ada, .. } = filled(true).await;
    let many = (0..10_001).map(|_| Comment {
        author: ada.as_str().into(),
        post_id: None,
        text: None,
        likes: 0,
        score: None,
        editor: None,
        note: None,
    });
    Comment::insert_many(&server.cx, many.collect()).await.unwrap();
    let url = format!("/blog/users/get?_id={ada}&with=comments");
    let answer = client.get(&url).await;
    refused(&answer, 400, "INVALID_QUERY");
    assert!(
        answer.json()["message"].as_str().unwrap().contains("`comments` are more than 10000"),
        "{}",
        answer.json()
    );
    let few = with(&json!({"comments": {"count": 7, "_count": true}}));
    let user = good(client.get(&format!("/blog/users/get?_id={ada}&{few}")).await);
    assert_eq!(user["comments"].as_array().unwrap().len(), 7);
    assert_eq!(user["commentsAggregate"], json!({"count": 10_002}));
}
