//! Rules that are declared: functions with `#[modeller::rule(..)]`, and what they are given.

use std::sync::Arc;
use std::time::Duration;

use super::event::RuleEvent;
use super::handler::Handled;
#[cfg(feature = "server")]
use super::pattern::{Names as Kind, Pattern};
use crate::engine::Cx;
use crate::engine::behaviour::declare::{Names, behaviour};
use crate::engine::behaviour::{Checked, Described, Read};
use crate::model::{Code, Error, Result, Site, shown};
use crate::registry::{Behaviour, BehaviourKind, Registry, SchemaOf};
#[cfg(feature = "server")]
use crate::registry::{Fault, Faults};
use crate::store::BoxFuture;

/// So much is told of what is wrong with data.
const SHOWN: usize = 500;

/// How a rule runs.
#[derive(Clone, Copy)]
pub struct RuleFunction {
    /// The events that it is for, by their topics.
    pub(super) pattern: &'static str,
    /// How long it may take, in milliseconds.
    timeout: Option<u64>,
    /// The schema of the data that it takes, if it takes it as a struct.
    data: Option<SchemaOf>,
    run: for<'a> fn(&'a Cx, &'a RuleEvent) -> BoxFuture<'a, Result<()>>,
}

impl RuleFunction {
    /// For the events whose topics this pattern selects.
    pub const fn new(
        pattern: &'static str,
        run: for<'a> fn(&'a Cx, &'a RuleEvent) -> BoxFuture<'a, Result<()>>,
    ) -> Self {
        RuleFunction { pattern, timeout: None, data: None, run }
    }

    /// How long it may take, in milliseconds.
    #[must_use]
    pub const fn timeout(mut self, milliseconds: u64) -> Self {
        self.timeout = Some(milliseconds);
        self
    }

    /// Notes an argument.
    ///
    /// # Panics
    /// If it is the second one for the data. Macros ask at compile time.
    #[must_use]
    #[track_caller]
    pub const fn taking<'a, T: FromRule<'a>>(mut self) -> Self {
        match (self.data, T::DATA) {
            (Some(_), Some(_)) => {
                panic!("a rule takes the data of its event once: put all of it into one struct")
            }
            (None, data @ Some(_)) => self.data = data,
            _ => {}
        }
        self
    }

    pub(super) fn handled(&self, behaviour: &'static Behaviour) -> Handled {
        let run = self.run;
        Handled {
            call: Arc::new(move |cx, event| Box::pin(async move { run(&cx, &event).await })),
            declared: Some(behaviour),
            timeout: self.timeout.map(Duration::from_millis),
        }
    }
}

/// A rule that belongs to no model; [`Behaviour::of`] gives it one.
pub const fn rule(names: Names, function: &'static RuleFunction, site: Site) -> Behaviour {
    let mut behaviour = behaviour(BehaviourKind::Rule, None, names, function, site);
    behaviour.payload = function.data;
    behaviour
}

/// What a rule can ask for as its arguments.
#[diagnostic::on_unimplemented(
    message = "a rule can't be given a `{Self}`",
    label = "neither `&Cx`, nor `&RuleEvent`, nor the data as a struct",
    note = "a rule takes any of `&Cx`, `&RuleEvent`, and the data of the event as a struct that derives `Deserialize, JsonSchema, Validate`"
)]
pub trait FromRule<'a>: Sized {
    /// The schema of the data, if it is made of the data.
    const DATA: Option<SchemaOf>;

    /// Takes it.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` if the data is none of this kind.
    fn from_rule(cx: &'a Cx, event: &'a RuleEvent) -> Result<Self>;
}

impl<'a> FromRule<'a> for &'a Cx {
    const DATA: Option<SchemaOf> = None;

    fn from_rule(cx: &'a Cx, _: &'a RuleEvent) -> Result<Self> {
        Ok(cx)
    }
}

impl<'a> FromRule<'a> for &'a RuleEvent {
    const DATA: Option<SchemaOf> = None;

    fn from_rule(_: &'a Cx, event: &'a RuleEvent) -> Result<Self> {
        Ok(event)
    }
}

impl FromRule<'_> for RuleEvent {
    const DATA: Option<SchemaOf> = None;

    fn from_rule(_: &Cx, event: &RuleEvent) -> Result<Self> {
        Ok(event.clone())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Read + Described + Checked> FromRule<'_> for T {
    const DATA: Option<SchemaOf> = Some(|generator| generator.subschema_for::<T>());

    /// As serde reads it. Members that the struct has not are no fault: who emits may have more to say than this rule wants to hear,
    /// as bridged models do, whose documents have an id.
    fn from_rule(_: &Cx, event: &RuleEvent) -> Result<Self> {
        let refused = |why: String| {
            // It may quote the data, however long that is and whatever it does to a log.
            let why = shown(&why, SHOWN);
            let message = format!("the data of `{}` is not what the rule takes: {why}", event.topic);
            Error::new(Code::ValidationError, message).with_field("data")
        };
        let data = T::deserialize(&event.data).map_err(|error| refused(error.to_string()))?;
        data.validate().map_err(|errors| refused(errors.to_string().replace('\n', "; ")))?;
        Ok(data)
    }
}

/// The rules that are declared, with how they run.
pub(crate) fn all(registry: &Registry) -> impl Iterator<Item = (&'static Behaviour, &'static RuleFunction)> {
    let rules = registry.behaviours().iter().copied().filter(|one| one.kind == BehaviourKind::Rule);
    rules.filter_map(|behaviour| Some((behaviour, behaviour.handler.downcast_ref::<RuleFunction>()?)))
}

/// Checks the rules of an application.
///
/// # Errors
/// All faults at once, each with its place.
#[cfg(feature = "server")]
pub(crate) fn check(registry: &Registry) -> std::result::Result<(), Faults> {
    let mut faults = Faults::default();
    all(registry)
        .filter_map(|(behaviour, function)| fault(behaviour, function))
        .for_each(|one| faults.push(one));
    faults.into_result()
}

#[cfg(feature = "server")]
fn fault(behaviour: &Behaviour, function: &RuleFunction) -> Option<Fault> {
    let pattern = function.pattern;
    let message = match Pattern::parse(pattern, Kind::Topics) {
        Err(why) => format!("has `topic = \"{pattern}\"`, which selects nothing: {}", why.message()),
        Ok(_) if function.timeout == Some(0) => "has a `timeout` of no time: it could never run".to_owned(),
        Ok(_) => return None,
    };
    Some(Fault::new(format!("rule `{}` {message}", behaviour.rust)).at(behaviour.site))
}

/// One line a rule, for the log at start-up and for `inspect`.
#[cfg(feature = "server")]
pub(crate) fn lines(registry: &Registry) -> Vec<String> {
    let line = |(behaviour, function): (&Behaviour, &RuleFunction)| {
        format!("rule {}  {}  [{} {}]", behaviour.id(), function.pattern, behaviour.rust, behaviour.site)
    };
    all(registry).map(line).collect()
}

/// The rules of an application as JSON: an array.
#[cfg(feature = "server")]
pub(crate) fn describe(registry: &Registry) -> serde_json::Value {
    let about = |(behaviour, function): (&Behaviour, &RuleFunction)| {
        let mut about = crate::engine::about(behaviour);
        about.insert("topic".into(), function.pattern.into());
        if let Some(schema) = behaviour.read_schema() {
            about.insert("data".into(), schema);
        }
        serde_json::Value::Object(about)
    };
    all(registry).map(about).collect()
}

#[cfg(all(test, feature = "server", feature = "sqlite"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_wrong_with_data_is_told_in_a_few_words() {
        // RUL-02
        let cx =
            crate::App::isolated().allow_empty().rules(crate::live::RulesOptions::new()).cx().await.unwrap();
        let data = format!("\u{1b}[31m{}\n", "x".repeat(100_000));
        let event = cx.rules().unwrap().emit(&cx, "a", data, None).unwrap();
        let error = Only::from_rule(&cx, &event).unwrap_err();
        assert!(error.is(Code::ValidationError) && error.message().len() < 1_000);
        assert!(!error.message().contains(char::is_control), "{}", error.message());
    }

    #[derive(Debug, serde::Deserialize, schemars::JsonSchema, validator::Validate)]
    struct Only {
        #[expect(dead_code, reason = "it is never made")]
        number: u32,
    }

    #[test]
    fn what_no_attribute_lets_through_is_a_fault_of_the_start() {
        // RUL-02
        const NAMES: Names = Names { name: "hear", rust: "hear", docs: "", fields: &[] };
        static RIGHT: RuleFunction = RuleFunction::new("orders.*", |_, _| Box::pin(async { Ok(()) }));
        static WRONG: RuleFunction = RuleFunction::new("order*", |_, _| Box::pin(async { Ok(()) }));
        static NEVER: RuleFunction = RuleFunction::new("**", |_, _| Box::pin(async { Ok(()) })).timeout(0);
        let fault = |function: &'static RuleFunction| {
            let fault = fault(&rule(NAMES, function, crate::__site!()), function);
            fault.map(|fault| (fault.message().to_owned(), fault.sites().len()))
        };
        assert_eq!(fault(&RIGHT), None);
        let (message, sites) = fault(&WRONG).unwrap();
        assert!(
            message.contains("rule `hear` has `topic = \"order*\"`") && message.contains("whole part"),
            "{message}"
        );
        assert_eq!(sites, 1);
        assert!(fault(&NEVER).unwrap().0.contains("no time"));
    }
}
