use super::*;

fn items(data: &[u8]) -> Vec<Item> {
    let mut reader = Reader::new(data).unwrap();
    let mut items = Vec::new();
    while !reader.is_done() {
        items.push(reader.item().unwrap());
    }
    items
}

#[test]
fn values_come_back_as_they_were() {
    let old = Row(vec![
        "0190163d-8694-739b-aea5-966c26f8ad91".into(),
        "0190163D-8694-739b-aea5-966c26f8ad91".into(),
        "".into(),
        "ä\0z".into(),
        Value::Integer(i64::MIN),
        Value::Integer(-1),
        Value::Integer(i64::MAX),
        Value::Number(-0.5),
        Value::Null,
    ]);
    let numbers: Vec<u64> = (0..9).map(|index| index * 1_000_000_007).collect();
    let mut pack = Pack::new();
    pack.delete(7, &numbers, &old);
    pack.end(Some("me"));
    pack.rows(|slice| {
        assert_eq!((slice.before, slice.until), (0, 1));
        let items = items(&slice.data);
        let Item::Entry(entry) = &items[0] else { panic!("{items:?}") };
        let values: Vec<Value> = entry.old.iter().map(|(_, value)| value.clone()).collect();
        assert_eq!(values, old.0);
        assert_eq!(entry.old.iter().map(|(number, _)| *number).collect::<Vec<_>>(), numbers);
        assert_eq!(items[1], Item::End { actor: Some("me".into()) });
        Ok::<_, ()>(())
    })
    .unwrap();
}

#[test]
fn what_is_taken_back_leaves_nothing() {
    let mut pack = Pack::new();
    pack.insert(1, "a");
    pack.end(None);
    let mark = pack.mark();
    let before = pack.data.clone();
    pack.insert(1, "b");
    assert!(pack.grew(mark));
    pack.back_to(mark);
    assert_eq!((pack.data.clone(), pack.entries), (before, 1));
}

#[test]
fn a_large_batch_is_cut_between_entries() {
    let old = Row(vec!["x".into(), "y".repeat(3 << 20).into()]);
    let mut pack = Pack::new();
    for _ in 0..10 {
        pack.delete(1, &[1, 2], &old);
    }
    pack.end(None);
    let (mut rows, mut total) = (0, 0);
    pack.rows(|slice| {
        rows += 1;
        total += slice.until - slice.before;
        assert!(slice.data.len() < 12 << 20);
        assert_eq!(entries(&slice), slice.until - slice.before);
        Ok::<_, ()>(())
    })
    .unwrap();
    assert_eq!((rows, total), (4, 10));
}

#[test]
fn a_cut_goes_with_the_entry_it_was_made_for() {
    let mut pack = Pack::new();
    pack.delete(1, &[1, 2], &large(SLICE));
    pack.end(None);
    let mark = pack.mark();
    pack.insert(1, "undone");
    pack.back_to(mark);
    assert_eq!(ranges(&pack), [(0, 1)]);
    pack.insert(1, "kept");
    pack.end(None);
    assert_eq!(ranges(&pack), [(0, 1), (1, 2)]);
}

#[test]
fn what_is_taken_out_keeps_its_numbers() {
    let mut pack = Pack::new();
    // With nothing before it, and with a kept transaction before it.
    for kept in 0..2 {
        let mark = pack.mark();
        assert!(pack.take(mark).is_none());
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.extend(pack.take(mark).map(|slice| {
                assert_eq!(entries(&slice), slice.until - slice.before);
                (slice.before, slice.until)
            }));
            pack.delete(1, &[1, 2], &large(SLICE / 2 + 1));
        }
        let first = kept * 4;
        assert_eq!(taken, [(first, first + 2)]);
        pack.end(None);
    }
    assert_eq!(ranges(&pack), [(2, 4), (6, 8)]);
    let mark = pack.mark();
    for _ in 0..4 {
        pack.take(mark);
        pack.delete(1, &[1, 2], &large(SLICE / 2 + 1));
    }
    pack.back_to(mark);
    assert_eq!(ranges(&pack), [(2, 4), (6, 8)]);
}

fn large(bytes: usize) -> Row {
    Row(vec!["x".into(), "y".repeat(bytes).into()])
}

fn entries(slice: &Slice<'_>) -> u64 {
    items(&slice.data).iter().filter(|item| matches!(item, Item::Entry(_))).count() as u64
}

/// The numbers of the rows, each with as many entries as it says.
fn ranges(pack: &Pack) -> Vec<(u64, u64)> {
    let mut ranges = Vec::new();
    pack.rows(|slice| {
        assert_eq!(entries(&slice), slice.until - slice.before);
        ranges.push((slice.before, slice.until));
        Ok::<_, ()>(())
    })
    .unwrap();
    ranges
}

#[test]
fn damaged_data_is_noticed() {
    let mut pack = Pack::new();
    pack.delete(1, &[1], &Row(vec!["some id".into()]));
    for length in 2..pack.data.len() {
        assert_eq!(Reader::new(&pack.data[..length]).unwrap().item(), None, "{length}");
    }
    assert!(Reader::new(&[9, 0]).is_none());
}
