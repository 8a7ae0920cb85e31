use super::*;
use crate::model::Row;
use crate::query::fixture::{column, other_shape, shape};

fn by(names: &[(&str, bool)]) -> Vec<Order> {
    let key = |&(name, descending): &(&str, bool)| Order { path: Path::column(column(name)), descending };
    names.iter().map(key).collect()
}

fn row() -> Row {
    let mut row = Row(vec![Value::Null; shape().columns.len()]);
    row[Shape::ID] = Value::from("id-7");
    row[column("age")] = Value::Integer(i64::MIN);
    row[column("ratio")] = Value::Number(-0.1);
    row[column("name")] = Value::from("ä\0\"");
    row
}

fn test(name: &str, op: Op) -> Filter {
    Filter::Test(Path::column(column(name)), op)
}

#[test]
fn a_cursor_survives_being_text() {
    // QRY-14
    let order = by(&[("age", false), ("ratio", true), ("name", false), ("note", false)]);
    let seal = Seal { key: &[1; 32], shape: shape(), filter: &Filter::True, order: &order, identity: "ada" };
    let cursor = Cursor::of(shape(), &order, &row());
    let text = cursor.encode(&seal);
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    assert_eq!(Cursor::decode(&text, &seal).unwrap(), cursor);
}

#[test]
fn a_cursor_is_good_for_one_question_only() {
    let (order, other_order) = (by(&[("age", false)]), by(&[("age", true)]));
    let filter = test("age", Op::Gt(Value::Integer(1).into())).and(test("note", Op::Exists(true)));
    let same = test("note", Op::Exists(true)).and(test("age", Op::Gt(Value::Integer(1).into())));
    let other = test("age", Op::Gt(Value::Integer(2).into())).and(test("note", Op::Exists(true)));
    let seal = Seal { key: &[1; 32], shape: shape(), filter: &filter, order: &order, identity: "ada" };
    let text = Cursor::of(shape(), &order, &row()).encode(&seal);

    assert!(Cursor::decode(&text, &Seal { filter: &same, ..seal }).is_ok());
    for seal in [
        Seal { key: &[2; 32], ..seal },
        Seal { filter: &other, ..seal },
        Seal { filter: &Filter::True, ..seal },
        Seal { order: &other_order, ..seal },
        Seal { order: &[], ..seal },
        Seal { identity: "", ..seal },
        Seal { identity: "bob", ..seal },
        Seal { shape: other_shape(), ..seal },
    ] {
        assert!(Cursor::decode(&text, &seal).is_err_and(|error| error.is(Code::InvalidCursor)));
    }
    let bad_texts = (0..text.len())
        .map(|at| text[..at].to_owned())
        .chain((0..text.len()).map(|at| {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        }))
        .chain(["é".into(), "=".into(), format!("{text}="), format!("{text}A"), "A".repeat(1 << 20)]);
    for bad in bad_texts {
        let error = Cursor::decode(&bad, &seal).expect_err(&bad);
        assert!(error.is(Code::InvalidCursor));
    }
}

#[test]
fn a_fingerprint_is_the_same_in_every_process() {
    let filter =
        test("age", Op::In(vec![Value::Integer(1).into()])).negate().or(test("name", Op::like("a%")));
    let hash = fingerprint(shape(), &filter, &by(&[("age", true)]));
    let text: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    // If this changes, cursors that are out with callers stop working: think of them.
    assert_eq!(text, "bfba5ed83b8c24fc");
}

#[test]
fn after_a_row_begins_behind_its_keys() {
    let after = |order: &[Order]| Cursor::of(shape(), order, &row()).after(shape(), order);
    let id = test("_id", Op::Gt(Value::from("id-7").into()));
    assert_eq!(after(&[]), id);
    assert_eq!(after(&by(&[("_id", true), ("age", false)])), test("_id", Op::Lt(Value::from("id-7").into())));
    let age = || Operand::from(Value::Integer(i64::MIN));
    let equal = test("age", Op::Eq(age()));
    assert_eq!(
        after(&by(&[("age", false)])),
        test("age", Op::Gte(age())).and(test("age", Op::Gt(age())).or(equal.and(id.clone())))
    );
    // Nothing is smaller than an absent value: only the id can decide.
    let absent = test("note", Op::Eq(Value::Null.into()));
    assert_eq!(after(&by(&[("note", true)])), absent.clone().and(absent).and(id));
}
