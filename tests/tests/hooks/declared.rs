//! Hooks as applications declare them.

use modeller::engine::{JobEntry, JobState, Listing, Previous};

use super::*;

/// Somebody who can sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "declared", name = "users")]
pub struct User {
    /// Where they get mail.
    #[validate(email)]
    #[model(unique)]
    pub email: String,
    /// How often they were written.
    #[serde(default)]
    pub writes: i64,
}

/// What happened to users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "declared", name = "events")]
pub struct Happened {
    /// In words.
    pub text: String,
}

#[modeller::hook(User, before(insert, update))]
async fn normalize_email(user: &mut User) -> Result<()> {
    user.email = user.email.to_lowercase();
    Ok(())
}

#[modeller::hook(User, before(insert, update), order = 1)]
fn count_writes(user: &mut User) {
    user.writes += 1;
}

#[modeller::hook(User, before(insert), order = -1)]
async fn refuse_strangers(user: &mut User, cx: &Cx) -> Result<()> {
    Happened::insert(cx, Happened { text: format!("{} comes", user.email) }).await?;
    if user.email.ends_with("@STRANGE.example") { Err(refused()) } else { Ok(()) }
}

#[modeller::hook(User, after(update))]
async fn record_change(cx: &Cx, old: Previous<'_, User>, new: &Doc<User>, event: HookEvent) -> Result<()> {
    let text = format!("{} became {} by {}", old.email, new.email, event.data.unwrap_or_default());
    Happened::insert(cx, Happened { text }).await?;
    Ok(())
}

#[modeller::hook(User, before(list))]
fn hide_the_root(listing: &mut Listing) -> Result<()> {
    listing.narrow(User::EMAIL.ne("root@example.org"))
}

async fn happened(cx: &Cx) -> Vec<String> {
    let docs = Happened::find().order_by(Happened::CREATED_AT.asc()).all(cx).await.unwrap();
    docs.into_iter().map(|doc| doc.data.text).collect()
}

// HOO-01, HOO-02, HOO-04, HOO-05
#[tokio::test]
async fn declared_hooks_run_with_the_arguments_they_ask_for() {
    let (engine, cx) = start::<(User, Happened)>().await;
    let expected = ["refuseStrangers", "hideTheRoot", "normalizeEmail", "recordChange", "countWrites"];
    assert_eq!(engine.hooks().ids::<User>(), expected);
    let user = |email: &str| User { email: email.into(), writes: 0 };
    let ada = User::insert(&cx, user("Ada@example.org")).await.unwrap();
    assert_eq!((ada.email.as_str(), ada.writes), ("ada@example.org", 1));
    let ada = User::update(&cx, &ada.id, User::EMAIL.set("ADA@example.com")).await.unwrap();
    assert_eq!((ada.email.as_str(), ada.writes), ("ada@example.com", 2));
    let error = User::insert(&cx, user("x@STRANGE.example")).await.unwrap_err();
    assert_eq!(error.to_json(), quota());
    let changed = "ada@example.org became ada@example.com by {\"email\":\"ADA@example.com\"}";
    assert_eq!(happened(&cx).await, ["Ada@example.org comes", changed]);
    User::insert(&cx, user("root@example.org")).await.unwrap();
    assert_eq!(User::list(&cx, 0, 20).await.unwrap().len(), 1);
    assert_eq!(User::find().all(&cx).await.unwrap().len(), 2);
    // HOO-07
    assert!(engine.hooks().unhook::<User>("hideTheRoot"));
    assert_eq!(User::list(&cx, 0, 20).await.unwrap().len(), 2);
    assert!(engine.hooks().rehook::<User>("hideTheRoot"));
    assert!(!engine.hooks().rehook::<User>("hideTheRoot"));
    assert_eq!(User::list(&cx, 0, 20).await.unwrap().len(), 1);
}

/// Somebody to be greeted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "declared", name = "guests")]
pub struct Guest {
    /// What they are called.
    pub name: String,
    /// What nobody is told.
    #[model(private)]
    pub room: i64,
}

#[modeller::hook(Guest, after(insert, update), schedule = "2s")]
async fn greet(cx: &Cx, guest: &Doc<Guest>, event: HookEvent) -> Result<()> {
    let text = format!("{} {} in {}", event.operation, guest.name, guest.room);
    Happened::insert(cx, Happened { text }).await?;
    Ok(())
}

#[modeller::hook(Guest, after(insert), order = 9)]
fn refuse_nobody(guest: &Doc<Guest>) -> Result<()> {
    if guest.name == "nobody" { Err(refused()) } else { Ok(()) }
}

// HOO-06
#[tokio::test]
async fn a_scheduled_hook_runs_later_as_a_job_and_only_if_the_write_is_there() {
    let clock = modeller::engine::Clock::manual(1_000_000);
    let app = App::isolated().models::<(Guest, Happened)>().clock(clock.clone());
    let cx = app.cx().await.unwrap();
    let engine = cx.engine();
    let ada = Guest::insert(&cx, Guest { name: "ada".into(), room: 7 }).await.unwrap();
    assert!(Guest::insert(&cx, Guest { name: "nobody".into(), room: 8 }).await.is_err());
    let rolled_back: Result<()> = cx
        .transaction(async |tx| {
            Guest::update(&tx, &ada.id, Guest::ROOM.set(9)).await?;
            Err(refused())
        })
        .await;
    assert!(rolled_back.is_err());
    engine.jobs().run_due().await.unwrap();
    assert_eq!(happened(&cx).await, [""; 0]);
    clock.advance(std::time::Duration::from_secs(2));
    engine.jobs().run_due().await.unwrap();
    assert_eq!(happened(&cx).await, ["insert ada in 7"]);
    // What is gone meanwhile is still told as it was.
    Guest::update(&cx, &ada.id, Guest::ROOM.set(1)).await.unwrap();
    Guest::delete(&cx, &ada.id).await.unwrap();
    clock.advance(std::time::Duration::from_secs(2));
    engine.jobs().run_due().await.unwrap();
    assert_eq!(happened(&cx).await, ["insert ada in 7", "update ada in 1"]);
}

// HOO-06
#[tokio::test]
async fn what_a_scheduled_hook_was_to_do_is_not_lost_when_its_name_is() {
    let clock = modeller::engine::Clock::manual(1_000_000);
    let app = App::isolated().models::<(Guest, Happened)>().clock(clock.clone());
    let cx = app.cx().await.unwrap();
    let jobs = cx.engine().jobs();
    Guest::insert(&cx, Guest { name: "ada".into(), room: 7 }).await.unwrap();
    let job = jobs.list(JobState::Waiting, 10).await.unwrap().remove(0);
    let renamed = job.payload.replace("\"greet\"", "\"greetOnce\"");
    assert_ne!(renamed, job.payload);
    JobEntry::update(&cx, &job.id, JobEntry::PAYLOAD.set(renamed)).await.unwrap();
    clock.advance(std::time::Duration::from_secs(2));
    jobs.run_due().await.unwrap();
    let letter = jobs.list(JobState::Dead, 10).await.unwrap().remove(0);
    assert_eq!(letter.error.as_deref(), Some("NOT_FOUND: the code of a hook that was to run is gone"));
    JobEntry::update(&cx, &job.id, JobEntry::PAYLOAD.set(job.payload.clone())).await.unwrap();
    jobs.replay(job.id.as_str()).await.unwrap();
    // Whoever takes a hook out does not want it to run.
    cx.engine().hooks().unhook::<Guest>("greet");
    jobs.run_due().await.unwrap();
    assert_eq!(jobs.counts().await.unwrap().done, 1);
    assert_eq!(happened(&cx).await, [""; 0]);
}

// HOO-07
#[tokio::test]
async fn a_declared_hook_that_was_taken_out_is_not_lost_to_another_with_its_id() {
    let (engine, _) = start::<(User, Happened)>().await;
    let hooks = engine.hooks();
    assert!(hooks.unhook::<User>("hideTheRoot"));
    let point = [at(Timing::Before, Operation::Insert)];
    hooks.hook::<User>("hideTheRoot", &point, |_| Box::pin(async { Ok(()) })).unwrap();
    assert!(!hooks.rehook::<User>("hideTheRoot"));
    assert!(hooks.unhook::<User>("hideTheRoot"));
    assert!(hooks.rehook::<User>("hideTheRoot"));
    assert!(hooks.ids::<User>().contains(&"hideTheRoot".to_owned()));
}

// HOO-07
#[tokio::test]
async fn hooks_that_are_taken_out_and_put_back_at_once_wait_for_nobody_for_good() {
    let (engine, cx) = start::<(User, Happened)>().await;
    let tasks = ["hideTheRoot", "countWrites"].map(|id| {
        let engine = engine.clone();
        std::thread::spawn(move || {
            for _ in 0..20_000 {
                assert!(engine.hooks().unhook::<User>(id) && engine.hooks().rehook::<User>(id));
            }
        })
    });
    let ended = async {
        while !tasks.iter().all(|task| task.is_finished()) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), ended).await.unwrap();
    assert!(User::list(&cx, 0, 20).await.unwrap().is_empty());
}
