//! A program that stands for several: `STAGE` says which models it has, as if its source had been changed.

use std::process::ExitCode;

use modeller::prelude::*;

mod old {
    use super::*;

    /// Something to do.
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(name = "tasks", trash)]
    pub struct Task {
        #[validate(length(min = 1))]
        #[model(unique)]
        pub title: String,
        #[model(private)]
        pub secret: Option<String>,
        #[model(generated = "autoincrement")]
        #[serde(default)]
        pub number: i64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub tags: Vec<String>,
        pub parent: Option<Ref<Task>>,
        pub hours: Option<f64>,
    }

    /// Something that has a name of its own.
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(name = "places", ttl = "1h")]
    pub struct Place {
        #[model(key)]
        pub name: String,
    }
}

mod wider {
    use super::*;

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(name = "tasks", trash)]
    pub struct Task {
        #[validate(length(min = 1))]
        #[model(unique)]
        pub title: String,
        #[model(private)]
        pub secret: Option<String>,
        #[model(generated = "autoincrement")]
        #[serde(default)]
        pub number: i64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub tags: Vec<String>,
        pub parent: Option<Ref<Task>>,
        pub hours: Option<f64>,
        pub note: Option<String>,
    }
}

mod narrower {
    use super::*;

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(name = "tasks", trash)]
    pub struct Task {
        #[model(unique)]
        pub title: String,
    }
}

mod stricter {
    use super::*;

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(name = "tasks", trash)]
    pub struct Task {
        #[model(unique)]
        pub title: String,
        pub owner: String,
    }
}

mod twins {
    use super::*;

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(name = "same")]
    pub struct Left {
        pub a: String,
    }

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(name = "same")]
    pub struct Right {
        pub b: String,
    }

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    pub struct Orphan {
        pub task: Ref<super::old::Task>,
    }
}

fn main() -> ExitCode {
    let app = App::isolated().title("Tasks").version("1.2.3");
    match std::env::var("STAGE").as_deref() {
        Ok("wider") => app.models::<(wider::Task, old::Place)>(),
        Ok("narrower") => app.models::<(narrower::Task,)>(),
        Ok("stricter") => app.models::<(stricter::Task,)>(),
        Ok("twins") => app.models::<(twins::Left, twins::Right, twins::Orphan)>(),
        _ => app.models::<(old::Task, old::Place)>(),
    }
    .main()
}
