//! Every case in `fail/` fails with exactly the messages beside it. How to update them: `ui-tests/README.md`.

#[test]
fn every_mistake_is_told_in_the_words_that_are_written_down() {
    trybuild::TestCases::new().compile_fail("fail/*.rs");
}
