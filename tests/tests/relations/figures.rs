//! Figures of related documents, and of documents that have such related ones.

use super::*;

async fn aggregate(client: &mut Client, model: &str, body: Json) -> Json {
    good(client.post(&format!("/blog/{model}/aggregate"), &body).await)
}

#[tokio::test]
async fn with_says_which_related_documents_there_must_be() {
    // QRY-16 QRY-18
    let Filled { mut client, .. } = filled(true).await;
    insert(&mut client, "users", json!({"email": "eve@b.c"})).await;
    for (asked, expected) in [
        (json!({}), 3),
        (json!({"comments": true}), 2),
        (json!({"comments": {"where": {"likes": {"$gt": 1}}}}), 1),
        (json!({"comments": {"query": {"likes": 1}}, "postsByOwner": true}), 1),
        (json!({"comments": {"with": {"post": {"where": {"title": "second"}}}}}), 1),
        (json!({"comments": {"with": {"post": {"with": {"owner": {"where": {"role": "admin"}}}}}}}), 2),
        (json!({"boss": {"where": {"role": "admin"}}}), 1),
        (json!({"boss": {"where": {"role": "nobody"}}}), 0),
    ] {
        assert_eq!(
            good(client.get(&format!("/blog/users/count?{}", with(&asked))).await),
            expected,
            "{asked}"
        );
        let body = json!({"with": asked, "aggregates": {"users": {"count": true}}});
        assert_eq!(aggregate(&mut client, "users", body).await["users"], expected, "{asked}");
    }
    // Also beside a query, and with groups.
    let body = json!({"with": {"author": {"where": {"email": "bob@b.c"}}}, "query": {"likes": {"$gt": 2}}, "groupBy": "author",
        "aggregates": {"likes": {"sum": "likes"}}});
    let groups = aggregate(&mut client, "comments", body).await;
    assert_eq!(pluck(&groups, "likes"), [28].map(Json::from));
    for bad in [
        json!({"comments": {"count": 1}}),
        json!({"comments": {"sort": "likes"}}),
        json!({"comments": {"_count": true}}),
    ] {
        refused(&client.get(&format!("/blog/users/count?{}", with(&bad))).await, 400, "INVALID_QUERY");
    }
}

#[tokio::test]
async fn a_path_counts_the_values_of_related_documents() {
    // QRY-16 QRY-19 QRY-20
    let Filled { mut client, ada, first, .. } = filled(true).await;
    insert(&mut client, "comments", json!({"author": ada, "postId": first, "likes": 1, "text": "a"})).await;
    for (url, expected) in [
        // Equal ones once, unless it is said otherwise.
        ("users/count?field=comments.likes", 5),
        ("users/count?field=comments.likes&distinct=false", 6),
        ("users/count?field=comments.text&distinct=false", 5),
        ("users/count?field=comments._id&email=ada@b.c", 2),
        ("users/count?field=comments.likes&email=ada@b.c", 1),
        // Further on, and back again.
        ("users/count?field=postsByOwner.comments.likes&distinct=false", 5),
        ("users/count?field=postsByOwner.comments.likes&email=bob@b.c", 0),
        ("comments/count?field=author.email", 2),
        ("comments/count?field=author.email&likes[gt]=1", 1),
        ("posts/count?field=readers.email", 2),
        // Without a path all of them count, beside `with` each once.
        ("comments/count?field=likes", 6),
        ("comments/count?field=likes&with=author", 5),
    ] {
        assert_eq!(good(client.get(&format!("/blog/{url}")).await), expected, "{url}");
    }
    for bad in [
        "comments/count?field=author.email&distinct=false",
        "posts/count?field=readers.email&distinct=false",
        "users/count?field=comments.note",
        "users/count?field=commentsByEditor.likes",
        "users/count?field=comments.nothing",
        "users/count?field=boss.boss.boss.boss.boss.boss.email",
    ] {
        refused(&client.get(&format!("/blog/{bad}")).await, 400, "INVALID_QUERY");
    }
}

#[tokio::test]
async fn figures_of_related_documents_stand_beside_those_of_the_documents() {
    // QRY-17 QRY-18 QRY-20
    let Filled { mut client, .. } = filled(true).await;
    let figures = json!({
        "likes": {"avg": "comments.likes"},
        "users": {"count": true},
        "most": {"max": "comments.likes"},
        "titles": {"distinct": "postsByOwner.title"},
        "deep": {"sum": "postsByOwner.comments.likes"},
        "newest": {"max": "email"},
        "boss": {"min": "boss.email"},
        "bosses": {"count": "boss.email", "distinct": true},
    });
    let answer = aggregate(&mut client, "users", json!({ "aggregates": figures })).await;
    assert_eq!(
        answer,
        json!({"likes": 6.2, "users": 2, "most": 16, "titles": ["first", "second"], "deep": 15, "newest": "bob@b.c",
            "boss": "ada@b.c", "bosses": 1})
    );
    let names: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(names, figures.as_object().unwrap().keys().collect::<Vec<_>>());
    // Only of what belongs to those that fulfil the query; of nothing it is `null`.
    let body = json!({"query": {"email": "ada@b.c"}, "aggregates": {"likes": {"avg": "comments.likes"}}});
    assert_eq!(aggregate(&mut client, "users", body).await["likes"], 1.0);
    let body = json!({"query": {"email": "none"}, "aggregates": {"likes": {"avg": "comments.likes"}}});
    assert_eq!(aggregate(&mut client, "users", body).await["likes"], Json::Null);
    // What is in the trash does not count.
    assert_eq!(client.delete("/blog/comments/delete?likes=16").await.status, 200);
    let body = json!({"aggregates": {"most": {"max": "comments.likes"}}});
    assert_eq!(aggregate(&mut client, "users", body).await["most"], 8);
    for bad in [
        json!({"aggregates": {"x": {"sum": "comments.note"}}}),
        json!({"aggregates": {"x": {"sum": "comments.text"}}}),
        json!({"aggregates": {"x": {"min": "author.password"}}}),
        json!({"aggregates": {"x": {"sum": "comments.likes"}}, "groupBy": "role"}),
    ] {
        refused(&client.post("/blog/users/aggregate", &bad).await, 400, "INVALID_QUERY");
    }
    let shared = json!({"aggregates": {"x": {"count": "author.email"}}});
    refused(&client.post("/blog/comments/aggregate", &shared).await, 400, "INVALID_QUERY");
}

#[tokio::test]
async fn figures_of_several_ways_are_of_one_moment_and_together_as_many_as_others() {
    // QRY-16 QRY-19
    let Filled { server, mut client, .. } = filled(true).await;
    let body = json!({"aggregates": {
        "users": {"count": true}, "likes": {"sum": "comments.likes"}, "titles": {"distinct": "postsByOwner.title"}
    }});
    let before = server.reads.load(Ordering::Relaxed);
    let answer = json!({"users": 2, "likes": 31, "titles": ["first", "second"]});
    assert_eq!(aggregate(&mut client, "users", body.clone()).await, answer);
    // None of them was a read by itself.
    assert_eq!(server.reads.load(Ordering::Relaxed), before);
    // In a URL they are text.
    let text = url(&body["aggregates"].to_string());
    let path = format!("/blog/users/aggregate?aggregates={text}");
    assert_eq!(good(client.send("POST", &path, &[], b"").await), answer);
    let many = |figures: usize| {
        let figure = |at: usize| {
            let figure =
                if at.is_multiple_of(2) { json!({"count": true}) } else { json!({"sum": "comments.likes"}) };
            (format!("f{at}"), figure)
        };
        json!({"aggregates": (0..figures).map(figure).collect::<serde_json::Map<_, _>>()})
    };
    assert_eq!(aggregate(&mut client, "users", many(32)).await.as_object().unwrap().len(), 32);
    refused(&client.post("/blog/users/aggregate", &many(33)).await, 400, "INVALID_QUERY");
}
