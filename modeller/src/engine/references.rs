//! References between documents: what they point at exists, and what is pointed at does not go away.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::scope::visible;
use super::write::Steps;
use crate::model::{Cell, Code, Error, OnDelete, Result, Row, RowView, Shape, Value, Violation};
use crate::query::{Filter, Op, Operand, Path, Select};
use crate::registry::Incoming;
use crate::store::{self, Sink};

/// How many missing documents are named.
const MOST: usize = 100;

/// How many documents of a list are looked up at a time.
pub(super) const AT_ONCE: usize = 500;

impl Steps<'_, '_> {
    /// Every document that the row newly refers to exists.
    pub(super) async fn check_references(&mut self, row: &Row, old: Option<&Row>) -> Result<()> {
        let mut missing = Vec::new();
        for (index, column) in self.shape.columns.iter().enumerate() {
            let is_same = old.is_some_and(|old| old[index] == row[index]);
            if column.references.is_none() || is_same || row[index].is_null() {
                continue;
            }
            // Boxed: most models refer to nothing, and the future of every write would have room for this.
            Box::pin(self.find_missing(index, row, &mut missing)).await?;
        }
        if missing.is_empty() { Ok(()) } else { Err(Error::validation(missing)) }
    }

    /// What one field refers to, and is not there.
    async fn find_missing(&mut self, index: usize, row: &Row, missing: &mut Vec<Violation>) -> Result<()> {
        let column = &self.shape.columns[index];
        let Some(target) = &column.references else { return Ok(()) };
        // The registry has made sure that both are there.
        let Some(other) = self.engine.registry().by_id(&target.model) else { return Ok(()) };
        let Some(field) = other.index_of(&target.field) else { return Ok(()) };
        let mut referred = referred(&column.name, column.array, &row[index]);
        // It may refer to itself.
        referred.retain(|(_, value)| other.path != self.shape.path || row[field] != *value);
        if column.array {
            self.drop_known(other, field, &mut referred).await?;
        }
        for (pointer, value) in referred {
            if missing.len() == MOST {
                break;
            }
            let filter = Filter::Test(Path::column(field), Op::Eq(Operand::Cell(value)));
            if self.tx.count(other, &visible(other, filter, self.engine)).await? == 0 {
                missing.push(Violation {
                    instance_path: pointer,
                    keyword: "model".into(),
                    message: format!("must be the `{}` of an existing `{}`", target.field, target.model),
                    params: serde_json::json!({ "model": target.model, "field": target.field }),
                    schema_path: format!("#/properties/{}/model", column.name),
                });
            }
        }
        Ok(())
    }

    /// Takes out what exists, many at a time: a list may be long, and the writer has others to serve.
    async fn drop_known(
        &mut self,
        other: &'static Shape,
        field: usize,
        referred: &mut Vec<(String, Value)>,
    ) -> Result<()> {
        let mut seen = HashSet::new();
        referred.retain(|(_, value)| seen.insert(text(value.view())));
        let mut known = HashSet::new();
        for chunk in referred.chunks(AT_ONCE) {
            let operands = chunk.iter().map(|(_, value)| Operand::Cell(value.clone())).collect();
            let filter = visible(other, Filter::Test(Path::column(field), Op::In(operands)), self.engine);
            let cells = Box::new(Cells { field, texts: HashSet::new() });
            let cells = self.tx.read(&Select::filtered(other, filter), cells).await?;
            known.extend(store::sink::<Cells>(cells).texts);
        }
        referred.retain(|(_, value)| !known.contains(&text(value.view())));
        Ok(())
    }

    /// No document that refers to this one holds it.
    pub(super) async fn check_unreferenced(&mut self, row: &Row) -> Result<()> {
        for incoming in self.engine.registry().incoming(self.shape) {
            if incoming.on_delete == OnDelete::Restrict {
                self.check_incoming(incoming, row).await?;
            }
        }
        Ok(())
    }

    /// No document refers to a value that the update takes away.
    pub(super) async fn check_unreferenced_changes(&mut self, old: &Row, new: &Row) -> Result<()> {
        for incoming in self.engine.registry().incoming(self.shape) {
            if old[incoming.target] != new[incoming.target] {
                Box::pin(self.check_incoming(incoming, old)).await?;
            }
        }
        Ok(())
    }

    async fn check_incoming(&mut self, incoming: &Incoming, row: &Row) -> Result<()> {
        let value = row[incoming.target].clone();
        if value.is_null() {
            return Ok(());
        }
        let mut filter = Filter::Test(Path::column(incoming.column), Op::Eq(Operand::Cell(value)));
        if incoming.from.path == self.shape.path {
            let itself = Op::Ne(Operand::Cell(row[Shape::ID].clone()));
            filter = filter.and(Filter::Test(Path::column(Shape::ID), itself));
        }
        match self.tx.count(incoming.from, &visible(incoming.from, filter, self.engine)).await? {
            0 => Ok(()),
            _ => Err(referenced(incoming.from)),
        }
    }

    /// No document of another model holds any document of this one.
    pub(super) async fn check_all_unreferenced(&mut self) -> Result<()> {
        for incoming in self.engine.registry().incoming(self.shape) {
            let test = |op| Filter::Test(Path::column(incoming.column), op);
            let mut refers = test(Op::Exists(true));
            if incoming.from.columns[incoming.column].array {
                refers = refers.and(test(Op::Ne(Operand::Json(serde_json::json!([])))));
            }
            // References among the documents that go do not keep them.
            if incoming.on_delete == OnDelete::Restrict
                && incoming.from.path != self.shape.path
                && self.tx.count(incoming.from, &visible(incoming.from, refers, self.engine)).await? > 0
            {
                return Err(referenced(incoming.from));
            }
        }
        Ok(())
    }
}

/// The values that a cell refers to, with their places in the document.
fn referred(name: &str, array: bool, cell: &Value) -> Vec<(String, Value)> {
    let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let Some(text) = cell.as_text().filter(|_| array) else { return vec![(pointer, cell.clone())] };
    let elements: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    elements
        .into_iter()
        .enumerate()
        .filter_map(|(index, element)| {
            let value = match element {
                serde_json::Value::String(text) => Value::Text(text),
                other => Value::Integer(other.as_i64()?),
            };
            Some((format!("{pointer}/{index}"), value))
        })
        .collect()
}

pub(super) fn referenced(from: &Shape) -> Error {
    Error::new(Code::Referenced, format!("documents of `{}` refer to it", from.path))
        .with_details(serde_json::json!({ "model": from.path }))
}

/// The values of one column.
struct Cells {
    field: usize,
    texts: HashSet<String>,
}

impl Sink for Cells {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        self.texts.insert(text(row.cell(self.field)));
        ControlFlow::Continue(())
    }
}

/// A value as text, to compare values of one column.
fn text(cell: Cell<'_>) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.to_owned(),
    }
}
