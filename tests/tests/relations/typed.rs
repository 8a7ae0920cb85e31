//! Relations from Rust, checked by the compiler.

use super::*;

fn emails(users: &[Doc<User>]) -> Vec<&str> {
    users.iter().map(|user| user.email.as_str()).collect()
}

#[tokio::test]
async fn conditions_lead_along_references_and_against_them() {
    // SCH-22
    let Filled { server, ada, .. } = filled(true).await;
    let cx = &server.cx;
    let admins = Comment::find().filter(Comment::AUTHOR.is(User::ROLE.eq("admin"))).all(cx).await.unwrap();
    assert_eq!(admins.iter().map(|comment| comment.likes).collect::<Vec<_>>(), [1]);
    let nested = Comment::POST_ID.is(Post::OWNER.is(User::ID.eq(ada.as_str())) & Post::TITLE.eq("second"));
    assert_eq!(Comment::find().filter(nested).count(cx).await.unwrap(), 1);
    let read = Post::find().filter(Post::READERS.is(User::EMAIL.starts_with("bob"))).all(cx).await.unwrap();
    assert_eq!(read[0].title, "first");
    let has = |text: &str| User::has(Comment::AUTHOR, Comment::TEXT.contains(text));
    assert_eq!(emails(&User::find().filter(has("d")).all(cx).await.unwrap()), ["bob@b.c"]);
    assert_eq!(emails(&User::find().filter(!has("d")).all(cx).await.unwrap()), ["ada@b.c"]);
    // Trusted code sees private fields.
    let edited = User::has(Comment::EDITOR, Comment::NOTE.eq("hidden"));
    assert_eq!(emails(&User::find().filter(edited).all(cx).await.unwrap()), ["ada@b.c"]);
    let reads = User::has(Post::READERS, Post::TITLE.eq("first")) & User::BOSS.is(User::ROLE.eq("admin"));
    assert_eq!(emails(&User::find().filter(reads).all(cx).await.unwrap()), ["bob@b.c"]);
    // Writes know them, and a value that no column holds says so.
    let gone = Comment::delete_where(cx, Comment::AUTHOR.is(User::EMAIL.eq("ada@b.c"))).await.unwrap();
    assert_eq!(gone.len(), 1);
    let nan = User::has(Comment::AUTHOR, Comment::SCORE.eq(f64::NAN));
    assert!(User::find().filter(nan).all(cx).await.is_err_and(|error| error.is(Code::InvalidQuery)));
}

#[tokio::test]
async fn documents_come_with_those_that_refer_to_them() {
    // QRY-23 SCH-22
    let Filled { server, .. } = filled(false).await;
    let cx = &server.cx;
    let before = server.reads.load(Ordering::Relaxed);
    let users: Vec<(Doc<User>, Vec<Doc<Comment>>)> =
        User::find().order_by(User::EMAIL.asc()).with(Comment::AUTHOR).all(cx).await.unwrap();
    assert_eq!(server.reads.load(Ordering::Relaxed) - before, 2);
    let likes = |comments: &[Doc<Comment>]| comments.iter().map(|comment| comment.likes).collect::<Vec<_>>();
    assert_eq!((likes(&users[0].1), likes(&users[1].1)), (vec![1], vec![2, 4, 8, 16]));
    let some = User::find()
        .order_by(User::EMAIL.desc())
        .with(Comment::AUTHOR)
        .filter(Comment::LIKES.gt(2))
        .order_by(Comment::LIKES.desc())
        .limit(2);
    let (bob, comments) = some.first(cx).await.unwrap().unwrap();
    assert_eq!((bob.email.as_str(), likes(&comments)), ("bob@b.c", vec![16, 8]));
    let readers = User::find().order_by(User::EMAIL.asc()).with(Post::READERS).all(cx).await.unwrap();
    assert_eq!(readers.iter().map(|(_, posts)| posts.len()).collect::<Vec<_>>(), [1, 1]);
    assert!(User::find().filter(User::EMAIL.eq("none")).with(Post::OWNER).all(cx).await.unwrap().is_empty());
}

#[tokio::test]
async fn documents_come_with_what_they_refer_to() {
    // QRY-23 SCH-22
    let Filled { server, bob, .. } = filled(true).await;
    let cx = &server.cx;
    let comments: Vec<(Doc<Comment>, Option<Doc<User>>)> =
        Comment::find().limit(2).include(Comment::AUTHOR).all(cx).await.unwrap();
    assert_eq!(comments[1].1.as_ref().map(|user| user.email.as_str()), Some("bob@b.c"));
    let posts =
        Comment::find().include(Comment::POST_ID).filter(Post::TITLE.eq("first")).all(cx).await.unwrap();
    let titles: Vec<Option<&str>> =
        posts.iter().map(|(_, post)| post.as_ref().map(|post| post.title.as_str())).collect();
    assert_eq!(titles, [Some("first"), Some("first"), Some("first"), None, None]);
    let (post, readers) = Post::find().include(Post::READERS).first(cx).await.unwrap().unwrap();
    assert_eq!((post.title.as_str(), emails(&readers)), ("first", vec!["bob@b.c", "ada@b.c"]));
    let sorted = Post::find().include(Post::READERS).order_by(User::EMAIL.asc()).first(cx).await.unwrap();
    assert_eq!(emails(&sorted.unwrap().1), ["ada@b.c", "bob@b.c"]);
    // What lies in the trash is not there.
    User::delete(cx, bob.as_str()).await.unwrap();
    let (post, readers) = Post::find().include(Post::READERS).first(cx).await.unwrap().unwrap();
    assert_eq!((post.readers.len(), emails(&readers)), (1, vec!["ada@b.c"]));
}
