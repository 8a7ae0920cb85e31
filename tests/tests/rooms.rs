//! The rooms of the crate and who may enter them: arrows point downwards only.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room with those it may name. `doors` may enter all below, but no other door.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("query", &["model"]),
    ("registry", &["model"]),
    ("store", &["model", "query"]),
    ("engine", &["model", "query", "registry", "store"]),
    ("live", &["model", "query", "registry", "store", "engine"]),
    ("auth", &["model", "query", "registry", "store", "engine"]),
    ("doors", &["model", "query", "registry", "store", "engine", "live", "auth"]),
    ("client", &["model", "query"]),
    ("test_kit", &["model", "query", "registry", "store", "engine", "live", "auth", "doors"]),
];

/// What is no door, and no door's own: models as JSON Schemas, what doors with messages say of themselves, the stream below HTTP and what
/// is left of it for others, those who write to many clients, and the models of their tests.
const SHARED_BY_DOORS: &[&str] = &["schemas", "protocol", "stream", "upgraded", "writing", "sample"];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The paths that a file names after `crate::` (groups included, however they are broken into lines).
fn named(text: &str) -> Vec<String> {
    let code: Vec<&str> =
        text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect();
    // Blanks mean nothing but between words, where no path goes on.
    let code = code.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let code = code.replace(":: ", "::").replace("{ ", "{").replace(" ::", "::");
    let mut names = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        if !code[..at].ends_with('$') {
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(group) => names.extend(group_parts(group).into_iter().map(path)),
                None => names.push(path(rest)),
            }
        }
    }
    names
}

/// The path at the beginning of a text.
fn path(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect()
}

/// The parts between the commas of a group, up to its own closing brace.
fn group_parts(group: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                parts.push(group[start..at].trim());
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[test]
fn paths_are_found_however_they_are_wrapped() {
    let text = "use crate::{\n    model::{self, Row}, // crate::not_this\n    store::Store,\n};\nuse std::fs;\n\
        fn f() -> crate::\n    engine::Cx { $crate::macros() }\n// crate::nor_this\nuse crate::query::{A, B};\n";
    assert_eq!(named(text), ["model::", "store::Store", "engine::Cx", "query::"]);
}

#[test]
fn arrows_between_the_rooms_point_downwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../modeller/src");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (room, below) in ROOMS {
        let directory = root.join(room);
        if !directory.exists() {
            continue;
        }
        let mut files = Vec::new();
        sources(&directory, &mut files);
        for file in files {
            seen += 1;
            let text = fs::read_to_string(&file).unwrap();
            let inside = file.strip_prefix(&directory).unwrap().components().next().unwrap();
            let door = inside.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
            for name in named(&text) {
                let mut steps = name.split("::");
                let first = steps.next().unwrap();
                let known = ROOMS.iter().any(|(other, _)| other == &first) || first == "app";
                let own_door = *room != "doors"
                    || steps.next().is_none_or(|other| other == door || SHARED_BY_DOORS.contains(&other));
                let allowed = if first == *room { own_door } else { below.contains(&first) || !known };
                if !allowed {
                    wrong.push(format!("{} names crate::{name}", file.display()));
                }
            }
        }
    }
    assert!(seen > 30, "only {seen} files were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_grows_beyond_one_idea() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut long = Vec::new();
    for part in ["modeller/src", "modeller-macros/src", "examples", "tests"] {
        let mut files = Vec::new();
        sources(&root.join(part), &mut files);
        for file in files {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > 550 {
                long.push(format!("{lines} {}", file.display()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}
