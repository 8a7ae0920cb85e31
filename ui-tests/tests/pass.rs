//! What must compile. Each case is a module, so that all of them are one program: its file forbids in its own first lines
//! what generated code must not cause.

#[path = "../pass/anywhere.rs"]
mod anywhere;
#[path = "../pass/declared.rs"]
mod declared;
#[path = "../pass/declared_by_macro_rules.rs"]
mod declared_by_macro_rules;
#[path = "../pass/declared_without_a_prelude.rs"]
mod declared_without_a_prelude;
#[path = "../pass/every_option.rs"]
mod every_option;
#[path = "../pass/made_by_macro_rules.rs"]
mod made_by_macro_rules;
#[path = "../pass/names_taken.rs"]
mod names_taken;
#[path = "../pass/raw_names.rs"]
mod raw_names;
#[path = "../pass/without_a_prelude.rs"]
mod without_a_prelude;

#[test]
fn no_case_is_left_out() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pass");
    let source = include_str!("pass.rs");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(source.contains(&format!("../pass/{name}\"")), "{name} is in no module");
    }
}
