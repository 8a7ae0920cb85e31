//! Changes of documents with the types of the application: one case for each event, and in each what that event has.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::{ChannelEvent, ChannelEventKind};
use crate::model::{Code, Error, Result};

/// What happened to a document. `T` is what it is read as: a model without private fields, or a struct with the fields that matter.
///
/// ```
/// use modeller::live::DocumentChange;
///
/// #[derive(Debug, serde::Deserialize, PartialEq)]
/// struct Order { status: String }
///
/// let change = r#"{"eventType":"UPDATE","new":{"status":"done"},"old":{"status":"open"}}"#;
/// match serde_json::from_str::<DocumentChange<Order>>(change).unwrap() {
///     DocumentChange::Insert { new } => panic!("{new:?} is new"),
///     DocumentChange::Update { new, old } => assert!(new.status == "done" && old["status"] == "open"),
///     DocumentChange::Delete { old } => panic!("{old:?} is gone"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "eventType", rename_all = "UPPERCASE")]
pub enum DocumentChange<T> {
    /// It is there from now on.
    Insert {
        /// The document.
        new: T,
    },
    /// It has other values.
    Update {
        /// The document as it is.
        new: T,
        /// What is known of how it was.
        old: Map<String, Json>,
    },
    /// It is gone.
    Delete {
        /// What is known of how it was.
        old: Map<String, Json>,
    },
}

impl ChannelEvent {
    /// The change that this event tells of; `None` if it tells of something else, or of changes that may have been missed.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` if the document can't be read as a `T`.
    pub fn document_change<T: DeserializeOwned>(&self) -> Result<Option<DocumentChange<T>>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Named {
            event_type: Option<String>,
        }
        let unfit = |error: serde_json::Error| {
            Error::new(Code::ValidationError, format!("the change does not fit: {error}"))
        };
        if self.kind() != ChannelEventKind::Changes {
            return Ok(None);
        }
        let named: Named = serde_json::from_str(self.json()).map_err(unfit)?;
        named.event_type.map(|_| serde_json::from_str(self.json()).map_err(unfit)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::channel::Topic;

    #[test]
    fn what_tells_of_no_document_is_no_change() {
        // LIV-27
        let topic = Topic::new("a", false, 10).unwrap();
        let missed = r#"{"eventType":null,"new":{},"old":{},"errors":["missed"]}"#;
        let change = |json: &str| ChannelEvent::change(&topic, &"1".into(), &json.to_owned().into());
        assert_eq!(change(missed).document_change::<Json>().unwrap(), None);
        let said = ChannelEvent::new(ChannelEventKind::Broadcast, &topic, r#"{"eventType":"INSERT"}"#.into());
        assert_eq!(said.document_change::<Json>().unwrap(), None);
        for wrong in ["", "[]", r#"{"eventType":"TRUNCATE"}"#, r#"{"eventType":"INSERT"}"#] {
            assert!(
                change(wrong).document_change::<Json>().unwrap_err().is(Code::ValidationError),
                "{wrong}"
            );
        }
    }
}
