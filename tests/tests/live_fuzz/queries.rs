//! Random queries: what somebody watches, and how the same is asked for once.

use serde_json::{Value as Json, json};

use super::random::Random;

/// The groups that items are in.
pub const GROUPS: [&str; 6] = ["ash", "birch", "cedar", "elm", "fir", "oak"];
/// How many owners there may be, and accounts there are.
pub const OWNERS: u64 = 12;
pub const ACCOUNTS: u64 = 10;
/// What an account begins with.
pub const BALANCE: i64 = 1_000;

/// A window of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub sort: &'static str,
    pub start: u64,
    pub count: u64,
}

/// What is watched.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    Documents {
        model: &'static str,
        filter: Json,
        window: Option<Window>,
        fields: Option<&'static str>,
    },
    /// The query by name, of this group.
    Sums(&'static str),
}

impl Query {
    /// All accounts: what they have together never changes.
    pub fn accounts() -> Self {
        Query::Documents { model: "depot/accounts", filter: json!({}), window: None, fields: None }
    }

    pub fn window(&self) -> Option<Window> {
        match self {
            Query::Documents { window, .. } => *window,
            Query::Sums(_) => None,
        }
    }

    /// The members that say what is asked for, by the names of `find`.
    pub fn members(&self) -> Json {
        let Query::Documents { filter, window, fields, .. } = self else { return json!({}) };
        let mut members = json!({ "query": filter });
        if let Some(fields) = fields {
            members["fields"] = json!(fields);
        }
        if let Some(Window { sort, start, count }) = window {
            members["sort"] = json!(sort);
            members["start"] = json!(start);
            members["count"] = json!(count);
        }
        members
    }

    /// How it is asked for once: method, path, body.
    pub fn once(&self) -> (&'static str, String, Json) {
        match self {
            Query::Documents { model, .. } => ("POST", format!("/{model}/find"), self.members()),
            Query::Sums(group) => ("GET", format!("/depot/items/sums?group={group}"), Json::Null),
        }
    }

    pub fn random(random: &mut Random) -> Self {
        let (model, filter, sorts): (_, _, &[&str]) = match random.below(20) {
            0..14 => {
                ("depot/items", of_items(random), &["rank", "-rank", "group,-rank", "tag", "-weight,rank"])
            }
            14..17 => ("depot/notes", of_notes(random), &["level", "-level", "text,-level", "item"]),
            17..19 => {
                let level = random.below(4);
                ("depot/owners", json!({ "level": { "$gte": level } }), &["name", "-level"])
            }
            _ => {
                let balance = 900 + random.below(200);
                ("depot/accounts", json!({ "balance": { "$lt": balance } }), &["balance", "-balance"])
            }
        };
        let window = random.once_in(2).then(|| Window {
            sort: sorts[random.below(sorts.len() as u64) as usize],
            start: if random.once_in(2) { 0 } else { random.below(12) },
            count: random.between(1, 25),
        });
        let is_of_items = model == "depot/items" && random.once_in(6);
        let fields = is_of_items.then_some("group,rank,weight");
        Query::Documents { model, filter, window, fields }
    }
}

/// Whose items: owners by their names.
pub fn owner(random: &mut Random) -> String {
    format!("owner{}", random.below(OWNERS))
}

fn of_items(random: &mut Random) -> Json {
    let rank = random.below(25);
    let groups = |random: &mut Random| json!([random.of(&GROUPS), random.of(&GROUPS)]);
    match random.below(14) {
        0 => json!({}),
        1 | 2 => json!({ "group": random.of(&GROUPS) }),
        3 => json!({ "owner": owner(random) }),
        4 => json!({ "group": random.of(&GROUPS), "done": random.once_in(2) }),
        5 => json!({ "owner": owner(random), "rank": { "$gte": rank } }),
        6 => json!({ "rank": { "$gte": rank, "$lt": rank + 4 } }),
        7 => json!({ "tag": { "$exists": true }, "group": { "$in": groups(random) } }),
        8 => json!({ "$or": [{ "group": random.of(&GROUPS) }, { "rank": { "$lt": rank } }] }),
        9 => json!({ "$not": { "group": random.of(&GROUPS) } }),
        10 => json!({ "tag": { "$like": "a%" }, "weight": { "$lte": 5.5 } }),
        11 => json!({ "weight": null }),
        12 => json!({ "weight": { "$gt": random.below(8), "$lt": 9.25 }, "done": true }),
        _ => json!({ "$nor": [{ "done": true }, { "tag": "beta" }] }),
    }
}

fn of_notes(random: &mut Random) -> Json {
    let level = random.below(25);
    match random.below(5) {
        0 => json!({}),
        1 => json!({ "text": random.of(&["new", "gone", "stirred", "said"]) }),
        2 => json!({ "item": null, "level": { "$lt": level } }),
        3 => json!({ "item": { "$exists": true } }),
        _ => json!({ "level": { "$gte": level, "$lte": level + 6 } }),
    }
}
