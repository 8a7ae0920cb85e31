//! Full text: what says what.

use modeller::engine::Find;

use super::*;

const POSTS: &str = "/app/posts";

async fn library() -> (Server, Client) {
    let server = start().await;
    let body =
        "How a macro system works: a macro is given tokens and gives tokens back. <b>Bold</b> & \"quoted\".";
    let post = |title: &str, body: &str, tags: &[&str], stars| Post {
        body: (!body.is_empty()).then(|| body.to_owned()),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        stars,
        secret: Some("hunter".into()),
        ..Post::new(title)
    };
    let posts = vec![
        post("Rust macros", body, &["rust", "macro system"], 3),
        post("Crème brûlée", "Sugar, cream and fire. Rust is what happens to the torch.", &["food"], 5),
        post("Zig comptime", "No macros here.", &["zig"], 1),
        post("Rusty nails", "", &[], 2),
    ];
    Post::insert_many(&server.cx, posts).await.unwrap();
    let client = server.client().await;
    (server, client)
}

async fn titles(client: &mut Client, search: &str) -> Vec<String> {
    let answer = client.get(&format!("{POSTS}/list?search={}", url(search))).await;
    assert_eq!(answer.status, 200, "{search}: {}", answer.json());
    pluck(&answer, "title").iter().map(|title| title.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn documents_are_found_by_their_words() {
    //
    let (server, mut client) = library().await;
    for (search, expected) in [
        ("rust", vec!["Crème brûlée", "Rust macros"]),
        ("RUST macros", vec!["Rust macros"]),
        ("creme brulee", vec!["Crème brûlée"]),
        ("rust*", vec!["Crème brûlée", "Rust macros", "Rusty nails"]),
        ("rust* -cream", vec!["Rust macros", "Rusty nails"]),
        ("macros -\"macro system\"", vec!["Zig comptime"]),
        ("\"macro system\"", vec!["Rust macros"]),
        ("\"system macro\"", vec![]),
        ("zig OR nails", vec!["Rusty nails", "Zig comptime"]),
        ("macros zig OR rust", vec!["Rust macros", "Zig comptime"]),
        ("food", vec!["Crème brûlée"]),
        ("macro-system", vec!["Rust macros"]),
        ("sugar AND fire", vec!["Crème brûlée"]),
        // Nobody finds what is private.
        ("hunter", vec![]),
    ] {
        let mut found = titles(&mut client, search).await;
        found.sort();
        assert_eq!(found, expected, "{search}");
        let count = client.get(&format!("{POSTS}/count?search={}", url(search))).await.json();
        assert_eq!(count, expected.len(), "{search}");
        let mut typed: Vec<String> = Post::find()
            .search(search)
            .all(&server.cx)
            .await
            .unwrap()
            .into_iter()
            .map(|post| post.title.clone())
            .collect();
        typed.sort();
        assert_eq!(typed, expected, "{search}");
    }
}

#[tokio::test]
async fn a_search_goes_together_with_a_query_and_a_sort() {
    //
    let (server, mut client) = library().await;
    let get = async |client: &mut Client, arguments: &str| {
        pluck(&client.get(&format!("{POSTS}/list?{arguments}")).await, "stars")
    };
    assert_eq!(get(&mut client, "search=rust*&stars[gt]=2&sort=stars").await, [3, 5]);
    assert_eq!(get(&mut client, "search=rust*&sort=-stars&count=2").await, [5, 3]);
    assert_eq!(get(&mut client, "search=rust*&sort=-stars&start=2").await, [2]);
    let body = json!({"search": {"query": "rust", "fields": ["title"]}, "query": {"stars": {"$lt": 9}}, "fields": ["stars"]});
    let found = client.post(&format!("{POSTS}/find"), &body).await;
    assert_eq!(pluck(&found, "stars"), [3]);
    assert!(found.json()[0]["title"].is_null());
    let in_url = url(&json!({"query": "rust", "fields": ["body", "tags"]}).to_string());
    assert_eq!(get(&mut client, &format!("search={in_url}&sort=stars")).await, [3, 5]);
    let found = Post::find()
        .search("rust*")
        .filter(Post::STARS.gt(2))
        .order_by(Post::STARS.asc())
        .all(&server.cx)
        .await;
    assert_eq!(found.unwrap().iter().map(|post| post.stars).collect::<Vec<_>>(), [3, 5]);
}

#[tokio::test]
async fn some_fields_can_be_searched_alone() {
    //
    let (server, _client) = library().await;
    let count = async |query: Find<Post>| query.count(&server.cx).await;
    assert_eq!(count(Post::find().search_in(Post::TITLE, "rust")).await.unwrap(), 1);
    assert_eq!(count(Post::find().search_in((Post::TITLE, Post::BODY), "rust")).await.unwrap(), 2);
    assert_eq!(count(Post::find().search_in((Post::TAGS,), "rust")).await.unwrap(), 1);
    assert!(count(Post::find().search_in(Post::SECRET, "hunter")).await.unwrap_err().is(Code::InvalidQuery));
}

#[tokio::test]
async fn what_fits_best_comes_first() {
    //
    let server = start().await;
    for words in [1, 2, 3, 40] {
        let title = format!("needle{}", " hay".repeat(words * words));
        Post::insert(&server.cx, Post { stars: words as i64, ..Post::new(&title) }).await.unwrap();
    }
    Post::insert_many(&server.cx, vec![Post::new("straw"); 20]).await.unwrap();
    let hits = Post::find().search("needle").hits(&server.cx).await.unwrap();
    assert_eq!(hits.iter().map(|hit| hit.doc.stars).collect::<Vec<_>>(), [1, 2, 3, 40]);
    assert!(hits.is_sorted_by(|one, other| one.score.unwrap() > other.score.unwrap()));
    assert_eq!(hits[0].snippet, "<mark>needle</mark> hay");
    let mut client = server.client().await;
    let first = client.get(&format!("{POSTS}/list?search=needle&count=2")).await;
    let second = client.get(&format!("{POSTS}/list?search=needle&count=2&start=2")).await;
    assert_eq!([pluck(&first, "stars"), pluck(&second, "stars")].concat(), [1, 2, 3, 40]);
    let error = Post::find().hits(&server.cx).await.unwrap_err();
    assert!(error.is(Code::InvalidQuery));
}

#[tokio::test]
async fn answers_carry_a_score_and_a_safe_snippet_when_they_are_asked_to() {
    //
    let (_server, mut client) = library().await;
    let found = client.get(&format!("{POSTS}/list?search=bold%20quoted&snippet=true")).await.json();
    let snippet = found[0]["_snippet"].as_str().unwrap();
    assert!(
        snippet.contains("&lt;b&gt;<mark>Bold</mark>&lt;/b&gt; &amp; &quot;<mark>quoted</mark>&quot;."),
        "{snippet}"
    );
    assert!(found[0]["_score"].as_f64().unwrap() > 0.0);
    let without = client.get(&format!("{POSTS}/list?search=bold")).await.json();
    assert!(without[0].get("_score").is_none() && without[0].get("_snippet").is_none());
    let asked = json!({"search": {"query": "system", "snippet": {"field": "body", "length": 24}}, "fields": ["stars"]});
    let found = client.post(&format!("{POSTS}/find"), &asked).await.json();
    let snippet = found[0]["_snippet"].as_str().unwrap();
    assert!(
        snippet.contains("<mark>system</mark>") && snippet.len() < 60 && snippet.contains('…'),
        "{snippet}"
    );
    let page =
        client.get(&format!("{POSTS}/paginate?search=macro*&sort=title&snippet=true&count=1")).await.json();
    assert!(
        page["records"][0]["_snippet"].as_str().unwrap().starts_with("How a <mark>macro</mark> system"),
        "{page}"
    );
    let next = page["nextCursor"].as_str().unwrap();
    let page = client
        .get(&format!("{POSTS}/paginate?search=macro*&sort=title&snippet=true&count=1&after={next}"))
        .await
        .json();
    assert_eq!((&page["records"][0]["title"], &page["hasMore"]), (&json!("Zig comptime"), &json!(false)));
    let other = client.get(&format!("{POSTS}/paginate?search=zig*&sort=title&count=1&after={next}")).await;
    refused(&other, "INVALID_CURSOR");
}

#[tokio::test]
async fn only_what_is_there_is_found_and_all_of_it() {
    //
    let (server, mut client) = library().await;
    let zig = client.get(&format!("{POSTS}/get?title={}", url("Zig comptime"))).await.json();
    let id = zig["_id"].as_str().unwrap().to_owned();
    client
        .put(&format!("{POSTS}/update?_id={id}"), &json!({"body": "All about allocators.", "stars": 9}))
        .await;
    assert_eq!(titles(&mut client, "allocators").await, ["Zig comptime"]);
    assert_eq!(titles(&mut client, "here").await, [""; 0]);
    client
        .put(&format!("{POSTS}/update?_id={id}"), &json!({"tags": ["one two", "\"three\"", "naïve\\"]}))
        .await;
    assert_eq!(titles(&mut client, "three naive zig").await, ["Zig comptime"]);
    client.delete(&format!("{POSTS}/delete?_id={id}")).await;
    assert_eq!(titles(&mut client, "allocators").await, [""; 0]);
    assert_eq!(client.get(&format!("{POSTS}/count?search=allocators")).await.json(), 0);
    let trashed = Post::find().search("allocators").trashed().all(&server.cx).await.unwrap();
    assert_eq!(trashed.len(), 1);
    client.send("POST", &format!("{POSTS}/restore?_id={id}"), &[], b"").await;
    assert_eq!(titles(&mut client, "allocators").await, ["Zig comptime"]);
    // A transaction sees its own words, and takes them back.
    let undone = server.cx.transaction(async |tx| {
        Post::insert(&tx, Post::new("Ephemeral")).await?;
        assert_eq!(Post::find().search("ephemeral").all(&tx).await?.len(), 1);
        Err::<(), _>(Error::new(Code::Conflict, "no"))
    });
    undone.await.unwrap_err();
    assert_eq!(titles(&mut client, "ephemeral").await, [""; 0]);
    server.clock.advance(std::time::Duration::from_secs(2 * 3600));
    assert_eq!(titles(&mut client, "rust").await, [""; 0]);
    server.cx.engine().sweep().await.unwrap();
    assert_eq!(Post::clear(&server.cx).await.unwrap(), 0);
}

#[tokio::test]
async fn no_search_is_a_fault_of_the_server() {
    //
    let (_server, mut client) = library().await;
    let long = "x".repeat(10_000);
    let many = "word ".repeat(40);
    let nested = "((((".repeat(200);
    for search in [
        "",
        " ",
        "*",
        "-",
        "\"",
        "\"\"",
        "\"open",
        "a \"b",
        "a\"b",
        "a\"b\"c",
        "-a",
        "-a -b",
        "OR",
        "a OR",
        "OR a",
        "a OR OR b",
        "a OR -b",
        "AND",
        "NOT",
        "NEAR(a b)",
        "a NEAR/2 b",
        "title:a",
        "{title}:a",
        "f0:a",
        "- a",
        "^a",
        "a^2",
        "a+b",
        "a*b",
        "**",
        "a**",
        "'",
        "';--",
        "a' OR '1'='1",
        "\\",
        "%",
        "_",
        "(",
        ")",
        "(a",
        "a)",
        "() OR ()",
        "a AND (b OR c)",
        "\u{0}",
        "a\u{0}b",
        "\u{feff}",
        "\u{202e}a",
        "🦀",
        "日本",
        "\"a*\"",
        "\"a\"*",
        "{",
        "{\"query\":1}",
        "{\"query\":\"a\"}",
        "{\"query\":\"a\",\"fields\":[]}",
        "{\"query\":\"a\",\"fields\":[\"stars\"]}",
        "{\"query\":\"a\",\"fields\":[\"secret\"]}",
        "{\"query\":\"a\",\"fields\":[1]}",
        "{\"query\":\"a\",\"snippet\":{\"length\":1}}",
        "{\"query\":\"a\",\"snippet\":{\"length\":1e999}}",
        "{\"query\":\"a\",\"snippet\":{\"field\":\"secret\"}}",
        "{\"qurey\":\"a\"}",
        "[]",
        "null",
        &long,
        &many,
        &nested,
    ] {
        for path in ["list", "count", "paginate", "list?snippet=true"] {
            let path = if path.contains('?') { format!("{path}&") } else { format!("{path}?") };
            let answer = client.get(&format!("{POSTS}/{path}search={}", url(search))).await;
            typed(search, &answer);
        }
        let body = json!({"search": search, "snippet": true});
        typed(search, &client.post(&format!("{POSTS}/find"), &body).await);
    }
    for search in
        ["", "\"open", "-a", "a OR", "a\u{0}b", &long, &many, "{\"query\":\"a\",\"fields\":[\"secret\"]}"]
    {
        refused(&client.get(&format!("{POSTS}/list?search={}", url(search))).await, "INVALID_QUERY");
    }
    for body in [
        json!({"search": 1}),
        json!({"search": null}),
        json!({"search": ["a"]}),
        json!({"search": {}}),
        json!({"search": {"query": "a", "fields": "stars"}}),
        json!({"search": {"query": "a", "filds": ["title"]}}),
        json!({"search": {"query": "a", "snippet": 3}}),
        json!({"search": "a", "snippet": "yes"}),
        json!({"snippet": true}),
    ] {
        let answer = client.post(&format!("{POSTS}/find"), &body).await;
        refused(&answer, "INVALID_QUERY");
    }
    let meant =
        client.post(&format!("{POSTS}/find"), &json!({"search": {"query": "a", "fields": ["titel"]}})).await;
    assert!(refused(&meant, "INVALID_QUERY").contains("did you mean `title`?"));
    // Ranks have no cursors.
    for path in ["paginate?search=rust", "list?search=rust&after="] {
        let message = refused(&client.get(&format!("{POSTS}/{path}")).await, "INVALID_QUERY");
        assert!(message.contains("`sort`"), "{message}");
    }
}

#[tokio::test]
async fn a_model_without_searchable_fields_knows_no_search() {
    //
    let server = start().await;
    let plain = |search: &str| Plain { search: search.into(), lat: 0.0, lng: 0.0 };
    Plain::insert_many(&server.cx, vec![plain("a"), plain("b")]).await.unwrap();
    let mut client = server.client().await;
    // The name is free for a field.
    assert_eq!(pluck(&client.get("/app/plain/list?search=a").await, "search"), ["a"]);
    let message = refused(&client.post("/app/plain/find", &json!({"search": "a"})).await, "INVALID_QUERY");
    assert!(message.contains("has no argument `search`"), "{message}");
    let error = Plain::find().search("a").all(&server.cx).await.unwrap_err();
    assert!(error.is(Code::InvalidQuery), "{error}");
}

#[tokio::test]
async fn a_search_is_described() {
    //
    let server = start().await;
    let mut client = server.client().await;
    let metadata = client.get("/@metadata").await.json();
    let model = |path: &str| {
        metadata["models"].as_array().unwrap().iter().find(|model| model["path"] == path).unwrap().clone()
    };
    let posts = model("app/posts");
    let searchable = posts["fields"].as_array().unwrap().iter().filter(|field| field["searchable"] == true);
    assert_eq!(
        searchable.map(|field| field["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["title", "body", "tags"]
    );
    let list = |model: &Json| {
        model["operations"].as_array().unwrap().iter().find(|one| one["name"] == "list").unwrap()["arguments"]
            .to_string()
    };
    assert!(list(&posts).contains("\"search\",\"snippet\"") && !list(&model("app/plain")).contains("search"));
    let api = client.get("/@openapi.json").await.json();
    let find = &api["paths"]["/app/posts/find"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        ["properties"];
    assert!(find["search"].is_object() && find["snippet"].is_object());
    assert!(api["components"]["schemas"]["PostsPartial"]["properties"]["_snippet"].is_object());
    assert!(api["paths"]["/app/posts/list"]["get"]["parameters"].to_string().contains("search"));
}

#[tokio::test]
async fn a_store_without_indexes_finds_the_same_unranked() {
    // X-12 QRY-24
    let path = std::env::temp_dir().join(format!("modeller-search-{}.jsonl", std::process::id()));
    let server = start_on(Arc::new(crate::file_store::FileStore::open(&path).unwrap())).await;
    std::fs::remove_file(&path).unwrap();
    Post::insert_many(
        &server.cx,
        vec![Post::at("Rust macros", 1.0, 1.0), Post::new("Rüsty nails"), Post::new("Zig")],
    )
    .await
    .unwrap();
    let hits = Post::find().search("rust*").hits(&server.cx).await.unwrap();
    assert_eq!(
        hits.iter().map(|hit| (hit.doc.title.as_str(), hit.score)).collect::<Vec<_>>(),
        [("Rust macros", None), ("Rüsty nails", None)]
    );
    let near = modeller::query::Circle::new(1.0, 1.0, 10.0);
    assert_eq!(Post::find().filter(Post::LAT_LNG.within(near)).count(&server.cx).await.unwrap(), 1);
    let mut client = server.client().await;
    let found = client.get(&format!("{POSTS}/list?search=rusty&snippet=true")).await.json();
    assert_eq!(
        (&found[0]["_score"], &found[0]["_snippet"]),
        (&Json::Null, &json!("<mark>Rüsty</mark> nails"))
    );
}
