//! What a call says about full text: the words, where to look for them, and whether a snippet goes with each document.

use serde_json::Value as Json;

use crate::model::{Cell, Kind};
use crate::model::{Code, Error, Result, RowView, Shape, View, nearest, write_cell, write_row};
use crate::query::{Access, Search, Select, Snippet, search};

/// The arguments `search` and `snippet` together.
#[derive(Debug, Default)]
pub(super) struct Searching {
    pub(super) search: Option<Search>,
    pub(super) snippet: Option<Snippet>,
}

impl Searching {
    /// `search`: words, or an object of `query`, `fields` and `snippet`. In a URL the object is text that begins with `{`.
    pub(super) fn search(&mut self, shape: &Shape, value: Json) -> Result<()> {
        let object = match value {
            Json::String(text) if text.starts_with('{') => match super::arguments::json(&text)? {
                Json::Object(object) => object,
                _ => return Err(invalid("`search` is words or an object")),
            },
            Json::String(text) => {
                self.search = Some(Search::parse(shape, &text)?);
                return Ok(());
            }
            Json::Object(object) => object,
            _ => {
                return Err(invalid(
                    "`search` is words or an object, like {\"query\": \"words\", \"fields\": [\"title\"]}",
                ));
            }
        };
        let text = object.get("query").and_then(Json::as_str);
        let text = text.ok_or_else(|| invalid("`search.query` is the words to look for, as text"))?;
        let mut search = Search::parse(shape, text)?;
        for (name, value) in &object {
            match name.as_str() {
                "query" => {}
                "fields" => search = search.in_fields(shape, &names(value)?, Access::Public)?,
                "snippet" => self.snippet(shape, value)?,
                other => return Err(unknown("search", other, &["query", "fields", "snippet"])),
            }
        }
        self.search = Some(search);
        Ok(())
    }

    /// `snippet`: yes or no, or an object of `field` and `length`.
    pub(super) fn snippet(&mut self, shape: &Shape, value: &Json) -> Result<()> {
        let mut snippet = Snippet::default();
        match value {
            Json::Bool(true) => {}
            Json::String(text) if text == "true" => {}
            Json::Bool(false) => return Ok(()),
            Json::String(text) if text == "false" => return Ok(()),
            Json::Object(object) => {
                for (name, value) in object {
                    match name.as_str() {
                        "field" => {
                            let field = value
                                .as_str()
                                .ok_or_else(|| invalid("`snippet.field` is the name of a field"))?;
                            snippet.field = Some(search::column(shape, field, Access::Public)?);
                        }
                        "length" => {
                            let length = value.as_u64().and_then(|length| usize::try_from(length).ok());
                            let allowed = Snippet::SHORTEST..=Snippet::LONGEST;
                            snippet.length =
                                length.filter(|length| allowed.contains(length)).ok_or_else(|| {
                                    invalid(format!(
                                        "`snippet.length` is a whole number from {} to {}",
                                        Snippet::SHORTEST,
                                        Snippet::LONGEST
                                    ))
                                })?;
                        }
                        other => return Err(unknown("snippet", other, &["field", "length"])),
                    }
                }
            }
            _ => {
                return Err(invalid(
                    "`snippet` is true or false, or in JSON {\"field\": \"..\", \"length\": 160}",
                ));
            }
        }
        self.snippet = Some(snippet);
        Ok(())
    }

    /// What goes with each document, if anything does.
    pub(super) fn into_hits(self) -> Result<Option<Hits>> {
        match (self.search, self.snippet) {
            (Some(search), Some(snippet)) => Ok(Some(Hits { search, snippet })),
            (None, Some(_)) => Err(invalid("`snippet` goes with `search`")),
            (_, None) => Ok(None),
        }
    }
}

/// `["title", "body"]`, or one name as text.
fn names(value: &Json) -> Result<Vec<&str>> {
    let wrong = || invalid("`search.fields` is a list of names of searchable fields");
    match value {
        Json::String(name) => Ok(vec![name]),
        Json::Array(names) if !names.is_empty() && names.len() <= 1_000 => {
            names.iter().map(|name| name.as_str().ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

fn unknown(place: &str, name: &str, known: &[&str]) -> Error {
    let name: String = name.chars().take(100).collect();
    let mut message = format!("`{place}` has no member `{name}`; it takes {}", known.join(", "));
    if let Some(meant) = nearest(&name, known.iter().copied()) {
        message.push_str(&format!("; did you mean `{meant}`?"));
    }
    invalid(message).with_details(serde_json::json!({ "expected": known }))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::InvalidQuery, message).with_field("search")
}

/// Documents with what the search says of each.
#[derive(Clone, Debug)]
pub(super) struct Hits {
    search: Search,
    snippet: Snippet,
}

impl Hits {
    /// Appends the row as [`write_row`] does, with `_score` and `_snippet`.
    pub(super) fn write_row(&self, shape: &Shape, row: &dyn RowView, view: &View, out: &mut Vec<u8>) {
        write_row(shape, row, view, out);
        // There is an `_id` in front.
        out.pop();
        out.extend_from_slice(b",\"_score\":");
        write_cell(Kind::Number, score(shape, row), out);
        out.extend_from_slice(b",\"_snippet\":");
        write_cell(Kind::Text, Cell::Text(&self.snippet.of(&self.search, shape, row)), out);
        out.push(b'}');
    }
}

/// How well the row fits, where the store knows: larger is better.
pub(super) fn score<'r>(shape: &Shape, row: &'r dyn RowView) -> Cell<'r> {
    row.cell(shape.columns.len())
}

/// Refuses pages by rank: they have no place to go on from, since a document's rank changes with every other document.
///
/// # Errors
/// `INVALID_QUERY` for a search without a sort.
pub(super) fn check_paged(select: &Select) -> Result<()> {
    match select.search() {
        Some(_) if select.order.is_empty() => {
            Err(invalid("a search by rank has no cursors: give a `sort`, or go on with `list` and `start`"))
        }
        _ => Ok(()),
    }
}
