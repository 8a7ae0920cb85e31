//! A server with fifty models of five fields, to see how long it takes to start and how large it is.

use std::process::ExitCode;

use modeller::prelude::*;

macro_rules! models {
    ($($name:ident)*) => {$(
        /// One of fifty.
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
        #[model(scope = "fifty")]
        pub struct $name {
            #[validate(email)]
            #[model(unique)]
            email: String,
            #[validate(length(min = 1, max = 100))]
            name: Option<String>,
            #[model(private)]
            password: Option<String>,
            #[serde(default)]
            tags: Vec<String>,
            #[validate(range(min = 0, max = 1000))]
            #[model(index)]
            age: i64,
        }
    )*};
}

models! {
    M01 M02 M03 M04 M05 M06 M07 M08 M09 M10 M11 M12 M13 M14 M15 M16 M17 M18 M19 M20 M21 M22 M23 M24 M25
    M26 M27 M28 M29 M30 M31 M32 M33 M34 M35 M36 M37 M38 M39 M40 M41 M42 M43 M44 M45 M46 M47 M48 M49 M50
}

fn main() -> ExitCode {
    App::new().main()
}
