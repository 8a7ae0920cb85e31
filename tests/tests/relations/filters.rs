//! Filters that lead through relations.

use super::*;

async fn found(client: &mut Client, model: &str, filter: Json) -> Vec<Json> {
    let field = match model {
        "users" => "email",
        "posts" => "title",
        _ => "likes",
    };
    let answer = client.post(&format!("/blog/{model}/find"), &json!({"query": filter, "sort": field})).await;
    pluck(&good(answer), field)
}

#[tokio::test]
async fn a_path_asks_for_some_related_document() {
    // QRY-18 QRY-23
    let Filled { mut client, ada, .. } = filled(true).await;
    let users = |names: &[&str]| names.iter().map(|name| json!(format!("{name}@b.c"))).collect::<Vec<_>>();
    let numbers = |numbers: &[i64]| numbers.iter().map(|number| json!(number)).collect::<Vec<_>>();
    assert_eq!(found(&mut client, "comments", json!({"author.role": "admin"})).await, numbers(&[1]));
    assert_eq!(found(&mut client, "comments", json!({"author.role": null})).await, numbers(&[2, 4, 8, 16]));
    assert_eq!(
        found(&mut client, "comments", json!({"post.owner.role": "admin"})).await,
        numbers(&[1, 2, 4, 8])
    );
    assert_eq!(found(&mut client, "comments", json!({"post.title": {"$ne": "first"}})).await, numbers(&[8]));
    assert_eq!(
        found(&mut client, "users", json!({"comments.text": {"$contains": "d"}})).await,
        users(&["bob"])
    );
    assert_eq!(
        found(&mut client, "users", json!({"comments.likes": {"$gt": 0}})).await,
        users(&["ada", "bob"])
    );
    // Each path asks by itself; a whole filter asks one document.
    let both = json!({"comments.text": "b", "comments.likes": 16});
    assert_eq!(found(&mut client, "users", both).await, users(&["bob"]));
    let one = json!({"comments": {"$some": {"text": "b", "likes": 16}}});
    assert_eq!(found(&mut client, "users", one).await, users(&[]));
    assert_eq!(found(&mut client, "users", json!({"comments": {"text": "b"}})).await, users(&["bob"]));
    // The field of the same name is still a field.
    assert_eq!(found(&mut client, "comments", json!({"author": ada})).await, numbers(&[1]));
    assert_eq!(found(&mut client, "comments", json!({"author": {"$in": [ada]}})).await, numbers(&[1]));
    assert_eq!(
        found(&mut client, "comments", json!({"author": {"$some": {"role": "admin"}}})).await,
        numbers(&[1])
    );
    // Lists of references, from either side, and through oneself.
    assert_eq!(found(&mut client, "posts", json!({"readers.email": "bob@b.c"})).await, [json!("first")]);
    assert_eq!(found(&mut client, "posts", json!({"readers": ada})).await, [json!("first")]);
    assert_eq!(
        found(&mut client, "users", json!({"postsByReaders.title": "first"})).await,
        users(&["ada", "bob"])
    );
    assert_eq!(found(&mut client, "users", json!({"postsByReaders.title": "second"})).await, users(&[]));
    assert_eq!(found(&mut client, "users", json!({"users.email": "bob@b.c"})).await, users(&["ada"]));
    assert_eq!(found(&mut client, "users", json!({"boss.boss.email": "ada@b.c"})).await, users(&[]));
    // In a URL.
    let answer = good(client.get("/blog/comments/list?author.role=admin").await);
    assert_eq!(pluck(&answer, "likes"), numbers(&[1]));
    let answer = good(client.get("/blog/users/list?comments.likes[$gte]=16&comments.text[in]=e,f").await);
    assert_eq!(pluck(&answer, "email"), users(&["bob"]));
    assert_eq!(good(client.get("/blog/comments/count?post.owner.role=admin").await), 4);
}

#[tokio::test]
async fn some_every_and_none_count_what_is_absent_as_not_fulfilled() {
    let Filled { mut client, .. } = filled(true).await;
    let users = |names: &[&str]| names.iter().map(|name| json!(format!("{name}@b.c"))).collect::<Vec<_>>();
    let asked = |quantifier: &str, filter: Json| json!({"comments": {quantifier: filter}});
    for (quantifier, filter, names) in [
        ("$some", json!({}), &["ada", "bob"][..]),
        ("$none", json!({}), &[]),
        ("$every", json!({"text": {"$exists": true}}), &["ada"]),
        // One of bob's has no text: it does not fulfil this, nor its opposite.
        ("$every", json!({"text": {"$lt": "z"}}), &["ada"]),
        ("$every", json!({"$not": {"text": {"$gt": "z"}}}), &["ada"]),
        ("$none", json!({"text": {"$gt": "z"}}), &["ada", "bob"]),
        ("$none", json!({"likes": 1}), &["bob"]),
        ("$every", json!({"likes": {"$gt": 1}}), &["bob"]),
    ] {
        assert_eq!(
            found(&mut client, "users", asked(quantifier, filter.clone())).await,
            users(names),
            "{quantifier} {filter}"
        );
    }
    let several = json!({"comments": {"$some": {"likes": 2}, "$none": {"likes": 1}}});
    assert_eq!(found(&mut client, "users", several).await, users(&["bob"]));
    let negated = json!({"$not": {"comments": {"$some": {"likes": 2}}}});
    assert_eq!(found(&mut client, "users", negated).await, users(&["ada"]));
    // Who has none of them fulfils what is asked of all.
    insert(&mut client, "users", json!({"email": "eve@b.c"})).await;
    assert_eq!(found(&mut client, "users", asked("$every", json!({"likes": 99}))).await, users(&["eve"]));
}

#[tokio::test]
async fn what_is_hidden_or_gone_does_not_count() {
    // SCH-04
    let Filled { mut client, bob, .. } = filled(true).await;
    for filter in [
        json!({"editor.email": "ada@b.c"}),
        json!({"editor": {"$some": {}}}),
        json!({"commentsByEditor.likes": 1}),
        json!({"commentsByEditor": {"$some": {}}}),
        json!({"comments.note": "hidden"}),
        json!({"comments": {"$some": {"note": "hidden"}}}),
        json!({"comments.editor.email": "ada@b.c"}),
        json!({"author.password": "x"}),
        json!({"comments.author.password": {"$startsWith": "x"}}),
    ] {
        for model in ["users", "comments"] {
            let answer = client.post(&format!("/blog/{model}/find"), &json!({ "query": filter })).await;
            refused(&answer, 400, "INVALID_QUERY");
            let text = answer.json()["details"]["expected"].to_string();
            assert!(
                !text.contains("ditor") && !text.contains("password") && !text.contains("note"),
                "{text}"
            );
        }
    }
    assert_eq!(good(client.get("/blog/users/count?comments.text=b").await), 1);
    assert_eq!(client.delete("/blog/comments/delete?text=b").await.status, 200);
    assert_eq!(good(client.get("/blog/users/count?comments.text=b").await), 0);
    let none = query(&json!({"comments": {"$none": {"text": "b"}}}));
    assert_eq!(good(client.get(&format!("/blog/users/count?{none}")).await), 2);
    // Also where it leads on through what is gone.
    assert_eq!(good(client.get("/blog/users/count?comments.author.email=bob@b.c&comments.text=b").await), 0);
    let _ = bob;
}

#[tokio::test]
async fn writes_know_relations_too() {
    let Filled { mut client, .. } = filled(true).await;
    let changed = client.put("/blog/comments/update?author.role=admin", &json!({"text": "new"})).await;
    assert_eq!(pluck(&good(changed), "likes"), [1].map(Json::from));
    let gone = client.delete("/blog/comments/delete?post.title=first").await;
    assert_eq!(pluck(&good(gone), "likes"), [1, 2, 4].map(Json::from));
    let back = client.send("POST", "/blog/comments/restore?post.title=first&likes=4", &[], b"").await;
    assert_eq!(pluck(&good(back), "likes"), [4].map(Json::from));
    // A query for one document answers that one, if it fulfils the rest, too.
    let none = client.put("/blog/users/update?email=bob@b.c&comments.likes=1", &json!({"role": "x"})).await;
    refused(&none, 404, "NOT_FOUND");
    let one = client.put("/blog/users/update?email=bob@b.c&comments.likes=16", &json!({"role": "x"})).await;
    assert_eq!(good(one)["role"], "x");
    // What is inserted has nothing that belongs to it.
    let body = json!({"email": "new@b.c"});
    let upsert = client.post("/blog/users/upsert?email=new@b.c&comments.likes=1", &body).await;
    refused(&upsert, 400, "INVALID_QUERY");
    // In a batch.
    let batch = json!({"operations": [
        {"op": "count", "query": {"author.role": "x"}},
        {"op": "update", "query": {"author.role": "x"}, "data": {"text": "y"}},
    ]});
    let answer = good(client.post("/blog/comments/batch", &batch).await);
    assert_eq!(answer["results"][0]["data"], 3, "{answer}");
}

#[tokio::test]
async fn a_cursor_belongs_to_its_filter() {
    let Filled { mut client, .. } = filled(true).await;
    let page = |filter: &str, after: &str| format!("/blog/comments/paginate?count=1&{filter}&after={after}");
    let first = good(client.get(&page("post.owner.role=admin", "")).await);
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = good(client.get(&page("post.owner.role=admin", cursor)).await);
    assert_eq!(pluck(&second["records"], "likes"), [2].map(Json::from));
    for other in
        ["post.owner.role=user", "post.title=admin", "post.owner.email=admin", "role.owner.post=admin"]
    {
        let answer = client.get(&page(other, cursor)).await;
        assert_eq!(answer.status, 400, "{other}");
    }
    refused(&client.get(&page("author.role=admin", cursor)).await, 400, "INVALID_CURSOR");
    let negated = query(&json!({"post": {"$none": {"owner.role": "admin"}}}));
    refused(&client.get(&page(&negated, cursor)).await, 400, "INVALID_CURSOR");
}

#[tokio::test]
async fn what_leads_nowhere_is_refused_with_what_was_meant() {
    let Filled { mut client, .. } = filled(true).await;
    for (filter, suggestion) in [
        (json!({"coments.text": "x"}), None),
        (json!({"comments.txt": "x"}), Some("text")),
        (json!({"comment": {"$some": {}}}), Some("comments")),
        (json!({"comments": {"$sme": {}, "$some": {}}}), Some("$some")),
        (json!({"comments": {"$some": {}, "likes": 1}}), None),
        (json!({"comments": "x"}), None),
        (json!({"comments": null}), None),
        (json!({"comments": []}), None),
        (json!({"comments": {"$some": []}}), None),
        (json!({"comments.": 1}), None),
        (json!({"comments.likes": {"$contains": "x"}}), None),
        (json!({"comments.likes.x": 1}), None),
        (json!({"boss.boss.boss.boss.boss.boss.email": "x"}), None),
        (json!({"boss.".repeat(5_000): "x"}), None),
        (json!({"$and": (0..21).map(|_| json!({"comments.likes": 1})).collect::<Vec<_>>()}), None),
    ] {
        let answer = client.post("/blog/users/find", &json!({ "query": filter })).await;
        let shown = filter.to_string();
        assert_eq!(answer.status, 400, "{shown:.80} gave {}", answer.json());
        assert_eq!(answer.code(), "INVALID_QUERY", "{shown:.80}");
        if let Some(suggestion) = suggestion {
            assert_eq!(answer.json()["details"]["suggestion"], suggestion, "{shown:.80}");
        }
    }
    let most = json!({"$or": (0..20).map(|_| json!({"comments.likes": 1})).collect::<Vec<_>>()});
    assert_eq!(client.post("/blog/users/find", &json!({ "query": most })).await.status, 200);
    // A sort leads through no relation.
    for sort in ["author.email", "post.title"] {
        refused(&client.get(&format!("/blog/comments/list?sort={sort}")).await, 400, "INVALID_QUERY");
    }
}
