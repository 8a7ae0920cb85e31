//! The models of these tests, and what they do.

use std::time::Duration;

use modeller::prelude::*;
use serde_json::{Value as Json, json};

/// A person.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users")]
pub struct User {
    #[validate(email)]
    #[model(unique)]
    pub email: String,
    #[serde(default)]
    pub role: Role,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    #[default]
    User,
    Admin,
}

/// Something written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "content", name = "posts")]
pub struct Post {
    pub title: String,
}

/// Something written below it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "content", name = "comments")]
pub struct Comment {
    pub text: String,
}

/// Starts over.
///
/// The token is for one use.
#[modeller::method(User)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct ResetPassword {
    #[validate(email(message = "that is no address"))]
    pub email: String,
    #[validate(range(min = 1, max = 10))]
    #[serde(default = "once")]
    pub max_attempts: u8,
    #[validate(length(min = 2))]
    pub sent_by: Option<String>,
}

fn once() -> u8 {
    1
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResetToken {
    pub token: String,
    pub attempts: u8,
}

impl Method for ResetPassword {
    type Reply = ResetToken;

    async fn call(self, _: &Cx) -> Result<ResetToken> {
        Ok(ResetToken { token: format!("for {}", self.email), attempts: self.max_attempts })
    }
}

/// Asks somebody to come.
#[modeller::method(User)]
async fn invite(
    #[serde(rename = "guest-mail")]
    #[validate(email(message = "nobody can be reached there"))]
    guest_mail: String,
    #[serde(default)]
    #[validate(range(max = 8, message = "there are eight seats"))]
    seats: u8,
    #[validate(custom(function = written, code = "written"))] note: String,
) -> Result<String> {
    Ok(format!("{guest_mail}: {seats} {note}"))
}

fn written(note: &str) -> std::result::Result<(), validator::ValidationError> {
    if note.is_empty() { Err(validator::ValidationError::new("written")) } else { Ok(()) }
}

/// Takes nothing.
#[modeller::method(User)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Ping {}

impl Method for Ping {
    type Reply = String;

    async fn call(self, cx: &Cx) -> Result<String> {
        Ok(format!("pong for {:?}", cx.identity()))
    }
}

/// Goes wrong in many ways.
#[modeller::method(User)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Fail {
    pub how: String,
}

impl Method for Fail {
    type Reply = ();

    async fn call(self, _: &Cx) -> Result<()> {
        match self.how.as_str() {
            "quota" => {
                Err(Error::custom("QUOTA_EXCEEDED", 402, "there is no money left").with_field("money"))
            }
            "missing" => Err(Error::new(Code::NotFound, "no such thing").with_details(json!({ "thing": 1 }))),
            "teapot" => Err(Error::new(Code::NotFound, "short and stout").with_status(418)),
            "panic" => panic!("the secret is hunter"),
            "hang" => std::future::pending().await,
            "slow" => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Adds a user, and tells all who listen.
#[modeller::method(User)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Register {
    pub email: String,
    #[serde(default)]
    pub then_fail: bool,
}

impl Method for Register {
    type Reply = usize;

    async fn call(self, cx: &Cx) -> Result<usize> {
        cx.transaction(async |tx| {
            User::insert(&tx, User { email: self.email.clone(), role: Role::User }).await?;
            User::subscription(&tx, json!({}))?.publish(json!({ "registered": self.email }))?;
            if self.then_fail {
                return Err(Error::new(Code::Conflict, "not today"));
            }
            Ok(())
        })
        .await?;
        Ok(User::find().all(cx).await?.len())
    }
}

/// Something of another model, under a name that the first one has too.
#[modeller::method(Post, name = "ping")]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct PostPing {
    pub text: String,
}

impl Method for PostPing {
    type Reply = String;

    async fn call(self, _: &Cx) -> Result<String> {
        Ok(self.text)
    }
}

/// Where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Place {
    pub street: String,
    pub number: u16,
}

/// Users of a role.
#[modeller::query(User)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct ByRole {
    pub role: Role,
    #[validate(range(max = 100))]
    pub at_most: Option<u32>,
    pub ratio: Option<f64>,
    pub active: Option<bool>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub numbers: Vec<i64>,
    pub place: Option<Place>,
    /// Digits that are no number.
    pub zip: Option<String>,
}

impl Query for ByRole {
    type Reply = Json;

    async fn run(self, cx: &Cx) -> Result<Json> {
        let found = User::find().filter(User::ROLE.eq(self.role)).all(cx).await?;
        let emails: Vec<&str> = found.iter().map(|user| user.email.as_str()).collect();
        Ok(json!({ "emails": emails, "asked": serde_json::to_value(&self).expect("it is JSON") }))
    }
}

/// Everybody.
#[modeller::query(User)]
pub async fn everybody(cx: &Cx) -> Result<Vec<String>> {
    Ok(User::find().all(cx).await?.into_iter().map(|user| user.email.clone()).collect())
}

/// A query that writes, in one of several ways.
#[modeller::query(User)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Sneaky {
    pub how: String,
}

impl Query for Sneaky {
    type Reply = ();

    async fn run(self, cx: &Cx) -> Result<()> {
        let user = User { email: "sneaky@example.org".into(), role: Role::User };
        match self.how.as_str() {
            "transaction" => cx.transaction(async |tx| User::insert(&tx, user).await.map(drop)).await,
            "method" => cx.call(Register { email: user.email, then_fail: false }).await.map(drop),
            _ => User::insert(cx, user).await.map(drop),
        }
    }
}

/// Says something to all who listen.
#[modeller::event(Post)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct SendMessage {
    #[validate(length(min = 1, max = 20))]
    pub text: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivered {
    pub delivered: bool,
}

impl Event for SendMessage {
    type Reply = Delivered;

    async fn handle(self, _: &Cx, to: &Subscription) -> Result<Delivered> {
        to.publish(json!({ "text": self.text, "room": to.scope()["roomId"] }))?;
        Ok(Delivered { delivered: true })
    }
}
