//! From JSON to a procedure, with all that is wrong with it.

use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::Procedures;
use super::condition;
use super::definition::{Definition, Step};
use super::faults::{Faults, below};
use super::reference::{INPUT, Names};
use super::{input, operation, values};
use crate::model::Result;
use crate::registry::Registry;

const MEMBERS: [&str; 6] = ["name", "description", "input", "steps", "output", "timeoutMs"];

/// What a step can be, and what goes with it. An operation is checked by those who carry it out.
const KINDS: [(&str, &[&str]); 4] =
    [("op", &[]), ("if", &["if", "then", "else"]), ("throw", &["throw"]), ("return", &["return"])];

impl Definition {
    /// The procedure that JSON says.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all its faults.
    pub(super) fn parse(registry: &Registry, json: &Json) -> Result<Self> {
        let mut faults = Faults::default();
        let Some(members) = json.as_object() else {
            faults.add(
                "",
                "type",
                "a procedure is an object: {name, description?, input?, steps, output?, timeoutMs?}",
            );
            return faults.unless_any(None);
        };
        for member in members.keys().filter(|member| !MEMBERS.contains(&member.as_str())) {
            faults.unknown(
                &below("", member),
                "procedure",
                "member of a procedure",
                member,
                MEMBERS.into_iter(),
            );
        }
        let name = name(members.get("name"), &mut faults);
        let description = match members.get("description") {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) => Some(text.clone()),
            Some(_) => {
                faults.add("/description", "type", "a description is text");
                None
            }
        };
        let timeout = timeout(members.get("timeoutMs"), &mut faults);
        let inputs = input::parse(members.get("input"), &mut faults);
        let mut parser = Parser { registry, names: Names::of(&inputs), faults, count: 0 };
        let steps = match members.get("steps") {
            Some(Json::Array(list)) if !list.is_empty() => parser.steps(list, "/steps", 0),
            _ => {
                parser.faults.add("/steps", "type", "`steps` is a list of at least one step");
                Vec::new()
            }
        };
        if parser.count > Procedures::MAX_STEPS {
            let message =
                format!("a procedure has at most {} steps; here are {}", Procedures::MAX_STEPS, parser.count);
            parser.faults.add("/steps", "maxSteps", message);
        }
        let output = members.get("output").cloned().unwrap_or_default();
        values::check(&output, "/output", &parser.names, &mut parser.faults);
        let faults = parser.faults;
        faults.unless_any(Some(Definition { name, description, inputs, steps, output, timeout }))
    }
}

fn name(json: Option<&Json>, faults: &mut Faults) -> String {
    let name = json.and_then(Json::as_str).unwrap_or_default();
    let is_good = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !is_good {
        let message =
            "a procedure needs a `name` of 1 to 64 letters, digits, `_` and `-`; the first is a letter";
        faults.add("/name", "name", message);
    }
    name.to_owned()
}

fn timeout(json: Option<&Json>, faults: &mut Faults) -> Duration {
    let most = Procedures::DEFAULT_TIMEOUT;
    let Some(json) = json else { return most };
    match json.as_u64().map(Duration::from_millis).filter(|time| !time.is_zero() && *time <= most) {
        Some(time) => time,
        None => {
            let message =
                format!("`timeoutMs` is a whole number of milliseconds from 1 to {}", most.as_millis());
            faults.add("/timeoutMs", "timeoutMs", message);
            most
        }
    }
}

struct Parser<'a> {
    registry: &'a Registry,
    names: Names<'a>,
    faults: Faults,
    count: usize,
}

impl Parser<'_> {
    fn steps(&mut self, list: &[Json], at: &str, depth: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        for (index, json) in list.iter().enumerate() {
            self.count += 1;
            // The rest would only cost time.
            if self.count <= Procedures::MAX_STEPS {
                steps.extend(self.step(json, &format!("{at}/{index}"), depth));
            }
        }
        steps
    }

    fn step(&mut self, json: &Json, at: &str, depth: usize) -> Option<Step> {
        let kinds = || KINDS.iter().map(|(kind, _)| *kind);
        let Some(members) = json.as_object() else {
            self.faults.add(at, "type", "a step is an object with `op`, `if`, `throw` or `return`");
            return None;
        };
        let mut found = KINDS.iter().filter(|(kind, _)| members.contains_key(*kind));
        let (kind, known) = match (found.next(), found.next()) {
            (Some(kind), None) => *kind,
            (Some((one, _)), Some((other, _))) => {
                self.faults.add(at, "step", format!("a step is one thing: `{one}`, or `{other}`"));
                return None;
            }
            (None, _) => {
                match members.keys().next() {
                    Some(name) => self.faults.unknown(at, "step", "step", name, kinds()),
                    None => self.faults.add(at, "step", "a step has `op`, `if`, `throw` or `return`"),
                }
                return None;
            }
        };
        if kind == "op" {
            return self.operation(members, at);
        }
        for member in members.keys().filter(|member| !known.contains(&member.as_str())) {
            let what = format!("member of an `{kind}`");
            self.faults.unknown(&below(at, member), "step", &what, member, known.iter().copied());
        }
        match kind {
            "if" => self.either(members, at, depth),
            "throw" => self.throw(&members["throw"], &below(at, "throw")),
            _ => {
                let value = &members["return"];
                values::check(value, &below(at, "return"), &self.names, &mut self.faults);
                Some(Step::Return(value.clone()))
            }
        }
    }

    fn operation(&mut self, members: &Map<String, Json>, at: &str) -> Option<Step> {
        let mut members = members.clone();
        let keep = members.shift_remove("as");
        let form = operation::check(self.registry, &members, at, &self.names, &mut self.faults);
        let keep = match keep {
            None => None,
            Some(Json::String(name)) if is_name(&name) => {
                self.names.bind(&name, form);
                Some(name)
            }
            Some(_) => {
                let message =
                    "`as` is a name of letters, digits and `_` that begins with a letter, and not `input`";
                self.faults.add(&below(at, "as"), "as", message);
                None
            }
        };
        Some(Step::Operation { at: at.to_owned(), members, keep })
    }

    fn either(&mut self, members: &Map<String, Json>, at: &str, depth: usize) -> Option<Step> {
        if depth >= Procedures::MAX_CONDITION_DEPTH {
            let message = format!("an `if` stands in at most {} others", Procedures::MAX_CONDITION_DEPTH - 1);
            self.faults.add(at, "depth", message);
            return None;
        }
        let condition = condition::parse(&members["if"], &below(at, "if"), 1, &self.names, &mut self.faults);
        let mut branch = |name: &str| match members.get(name) {
            None if name == "else" => Vec::new(),
            Some(Json::Array(list)) => self.steps(list, &below(at, name), depth + 1),
            _ => {
                self.faults.add(&below(at, name), "step", format!("`{name}` is a list of steps"));
                Vec::new()
            }
        };
        let (then, otherwise) = (branch("then"), branch("else"));
        Some(Step::If { condition: condition?, then, otherwise })
    }

    fn throw(&mut self, json: &Json, at: &str) -> Option<Step> {
        const KNOWN: [&str; 4] = ["code", "message", "status", "details"];
        let Some(members) = json.as_object() else {
            self.faults.add(at, "throw", "`throw` is {code, message, status?, details?}");
            return None;
        };
        for member in members.keys().filter(|member| !KNOWN.contains(&member.as_str())) {
            self.faults.unknown(
                &below(at, member),
                "throw",
                "member of a `throw`",
                member,
                KNOWN.into_iter(),
            );
        }
        let text = |name: &str| members.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let (code, message) = (text("code"), text("message"));
        let of_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if code.len() > 64
            || !code.starts_with(|c: char| c.is_ascii_uppercase())
            || !code.chars().all(of_code)
        {
            self.faults.add(&below(at, "code"), "code", "a code is written as `OUT_OF_STOCK`");
        }
        if message.is_empty() {
            self.faults.add(&below(at, "message"), "message", "an error needs a message, for people");
        }
        let status = match members.get("status") {
            None => 400,
            Some(status) => match status.as_u64().and_then(|status| u16::try_from(status).ok()) {
                Some(status @ 400..=499) => status,
                _ => {
                    self.faults.add(
                        &below(at, "status"),
                        "status",
                        "the status of an error is one from 400 to 499",
                    );
                    400
                }
            },
        };
        let details = members.get("details").cloned();
        if let Some(details) = &details {
            values::check(details, &below(at, "details"), &self.names, &mut self.faults);
        }
        Some(Step::Throw { code, message, status, details })
    }
}

fn is_name(name: &str) -> bool {
    name != INPUT
        && name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
