//! The one error type: what went wrong, as every door shows it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// What kind of error it is, as a closed vocabulary: callers branch on it.
        ///
        /// ```
        /// use modeller::Code;
        /// assert_eq!(Code::UniqueViolation.as_str(), "UNIQUE_VIOLATION");
        /// assert_eq!(Code::UniqueViolation.status(), 409);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The HTTP status that goes with it unless the error says otherwise.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// The payload does not fit the model's schema; `errors` says where.
    ValidationError = "VALIDATION_ERROR", 400;
    /// The body or a parameter is not JSON.
    ParseError = "PARSE_ERROR", 400;
    /// The request is malformed in another way.
    InvalidRequest = "INVALID_REQUEST", 400;
    /// A filter, sort key, projection or page does not fit the model.
    InvalidQuery = "INVALID_QUERY", 400;
    /// A cursor was forged, damaged, or belongs to another query.
    InvalidCursor = "INVALID_CURSOR", 400;
    /// The caller has to sign in.
    Unauthorized = "UNAUTHORIZED", 401;
    /// The caller may not do this.
    Forbidden = "FORBIDDEN", 403;
    /// No such document.
    NotFound = "NOT_FOUND", 404;
    /// No such model.
    ModelNotFound = "MODEL_NOT_FOUND", 404;
    /// No such method or operation.
    MethodNotFound = "METHOD_NOT_FOUND", 404;
    /// No such event.
    EventNotFound = "EVENT_NOT_FOUND", 404;
    /// No such route.
    RouteNotFound = "ROUTE_NOT_FOUND", 404;
    /// The route exists, for another HTTP method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405;
    /// The request did not arrive in time.
    Timeout = "TIMEOUT", 408;
    /// The document changed meanwhile, or an idempotency key came with another payload.
    Conflict = "CONFLICT", 409;
    /// Another document has this value in a unique field.
    UniqueViolation = "UNIQUE_VIOLATION", 409;
    /// The document is referenced by others.
    Referenced = "REFERENCED", 409;
    /// A precondition (`If-Match`) does not hold.
    PreconditionFailed = "PRECONDITION_FAILED", 412;
    /// The body is larger than the server takes.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413;
    /// The body has a content type that the route does not take.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415;
    /// Too many requests from this caller.
    RateLimited = "RATE_LIMITED", 429;
    /// A fault on our side; the details are in the server's log under the request id.
    InternalError = "INTERNAL_ERROR", 500;
    /// More work is queued than the server takes; try again later.
    Overloaded = "OVERLOADED", 503;
    /// The store cannot write now (disk full, read-only file); nothing was lost.
    StoreUnavailable = "STORE_UNAVAILABLE", 503;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One fault of a payload, in the shape of AJV's error objects.
///
/// Source of the shape: <https://ajv.js.org/api.html#error-objects>.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// JSON pointer to the value that is at fault (`""` is the whole payload).
    pub instance_path: String,
    /// The schema keyword that refused it.
    pub keyword: String,
    /// What is wrong, in words; the field's own message where it has one.
    pub message: String,
    /// What the keyword demands, by the keyword's own names.
    pub params: serde_json::Value,
    /// URI fragment of the keyword within the model's schema.
    pub schema_path: String,
}

/// What went wrong: a code to branch on, words for people, and details.
///
/// ```
/// use modeller::{Code, Error};
/// let error = Error::new(Code::NotFound, "no such user");
/// assert_eq!(error.status(), 404);
/// assert_eq!(error.to_json()["code"], "NOT_FOUND");
/// ```
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    status: u16,
    field: Option<String>,
    details: Option<serde_json::Value>,
    errors: Vec<Violation>,
}

impl Error {
    /// An error with the code's own status.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::custom(code.as_str(), code.status(), message)
    }

    /// An error with a code of the application's own.
    ///
    /// A status outside 400 to 599 becomes 500.
    pub fn custom(
        code: impl Into<Cow<'static, str>>,
        status: u16,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let status = clamped(status);
        Self(Box::new(Inner {
            code: code.into(),
            message: message.into(),
            status,
            field: None,
            details: None,
            errors: Vec::new(),
        }))
    }

    /// A `VALIDATION_ERROR` with all the faults of a payload.
    pub fn validation(errors: Vec<Violation>) -> Self {
        let message = match errors.as_slice() {
            [] => Cow::Borrowed("the payload is not valid"),
            [one] if one.instance_path.is_empty() => one.message.clone().into(),
            [one] => format!("{} {}", one.instance_path, one.message).into(),
            many => format!("{} faults in the payload", many.len()).into(),
        };
        let mut error = Self::new(Code::ValidationError, message);
        error.0.errors = errors;
        error
    }

    /// The same error with another HTTP status; one outside 400 to 599 becomes 500.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = clamped(status);
        self
    }

    /// The same error, naming the field at fault (as the wire calls it).
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// The same error with machine-readable details.
    #[must_use]
    pub fn with_details(mut self, details: serde_json::Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The code as the wire shows it.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Whether the code is this one.
    pub fn is(&self, code: Code) -> bool {
        self.0.code == code.as_str()
    }

    /// What went wrong, in words.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The field at fault, if one field is.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// Machine-readable details, if there are any.
    pub fn details(&self) -> Option<&serde_json::Value> {
        self.0.details.as_ref()
    }

    /// The faults of a payload, if it is a validation error.
    pub fn violations(&self) -> &[Violation] {
        &self.0.errors
    }

    /// The error as every door sends it: `{code, message, status, field?, details?, errors?}`.
    pub fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        object.insert("code".into(), self.code().into());
        object.insert("message".into(), self.message().into());
        object.insert("status".into(), self.status().into());
        if let Some(field) = self.field() {
            object.insert("field".into(), field.into());
        }
        if let Some(details) = self.details() {
            object.insert("details".into(), details.clone());
        }
        if !self.violations().is_empty() {
            let errors = serde_json::to_value(self.violations()).unwrap_or_default();
            object.insert("errors".into(), errors);
        }
        object.into()
    }
}

/// The status of an error is that of one.
fn clamped(status: u16) -> u16 {
    if (400..600).contains(&status) { status } else { 500 }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_plain_object_with_a_code() {
        // SCH-19
        let json = Error::new(Code::UniqueViolation, "taken").with_field("email").to_json();
        assert_eq!(
            json,
            serde_json::json!({"code": "UNIQUE_VIOLATION", "message": "taken", "status": 409, "field": "email"})
        );
    }

    #[test]
    fn a_status_that_is_no_error_becomes_500() {
        assert_eq!(Error::custom("ODD", 200, "").status(), 500);
        assert_eq!(Error::new(Code::NotFound, "").with_status(204).status(), 500);
        assert_eq!(Error::new(Code::NotFound, "").with_status(410).status(), 410);
    }
}
