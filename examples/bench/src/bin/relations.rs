//! What `with` costs: 20 users with 5 comments each as one call, beside two queries by hand over rusqlite in the same database,
//! which serde makes the same JSON of. Prints the time of each a call, and the ratio.
//!
//! ```sh
//! cargo run --release -p modeller-bench --bin relations -- 5    # rounds
//! ```

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modeller::engine::{Arguments, Call, Clock, Engine, Operation};
use modeller::prelude::*;
use modeller::registry::Registry;
use modeller::store::Apply;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use rusqlite::{Connection, params_from_iter};
use serde_json::json;

const USERS: usize = 2_000;
const COMMENTS: usize = 5;
const PAGE: usize = 20;
const CALLS: usize = 2_000;

/// Somebody with an account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "blog", name = "users")]
struct User {
    #[model(unique)]
    email: String,
    name: Option<String>,
    age: i64,
}

/// What somebody wrote.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "blog", name = "comments")]
struct Comment {
    author: Ref<User>,
    text: String,
    likes: i64,
}

/// A user as the server by hand answers it.
#[derive(Serialize)]
struct UserByHand {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_version")]
    version: i64,
    #[serde(rename = "_createdAt")]
    created_at: i64,
    #[serde(rename = "_updatedAt")]
    updated_at: i64,
    email: String,
    name: Option<String>,
    age: i64,
    comments: Vec<CommentByHand>,
}

/// A comment as the server by hand answers it.
#[derive(Serialize)]
struct CommentByHand {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_version")]
    version: i64,
    #[serde(rename = "_createdAt")]
    created_at: i64,
    #[serde(rename = "_updatedAt")]
    updated_at: i64,
    author: String,
    text: String,
    likes: i64,
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let directory = std::env::temp_dir().join(format!("modeller-relations-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let outcome = compare(&directory.join("blog.db"), rounds).await;
    std::fs::remove_dir_all(&directory)?;
    outcome
}

async fn compare(path: &Path, rounds: usize) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(Sqlite::open(SqliteOptions::file(path.to_path_buf()))?);
    let registry = Registry::of(&[User::descriptor(), Comment::descriptor()])?;
    let engine = Engine::new(registry, store, Clock::system());
    engine.migrate(Apply::Safe).await?;
    let ids = fill(&engine).await?;
    let by_hand = Connection::open(path)?;
    let (ours, theirs) = (call(&engine, &ids[0]).await?, two_queries(&by_hand, &ids[0])?);
    let json = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body);
    assert_eq!(json(&ours)?, json(&theirs)?, "both answer the same");
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        for at in 0..CALLS {
            black_box(two_queries(&by_hand, start(&ids, at))?);
        }
        let theirs = begun.elapsed();
        let begun = Instant::now();
        for at in 0..CALLS {
            black_box(call(&engine, start(&ids, at)).await?);
        }
        let ours = begun.elapsed();
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        println!("two queries by hand {:?}, with {:?}, ratio {ratio:.2}", each(theirs), each(ours));
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("ratio {:.2} (median of {rounds})", ratios.get(rounds / 2).copied().unwrap_or(f64::NAN));
    engine.store().close().await;
    Ok(())
}

fn each(all: Duration) -> Duration {
    all / CALLS as u32
}

/// Where a page begins.
fn start(ids: &[String], at: usize) -> &str {
    &ids[at * 7919 % (ids.len() - PAGE)]
}

async fn fill(engine: &Arc<Engine>) -> Result<Vec<String>> {
    let cx = engine.cx();
    let users = (0..USERS).map(|number| User {
        email: format!("user{number:08}@example.org"),
        name: Some("Somebody".into()),
        age: (number % 90) as i64,
    });
    let users = User::insert_many(&cx, users.collect()).await?;
    let mut ids: Vec<String> = users.iter().map(|user| user.id.to_string()).collect();
    ids.sort_unstable();
    // Those of one user are not side by side.
    for round in 0..COMMENTS {
        let comments = users.iter().map(|user| Comment {
            author: user.into(),
            text: format!("The comment with number {round}, which says what there is to say in a sentence."),
            likes: round as i64,
        });
        Comment::insert_many(&cx, comments.collect()).await?;
    }
    Ok(ids)
}

async fn call(engine: &Arc<Engine>, start: &str) -> Result<Vec<u8>> {
    let mut call = Call::new(Operation::List, User::descriptor().shape());
    call.arguments =
        Arguments::Json(json!({ "query": { "_id": { "$gte": start } }, "count": PAGE, "with": "comments" }));
    Ok(engine.perform(call).await?.body)
}

fn two_queries(
    connection: &Connection,
    start: &str,
) -> std::result::Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut users = connection.prepare_cached(
        "SELECT _id, _version, _created_at, _updated_at, email, name, age FROM blog_users WHERE _id >= ? \
         ORDER BY _id LIMIT 20",
    )?;
    let mut users: Vec<UserByHand> = users
        .query_map([start], |row| {
            Ok(UserByHand {
                id: row.get(0)?,
                version: row.get(1)?,
                created_at: row.get(2)?,
                updated_at: row.get(3)?,
                email: row.get(4)?,
                name: row.get(5)?,
                age: row.get(6)?,
                comments: Vec::new(),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let marks = vec!["?"; users.len()].join(", ");
    let mut comments = connection.prepare_cached(&format!(
        "SELECT _id, _version, _created_at, _updated_at, author, text, likes FROM blog_comments \
         WHERE author IN ({marks}) ORDER BY _id"
    ))?;
    let places: HashMap<String, usize> =
        users.iter().enumerate().map(|(place, user)| (user.id.clone(), place)).collect();
    let mut rows = comments.query(params_from_iter(users.iter().map(|user| user.id.clone())))?;
    while let Some(row) = rows.next()? {
        let comment = CommentByHand {
            id: row.get(0)?,
            version: row.get(1)?,
            created_at: row.get(2)?,
            updated_at: row.get(3)?,
            author: row.get(4)?,
            text: row.get(5)?,
            likes: row.get(6)?,
        };
        if let Some(&place) = places.get(&comment.author) {
            users[place].comments.push(comment);
        }
    }
    Ok(serde_json::to_vec(&users)?)
}
