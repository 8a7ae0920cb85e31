//! `export`: documents as JSON lines, `{"model": "app/user", "document": {..}}`.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use super::StartError;
use crate::engine::Engine;
use crate::model::{Code, Error, Result, RowView, Shape, Value, View, write_row};
use crate::query::{Filter, Op, Operand, Path as FieldPath, Select};
use crate::store::{Sink, sink};

/// How many documents are read or written at a time.
pub(super) const CHUNK: usize = 1_000;

/// After how many bytes there are enough documents for a time.
const CHUNK_BYTES: usize = 16 << 20;

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
    let mut output = Output::open(output)?;
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
            output.write(&lines.text)?;
            bar.inc(lines.count);
            if lines.count < CHUNK as u64 && lines.text.len() < CHUNK_BYTES {
                break;
            }
            after = lines.last;
        }
    }
    Ok(output.finish()?)
}

/// Where the lines go. A file appears under its name when it is complete.
struct Output {
    out: Box<dyn Write>,
    path: Option<PathBuf>,
    /// The file, and what it is called until then.
    partial: Option<(File, PathBuf)>,
}

impl Output {
    fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else {
            return Ok(Output { out: Box::new(BufWriter::new(io::stdout())), path: None, partial: None });
        };
        // A pipe or a device is written to as it is.
        let is_plain = fs::metadata(path).map_or(true, |found| found.is_file());
        let partial = is_plain.then(|| {
            let mut name = path.as_os_str().to_owned();
            name.push(".partial");
            PathBuf::from(name)
        });
        let Some(partial) = partial else {
            let file = File::create(path).map_err(|error| named(path, &error))?;
            return Ok(Output {
                out: Box::new(BufWriter::new(file)),
                path: Some(path.to_owned()),
                partial: None,
            });
        };
        let create = || {
            // What an export that was killed has left.
            match fs::remove_file(&partial) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = File::options();
            options.write(true).create_new(true);
            // Private fields are for nobody else's eyes.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&partial)?;
            Ok((file.try_clone()?, file))
        };
        let (out, file) = create().map_err(|error| named(&partial, &error))?;
        let out = Box::new(BufWriter::new(out));
        Ok(Output { out, path: Some(path.to_owned()), partial: Some((file, partial)) })
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        match (&self.path, self.out.write_all(text)) {
            (Some(path), Err(error)) => Err(named(path, &error)),
            (_, result) => result,
        }
    }

    fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        if let (Some(path), Some((file, partial))) = (&self.path, &self.partial) {
            // The name has to come after the data, whatever happens to the machine.
            file.sync_all().and_then(|()| fs::rename(partial, path)).map_err(|error| named(path, &error))?;
            self.partial = None;
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some((_, partial)) = &self.partial {
            // It is of no use to anybody, and nothing depends on its going.
            let _ = fs::remove_file(partial);
        }
    }
}

/// The same error, saying which file it is about.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

struct Lines {
    shape: &'static Shape,
    text: Vec<u8>,
    count: u64,
    last: Option<String>,
}

impl Sink for Lines {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        // The path of a model needs no escapes.
        for part in ["{\"model\":\"", &self.shape.path, "\",\"document\":"] {
            self.text.extend_from_slice(part.as_bytes());
        }
        write_row(self.shape, row, &View::Full, &mut self.text);
        self.text.extend_from_slice(b"}\n");
        self.count += 1;
        self.last = row.cell(Shape::ID).to_value().as_text().map(str::to_owned);
        if self.text.len() < CHUNK_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// The model with this path.
pub(super) fn find(engine: &Engine, path: &str) -> Result<&'static Shape> {
    engine.registry().by_id(path).ok_or_else(|| {
        let known: Vec<&str> = engine.registry().models().iter().map(|shape| shape.path.as_str()).collect();
        Error::new(Code::ModelNotFound, format!("no model `{path}`; there are {}", known.join(", ")))
    })
}

/// A bar on standard error, if a person is looking and nothing else is printed there. It goes when it is dropped.
pub(super) fn progress(length: Option<u64>, visible: bool) -> ProgressBar {
    if !visible || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:40} {percent}%  {elapsed} elapsed, {eta} to go"),
        None => (ProgressBar::no_length(), "{spinner} {elapsed} elapsed"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_finish(ProgressFinish::AndClear)
}
