//! Calls and replies: what every door turns its bytes into, and what it gets back.

use std::fmt;

use crate::model::{Code, Error, Result, Shape};
use crate::registry::{Behaviour, BehaviourKind};

/// What can be done with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Adds a document: body in, document out.
    Insert,
    /// The first document that fulfils a query, or `null`.
    Get,
    /// One page of documents, as an array.
    List,
    /// All documents that fulfil a query, as an array.
    Find,
    /// One page of documents with a cursor to the next: `{records, hasMore, nextCursor}`.
    Paginate,
    /// The first documents in the order of insertion, as an array.
    First,
    /// The last documents in the order of insertion, newest first, as an array.
    Last,
    /// How many documents fulfil a query, or how many values a field has in them.
    Count,
    /// Figures over the documents that fulfil a query: one object, or an array of them, one for each group.
    Aggregate,
    /// Merges the body into the document (or all documents) that fulfil a query.
    Update,
    /// Updates the document that fulfils a query, or inserts the body.
    Upsert,
    /// Removes the document (or all documents) that fulfil a query.
    Delete,
    /// Brings a document back from the trash.
    Restore,
    /// Removes all documents: `{deleted}`.
    Clear,
    /// Several operations on the model in one transaction: `{results: [{index, data}]}`.
    Batch,
    /// A method or a query of the model: its payload in, its answer out.
    Invoke(&'static Behaviour),
}

impl Operation {
    /// Every operation that all models have, in the order of the documentation.
    pub const ALL: &'static [Operation] = &[
        Operation::Insert,
        Operation::Get,
        Operation::List,
        Operation::Find,
        Operation::Paginate,
        Operation::First,
        Operation::Last,
        Operation::Count,
        Operation::Aggregate,
        Operation::Update,
        Operation::Upsert,
        Operation::Delete,
        Operation::Restore,
        Operation::Clear,
        Operation::Batch,
    ];

    /// The name on the wire, the last part of the route.
    pub const fn name(self) -> &'static str {
        match self {
            Operation::Insert => "insert",
            Operation::Get => "get",
            Operation::List => "list",
            Operation::Find => "find",
            Operation::Paginate => "paginate",
            Operation::First => "first",
            Operation::Last => "last",
            Operation::Count => "count",
            Operation::Aggregate => "aggregate",
            Operation::Update => "update",
            Operation::Upsert => "upsert",
            Operation::Delete => "delete",
            Operation::Restore => "restore",
            Operation::Clear => "clear",
            Operation::Batch => "batch",
            Operation::Invoke(behaviour) => behaviour.name,
        }
    }

    /// A number for each operation; all methods and queries have one.
    pub(crate) const fn index(self) -> u8 {
        match self {
            Operation::Insert => 0,
            Operation::Get => 1,
            Operation::List => 2,
            Operation::Find => 3,
            Operation::Paginate => 4,
            Operation::First => 5,
            Operation::Last => 6,
            Operation::Count => 7,
            Operation::Update => 8,
            Operation::Upsert => 9,
            Operation::Delete => 10,
            Operation::Restore => 11,
            Operation::Clear => 12,
            Operation::Batch => 13,
            Operation::Aggregate => 14,
            Operation::Invoke(_) => 15,
        }
    }

    /// The operation with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name() == name)
    }

    /// The HTTP method of its route.
    pub const fn method(self) -> &'static str {
        match self {
            Operation::Get
            | Operation::List
            | Operation::Paginate
            | Operation::First
            | Operation::Last
            | Operation::Count => "GET",
            Operation::Invoke(Behaviour { kind: BehaviourKind::Query, .. }) => "GET",
            Operation::Update => "PUT",
            Operation::Delete => "DELETE",
            _ => "POST",
        }
    }

    /// Whether it changes documents. Only these take an idempotency key.
    pub const fn is_write(self) -> bool {
        !matches!(
            self,
            Operation::Get
                | Operation::List
                | Operation::Find
                | Operation::Paginate
                | Operation::First
                | Operation::Last
                | Operation::Count
                | Operation::Aggregate
                | Operation::Invoke(Behaviour { kind: BehaviourKind::Query, .. })
        )
    }

    /// What it takes as its body: a document, a part of one, something of its own, or nothing.
    pub const fn body(self) -> BodyKind {
        match self {
            Operation::Insert | Operation::Upsert => BodyKind::Document,
            Operation::Update => BodyKind::Patch,
            Operation::Find | Operation::Aggregate => BodyKind::Query,
            Operation::Batch => BodyKind::Batch,
            Operation::Invoke(Behaviour { kind: BehaviourKind::Method, .. }) => BodyKind::Payload,
            _ => BodyKind::None,
        }
    }

    /// Which arguments (see [`Arguments`]) it takes.
    pub const fn arguments(self) -> &'static [Argument] {
        use Argument::{
            After, Aggregates, Count, Distinct, Field, Fields, GroupBy, Query, Search, Snippet, Sort, Start,
            With,
        };
        match self {
            Operation::List => &[Query, Sort, Start, Count, After, Fields, With, Search, Snippet],
            Operation::Paginate => &[Query, Sort, Count, After, Fields, With, Search, Snippet],
            Operation::Find => &[Query, Sort, Start, Count, Fields, With, Search, Snippet],
            Operation::Get => &[Query, Sort, Fields, With],
            Operation::First | Operation::Last => &[Query, Count, Fields, With],
            Operation::Count => &[Query, Field, Distinct, With, Search],
            Operation::Aggregate => &[Query, GroupBy, Aggregates, Sort, Start, Count, With],
            Operation::Update | Operation::Upsert | Operation::Delete | Operation::Restore => &[Query],
            Operation::Insert | Operation::Clear | Operation::Batch | Operation::Invoke(_) => &[],
        }
    }

    /// Those of [`arguments`](Self::arguments) that mean something for this model: only one with searchable fields can be
    /// searched. To another, `search` is a name like any other.
    pub fn arguments_of(self, shape: &Shape) -> impl Iterator<Item = Argument> + use<'_> {
        self.arguments().iter().copied().filter(|argument| argument.is_of(shape))
    }

    /// Whether the model offers it (`restore` needs a trash).
    pub fn is_offered(self, shape: &Shape) -> bool {
        self != Operation::Restore || shape.deleted_at.is_some()
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an operation takes as its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// No body.
    None,
    /// A whole document: the model's schema.
    Document,
    /// A part of a document: each member replaces that field.
    Patch,
    /// The arguments as one object: `{query, sort, start, count, fields}` and the like.
    Query,
    /// `{operations: [{op, query?, data?}]}`.
    Batch,
    /// The payload of a method.
    Payload,
}

/// The arguments that reads and writes can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Which documents: a filter.
    Query,
    /// In which order.
    Sort,
    /// How many to leave out first.
    Start,
    /// How many at most.
    Count,
    /// The cursor after which to go on.
    After,
    /// Which fields to answer.
    Fields,
    /// Which words to look for.
    Search,
    /// Whether a score and a snippet go with each document.
    Snippet,
    /// The fields by whose values to group.
    GroupBy,
    /// Which figures to work out.
    Aggregates,
    /// The field whose values to count.
    Field,
    /// Whether equal values count once.
    Distinct,
    /// Which related documents to answer with them.
    With,
}

impl Argument {
    /// Whether it means something for this model.
    pub fn is_of(self, shape: &Shape) -> bool {
        !matches!(self, Argument::Search | Argument::Snippet) || !shape.searchable.is_empty()
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Argument::Query => "query",
            Argument::Sort => "sort",
            Argument::Start => "start",
            Argument::Count => "count",
            Argument::After => "after",
            Argument::Fields => "fields",
            Argument::Search => "search",
            Argument::Snippet => "snippet",
            Argument::GroupBy => "groupBy",
            Argument::Aggregates => "aggregates",
            Argument::Field => "field",
            Argument::Distinct => "distinct",
            Argument::With => "with",
        }
    }
}

/// The arguments of a call as they arrived; the pipeline parses them, so that every door gives the same answers.
#[derive(Clone, Debug, Default)]
pub enum Arguments {
    /// None.
    #[default]
    None,
    /// Name and value, decoded, as in a URL's query: the names of [`Argument`] mean those, all others are fields to filter by.
    Pairs(Vec<(String, String)>),
    /// One JSON object with the names of [`Argument`] as its members.
    Json(serde_json::Value),
}

impl Arguments {
    /// As one JSON object, as it came.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Arguments::None => serde_json::json!({}),
            Arguments::Json(json) => json.clone(),
            Arguments::Pairs(pairs) => {
                let members = pairs.iter().map(|(name, value)| (name.clone(), value.clone().into()));
                serde_json::Value::Object(members.collect())
            }
        }
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Identity {
    /// Nobody in particular: there is no sign-in yet.
    #[default]
    Anonymous,
    /// The application's own code.
    System,
}

impl Identity {
    /// The name in the change log and in signed cursors.
    pub fn actor(&self) -> Option<&str> {
        match self {
            Identity::Anonymous => None,
            Identity::System => Some("system"),
        }
    }
}

/// One request to the pipeline.
#[derive(Debug)]
pub struct Call {
    /// What to do.
    pub operation: Operation,
    /// With which model.
    pub shape: &'static Shape,
    /// The arguments.
    pub arguments: Arguments,
    /// The body: JSON text, empty if there is none.
    pub body: Vec<u8>,
    /// Who calls, for [`Engine::perform`](super::Engine::perform); [`Cx::perform`](super::Cx::perform) goes by its context.
    pub identity: Identity,
    /// The version the document must have (HTTP: `If-Match`).
    pub expected_version: Option<i64>,
    /// The call has a condition that only one document can fulfil: a query for several is refused.
    pub only_one: bool,
    /// Makes a retry have its effect only once (HTTP: `Idempotency-Key`).
    pub mutation_id: Option<String>,
}

impl Call {
    /// A call by nobody in particular, with nothing but an operation and a model.
    pub fn new(operation: Operation, shape: &'static Shape) -> Self {
        Call {
            operation,
            shape,
            arguments: Arguments::None,
            body: Vec::new(),
            identity: Identity::Anonymous,
            expected_version: None,
            only_one: false,
            mutation_id: None,
        }
    }

    /// The call, out of where it is held; what stays behind has nothing but the operation and the model.
    pub(super) fn take(&mut self) -> Self {
        let rest = Call::new(self.operation, self.shape);
        std::mem::replace(self, rest)
    }

    /// Longest idempotency key, in bytes.
    pub const MAX_MUTATION_ID: usize = 255;

    /// The same call, that has its effect once however often it is repeated with this id.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if the operation changes nothing, or if the id is empty, too long or not printable ASCII.
    pub fn with_mutation_id(mut self, id: &str) -> Result<Self> {
        if !self.operation.is_write() {
            return Err(Error::new(
                Code::InvalidRequest,
                "an idempotency key goes with operations that change something",
            ));
        }
        self.mutation_id = Some(check_mutation_id(id)?);
        Ok(self)
    }
}

/// An id that makes a write happen once, if it can be one.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(super) fn check_mutation_id(id: &str) -> Result<String> {
    let printable = id.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if id.is_empty() || id.len() > Call::MAX_MUTATION_ID || !printable {
        let message = "an idempotency key is 1 to 255 printable ASCII characters";
        return Err(Error::new(Code::InvalidRequest, message));
    }
    Ok(id.to_owned())
}

/// What a call answers.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// JSON text.
    pub body: Vec<u8>,
    /// A document came into being (HTTP: 201).
    pub created: bool,
    /// The version of the one document that is answered (HTTP: `ETag`).
    pub version: Option<i64>,
    /// Where to go on after this page, when a cursor was asked for and there is more (HTTP: `Next-Cursor`).
    pub next_cursor: Option<String>,
    /// The answer is that of an earlier call with the same mutation id (HTTP: `Idempotent-Replayed`).
    pub replayed: bool,
}
