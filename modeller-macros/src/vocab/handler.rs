//! The languages of the attributes on functions and payloads: `#[modeller::hook(..)]` and its like.

use super::Form::{Flag, List, Value};
use super::{Vocabulary, Word, repeated, word};

/// One of the attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hook,
    Method,
    Query,
    Event,
    Worker,
    Job,
    Rule,
}

/// The options of all of them: each takes some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandlerWord {
    Before,
    After,
    AfterCommit,
    Order,
    Schedule,
    Every,
    Immediate,
    Unsigned,
    Attempts,
    Backoff,
    Timeout,
    Cron,
    Topic,
    Name,
    Crate,
}

impl Kind {
    pub(crate) const ALL: [Kind; 7] =
        [Kind::Hook, Kind::Method, Kind::Query, Kind::Event, Kind::Worker, Kind::Job, Kind::Rule];

    /// The attribute's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Hook => "hook",
            Kind::Method => "method",
            Kind::Query => "query",
            Kind::Event => "event",
            Kind::Worker => "worker",
            Kind::Job => "job",
            Kind::Rule => "rule",
        }
    }

    /// The options.
    pub(crate) fn vocabulary(self) -> &'static Vocabulary<HandlerWord> {
        match self {
            Kind::Hook => &HOOK,
            Kind::Method => &METHOD,
            Kind::Query => &QUERY,
            Kind::Event => &EVENT,
            Kind::Worker => &WORKER,
            Kind::Job => &JOB,
            Kind::Rule => &RULE,
        }
    }

    /// "a hook"
    pub(crate) fn place(self) -> &'static str {
        self.vocabulary().place
    }

    /// Whether it has to belong to a model.
    pub(crate) fn needs_model(self) -> bool {
        !matches!(self, Kind::Worker | Kind::Job | Kind::Rule)
    }

    /// Whether something comes over the wire, or out of the store: then it may be a struct.
    pub(crate) fn has_payload(self) -> bool {
        !matches!(self, Kind::Hook | Kind::Worker | Kind::Rule)
    }

    /// Whether its name stands where the names of operations do.
    pub(crate) fn is_called(self) -> bool {
        matches!(self, Kind::Method | Kind::Query)
    }

    /// The attribute as it is written at least.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Kind::Hook => "#[modeller::hook(User, before(insert))]",
            Kind::Method => "#[modeller::method(User)]",
            Kind::Query => "#[modeller::query(User)]",
            Kind::Event => "#[modeller::event(User)]",
            Kind::Worker => r#"#[modeller::worker(every = "5s")]"#,
            Kind::Job => "#[modeller::job]",
            Kind::Rule => r#"#[modeller::rule(topic = "orders.*")]"#,
        }
    }

    /// The signature of a function.
    pub(crate) fn signature(self) -> &'static str {
        match self {
            Kind::Hook => "async fn name(user: &mut User, cx: &Cx) -> Result<()> { .. }",
            Kind::Method | Kind::Query => "async fn name(cx: &Cx, field: Type) -> Result<Reply> { .. }",
            Kind::Event => "async fn name(cx: &Cx, to: &Subscription, field: Type) -> Result<Reply> { .. }",
            Kind::Worker => "async fn name(cx: &Cx) -> Result<()> { .. }",
            Kind::Job => "async fn name(cx: &Cx, field: Type) -> Result<()> { .. }",
            Kind::Rule => "async fn name(event: &RuleEvent, data: Type, cx: &Cx) -> Result<()> { .. }",
        }
    }

    /// The other attribute that has this option, if this one has not.
    pub(crate) fn other_with(self, option: &str) -> Option<&'static str> {
        if self.vocabulary().find(option).is_some() {
            return None;
        }
        let others = Kind::ALL.into_iter().filter(|other| *other != self);
        others.map(Kind::vocabulary).find(|other| other.find(option).is_some()).map(|other| other.place)
    }
}

const NAME: Word<HandlerWord> = word(HandlerWord::Name, "name", &[Value], &[r#"name = "otherName""#]);
const CRATE: Word<HandlerWord> = word(HandlerWord::Crate, "crate", &[Value], &["crate = ::backend"]);

pub(crate) static HOOK: Vocabulary<HandlerWord> = Vocabulary {
    place: "a hook",
    attribute: "modeller::hook(User, ",
    words: &[
        repeated(word(HandlerWord::Before, "before", &[List], &["before(insert, update)"])),
        repeated(word(HandlerWord::After, "after", &[List], &["after(delete)"])),
        repeated(word(HandlerWord::AfterCommit, "after_commit", &[List], &["after_commit(insert)"])),
        word(HandlerWord::Order, "order", &[Value], &["order = 10"]),
        word(HandlerWord::Schedule, "schedule", &[Value], &[r#"schedule = "2s""#]),
        word(HandlerWord::Timeout, "timeout", &[Value], &[r#"timeout = "5s""#]),
        NAME,
        CRATE,
    ],
};

pub(crate) static METHOD: Vocabulary<HandlerWord> =
    Vocabulary { place: "a method", attribute: "modeller::method(User, ", words: &[NAME, CRATE] };

pub(crate) static QUERY: Vocabulary<HandlerWord> =
    Vocabulary { place: "a query", attribute: "modeller::query(User, ", words: &[NAME, CRATE] };

pub(crate) static EVENT: Vocabulary<HandlerWord> =
    Vocabulary { place: "an event", attribute: "modeller::event(User, ", words: &[NAME, CRATE] };

pub(crate) static WORKER: Vocabulary<HandlerWord> = Vocabulary {
    place: "a worker",
    attribute: "modeller::worker(User, ",
    words: &[
        word(HandlerWord::Every, "every", &[Value], &[r#"every = "5s""#]),
        word(HandlerWord::Immediate, "immediate", &[Value], &["immediate = false"]),
        NAME,
        word(HandlerWord::Unsigned, "unsigned", &[Flag], &["unsigned"]),
        CRATE,
    ],
};

pub(crate) static JOB: Vocabulary<HandlerWord> = Vocabulary {
    place: "a job",
    attribute: "modeller::job(User, ",
    words: &[
        word(HandlerWord::Attempts, "attempts", &[Value], &["attempts = 5"]),
        word(HandlerWord::Backoff, "backoff", &[Value], &[r#"backoff = "1s""#]),
        word(HandlerWord::Timeout, "timeout", &[Value], &[r#"timeout = "1m""#]),
        word(HandlerWord::Cron, "cron", &[Value], &[r#"cron = "0 3 * * *""#]),
        NAME,
        CRATE,
    ],
};

pub(crate) static RULE: Vocabulary<HandlerWord> = Vocabulary {
    place: "a rule",
    attribute: "modeller::rule(Order, ",
    words: &[
        word(HandlerWord::Topic, "topic", &[Value], &[r#"topic = "orders.*""#]),
        word(HandlerWord::Timeout, "timeout", &[Value], &[r#"timeout = "5s""#]),
        NAME,
        CRATE,
    ],
};

/// The operations that hooks run around, as written and as the variant of `Operation`.
pub(crate) const HOOKED: &[(&str, &str)] =
    &[("insert", "Insert"), ("update", "Update"), ("delete", "Delete"), ("list", "List")];

/// The other operations that only read.
pub(crate) const READS: &[&str] =
    &["aggregate", "count", "find", "first", "get", "last", "paginate", "query"];

/// Attributes of an argument that go with it into the payload's struct.
pub(crate) const MOVED: &[&str] = &["doc", "serde", "validate", "schemars"];
