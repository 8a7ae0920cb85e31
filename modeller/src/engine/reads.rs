//! What is read in a context: whoever knows it knows which changes would make the answer another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Arguments, Call, Cx, Operation, caught, invoke};
use crate::model::{Code, Error, Result, Row, Shape};
use crate::query::{Aggregation, Filter, Op, Select};
use crate::store::{BoxFuture, Each, Look, Sink, View};

/// So many conditions are kept for a model; behind that every change of it counts.
const MOST: usize = 64;

tokio::task_local! {
    /// Where what is read is noted that is read beside the context at hand: by another one of the same application.
    static READS: Arc<Reads>;
}

/// Where reads are noted here, if they are.
pub(super) fn current() -> Option<Arc<Reads>> {
    READS.try_with(Arc::clone).ok()
}

/// Notes what is asked of a store without a context.
pub(super) fn noted(note: impl FnOnce(&Reads)) {
    // Nobody wants to know unless a query is asked.
    let _ = READS.try_with(|reads| note(reads));
}

/// The documents that were asked for, by conditions.
#[derive(Debug, Default)]
pub(crate) struct Reads(Mutex<HashMap<&'static str, (&'static Shape, Vec<Filter>)>>);

impl Reads {
    /// The rows of these were asked for.
    pub(super) fn note_rows(&self, select: &Select) {
        self.note(select.shape, &select.filter);
        if select.search().is_some() {
            // A rank is one among all documents.
            self.add(select.shape, Filter::True);
        }
    }

    /// These were asked for.
    pub(super) fn note(&self, shape: &'static Shape, filter: &Filter) {
        let is_relational = filter.is_relational();
        if is_relational {
            filter.clone().each_related(&mut |related| self.add(related.link.to, Filter::True));
        }
        // What is asked of rows of other models can't be told from one row. What is there is asked with the time, and time goes by. Of what is
        // in the trash nothing is told but that it goes, and comes back.
        let into_trash = |at| filter.tests(at, |op| *op != Op::Exists(false));
        let is_any = is_relational || shape.expires_at.is_some() || shape.deleted_at.is_some_and(into_trash);
        self.add(shape, if is_any { Filter::True } else { filter.clone() });
    }

    fn add(&self, shape: &'static Shape, filter: Filter) {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, filters) = models.entry(&shape.path).or_insert_with(|| (shape, Vec::new()));
        if filters.first() == Some(&Filter::True) || filters.contains(&filter) {
            return;
        }
        if filter == Filter::True || filters.len() >= MOST {
            filters.clear();
            filters.push(Filter::True);
        } else {
            filters.push(filter);
        }
    }

    fn take(&self) -> Vec<(&'static Shape, Filter)> {
        let models = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let each = models.into_values();
        each.flat_map(|(shape, filters)| filters.into_iter().map(move |filter| (shape, filter))).collect()
    }

    /// The same look, noted.
    pub(super) fn noting(self: &Arc<Self>, look: Look) -> Look {
        let reads = Arc::clone(self);
        Arc::new(move |view| {
            let (look, reads) = (Arc::clone(&look), Arc::clone(&reads));
            Box::pin(async move { look(&mut Noted { view, reads: &reads }).await })
        })
    }
}

/// A view whose reads are noted.
struct Noted<'a> {
    view: &'a mut dyn View,
    reads: &'a Reads,
}

impl View for Noted<'_> {
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.reads.note_rows(select);
        self.view.read(select, sink)
    }

    fn read_each<'a>(
        &'a mut self,
        select: &'a Select,
        each: Each,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.reads.note_rows(select);
        self.view.read_each(select, each, sink)
    }

    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        self.reads.note(shape, filter);
        self.view.count(shape, filter)
    }

    fn aggregate<'a>(&'a mut self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        self.reads.note(aggregation.shape, &aggregation.filter);
        self.view.aggregate(aggregation)
    }

    fn position(&mut self) -> BoxFuture<'_, Result<u64>> {
        self.view.position()
    }
}

/// Asks a query or a reading operation, and answers what it has read, too: also when it fails.
pub(crate) async fn asked(
    cx: &Cx,
    shape: &'static Shape,
    operation: Operation,
    payload: &[u8],
) -> (Result<Vec<u8>>, Vec<(&'static Shape, Filter)>) {
    let reads = Arc::new(Reads::default());
    let cx = cx.reading().noting(reads.clone());
    let answer = async {
        match operation {
            Operation::Invoke(behaviour) => invoke::ask(&cx, behaviour, payload).await,
            _ => perform(&cx, shape, operation, payload).await,
        }
    };
    let answer = caught(READS.scope(reads.clone(), answer)).await.unwrap_or_else(|panic| {
        tracing::error!(%panic, operation = operation.name(), "a query panicked");
        Err(Error::new(Code::InternalError, "the query panicked"))
    });
    (answer, reads.take())
}

async fn perform(cx: &Cx, shape: &'static Shape, operation: Operation, payload: &[u8]) -> Result<Vec<u8>> {
    let arguments = serde_json::from_slice(payload)
        .map_err(|error| Error::new(Code::ParseError, format!("the arguments are no JSON: {error}")))?;
    let call = Call { arguments: Arguments::Json(arguments), ..Call::new(operation, shape) };
    Ok(Box::pin(cx.perform(call)).await?.body)
}
