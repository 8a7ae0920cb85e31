//! Reads as JSON: rows go from the store's cells straight into the answer.

use std::ops::ControlFlow;

use super::scope::MAX_BYTES;
use super::search::Hits;
use super::with::Kept;
use crate::model::{Cell, RowView, Shape, View, write_row};
use crate::query::{Cursor, Order};
use crate::store::Sink;

/// Writes rows as one JSON value.
pub(crate) struct JsonRows {
    shape: &'static Shape,
    view: View,
    form: Form,
    out: Vec<u8>,
    rows: u64,
    version: Option<i64>,
    last: Option<Cursor>,
    more: bool,
    too_large: bool,
    hits: Option<Hits>,
    kept: Option<Box<Kept>>,
    finished: bool,
}

/// What the rows become.
#[derive(Clone)]
pub(crate) enum Form {
    /// The first one, or `null`.
    One,
    /// An array of all of them.
    Array,
    /// An array of the first `count`; the cursor of the last of them is kept if there are more.
    Page { count: u64, order: Vec<Order> },
}

impl JsonRows {
    pub(super) fn new(shape: &'static Shape, view: View, form: Form, hits: Option<Hits>) -> Box<Self> {
        let mut out = Vec::with_capacity(if matches!(form, Form::One) { 512 } else { 4096 });
        if !matches!(form, Form::One) {
            out.push(b'[');
        }
        Box::new(JsonRows {
            shape,
            view,
            form,
            out,
            rows: 0,
            version: None,
            last: None,
            more: false,
            too_large: false,
            hits,
            kept: None,
            finished: false,
        })
    }

    /// The same, keeping what related documents are found by.
    pub(crate) fn keeping(mut self: Box<Self>, kept: Kept) -> Box<Self> {
        self.kept = Some(Box::new(kept));
        self
    }

    /// What related documents are found by.
    pub(crate) fn kept(&mut self) -> Option<&mut Kept> {
        self.kept.as_deref_mut()
    }

    /// How many bytes are written.
    pub(crate) fn written(&self) -> usize {
        self.out.len()
    }

    /// Whether the answer is an array.
    pub(crate) fn is_list(&self) -> bool {
        !matches!(self.form, Form::One)
    }

    /// A document as it was written, if rows were kept.
    pub(crate) fn document(&self, index: usize) -> &[u8] {
        let Some(kept) = &self.kept else { return &[] };
        let bracket = usize::from(self.is_list());
        // After a bracket or a comma.
        let begin = kept.end(index.wrapping_sub(1)).map_or(bracket, |end| end + 1);
        kept.end(index).and_then(|end| self.out.get(begin..end)).unwrap_or_default()
    }

    /// Puts another text in the place of the JSON.
    pub(crate) fn replace(&mut self, json: Vec<u8>) {
        self.out = json;
        self.finished = true;
    }

    /// How many rows there were.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The version of the one row.
    pub(crate) fn version(&self) -> Option<i64> {
        self.version
    }

    /// Whether there are more rows after the page.
    pub(crate) fn has_more(&self) -> bool {
        self.more
    }

    /// Whether the rows were more than an answer may hold, so that some are missing.
    pub(crate) fn is_too_large(&self) -> bool {
        self.too_large
    }

    /// The last row of the page, if there are more rows after it.
    pub(crate) fn next(&mut self) -> Option<Cursor> {
        if self.more { self.last.take() } else { None }
    }

    /// The JSON.
    pub(crate) fn into_json(mut self) -> Vec<u8> {
        match self.form {
            _ if self.finished => {}
            Form::One if self.rows == 0 => self.out.extend_from_slice(b"null"),
            Form::One => {}
            Form::Array | Form::Page { .. } => self.out.push(b']'),
        }
        self.out
    }
}

impl Sink for JsonRows {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        if self.out.len() > MAX_BYTES {
            self.too_large = true;
            return ControlFlow::Break(());
        }
        if let Form::Page { count, order } = &self.form {
            if self.rows == *count {
                self.more = true;
                return ControlFlow::Break(());
            }
            if self.rows + 1 == *count {
                self.last = Some(Cursor::of(self.shape, order, row));
            }
        }
        match (&self.form, self.rows) {
            (Form::One, 0) => {
                if let Cell::Integer(version) = row.cell(Shape::VERSION) {
                    self.version = Some(version);
                }
            }
            (Form::One, _) => return ControlFlow::Break(()),
            (_, 0) => {}
            _ => self.out.push(b','),
        }
        self.rows += 1;
        match &self.hits {
            None => write_row(self.shape, row, &self.view, &mut self.out),
            Some(hits) => hits.write_row(self.shape, row, &self.view, &mut self.out),
        }
        if let Some(kept) = &mut self.kept {
            kept.row(row, self.out.len());
        }
        ControlFlow::Continue(())
    }
}
