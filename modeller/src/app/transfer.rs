//! Export and import as JSON lines: `{"model": "app/user", "document": {..}}`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal as _, Write};
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value as Json};

use super::StartError;
use crate::engine::Engine;
use crate::model::{self, Code, Error, Result, Row, RowView, Shape, Value, View, write_row};
use crate::query::{Filter, Op, Operand, Path as FieldPath, Select};
use crate::store::{Answer, Sink, Work, sink};

/// How many documents are read or written at a time.
const CHUNK: usize = 1_000;

/// Writes the documents of one model, or of all, private fields and trash included.
pub(super) async fn export(
    engine: &Arc<Engine>,
    model: Option<&str>,
    output: Option<&Path>,
) -> Result<(), StartError> {
    let models = match model {
        Some(path) => vec![find(engine, path)?],
        None => engine.registry().models().to_vec(),
    };
    let mut total = 0;
    for shape in &models {
        total += engine.store().count(shape, &Filter::True).await?;
    }
    let bar = progress(Some(total), output.is_some() || !io::stdout().is_terminal());
    let mut out: Box<dyn Write> = match output {
        Some(path) => Box::new(BufWriter::new(File::create(path)?)),
        None => Box::new(BufWriter::new(io::stdout())),
    };
    for shape in models {
        let mut after: Option<String> = None;
        loop {
            let mut select = Select { count: Some(CHUNK as u64), ..Select::all(shape) };
            if let Some(id) = &after {
                let path = FieldPath::column(Shape::ID);
                select.filter = Filter::Test(path, Op::Gt(Operand::Cell(Value::Text(id.clone()))));
            }
            let lines = Box::new(Lines { shape, text: Vec::new(), count: 0, last: None });
            let lines: Lines = sink(engine.store().read(&select, lines).await?);
            out.write_all(&lines.text)?;
            bar.inc(lines.count);
            if lines.count < CHUNK as u64 {
                break;
            }
            after = lines.last;
        }
    }
    out.flush()?;
    bar.finish_and_clear();
    Ok(())
}

struct Lines {
    shape: &'static Shape,
    text: Vec<u8>,
    count: u64,
    last: Option<String>,
}

impl Sink for Lines {
    fn row(&mut self, row: &dyn RowView) {
        self.text.extend_from_slice(format!("{{\"model\":\"{}\",\"document\":", self.shape.path).as_bytes());
        write_row(self.shape, row, &View::Full, &mut self.text);
        self.text.extend_from_slice(b"}\n");
        self.count += 1;
        self.last = row.cell(Shape::ID).to_value().as_text().map(str::to_owned);
    }
}

/// Inserts documents under the ids they had. Each chunk is there as a whole or not at all.
pub(super) async fn import(engine: &Arc<Engine>, file: Option<&Path>) -> Result<(), StartError> {
    let (input, size): (Box<dyn BufRead>, _) = match file {
        Some(path) => {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            (Box::new(BufReader::new(file)), Some(size))
        }
        None => (Box::new(BufReader::new(io::stdin())), None),
    };
    let bar = progress(size, true);
    let mut chunk: Vec<(&'static Shape, Row)> = Vec::new();
    let mut documents = 0_usize;
    for (number, line) in input.lines().enumerate() {
        let line = line?;
        bar.inc(line.len() as u64 + 1);
        if line.trim().is_empty() {
            continue;
        }
        chunk.push(parse(engine, &line).map_err(|error| at(number, error))?);
        documents += 1;
        if chunk.len() == CHUNK {
            write(engine, std::mem::take(&mut chunk)).await.map_err(|error| near(number, error))?;
        }
    }
    write(engine, chunk).await?;
    bar.finish_and_clear();
    writeln!(io::stderr(), "{documents} documents imported")?;
    Ok(())
}

fn at(line: usize, error: Error) -> Error {
    let mut message = format!("line {}: {}", line + 1, error.message());
    for violation in error.violations() {
        message.push_str(&format!("\n  {} {}", violation.instance_path, violation.message));
    }
    Error::custom(error.code().to_owned(), error.status(), message)
}

fn near(line: usize, error: Error) -> Error {
    let message = format!("in the {CHUNK} documents up to line {}: {}", line + 1, error.message());
    Error::custom(error.code().to_owned(), error.status(), message)
}

fn parse(engine: &Engine, line: &str) -> Result<(&'static Shape, Row)> {
    let malformed = || Error::new(Code::ParseError, "a line is {\"model\": \"..\", \"document\": {..}}");
    model::check_json(line.as_bytes())?;
    let mut line: Map<String, Json> = serde_json::from_str(line).map_err(|_| malformed())?;
    let (Some(Json::String(path)), Some(Json::Object(mut document))) =
        (line.remove("model"), line.remove("document"))
    else {
        return Err(malformed());
    };
    let shape = find(engine, &path)?;
    let mut system = Vec::new();
    for (index, column) in shape.columns.iter().enumerate() {
        if column.name.starts_with('_')
            && let Some(value) = document.remove(&column.name)
        {
            system.push((index, model::to_value(&value, column.kind)?));
        }
    }
    let fields = Json::Object(document).to_string();
    let mut row = model::accept(shape, fields.as_bytes())?.to_row(shape)?;
    for (index, value) in system {
        row[index] = value;
    }
    let now = engine.clock().now();
    model::fill_generated(shape, &mut row, now);
    let defaults = [
        (Shape::VERSION, Value::Integer(1)),
        (Shape::CREATED_AT, Value::Integer(now)),
        (Shape::UPDATED_AT, Value::Integer(now)),
    ];
    for (index, default) in defaults {
        if row[index].as_integer().is_none() {
            row[index] = default;
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
    Ok((shape, row))
}

async fn write(engine: &Arc<Engine>, rows: Vec<(&'static Shape, Row)>) -> Result<()> {
    let work = Work {
        single: false,
        actor: Some("import".into()),
        steps: Box::new(move |tx| {
            Box::pin(async move {
                for (shape, row) in &rows {
                    tx.insert(shape, row).await?;
                }
                Ok(Box::new(()) as Answer)
            })
        }),
    };
    engine.store().write(work).await.map(drop)
}

fn find(engine: &Engine, path: &str) -> Result<&'static Shape> {
    engine.registry().by_id(path).ok_or_else(|| {
        let known: Vec<&str> = engine.registry().models().iter().map(|shape| shape.path.as_str()).collect();
        Error::new(Code::ModelNotFound, format!("no model `{path}`; there are {}", known.join(", ")))
    })
}

/// A bar on standard error, if a person is looking and nothing else is printed there.
fn progress(length: Option<u64>, visible: bool) -> ProgressBar {
    if !visible || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}%  {elapsed} elapsed, {eta} to go") {
        bar.set_style(style);
    }
    bar
}
