//! Random operations over HTTP do what a list in memory does, and the change log undone backwards is the past.

use std::collections::BTreeMap;

use modeller::model::{Row, to_row};
use modeller::query::{Access, Order, parse_order};
use modeller::store::{Change, ChangeOp, Rows};
use proptest::prelude::*;

use super::*;

/// Something with a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "lab", name = "things", trash = "30d")]
pub struct Thing {
    #[model(unique)]
    pub name: String,
    #[validate(range(max = 5))]
    pub n: Option<i64>,
    #[serde(default)]
    pub tags: Vec<String>,
}

const PATH: &str = "/lab/things";
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

#[derive(Clone, Debug)]
enum Op {
    Insert(Json),
    Update(Json, Json),
    Upsert(Json),
    Delete(Json),
    Restore(Json),
    Clear,
    List { filter: Json, sort: &'static str, start: usize, count: usize },
    Count(Json),
    Batch(Vec<Op>),
}

fn shape() -> &'static Shape {
    Thing::descriptor().shape()
}

/// What was refused: status and code.
type Refusal = (u16, &'static str);

/// All documents, those in the trash too, in the order of their ids.
#[derive(Clone, Default)]
struct Memory {
    rows: Vec<Row>,
    now: i64,
    fresh: usize,
}

impl Memory {
    fn deleted(row: &Row) -> bool {
        !row[shape().deleted_at.unwrap()].is_null()
    }

    fn json(row: &Row) -> Json {
        let mut out = Vec::new();
        modeller::model::write_row(shape(), row, &modeller::model::View::Public, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    fn find(&self, filter: &Json, trashed: bool) -> Vec<usize> {
        let filter = Filter::parse(shape(), filter, Access::Public).unwrap();
        (0..self.rows.len())
            .filter(|&at| Self::deleted(&self.rows[at]) == trashed && filter.matches(shape(), &self.rows[at]))
            .collect()
    }

    /// Whether a filter of these tests names one document.
    fn pins(filter: &Json) -> bool {
        // Not of not of a filter is that filter.
        if let Some(inner) = filter.pointer("/$not/$not") {
            return Self::pins(inner);
        }
        filter.get("name").is_some_and(Json::is_string) || filter.get("_id").is_some()
    }

    fn check(&self, row: &Row, except: Option<usize>) -> Result<(), Refusal> {
        let n = shape().index_of("n").unwrap();
        if row[n].as_integer().is_some_and(|n| n > 5) {
            return Err((400, "VALIDATION_ERROR"));
        }
        let name = shape().index_of("name").unwrap();
        let taken = |at: usize| {
            Some(at) != except && !Self::deleted(&self.rows[at]) && self.rows[at][name] == row[name]
        };
        if (0..self.rows.len()).any(taken) { Err((409, "UNIQUE_VIOLATION")) } else { Ok(()) }
    }

    fn add(&mut self, data: &Json) -> Result<usize, Refusal> {
        let thing: Thing = serde_json::from_value(data.clone()).unwrap();
        let mut row = to_row(&thing, shape()).unwrap();
        self.fresh += 1;
        // Sorts after all ids that a server gives.
        row[Shape::ID] = format!("~{:05}", self.fresh).into();
        row[Shape::VERSION] = 1.into();
        row[Shape::CREATED_AT] = self.now.into();
        row[Shape::UPDATED_AT] = self.now.into();
        self.check(&row, None)?;
        self.rows.push(row);
        Ok(self.rows.len() - 1)
    }

    fn patch(&mut self, at: usize, data: &Json) -> Result<(), Refusal> {
        let mut row = self.rows[at].clone();
        let mut thing =
            serde_json::to_value(modeller::model::from_row::<Thing>(shape(), &row).unwrap()).unwrap();
        for (name, value) in data.as_object().unwrap() {
            thing[name] = value.clone();
        }
        let thing: Thing = serde_json::from_value(thing).unwrap();
        let fields = to_row(&thing, shape()).unwrap();
        for index in Shape::FIELDS..Shape::FIELDS + 3 {
            row[index] = fields[index].clone();
        }
        self.touch(&mut row);
        self.check(&row, Some(at))?;
        self.rows[at] = row;
        Ok(())
    }

    fn touch(&self, row: &mut Row) {
        row[Shape::VERSION] = (row[Shape::VERSION].as_integer().unwrap() + 1).into();
        row[Shape::UPDATED_AT] = self.now.into();
    }

    fn answer(&self, filter: &Json, found: &[usize]) -> Result<Json, Refusal> {
        let mut all: Vec<Json> = found.iter().map(|&at| Self::json(&self.rows[at])).collect();
        match (Self::pins(filter), all.len()) {
            (true, 0) => Err((404, "NOT_FOUND")),
            (true, 1) => Ok(all.remove(0)),
            (true, _) => unreachable!("a name is unique"),
            _ => Ok(all.into()),
        }
    }

    /// Does it, or nothing of it.
    fn run(&mut self, op: &Op) -> Result<Json, Refusal> {
        let before = self.clone();
        let result = self.steps(op);
        if result.is_err() {
            let fresh = self.fresh;
            *self = Memory { fresh, ..before };
        }
        result
    }

    fn steps(&mut self, op: &Op) -> Result<Json, Refusal> {
        let deleted_at = shape().deleted_at.unwrap();
        match op {
            Op::Insert(data) => self.add(data).map(|at| Self::json(&self.rows[at])),
            Op::Update(filter, data) => {
                let found = self.find(filter, false);
                for &at in &found {
                    self.patch(at, data)?;
                }
                let answer = self.answer(filter, &found)?;
                // A patch is checked even where there is nothing to change.
                match data["n"].as_i64() {
                    Some(n) if found.is_empty() && n > 5 => Err((400, "VALIDATION_ERROR")),
                    _ => Ok(answer),
                }
            }
            Op::Upsert(data) => {
                if data["n"].as_i64().is_some_and(|n| n > 5) {
                    return Err((400, "VALIDATION_ERROR"));
                }
                match self.find(&json!({"name": data["name"]}), false).first() {
                    Some(&at) => self.patch(at, data).map(|()| Self::json(&self.rows[at])),
                    None => self.add(data).map(|at| Self::json(&self.rows[at])),
                }
            }
            Op::Delete(filter) => {
                let found = self.find(filter, false);
                for &at in &found {
                    let mut row = self.rows[at].clone();
                    self.touch(&mut row);
                    row[deleted_at] = self.now.into();
                    self.rows[at] = row;
                }
                self.answer(filter, &found)
            }
            Op::Restore(filter) => {
                let found = self.find(filter, true);
                if Self::pins(filter) && found.len() > 1 {
                    return Err((409, "CONFLICT"));
                }
                for &at in &found {
                    let mut row = self.rows[at].clone();
                    row[deleted_at] = modeller::model::Value::Null;
                    self.touch(&mut row);
                    self.check(&row, Some(at))?;
                    self.rows[at] = row;
                }
                self.answer(filter, &found)
            }
            Op::Clear => {
                let found = self.find(&json!({}), false);
                let deleted = found.len();
                self.steps(&Op::Delete(json!({}))).map(|_| json!({ "deleted": deleted }))
            }
            Op::List { filter, sort, start, count } => {
                let order: Vec<Order> = parse_order(shape(), &json!(sort), Access::Public).unwrap();
                let mut found = self.find(filter, false);
                found.sort_by(|&a, &b| {
                    modeller::query::compare(shape(), &order, &self.rows[a], &self.rows[b])
                });
                Ok(found.iter().skip(*start).take(*count).map(|&at| Self::json(&self.rows[at])).collect())
            }
            Op::Count(filter) => Ok(self.find(filter, false).len().into()),
            Op::Batch(ops) => {
                // A payload that is not valid is refused before anything is done.
                let invalid = |op: &Op| match op {
                    Op::Insert(data) | Op::Upsert(data) => data["n"].as_i64().is_some_and(|n| n > 5),
                    _ => false,
                };
                if ops.iter().any(invalid) {
                    return Err((400, "VALIDATION_ERROR"));
                }
                let mut results = Vec::new();
                for (index, op) in ops.iter().enumerate() {
                    results.push(json!({"index": index, "data": self.steps(op)?}));
                }
                Ok(json!({ "results": results }))
            }
        }
    }

    /// Takes over the ids that the server gave.
    fn learn(&mut self, ours: &Json, theirs: &Json) {
        match (ours, theirs) {
            (Json::Object(a), Json::Object(b)) => {
                if let (Some(Json::String(a)), Some(Json::String(b))) = (a.get("_id"), b.get("_id"))
                    && a.starts_with('~')
                {
                    for row in &mut self.rows {
                        if row[Shape::ID].as_text() == Some(a) {
                            row[Shape::ID] = b.as_str().into();
                        }
                    }
                }
                a.iter().for_each(|(name, a)| self.learn(a, b.get(name).unwrap_or(&Json::Null)));
            }
            (Json::Array(a), Json::Array(b)) => a.iter().zip(b).for_each(|(a, b)| self.learn(a, b)),
            _ => {}
        }
    }
}

/// The same, whatever new ids are.
fn alike(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::String(a), Json::String(b)) => a == b || a.starts_with('~'),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}

async fn send(client: &mut Client, op: &Op) -> Answer {
    match op {
        Op::Insert(data) => client.post(&format!("{PATH}/insert"), data).await,
        Op::Update(filter, data) => client.put(&format!("{PATH}/update?{}", query(filter)), data).await,
        Op::Upsert(data) => client.post(&format!("{PATH}/upsert"), data).await,
        Op::Delete(filter) => client.delete(&format!("{PATH}/delete?{}", query(filter))).await,
        Op::Restore(filter) => {
            client.send("POST", &format!("{PATH}/restore?{}", query(filter)), &[], b"").await
        }
        Op::Clear => client.send("POST", &format!("{PATH}/clear"), &[], b"").await,
        Op::List { filter, sort, start, count } => {
            client
                .get(&format!("{PATH}/list?sort={sort}&start={start}&count={count}&{}", query(filter)))
                .await
        }
        Op::Count(filter) => client.get(&format!("{PATH}/count?{}", query(filter))).await,
        Op::Batch(ops) => {
            let operations: Vec<Json> = ops.iter().map(batched).collect();
            client.post(&format!("{PATH}/batch"), &json!({ "operations": operations })).await
        }
    }
}

fn batched(op: &Op) -> Json {
    match op {
        Op::Insert(data) => json!({"op": "insert", "data": data}),
        Op::Update(filter, data) => json!({"op": "update", "query": filter, "data": data}),
        Op::Upsert(data) => json!({"op": "upsert", "data": data}),
        Op::Delete(filter) => json!({"op": "delete", "query": filter}),
        Op::Restore(filter) => json!({"op": "restore", "query": filter}),
        Op::Count(filter) => json!({"op": "count", "query": filter}),
        Op::Clear | Op::List { .. } | Op::Batch(_) => unreachable!("not in a batch"),
    }
}

fn data() -> impl Strategy<Value = Json> {
    let n = prop_oneof![3 => (0..6_i64).prop_map(Json::from), 1 => Just(Json::Null), 1 => Just(json!(6))];
    let tags = proptest::collection::vec(prop_oneof![Just("x"), Just("y")], 0..3);
    (proptest::sample::select(&NAMES[..]), n, tags)
        .prop_map(|(name, n, tags)| json!({"name": name, "n": n, "tags": tags}))
}

fn patch() -> impl Strategy<Value = Json> {
    prop_oneof![
        3 => (0..6_i64).prop_map(|n| json!({ "n": n })),
        1 => Just(json!({"n": null, "tags": ["z"]})),
        1 => Just(json!({"n": 9})),
        2 => proptest::sample::select(&NAMES[..]).prop_map(|name| json!({ "name": name })),
    ]
}

fn filter() -> impl Strategy<Value = Json> {
    let test = prop_oneof![
        4 => proptest::sample::select(&NAMES[..]).prop_map(|name| json!({ "name": name })),
        1 => (0..6_i64).prop_map(|n| json!({"n": {"$gte": n}})),
        1 => (0..6_i64).prop_map(|n| json!({"n": {"$ne": n}})),
        1 => Just(json!({"n": null})),
        1 => Just(json!({"tags": "x"})),
        1 => Just(json!({"name": {"$in": ["a", "b", "c"]}})),
        1 => Just(json!({"_id": "none"})),
    ];
    test.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"$or": [a, b]})),
            inner.prop_map(|a| json!({"$not": a})),
        ]
    })
}

fn simple() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => data().prop_map(Op::Insert),
        4 => (filter(), patch()).prop_map(|(filter, patch)| Op::Update(filter, patch)),
        3 => data().prop_map(Op::Upsert),
        3 => filter().prop_map(Op::Delete),
        3 => filter().prop_map(Op::Restore),
        2 => filter().prop_map(Op::Count),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let sort = proptest::sample::select(&["", "name", "-n", "n,-name", "-_createdAt"][..]);
    let list = (filter(), sort, 0..3_usize, 0..6_usize).prop_map(|(filter, sort, start, count)| Op::List {
        filter,
        sort,
        start,
        count,
    });
    let op = prop_oneof![
        12 => simple(),
        3 => list,
        2 => proptest::collection::vec(simple(), 1..5).prop_map(Op::Batch),
        1 => Just(Op::Clear),
    ];
    proptest::collection::vec(op, 1..40)
}

/// What is there, by id.
async fn present(server: &Server) -> BTreeMap<String, Row> {
    let deleted_at = modeller::query::Path::column(shape().deleted_at.unwrap());
    let live = Filter::Test(deleted_at, modeller::query::Op::Exists(false));
    let select = Select::filtered(shape(), live);
    let rows = server.engine().store().read(&select, Rows::of(shape())).await.unwrap();
    let rows: Rows = modeller::store::sink(rows);
    rows.rows.into_iter().map(|row| (row[Shape::ID].as_text().unwrap().to_owned(), row)).collect()
}

fn undo(state: &mut BTreeMap<String, Row>, change: &Change) {
    match change.op {
        ChangeOp::Insert => {
            state.remove(&change.id).expect("what was inserted is there");
        }
        ChangeOp::Update => {
            let row = state.get_mut(&change.id).expect("what was updated is there");
            for (index, value) in &change.old {
                row[*index] = value.clone();
            }
        }
        ChangeOp::Delete => {
            let mut row = Row(vec![modeller::model::Value::Null; shape().columns.len()]);
            for (index, value) in &change.old {
                row[*index] = value.clone();
            }
            assert!(state.insert(change.id.clone(), row).is_none(), "what was deleted is not there");
        }
    }
}

async fn agree(ops: &[Op]) {
    let server = start::<(Thing,)>().await;
    let mut client = server.client().await;
    let mut memory = Memory { now: START, ..Memory::default() };
    let mut past = vec![(0, BTreeMap::new())];
    for op in ops {
        server.clock.advance(std::time::Duration::from_millis(1));
        memory.now += 1;
        let answer = send(&mut client, op).await;
        match memory.run(op) {
            Ok(expected) => {
                let given = answer.json();
                assert!(answer.status < 300, "{op:?} gave {given}, not {expected}");
                assert!(alike(&expected, &given), "{op:?} gave {given}, not {expected}");
                memory.learn(&expected, &given);
            }
            Err((status, code)) => {
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (status, code),
                    "{op:?} gave {}",
                    answer.json()
                );
            }
        }
        let now = present(&server).await;
        let expected: Vec<&Row> = memory.rows.iter().filter(|row| !Memory::deleted(row)).collect();
        let mut known: Vec<&Row> = now.values().collect();
        known.sort_by(|a, b| a[Shape::ID].as_text().cmp(&b[Shape::ID].as_text()));
        assert_eq!(known, expected, "after {op:?}");
        let seq =
            server.engine().store().changes(0, usize::MAX).await.unwrap().last().map_or(0, |last| last.seq);
        past.push((seq, now));
    }
    let mut changes = server.engine().store().changes(0, usize::MAX).await.unwrap();
    let mut state = present(&server).await;
    for (seq, then) in past.iter().rev() {
        while changes.last().is_some_and(|last| last.seq > *seq) {
            undo(&mut state, &changes.pop().unwrap());
        }
        assert_eq!(&state, then, "at {seq}");
    }
    assert!(state.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_server_and_a_list_in_memory_give_the_same_answers(ops in ops()) {
        // PER-08, QRY-01, QRY-05, QRY-06, QRY-12
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(agree(&ops));
    }
}
