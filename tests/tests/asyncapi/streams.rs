//! What streams of events tell, held against the document.

use std::net::SocketAddr;
use std::time::Duration;

use modeller::prelude::*;
use modeller_tests::http;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{app, serve, validator};

struct Stream {
    lines: Lines<BufReader<TcpStream>>,
}

impl Stream {
    async fn open(address: SocketAddr, path: &str, from: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let from = from.map_or_else(String::new, |from| format!("Last-Event-ID: {from}\r\n"));
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{from}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        Stream { lines: BufReader::new(stream).lines() }
    }

    /// The next event: its name, and its data, which fits what the document has under this name of this channel.
    async fn told(&mut self, document: &Json, channel: &str, model: &str) -> (String, Json) {
        let mut event = String::new();
        loop {
            let line =
                timeout(Duration::from_secs(30), self.lines.next_line()).await.expect("something comes");
            let line = line.unwrap().expect("the stream goes on");
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.to_owned();
            }
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let data: Json = serde_json::from_str(data).unwrap();
            let operation = &document["operations"][format!("{channel}.{event}.{model}")];
            assert_eq!(operation["channel"]["$ref"], format!("#/channels/{channel}"), "{event}");
            assert!(
                validator(document, &operation["messages"][0]).is_valid(&data),
                "{channel} {event}: {data}"
            );
            return (event, data);
        }
    }
}

#[tokio::test]
async fn streams_tell_what_is_described() {
    //
    let (address, document) = serve(app()).await;
    let mut http = http::Client::connect(address).await;
    let groups = "?groupBy=text&aggregates=%7B%22n%22%3A%7B%22count%22%3Atrue%7D%7D";
    let largest = "?aggregates=%7B%22largest%22%3A%7B%22max%22%3A%22stars%22%7D%7D";
    for (stars, (part, arguments, first, then, again)) in [
        ("", "", "documents", "changes", "changes"),
        (".count", "", "data", "data", "data"),
        (".aggregate", groups, "groups", "changes", "groups"),
        (".aggregate", largest, "data", "data", "data"),
    ]
    .into_iter()
    .enumerate()
    {
        let channel = format!("live.app_notes{part}");
        let path = document["channels"][&channel]["address"].as_str().unwrap();
        let path = format!("{path}{arguments}");
        let bindings = &document["operations"][format!("{channel}.{first}.app_notes")]["bindings"]["http"];
        for (name, _) in arguments
            .strip_prefix('?')
            .into_iter()
            .flat_map(|all| all.split('&'))
            .filter_map(|pair| pair.split_once('='))
        {
            assert!(bindings["query"]["properties"][name].is_object(), "{name}");
        }
        let mut stream = Stream::open(address, &path, None).await;
        let (event, told) = stream.told(&document, &channel, "app_notes").await;
        assert_eq!(event, first);
        // Nothing has changed.
        let position = told["position"].as_str().unwrap();
        let (event, _) =
            Stream::open(address, &path, Some(position)).await.told(&document, &channel, "app_notes").await;
        assert_eq!(event, "changes");
        let note = json!({ "text": path, "stars": stars });
        assert_eq!(http.post("/app/notes/insert", &note).await.status, 201);
        let (event, _) = stream.told(&document, &channel, "app_notes").await;
        assert_eq!(event, then);
        let mut back = Stream::open(address, &path, Some(position)).await;
        assert_eq!(back.told(&document, &channel, "app_notes").await.0, again);
    }
}

/// A place to talk in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "blog", name = "posts")]
struct Post {
    title: String,
}

/// What is said there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "blog", name = "comments")]
struct Comment {
    post: Ref<Post>,
    text: String,
}

#[tokio::test]
async fn what_is_related_is_described_where_it_is_told() {
    let (address, document) = serve(App::isolated().models::<(Post, Comment)>()).await;
    let mut http = http::Client::connect(address).await;
    let arguments = |channel: &str, event: &str, model: &str| {
        let operation = &document["operations"][format!("{channel}.{event}.{model}")];
        operation["bindings"]["http"]["query"]["properties"].clone()
    };
    let (posts, comments) = ("live.blog_posts", "live.blog_comments");
    assert!(arguments(posts, "documents", "blog_posts")["with"].is_object());
    assert!(arguments("live.blog_posts.count", "data", "blog_posts")["with"].is_object());
    let mut with_comments = Stream::open(address, "/blog/posts/live?with=comments", None).await;
    let mut with_post = Stream::open(address, "/blog/comments/live?with=post&count=2", None).await;
    with_comments.told(&document, posts, "blog_posts").await;
    with_post.told(&document, comments, "blog_comments").await;
    let post = http.post("/blog/posts/insert", &json!({ "title": "first" })).await.json();
    with_comments.told(&document, posts, "blog_posts").await;
    let comment = json!({ "post": post["_id"], "text": "well" });
    assert_eq!(http.post("/blog/comments/insert", &comment).await.status, 201);
    let (event, told) = with_comments.told(&document, posts, "blog_posts").await;
    assert_eq!(
        (&*event, &told["changes"][0]["document"]["comments"][0]["text"]),
        ("changes", &json!("well"))
    );
    let (_, told) = with_post.told(&document, comments, "blog_comments").await;
    assert_eq!(told["changes"][0]["document"]["post"]["title"], "first", "{told}");
}
