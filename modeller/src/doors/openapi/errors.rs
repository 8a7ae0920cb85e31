//! Which errors an operation can give, and how they look.

use serde_json::{Map, Value as Json, json};

use super::names::Names;
use crate::engine::{Argument, BodyKind, Operation};
use crate::model::{Code, Shape};

/// The codes an operation can answer with.
///
/// Those of the whole server (an unknown route, another method) are not among them.
pub(super) fn codes_of(operation: Operation, shape: &Shape) -> Vec<Code> {
    let mut codes = vec![Code::InvalidRequest];
    let arguments = operation.arguments();
    let body = operation.body();
    if !arguments.is_empty() || matches!(body, BodyKind::Batch) {
        codes.push(Code::InvalidQuery);
    }
    if arguments.contains(&Argument::After) {
        codes.push(Code::InvalidCursor);
    }
    if !arguments.is_empty() || body != BodyKind::None {
        codes.push(Code::ParseError);
    }
    if matches!(body, BodyKind::Document | BodyKind::Patch | BodyKind::Batch) {
        codes.push(Code::ValidationError);
    }
    if operation.is_write() {
        // An idempotency key that came with another payload.
        codes.push(Code::Conflict);
        let removes = matches!(operation, Operation::Delete | Operation::Clear);
        if !removes && has_unique(shape) {
            codes.push(Code::UniqueViolation);
        }
    }
    if matches!(operation, Operation::Update | Operation::Delete | Operation::Restore | Operation::Batch) {
        codes.push(Code::NotFound);
    }
    if takes_version(operation) {
        codes.push(Code::PreconditionFailed);
    }
    if body != BodyKind::None {
        codes.extend([Code::PayloadTooLarge, Code::UnsupportedMediaType]);
    }
    codes.extend([Code::Timeout, Code::Overloaded, Code::StoreUnavailable]);
    codes
}

/// Whether the operation looks at `If-Match`.
pub(super) fn takes_version(operation: Operation) -> bool {
    matches!(operation, Operation::Update | Operation::Delete)
}

fn has_unique(shape: &Shape) -> bool {
    shape.key.is_some() || !shape.unique.is_empty()
}

/// What a code means, in words.
pub(super) fn meaning(code: Code) -> &'static str {
    match code {
        Code::ValidationError => "the body does not fit the model; `errors` says where",
        Code::ParseError => "the body or a parameter is not JSON",
        Code::InvalidRequest => "the request is malformed in another way",
        Code::InvalidQuery => "a filter, a sort key, a field or a page does not fit the model",
        Code::InvalidCursor => "the cursor is not one of ours, or belongs to another query",
        Code::Unauthorized => "the caller has to sign in",
        Code::Forbidden => "the caller may not do this",
        Code::NotFound => "there is no such document",
        Code::ModelNotFound => "there is no such model",
        Code::MethodNotFound => "there is no such method or operation",
        Code::RouteNotFound => "there is no such route",
        Code::MethodNotAllowed => "the route exists, for another HTTP method",
        Code::Timeout => "the request did not arrive in time",
        Code::Conflict => "the document changed meanwhile, or the idempotency key came with another payload",
        Code::UniqueViolation => "another document has this value; `field` says where",
        Code::Referenced => "other documents refer to this one",
        Code::PreconditionFailed => "the document has another version than `If-Match` says",
        Code::PayloadTooLarge => "the body is larger than the server takes",
        Code::UnsupportedMediaType => "the body is not sent as `application/json`",
        Code::RateLimited => "too many requests",
        Code::InternalError => "a fault of the server",
        Code::Overloaded => "the server has more work queued than it takes; try again later",
        Code::StoreUnavailable => "nothing can be written at the moment; nothing was lost",
    }
}

/// The error responses that operations refer to, each once.
pub(super) struct Errors {
    names: Names,
    known: Vec<(Vec<Code>, String)>,
    responses: Map<String, Json>,
}

impl Errors {
    pub(super) fn new() -> Self {
        Errors { names: Names::default(), known: Vec::new(), responses: Map::new() }
    }

    /// The responses for these codes, by status.
    pub(super) fn responses(&mut self, codes: &[Code]) -> Vec<(String, Json)> {
        let mut statuses: Vec<u16> = codes.iter().map(|code| code.status()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        let mut responses = Vec::new();
        for status in statuses {
            let group: Vec<Code> = codes.iter().copied().filter(|code| code.status() == status).collect();
            let name = self.name(status, group);
            responses.push((status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") })));
        }
        responses
    }

    fn name(&mut self, status: u16, codes: Vec<Code>) -> String {
        if let Some((_, name)) = self.known.iter().find(|(known, _)| *known == codes) {
            return name.clone();
        }
        let name = self.names.claim(title(status));
        self.responses.insert(name.clone(), response(status, &codes));
        self.known.push((codes, name.clone()));
        name
    }

    pub(super) fn into_components(self) -> Map<String, Json> {
        self.responses
    }
}

fn response(status: u16, codes: &[Code]) -> Json {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), meaning(*code))).collect();
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let mut response = json!({
        "description": lines.join("\n\n"),
        "content": { "application/json": { "schema": {
            "allOf": [{ "$ref": "#/components/schemas/Error" }],
            "properties": { "code": { "enum": names }, "status": { "const": status } },
        } } },
    });
    if status == 503 {
        response["headers"] = json!({ "Retry-After": {
            "description": "After how many seconds it is worth trying again.",
            "schema": { "type": "integer", "minimum": 0 },
        } });
    }
    response
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        408 => "Timeout",
        409 => "Conflict",
        412 => "PreconditionFailed",
        413 => "PayloadTooLarge",
        415 => "UnsupportedMediaType",
        429 => "TooManyRequests",
        503 => "Unavailable",
        _ => "Failure",
    }
}

/// The schemas `Error` and `Violation`.
pub(super) fn schemas() -> [(&'static str, Json); 2] {
    let error = json!({
        "type": "object",
        "description": "What went wrong. Branch on `code`; `message` is for people.",
        "properties": {
            "code": { "type": "string", "pattern": "^[A-Z][A-Z0-9_]*$" },
            "message": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status." },
            "field": { "type": "string", "description": "The field at fault, if one field is; several are joined by commas." },
            "details": { "description": "More, for machines." },
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": { "$ref": "#/components/schemas/Violation" },
                "description": "All faults of the body.",
            },
        },
        "required": ["code", "message", "status"],
        "additionalProperties": false,
    });
    let violation = json!({
        "type": "object",
        "description": "One fault of a body, as AJV words it.",
        "properties": {
            "instancePath": { "type": "string", "description": "JSON pointer to the value; empty for the whole body." },
            "keyword": { "type": "string", "description": "The schema keyword that refused it." },
            "message": { "type": "string" },
            "params": { "type": "object", "description": "What the keyword demands." },
            "schemaPath": { "type": "string", "description": "Where in the schema the keyword stands." },
        },
        "required": ["instancePath", "keyword", "message", "params", "schemaPath"],
        "additionalProperties": false,
    });
    [("Error", error), ("Violation", violation)]
}
