//! All kinds of things that a model can have, one each: tasks, and what happens around them.
//!
//! ```sh
//! cargo run --example tour -- --database :memory:
//! api=http://127.0.0.1:3030/app/tasks
//! json='content-type: application/json'
//!
//! # A hook takes the blanks away; a job, planned by another hook, prints a reminder ten seconds later.
//! curl -s $api/insert -H "$json" -d '{"title": "  Water the flowers ", "owner": "ada@example.org"}'
//! # {"_id":"0198…", … "title":"Water the flowers","owner":"ada@example.org","done":false}
//!
//! # The method.
//! curl -s $api/finishAll -H "$json" -d '{"owner": "ada@example.org"}'
//! # 1
//! curl -s $api/finishAll -H "$json" -d '{"owner": "ada"}'
//! # 400 {"code":"VALIDATION_ERROR", … "instancePath":"/owner","keyword":"format","message":"whose tasks?" …
//!
//! curl -s "$api/count?done=true"
//! # 1
//! ```

use std::process::ExitCode;
use std::time::Duration;

use modeller::prelude::*;

/// Something to do.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(name = "tasks")]
pub struct Task {
    #[validate(length(min = 1, max = 200))]
    pub title: String,
    #[validate(email)]
    pub owner: String,
    #[serde(default)]
    pub done: bool,
}

/// Titles begin and end with something.
#[modeller::hook(Task, before(insert, update))]
async fn trim(task: &mut Task) -> Result<()> {
    task.title = task.title.trim().to_owned();
    Ok(())
}

/// In the transaction of the task: somebody is reminded of it exactly if it is there.
#[modeller::hook(Task, after(insert))]
async fn plan(cx: &Cx, task: &Doc<Task>) -> Result<()> {
    Remind { task: task.id.clone() }.enqueue(cx).delay(Duration::from_secs(10)).await?;
    Ok(())
}

/// Reminds of a task, unless it is done.
#[modeller::job(attempts = 3)]
async fn remind(cx: &Cx, task: Id<Task>) -> Result<()> {
    match Task::get(cx, &task).await? {
        Some(task) if !task.done => println!("{}: {}", task.owner, task.title),
        _ => {}
    }
    Ok(())
}

/// Does all that somebody has to do, and answers how much it was.
#[modeller::method(Task)]
pub async fn finish_all(
    cx: &Cx,
    #[validate(email(message = "whose tasks?"))] owner: String,
) -> Result<usize> {
    let open = Task::OWNER.eq(owner) & Task::DONE.eq(false);
    Ok(Task::update_where(cx, open, Task::DONE.set(true)).await?.len())
}

fn main() -> ExitCode {
    App::new().title("Tasks").main()
}
