//! Which errors an operation can give, and how they look.

use serde_json::{Value as Json, json};

use crate::engine::{Argument, BodyKind, Operation};
use crate::model::{Code, Shape};

/// The codes an operation can answer with.
///
/// Those of the whole server (an unknown route, another method) are not among them. `referred`: documents may point at
/// those of this model.
pub(crate) fn codes_of(operation: Operation, shape: &Shape, referred: bool) -> Vec<Code> {
    let mut codes = vec![Code::InvalidRequest];
    let arguments = operation.arguments();
    let body = operation.body();
    if !arguments.is_empty() || body == BodyKind::Batch {
        codes.push(Code::InvalidQuery);
    }
    if arguments.contains(&Argument::After) {
        codes.push(Code::InvalidCursor);
    }
    if !arguments.is_empty() || body != BodyKind::None {
        codes.push(Code::ParseError);
    }
    if matches!(body, BodyKind::Document | BodyKind::Patch | BodyKind::Batch)
        || operation == Operation::Restore && shape.columns.iter().any(|column| column.references.is_some())
    {
        codes.push(Code::ValidationError);
    }
    if operation.method() != "GET" {
        // A page of another origin that sends a form.
        codes.push(Code::Forbidden);
    }
    if operation.is_write() {
        // An idempotency key that came with another payload.
        codes.push(Code::Conflict);
        let removes = matches!(operation, Operation::Delete | Operation::Clear);
        if !removes && has_unique(shape) {
            codes.push(Code::UniqueViolation);
        }
        // An update may take away the value that is referred to.
        if referred && !matches!(operation, Operation::Insert | Operation::Restore) {
            codes.push(Code::Referenced);
        }
    }
    if operation.is_write() && !matches!(operation, Operation::Insert | Operation::Clear) {
        codes.push(Code::NotFound);
    }
    if takes_version(operation) {
        codes.push(Code::PreconditionFailed);
    }
    codes.push(Code::PayloadTooLarge);
    if body != BodyKind::None {
        codes.push(Code::UnsupportedMediaType);
    }
    codes.extend([Code::Timeout, Code::Overloaded, Code::StoreUnavailable]);
    codes
}

/// Whether the operation looks at `If-Match`.
pub(crate) fn takes_version(operation: Operation) -> bool {
    matches!(operation, Operation::Update | Operation::Delete)
}

fn has_unique(shape: &Shape) -> bool {
    shape.key.is_some() || !shape.unique.is_empty()
}

/// What a code means, in words.
pub(crate) fn meaning(code: Code) -> &'static str {
    match code {
        Code::ValidationError => "the body does not fit the model; `errors` says where",
        Code::ParseError => "the body or a parameter is not JSON",
        Code::InvalidRequest => "the request is malformed in another way",
        Code::InvalidQuery => "a filter, a sort key, a field or a page does not fit the model",
        Code::InvalidCursor => "the cursor is not one of ours, or belongs to another query",
        Code::Unauthorized => "the caller has to sign in",
        Code::Forbidden => "the caller may not do this: a page of another origin, for example",
        Code::NotFound => "there is no such document",
        Code::ModelNotFound => "there is no such model",
        Code::MethodNotFound => "there is no such method or operation",
        Code::EventNotFound => "there is no such event",
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

/// The schemas `Error` and `Violation`.
pub(crate) fn schemas() -> [(&'static str, Json); 2] {
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
