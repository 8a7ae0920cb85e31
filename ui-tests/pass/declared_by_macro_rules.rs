//! Declarations whose parts come from a `macro_rules!`, each kind of fragment once.
#![deny(warnings)]

use modeller::Cx;
use modeller::prelude::*;

macro_rules! declarations {
    ($model:ident, $of:ty, $path:path, $hook:ident, $method:ident, $argument:ident: $type:ty, $order:expr, $time:literal, $topic:literal, $cx:ty, $out:ty) => {
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
        #[model(scope = "declared")]
        pub struct $model {
            pub name: String,
        }

        #[modeller::hook($of, before(insert), order = $order, timeout = $time)]
        async fn $hook(document: &mut $of, cx: $cx) -> $out {
            let _ = cx;
            document.name.clear();
            Ok(())
        }

        #[modeller::method($path)]
        pub async fn $method(cx: $cx, $argument: $type) -> Result<$type> {
            let _ = cx;
            Ok($argument)
        }

        #[modeller::rule($of, topic = $topic, timeout = $time)]
        async fn heard(event: &RuleEvent, cx: $cx) -> $out {
            let _ = (event, cx);
            Ok(())
        }

        #[modeller::worker($model, every = $time)]
        async fn worked(cx: $cx) -> $out {
            let _ = cx;
            Ok(())
        }
    };
}

declarations! { Apple, Apple, Apple, peel, cut_up, pieces: u32, 7, "5s", "apples.*", &Cx, Result<()> }

#[test]
fn they_are_declared() {
    assert_eq!(CutUp { pieces: 7 }.pieces, 7);
}
