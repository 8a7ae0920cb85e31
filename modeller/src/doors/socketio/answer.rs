//! What goes to a client: answers and pushes, as JSON text or as a tree for MessagePack.

use std::sync::OnceLock;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use socketioxide::SendError;
use uuid::Uuid;

use super::message::Form;
use super::{packed, packet};
use crate::engine::Reply;
use crate::model::{Code, Error, Result};

/// In whose words an acknowledgement says that something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// `{error}`.
    Plain,
    /// `{status: "error", error}`: that of channels.
    Channels,
}

/// JSON that is sent as it is.
pub(super) struct Body {
    content: Content,
    /// As the event that it is sent as, and its frame.
    frame: OnceLock<(&'static str, Bytes)>,
}

enum Content {
    Text(Box<RawValue>),
    Tree(Json, usize),
}

impl Body {
    /// Of JSON text.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if it is none.
    pub(super) fn new(form: Form, text: String) -> Result<Self> {
        let broken =
            |error| Error::new(Code::InternalError, format!("what is to be sent is not JSON: {error}"));
        let content = match form {
            Form::Text => Content::Text(RawValue::from_string(text).map_err(broken)?),
            Form::Packed => {
                let json = serde_json::from_str(&text).map_err(broken)?;
                let size = packed::size(&json);
                Content::Tree(json, size)
            }
        };
        Ok(content.into())
    }

    /// How many bytes it is, as it is sent; a packet has some more. What is counted here has to leave one day.
    pub(super) fn size(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.get().len(),
            Content::Tree(_, size) => *size,
        }
    }

    /// The JSON, if it is sent as text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text.get()),
            Content::Tree(..) => None,
        }
    }

    /// The frame of this event with it: made once for all who are sent it.
    ///
    /// # Errors
    /// If it can't be written.
    pub(super) fn framed(&self, event: &'static str) -> std::result::Result<Bytes, SendError> {
        let made = || match self.text() {
            Some(text) => Ok(packet::event_of(event, &[text])),
            None => packet::packed_event(event, self),
        };
        match self.frame.get() {
            Some((name, frame)) if *name == event => Ok(frame.clone()),
            Some(_) => made(),
            None => {
                let frame = made()?;
                // Another one may have been quicker, with the same.
                let _ = self.frame.set((event, frame.clone()));
                Ok(frame)
            }
        }
    }

    /// An error. What is our fault is logged, and the caller gets its number instead of its reason.
    pub(super) fn of_error(form: Form, manner: Manner, error: Error) -> Self {
        let mut json = serde_json::json!({ "error": told(error).to_json() });
        if manner == Manner::Channels {
            json["status"] = "error".into();
        }
        let nothing = match form {
            Form::Text => Content::Text(RawValue::NULL.to_owned()),
            Form::Packed => Content::Tree(Json::Null, 0),
        };
        Self::new(form, json.to_string()).unwrap_or_else(|_| nothing.into())
    }
}

impl From<Content> for Body {
    fn from(content: Content) -> Self {
        Body { content, frame: OnceLock::new() }
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match &self.content {
            Content::Text(text) => text.serialize(serializer),
            Content::Tree(json, _) => json.serialize(serializer),
        }
    }
}

/// `{data}` of JSON text.
pub(super) fn data(json: &[u8]) -> Result<String> {
    let json = match json {
        [] => "null",
        json => std::str::from_utf8(json)
            .map_err(|_| Error::new(Code::InternalError, "an answer that is not UTF-8"))?,
    };
    Ok(format!("{{\"data\":{json}}}"))
}

/// `{data, nextCursor?, replayed?}` of a reply.
pub(super) fn of_reply(reply: &Reply) -> Result<String> {
    let mut text = data(&reply.body)?;
    text.pop();
    if let Some(cursor) = &reply.next_cursor {
        text.push_str(",\"nextCursor\":");
        text.push_str(&Json::from(cursor.as_str()).to_string());
    }
    if reply.replayed {
        text.push_str(",\"replayed\":true");
    }
    text.push('}');
    Ok(text)
}

/// An error as a client may read it.
pub(super) fn told(error: Error) -> Error {
    if error.status() < 500 {
        return error;
    }
    let request_id = Uuid::new_v4().to_string();
    if !error.is(Code::InternalError) {
        tracing::warn!(%request_id, code = error.code(), error = ?error.message(), "a call was not served");
        return error;
    }
    tracing::error!(%request_id, error = ?error.message(), "a call failed");
    let message = "something went wrong on our side; the server's log says more under the request id";
    Error::new(Code::InternalError, message)
        .with_status(error.status())
        .with_details(serde_json::json!({ "requestId": request_id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_where_to_go_on() {
        let mut reply = Reply { body: b"[1]".to_vec(), ..Reply::default() };
        assert_eq!(of_reply(&reply).unwrap(), r#"{"data":[1]}"#);
        (reply.next_cursor, reply.replayed) = (Some("a\"b".into()), true);
        assert_eq!(of_reply(&reply).unwrap(), r#"{"data":[1],"nextCursor":"a\"b","replayed":true}"#);
        assert_eq!(of_reply(&Reply::default()).unwrap(), r#"{"data":null}"#);
    }

    #[test]
    fn what_is_our_fault_is_not_explained() {
        let told = told(Error::new(Code::InternalError, "/var/db: disk I/O error"));
        assert!(!told.to_json().to_string().contains("/var/db"));
        assert!(told.details().unwrap()["requestId"].is_string());
        let application = told_of(Error::custom("TEAPOT", 418, "short and stout"));
        assert_eq!(application, "TEAPOT");
    }

    fn told_of(error: Error) -> String {
        told(error).code().to_owned()
    }

    #[test]
    fn both_forms_send_the_same() {
        for text in [r#"{"data":[1,2.5,"é"]}"#, "null"] {
            let one = serde_json::to_value(Body::new(Form::Text, text.into()).unwrap()).unwrap();
            let other = serde_json::to_value(Body::new(Form::Packed, text.into()).unwrap()).unwrap();
            assert_eq!(one, other);
        }
        assert!(Body::new(Form::Text, "{".into()).is_err());
    }
}
