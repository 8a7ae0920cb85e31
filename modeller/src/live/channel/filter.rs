//! Filters as `column=op.value`: the form that clients of change feeds know.

use crate::model::{Code, Error, Result, Shape};
use crate::query::{Access, Filter, Op, limits};

/// How many bytes such a filter has at most.
const LONGEST: usize = 32 * 1024;

/// The operators, and what they are called in other filters. Some have no counterpart.
const OPERATORS: [(&str, &str); 10] = [
    ("eq", "$eq"),
    ("neq", "$ne"),
    ("gt", "$gt"),
    ("gte", "$gte"),
    ("lt", "$lt"),
    ("lte", "$lte"),
    ("like", "$like"),
    ("in", "$in"),
    ("is", ""),
    ("not", ""),
];

/// A filter from `column=op.value`, checked against a model: a public column, or a path with dots into one that holds JSON.
///
/// - `status=eq.open`, `neq`, `gt`, `gte`, `lt`, `lte`: the column says how the value is read. All after the operator's dot belongs to it.
/// - `id=in.(a,b,c)`: a value with a comma, a parenthesis or blanks around it stands in double quotes, in which `\` takes the next
///   character literally.
/// - `name=like.A*`: `*` and `%` stand for any characters, `_` for one.
/// - `email=is.null`, `active=is.true`; `not` before an operator: `status=not.eq.open`.
///
/// As in all filters, a test of an absent value is neither true nor false: neither `age=gt.18` nor its negation selects it.
///
/// # Errors
/// `INVALID_QUERY`, with what would have been right.
pub fn parse_filter(shape: &Shape, text: &str) -> Result<Filter> {
    if text.len() > LONGEST {
        return Err(invalid(format!("a filter has {LONGEST} bytes at most")));
    }
    let (column, rest) = text.split_once('=').ok_or_else(form)?;
    test(shape, column.trim(), rest, false)
}

fn test(shape: &Shape, column: &str, rest: &str, is_negated: bool) -> Result<Filter> {
    let (name, value) = rest.split_once('.').ok_or_else(form)?;
    let Some((name, operator)) = OPERATORS.into_iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
        return Err(invalid(format!("there is no such operator; known are {}", known.join(", "))));
    };
    match name {
        "not" if is_negated => Err(invalid("`not` stands before an operator, and once".to_owned())),
        "not" => Ok(test(shape, column, value, true)?.negate()),
        "in" => among(shape, column, value),
        "is" => match value {
            "null" => pair(shape, column, "$exists", "false"),
            "true" | "false" => pair(shape, column, "$eq", value),
            _ => Err(invalid("`is` takes null, true or false".to_owned())),
        },
        "like" => pair(shape, column, operator, &value.replace('*', "%")),
        _ => pair(shape, column, operator, value),
    }
}

fn pair(shape: &Shape, column: &str, operator: &str, value: &str) -> Result<Filter> {
    Filter::parse_pairs(shape, &[(format!("{column}[{operator}]"), value)], Access::Public)
}

fn among(shape: &Shape, column: &str, list: &str) -> Result<Filter> {
    let values = values(list)?;
    let mut path = None;
    let mut operands = Vec::with_capacity(values.len());
    for value in &values {
        match pair(shape, column, "$eq", value)? {
            Filter::Test(at, Op::Eq(operand)) => {
                path = Some(at);
                operands.push(operand);
            }
            _ => return Err(form()),
        }
    }
    // The list has at least one value.
    path.map(|path| Filter::one_of(path, operands)).ok_or_else(form)
}

/// The values of `(a,"b, c",d)`.
fn values(list: &str) -> Result<Vec<String>> {
    let list = list.trim().strip_prefix('(').and_then(|list| list.strip_suffix(')'));
    let list = list.ok_or_else(|| invalid("`in` takes a list in parentheses: in.(a,b,c)".to_owned()))?;
    let mut values = Vec::new();
    let mut rest = list.chars().peekable();
    loop {
        if values.len() == limits::MAX_IN {
            return Err(invalid(format!("`in` lists {} values at most", limits::MAX_IN)));
        }
        while rest.next_if_eq(&' ').is_some() {}
        let mut value = String::new();
        if rest.next_if_eq(&'"').is_some() {
            loop {
                match rest.next() {
                    Some('"') => break,
                    Some('\\') => value.extend(rest.next()),
                    Some(character) => value.push(character),
                    None => return Err(invalid("a quoted value of `in` has no end".to_owned())),
                }
            }
            while rest.next_if_eq(&' ').is_some() {}
        } else {
            while let Some(character) = rest.next_if(|character| *character != ',') {
                value.push(character);
            }
            value.truncate(value.trim_end().len());
            if value.is_empty() || value.contains(['(', ')', '"']) {
                let message = "a value of `in` that is empty, or has parentheses or quotes in it, stands in double quotes";
                return Err(invalid(message.to_owned()));
            }
        }
        values.push(value);
        match rest.next() {
            None => return Ok(values),
            Some(',') => {}
            Some(_) => return Err(invalid("the values of `in` have commas between them".to_owned())),
        }
    }
}

fn form() -> Error {
    invalid("a filter is `column=op.value`, such as `status=eq.open` or `id=in.(a,b,c)`".to_owned())
}

fn invalid(message: String) -> Error {
    Error::new(Code::InvalidQuery, message).with_field("filter")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::{Value as Json, json};
    use validator::Validate;

    use super::*;
    use crate::Model;

    #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "shop", name = "orders")]
    struct Order {
        status: String,
        total: i64,
        price: Option<f64>,
        paid: bool,
        address: Option<Json>,
        #[model(private)]
        margin: Option<i64>,
    }

    fn shape() -> &'static Shape {
        Order::descriptor().shape()
    }

    fn wire(json: Json) -> Filter {
        Filter::parse(shape(), &json, Access::Public).unwrap()
    }

    #[test]
    fn a_filter_is_the_same_in_both_forms() {
        // LIV-22
        let same = [
            ("status=eq.open", json!({ "status": "open" })),
            ("status=eq.a.b=c", json!({ "status": "a.b=c" })),
            ("status=eq.", json!({ "status": "" })),
            ("status=neq.open", json!({ "status": { "$ne": "open" } })),
            ("total=gt.5", json!({ "total": { "$gt": 5 } })),
            ("total=gte.-5", json!({ "total": { "$gte": -5 } })),
            ("price=lt.0.5", json!({ "price": { "$lt": 0.5 } })),
            ("price=lte.1e3", json!({ "price": { "$lte": 1e3 } })),
            ("paid=eq.true", json!({ "paid": true })),
            ("paid=is.false", json!({ "paid": false })),
            ("price=is.null", json!({ "price": { "$exists": false } })),
            ("price=not.is.null", json!({ "price": { "$not": { "$exists": false } } })),
            ("status=not.eq.open", json!({ "status": { "$not": { "$eq": "open" } } })),
            ("status=like.A*b%", json!({ "status": { "$like": "A%b%" } })),
            ("status=in.(a,b,c)", json!({ "status": { "$in": ["a", "b", "c"] } })),
            (
                "status=in.( a , \"b, (c)\" ,\"d\\\"\\\\\",\"\")",
                json!({ "status": { "$in": ["a", "b, (c)", "d\"\\", ""] } }),
            ),
            ("total=in.(1,2)", json!({ "total": { "$in": [1, 2] } })),
            ("address.city=eq.Rome", json!({ "address.city": "Rome" })),
            ("_id=eq.x", json!({ "_id": "x" })),
        ];
        for (text, json) in same {
            assert_eq!(parse_filter(shape(), text).unwrap(), wire(json), "{text}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let long = format!("status=eq.{}", "x".repeat(40_000));
        let many = format!("total=in.({})", vec!["1"; 1_001].join(","));
        let bad = [
            "",
            "=",
            "status",
            "status=",
            "status=open",
            "status=eq",
            "=eq.a",
            "nothing=eq.a",
            "status=equals.a",
            "total=eq.many",
            "paid=is.maybe",
            "status=in.",
            "status=in.()",
            "status=in.(a",
            "status=in.a,b",
            "status=in.(a,)",
            "status=in.(\"a)",
            "status=in.(\"a\"b)",
            "status=in.(a(b))",
            "status=not.not.eq.a",
            "status[$ne]=eq.a",
            "address..x=eq.a",
            &long,
            &many,
        ];
        for text in bad {
            assert!(parse_filter(shape(), text).unwrap_err().is(Code::InvalidQuery), "{text}");
        }
    }

    #[test]
    fn a_private_column_is_no_column() {
        let private = parse_filter(shape(), "margin=gt.5").unwrap_err();
        let unknown = parse_filter(shape(), "merkin=gt.5").unwrap_err();
        assert_eq!(private.message().replace("margin", "x"), unknown.message().replace("merkin", "x"));
    }

    proptest! {
        #[test]
        fn any_text_gets_an_answer(text in ".{0,60}") {
            drop(parse_filter(shape(), &text));
            drop(parse_filter(shape(), &format!("status=in.{text}")));
        }

        #[test]
        fn any_value_can_be_listed(values in prop::collection::vec(".{0,12}", 1..5)) {
            let quoted: Vec<String> = values
                .iter()
                .map(|value| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            let filter = parse_filter(shape(), &format!("status=in.({})", quoted.join(","))).unwrap();
            prop_assert_eq!(filter, wire(json!({ "status": { "$in": values } })));
        }
    }
}
