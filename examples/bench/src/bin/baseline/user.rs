//! The table's row as structs: what callers send, what is stored, what they get back.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Deserializer, Serialize};
use validator::{Validate, ValidationErrors};

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Admin,
    /// The usual.
    #[default]
    User,
}

impl ToSql for Role {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Role::Admin => "admin",
            Role::User => "user",
        }))
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(if value.as_str()? == "admin" { Role::Admin } else { Role::User })
    }
}

/// A user as a caller sends it.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct User {
    #[validate(email)]
    pub email: String,
    #[validate(length(min = 1, max = 100))]
    pub name: Option<String>,
    pub password: Option<String>,
    #[serde(default)]
    pub role: Role,
    #[validate(range(min = 0, max = 1000))]
    pub age: i64,
}

/// What an update changes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    email: Option<String>,
    #[serde(default, deserialize_with = "given")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    password: Option<Option<String>>,
    role: Option<Role>,
    age: Option<i64>,
}

/// Tells a field that is `null` from one that is not there.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

impl Patch {
    /// Whether it sets a column that has an index.
    pub fn is_indexed(&self) -> bool {
        self.email.is_some() || self.age.is_some()
    }

    /// Puts the patch's values over the user's.
    pub fn apply(self, user: &mut User) {
        let Patch { email, name, password, role, age } = self;
        user.email = email.unwrap_or_else(|| std::mem::take(&mut user.email));
        user.name = name.unwrap_or_else(|| user.name.take());
        user.password = password.unwrap_or_else(|| user.password.take());
        user.role = role.unwrap_or(user.role);
        user.age = age.unwrap_or(user.age);
    }
}

/// A user as it is stored.
#[derive(Debug)]
pub struct Stored {
    pub id: String,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub user: User,
}

impl Stored {
    /// What callers see of it.
    pub fn document(&self) -> Document<'_> {
        Document {
            id: &self.id,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            email: &self.user.email,
            name: self.user.name.as_deref(),
            role: self.user.role,
            age: self.user.age,
        }
    }
}

/// What callers see of a user: all but the password.
#[derive(Serialize)]
pub struct Document<'a> {
    #[serde(rename = "_id")]
    pub id: &'a str,
    #[serde(rename = "_version")]
    pub version: i64,
    #[serde(rename = "_createdAt")]
    pub created_at: i64,
    #[serde(rename = "_updatedAt")]
    pub updated_at: i64,
    pub email: &'a str,
    pub name: Option<&'a str>,
    pub role: Role,
    pub age: i64,
}

/// Why a request was not done.
#[derive(Debug)]
pub enum Failure {
    /// The body is not JSON, or not of a user's shape.
    Body(serde_json::Error),
    /// A value breaks a rule.
    Invalid(ValidationErrors),
    /// The e-mail is taken.
    Taken,
    /// No such user.
    Missing,
    /// Too many writes are waiting.
    Overloaded,
    /// The database failed.
    Database(rusqlite::Error),
    /// The commit failed, for another one's sake.
    NotCommitted,
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure::Body(error)
    }
}

impl From<ValidationErrors> for Failure {
    fn from(errors: ValidationErrors) -> Self {
        Failure::Invalid(errors)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::QueryReturnedNoRows => Failure::Missing,
            rusqlite::Error::SqliteFailure(code, _)
                if code.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE =>
            {
                Failure::Taken
            }
            other => Failure::Database(other),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Failure::Body(error) => (400, "PARSE_ERROR", error.to_string()),
            Failure::Invalid(errors) => (400, "VALIDATION_ERROR", errors.to_string()),
            Failure::Taken => (409, "UNIQUE_VIOLATION", "another user has this email".into()),
            Failure::Missing => (404, "NOT_FOUND", "no such user".into()),
            Failure::Overloaded => (503, "OVERLOADED", "too many writes are waiting".into()),
            Failure::Database(error) => {
                eprintln!("{error}");
                (500, "INTERNAL_ERROR", "the database failed".into())
            }
            Failure::NotCommitted => (500, "INTERNAL_ERROR", "the write was not committed".into()),
        };
        let body = serde_json::json!({ "code": code, "message": message, "status": status });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, json(body.to_string().into_bytes())).into_response()
    }
}

/// A JSON answer.
pub fn json(body: Vec<u8>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], body)
}
