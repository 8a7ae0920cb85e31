//! Full text: a search as people type it, taken apart. No store ever sees what was typed.

mod columns;
mod snippet;
#[cfg(test)]
mod tests;
mod words;

#[cfg(feature = "engine")]
use serde_json::Value as Json;
use serde_json::json;

pub use columns::SearchColumns;
pub use snippet::Snippet;
#[cfg(feature = "sqlite")]
pub(crate) use words::folded;
use words::words;

use super::{Access, limits};
use crate::model::{Cell, Code, Error, Kind, Result, RowView, Shape, nearest};

/// A search for words in the `searchable` fields of a model. It is either true or false of a row, never unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Indexes of the columns that are searched.
    fields: Vec<usize>,
    /// All of them have to be there, each as one of its terms.
    parts: Vec<Vec<Term>>,
    /// None of these may be there.
    without: Vec<Term>,
}

/// Words that stand beside each other in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    /// Folded; at least one.
    words: Vec<String>,
    /// The last one is only the beginning of a word.
    prefix: bool,
}

impl Search {
    /// Takes a search apart.
    ///
    /// - `rust macros`: both words, in any of the fields, in any order. Case and accents don't count.
    /// - `"rust macros"`: these words beside each other. So are the parts of `rust-macros`.
    /// - `macro*`: words that begin so.
    /// - `-java`, `-"spring boot"`: not these.
    /// - `rust OR zig`: one of both; it binds more closely than the space between words.
    ///
    /// All other characters only stand between words.
    ///
    /// # Errors
    /// `INVALID_QUERY` if the model has no searchable fields, if nothing is left to look for, if a quote or an `OR` is not
    /// complete, and for more than [`MAX_SEARCH`](limits::MAX_SEARCH) characters or [`MAX_WORDS`](limits::MAX_WORDS) words.
    ///
    /// ```
    /// use modeller::prelude::*;
    /// use modeller::query::Search;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// pub struct Post { #[model(searchable)] pub title: String }
    ///
    /// let shape = Post::descriptor().shape();
    /// assert!(Search::parse(shape, "\"crème brûlée\" -sugar").is_ok());
    /// assert!(Search::parse(shape, "\"crème").is_err());
    /// ```
    pub fn parse(shape: &Shape, text: &str) -> Result<Self> {
        if shape.searchable.is_empty() {
            return Err(invalid(format!("`{}` has no searchable fields", shape.path)));
        }
        if text.chars().nth(limits::MAX_SEARCH).is_some() {
            return Err(invalid(format!("the search is longer than {} characters", limits::MAX_SEARCH)));
        }
        if text.contains('\0') {
            return Err(invalid("the search has a NUL character in it"));
        }
        let mut search = Search { fields: shape.searchable.clone(), parts: Vec::new(), without: Vec::new() };
        let mut rest = text;
        let mut or = false;
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                break;
            }
            let piece = piece(&mut rest)?;
            match piece {
                Piece { text: "AND", plain: true, .. } => continue,
                Piece { text: "OR", plain: true, .. } => {
                    if or || search.parts.is_empty() {
                        return Err(incomplete());
                    }
                    or = true;
                    continue;
                }
                _ => {}
            }
            let words: Vec<String> = words(piece.text).map(|word| word.folded).collect();
            if words.is_empty() {
                continue;
            }
            let term = Term { words, prefix: piece.prefix };
            match (piece.without, or) {
                (true, true) => return Err(invalid("`OR` can't stand before what is to be left out")),
                (true, false) => search.without.push(term),
                (false, true) => search.parts.last_mut().ok_or_else(incomplete)?.push(term),
                (false, false) => search.parts.push(vec![term]),
            }
            or = false;
        }
        if or {
            return Err(incomplete());
        }
        search.check()
    }

    fn check(self) -> Result<Self> {
        if self.parts.is_empty() {
            return Err(invalid(match self.without.is_empty() {
                true => "the search has no words to look for",
                false => "the search only says what is to be left out: it needs a word to look for, too",
            }));
        }
        let terms = self.parts.iter().flatten().chain(&self.without);
        if terms.map(|term| term.words.len()).sum::<usize>() > limits::MAX_WORDS {
            return Err(invalid(format!("the search has more than {} words", limits::MAX_WORDS)));
        }
        Ok(self)
    }

    /// The same search, in some of the model's searchable fields only. None stands for all.
    ///
    /// # Errors
    /// `INVALID_QUERY` for a name that is no searchable field.
    pub fn in_fields(mut self, shape: &Shape, names: &[&str], access: Access) -> Result<Self> {
        let columns = names.iter().map(|name| column(shape, name, access)).collect::<Result<Vec<_>>>()?;
        if !columns.is_empty() {
            self.fields.retain(|field| columns.contains(field));
        }
        Ok(self)
    }

    /// The same search, in these columns only.
    ///
    /// # Errors
    /// `INVALID_QUERY` for a column that is not searchable.
    pub fn in_columns(mut self, shape: &Shape, columns: &[usize]) -> Result<Self> {
        if let Some(other) = columns.iter().find(|column| !shape.searchable.contains(column)) {
            let name = shape.columns.get(*other).map_or("", |column| &column.name);
            return Err(invalid(format!("`{name}` of `{}` is not searchable", shape.path)));
        }
        self.fields.retain(|field| columns.contains(field));
        Ok(self)
    }

    /// Indexes of the columns that are searched.
    pub fn fields(&self) -> &[usize] {
        &self.fields
    }

    /// Whether the row has the words.
    pub(crate) fn matches(&self, shape: &Shape, row: &dyn RowView) -> bool {
        let texts: Vec<Vec<String>> = self
            .fields
            .iter()
            .filter_map(|&field| text_of(shape, row, field))
            .map(|text| words(&text).map(|word| word.folded).collect())
            .collect();
        let has = |term: &Term| texts.iter().any(|words| !term.places(words).is_empty());
        self.parts.iter().all(|any| any.iter().any(has)) && !self.without.iter().any(has)
    }

    /// The search in the language of FTS5, over columns that are called `f0`, `f1`, ... of which there are `all`.
    /// It is made of letters and digits of words, and nothing that was typed otherwise.
    #[cfg(feature = "sqlite")]
    pub(crate) fn to_fts(&self, places: &[usize], all: usize) -> String {
        let any = |terms: &[Term]| {
            let terms: Vec<String> = terms.iter().map(Term::to_fts).collect();
            format!("({})", terms.join(" OR "))
        };
        let parts: Vec<String> = self.parts.iter().map(|part| any(part)).collect();
        let mut text = parts.join(" AND ");
        if !self.without.is_empty() {
            text = format!("({text}) NOT {}", any(&self.without));
        }
        if places.len() < all {
            let names: Vec<String> = places.iter().map(|place| format!("f{place}")).collect();
            text = format!("{{{}}} : ({text})", names.join(" "));
        }
        text
    }

    /// What is asked, the same in every process.
    #[cfg(feature = "engine")]
    pub(crate) fn encode(&self, shape: &Shape) -> Json {
        let names: Vec<&str> = self.fields.iter().map(|&field| &*shape.columns[field].name).collect();
        let term = |term: &Term| json!([term.words, term.prefix]);
        let terms = |terms: &Vec<Term>| terms.iter().map(term).collect::<Json>();
        json!([names, self.parts.iter().map(terms).collect::<Json>(), terms(&self.without)])
    }
}

/// The column of a searchable field.
///
/// # Errors
/// `INVALID_QUERY` with those that there are.
pub(crate) fn column(shape: &Shape, name: &str, access: Access) -> Result<usize> {
    let seen = |index: &&usize| access == Access::Full || !shape.columns[**index].private;
    let known: Vec<&str> =
        shape.searchable.iter().filter(seen).map(|&index| &*shape.columns[index].name).collect();
    let found = shape.searchable.iter().filter(seen).find(|&&index| shape.columns[index].name == name);
    found.copied().ok_or_else(|| {
        let shown: String = name.chars().take(100).collect();
        let mut message = format!("`{}` has no searchable field `{shown}`", shape.path);
        let mut details = json!({ "field": shown, "expected": known });
        if let Some(meant) = nearest(name, known.iter().copied()) {
            message.push_str(&format!("; did you mean `{meant}`?"));
            details["suggestion"] = meant.into();
        }
        invalid(message).with_field(shown).with_details(details)
    })
}

/// What is searched of a cell: text as it is, the texts of a list one a line.
fn text_of(shape: &Shape, row: &dyn RowView, field: usize) -> Option<String> {
    let column = shape.columns.get(field)?;
    match row.cell(field) {
        Cell::Text(text) if column.kind == Kind::Json => joined(text),
        Cell::Text(text) => Some(text.to_owned()),
        _ => None,
    }
}

/// The texts of a JSON list, one a line.
pub(crate) fn joined(json: &str) -> Option<String> {
    serde_json::from_str::<Vec<String>>(json).ok().map(|texts| texts.join("\n"))
}

/// One piece between spaces.
struct Piece<'t> {
    text: &'t str,
    /// It is neither quoted nor has it a sign.
    plain: bool,
    without: bool,
    prefix: bool,
}

/// Takes the next piece off a text that begins with one.
fn piece<'t>(rest: &mut &'t str) -> Result<Piece<'t>> {
    let (without, text) = match rest.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, *rest),
    };
    if let Some(quoted) = text.strip_prefix('"') {
        let Some((inside, after)) = quoted.split_once('"') else {
            return Err(invalid("a quote in the search has no end: phrases are written `\"like this\"`"));
        };
        *rest = after;
        return Ok(Piece { text: inside, plain: false, without, prefix: false });
    }
    let end =
        text.find(|character: char| character.is_whitespace() || character == '"').unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    *rest = after;
    // `**` is the beginning of nothing.
    let prefix = word.ends_with('*');
    Ok(Piece { text: word.trim_end_matches('*'), plain: !without && !prefix, without, prefix })
}

impl Term {
    /// Where it stands in a text's words.
    fn places(&self, words: &[impl AsRef<str>]) -> Vec<usize> {
        let last = self.words.len() - 1;
        let fits = |window: &[_]| {
            window.iter().zip(&self.words).enumerate().all(|(at, (word, wanted)): (usize, (&_, &String))| {
                let word: &str = AsRef::as_ref(word);
                if at == last && self.prefix { word.starts_with(wanted) } else { word == wanted }
            })
        };
        let windows = words.windows(self.words.len()).enumerate();
        windows.filter(|(_, window)| fits(window)).map(|(at, _)| at).collect()
    }

    #[cfg(feature = "sqlite")]
    fn to_fts(&self) -> String {
        // Words are letters, digits and marks: there is no quote in them.
        format!("\"{}\"{}", self.words.join(" "), if self.prefix { " *" } else { "" })
    }
}

fn incomplete() -> Error {
    invalid("`OR` stands between two words of the search")
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::InvalidQuery, message).with_field("search")
}
