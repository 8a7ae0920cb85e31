//! What the documents that belong to one come to.

use super::*;

#[tokio::test]
async fn totals_stand_beside_what_is_loaded() {
    // QRY-21 QRY-20
    let Filled { mut client, .. } = filled(true).await;
    let asked = json!({"comments": {
        "_count": true,
        "_avg": {"likes": true, "score": false},
        "_sum": ["likes"],
        "_min": "likes,text",
        "_max": {"text": true},
    }});
    let users = good(client.get(&format!("/blog/users/list?sort=email&{}", with(&asked))).await);
    assert_eq!(
        users[1]["commentsAggregate"],
        json!({"count": 4, "avg": {"likes": 7.5}, "sum": {"likes": 30}, "min": {"likes": 2, "text": "b"}, "max": {"text": "e"}})
    );
    assert_eq!(users[1]["comments"].as_array().unwrap().len(), 4);
    assert_eq!(users[0]["commentsAggregate"]["avg"]["likes"], 1.0);
    // At a deeper level, and for one document.
    let nested = with(&json!({"owner": {"with": {"comments": {"_count": true, "count": 0}}}}));
    let post = good(client.get(&format!("/blog/posts/get?title=first&{nested}")).await);
    assert_eq!(post["owner"]["commentsAggregate"], json!({"count": 1}));
    assert_eq!(post["owner"]["comments"], json!([]));
}

#[tokio::test]
async fn totals_are_of_all_that_is_asked_for_and_not_of_those_that_are_shown() {
    // QRY-21
    let Filled { mut client, bob, .. } = filled(true).await;
    for count in [0, 1, 3] {
        let asked = json!({"comments": {"query": {"likes": {"$lt": 16}}, "count": count, "_count": true, "_sum": "likes"}});
        let user = good(client.get(&format!("/blog/users/get?_id={bob}&{}", with(&asked))).await);
        assert_eq!(user["commentsAggregate"], json!({"count": 3, "sum": {"likes": 14}}), "{count}");
        assert_eq!(user["comments"].as_array().unwrap().len(), count);
    }
    // Of lists, too.
    for count in [0, 1, 2] {
        let asked = with(&json!({"readers": {"_count": true, "_max": "email", "count": count}}));
        let post = good(client.get(&format!("/blog/posts/get?title=first&{asked}")).await);
        assert_eq!(post["readersAggregate"], json!({"count": 2, "max": {"email": "bob@b.c"}}));
        assert_eq!(post["readers"].as_array().unwrap().len(), count);
        let asked = with(&json!({"postsByReaders": {"_count": true, "count": count}}));
        let user = good(client.get(&format!("/blog/users/get?_id={bob}&{asked}")).await);
        assert_eq!(user["postsByReadersAggregate"], json!({"count": 1}));
        assert_eq!(user["postsByReaders"].as_array().unwrap().len(), count.min(1));
    }
}

#[tokio::test]
async fn the_average_of_nothing_is_zero() {
    // QRY-22
    let Filled { mut client, .. } = filled(true).await;
    insert(&mut client, "users", json!({"email": "eve@b.c"})).await;
    let asked = json!({"comments": {
        "_count": true, "_avg": ["likes", "score"], "_sum": ["likes", "score"], "_min": "likes", "_max": "score",
    }});
    let user = good(client.get(&format!("/blog/users/get?email=eve@b.c&{}", with(&asked))).await);
    let nothing = json!({
        "count": 0,
        "avg": {"likes": 0, "score": 0},
        "sum": {"likes": 0, "score": 0.0},
        "min": {"likes": null},
        "max": {"score": null},
    });
    assert_eq!(user["commentsAggregate"], nothing);
    assert_eq!(user["comments"], json!([]));
    // Values that are absent do not count.
    let user = good(client.get(&format!("/blog/users/get?email=bob@b.c&{}", with(&asked))).await);
    assert_eq!(user["commentsAggregate"]["avg"], json!({"likes": 7.5, "score": 0}));
}

#[tokio::test]
async fn sums_do_not_overflow() {
    let Filled { mut client, ada, .. } = filled(true).await;
    for _ in 0..3 {
        insert(&mut client, "comments", json!({"author": ada, "likes": i64::MAX, "score": 1e308})).await;
    }
    let asked = with(&json!({"comments": {"count": 0, "_sum": ["likes", "score"], "_avg": "score"}}));
    let body = client.get(&format!("/blog/users/get?_id={ada}&{asked}")).await.body;
    let text = String::from_utf8(body).unwrap();
    assert!(text.contains(r#""sum":{"likes":27670116110564327422,"score":null}"#), "{text}");
    assert!(text.contains(r#""avg":{"score":null}"#), "{text}");
}
