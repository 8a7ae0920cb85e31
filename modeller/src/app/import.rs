//! `import`: inserts documents from JSON lines, as `export` writes them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::StartError;
use super::export::{CHUNK, find, named, progress};
use crate::engine::Engine;
use crate::model::{self, Code, Error, Generated, Result, Row, Shape, Value};
use crate::store::{Answer, Tx, Work};

/// A document to insert, and where it was read.
struct Document {
    line: usize,
    shape: &'static Shape,
    row: Row,
}

/// Inserts documents under the ids they had. Each chunk is there as a whole or not at all.
pub(super) async fn import(engine: &Arc<Engine>, file: Option<&Path>) -> Result<(), StartError> {
    let (mut input, size): (Box<dyn BufRead>, _) = match file {
        Some(path) => {
            let file = File::open(path).map_err(|error| named(path, &error))?;
            let size = file.metadata().map_err(|error| named(path, &error))?.len();
            (Box::new(BufReader::new(file)), Some(size))
        }
        None => (Box::new(BufReader::new(io::stdin())), None),
    };
    let bar = progress(size, true);
    let mut chunk: Vec<Document> = Vec::new();
    let mut imported = 0;
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let length = input.read_until(b'\n', &mut text)?;
        bar.inc(length as u64);
        if !text.trim_ascii().is_empty() {
            match parse(engine, text.trim_ascii()) {
                Ok((shape, row)) => chunk.push(Document { line, shape, row }),
                Err(error) => return Err(stopped(at(line, &error), imported).into()),
            }
        }
        if chunk.len() == CHUNK || (length == 0 && !chunk.is_empty()) {
            let documents = chunk.len();
            let written = write(engine, std::mem::take(&mut chunk)).await;
            written.map_err(|error| stopped(error, imported))?;
            imported += documents;
        }
        if length == 0 {
            break;
        }
    }
    drop(bar);
    writeln!(io::stderr(), "{}", counted(imported))?;
    Ok(())
}

fn counted(documents: usize) -> String {
    match documents {
        1 => "1 document imported".into(),
        many => format!("{many} documents imported"),
    }
}

/// The same error with its place, and with all that is wrong there.
fn at(line: usize, error: &Error) -> Error {
    let mut message = format!("line {line}: {}", error.message());
    if error.violations().len() > 1 {
        for violation in error.violations() {
            message.push_str(&format!("\n  {} {}", violation.instance_path, violation.message));
        }
    }
    Error::custom(error.code().to_owned(), error.status(), message)
}

/// The same error, saying how far the import came.
fn stopped(error: Error, imported: usize) -> Error {
    let message = match imported {
        0 => format!("{}\nnothing was imported", error.message()),
        _ => format!("{}\n{} before that, and nothing after them", error.message(), counted(imported)),
    };
    Error::custom(error.code().to_owned(), error.status(), message)
}

fn parse(engine: &Engine, line: &[u8]) -> Result<(&'static Shape, Row)> {
    let malformed = || Error::new(Code::ParseError, "a line is {\"model\": \"..\", \"document\": {..}}");
    let mut line: Map<String, Json> =
        serde_json::from_str(model::check_json(line)?).map_err(|_| malformed())?;
    let (Some(Json::String(path)), Some(Json::Object(mut document)), true) =
        (line.remove("model"), line.remove("document"), line.is_empty())
    else {
        return Err(malformed());
    };
    let shape = find(engine, &path)?;
    let mut system = Vec::new();
    for (index, column) in shape.columns.iter().enumerate() {
        if column.name.starts_with('_')
            && let Some(value) = document.remove(&column.name)
        {
            let value = model::to_value(&value, column.kind).map_err(|_| {
                Error::new(Code::ValidationError, format!("/{} has a value that it can't have", column.name))
            })?;
            system.push((index, value));
        }
    }
    let fields = Json::Object(document).to_string();
    let mut row = model::accept(shape, fields.as_bytes())?.to_row(shape)?;
    for (index, value) in system {
        row[index] = value;
    }
    complete(engine, shape, &mut row)?;
    Ok((shape, row))
}

/// Gives a row what an insert would have given it, where its line did not say.
fn complete(engine: &Engine, shape: &'static Shape, row: &mut Row) -> Result<()> {
    let now = engine.clock().now();
    model::fill_generated(shape, row, now);
    let defaults = [(Shape::VERSION, 1), (Shape::CREATED_AT, now), (Shape::UPDATED_AT, now)];
    for (index, default) in defaults {
        if row[index].is_null() {
            row[index] = Value::Integer(default);
        }
    }
    if row[Shape::VERSION].as_integer().is_none_or(|version| version < 1) {
        return Err(Error::new(Code::ValidationError, "/_version must be >= 1"));
    }
    if let (Some(index), Some(ttl)) = (shape.expires_at, shape.descriptor.ttl)
        && row[index].is_null()
    {
        let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        row[index] = Value::Integer(now.saturating_add(ttl));
    }
    let key = model::id_of(shape, row);
    match (row[Shape::ID].as_text().filter(|id| !id.is_empty()), key) {
        (Some(id), Some(key)) if id != key => {
            Err(Error::new(Code::ValidationError, format!("/_id must be the document's key, \"{key}\"")))
        }
        (Some(_), _) => Ok(()),
        // A key that is a number of the store's is known when it is written.
        (None, None) if shape.key.is_some() => Ok(()),
        (None, key) => {
            row[Shape::ID] = Value::Text(key.unwrap_or_else(model::new_id));
            Ok(())
        }
    }
}

async fn write(engine: &Arc<Engine>, documents: Vec<Document>) -> Result<()> {
    let work = Work {
        single: false,
        actor: Some("import".into()),
        steps: Box::new(move |tx| {
            Box::pin(async move {
                for Document { line, shape, row } in documents {
                    insert(tx, shape, row).await.map_err(|error| at(line, &error))?;
                }
                Ok(Box::new(()) as Answer)
            })
        }),
    };
    engine.store().write(work).await.map(drop)
}

async fn insert(tx: &mut dyn Tx, shape: &'static Shape, mut row: Row) -> Result<()> {
    for (index, column) in shape.columns.iter().enumerate() {
        if column.generated == Some(Generated::Autoincrement)
            && matches!(row[index], Value::Null | Value::Integer(0))
        {
            row[index] = Value::Integer(tx.next(shape, index).await?);
        }
    }
    match model::id_of(shape, &row) {
        // The key is the id, whatever stands beside it.
        Some(id) => row[Shape::ID] = Value::Text(id),
        None if row[Shape::ID].as_text().is_none_or(str::is_empty) => {
            row[Shape::ID] = Value::Text(model::new_id());
        }
        None => {}
    }
    tx.insert(shape, &row).await
}
