//! Help, and a command line that is wrong.

use crate::program::{Place, QUICKSTART, STAGED, has};

#[tokio::test]
async fn help_names_the_program_its_commands_and_its_options() {
    let place = Place::new();
    let help = place.run(STAGED, &["--help"]).await.ok();
    has(&help, &["Tasks 1.2.3", "Usage: test-staged [OPTIONS] [COMMAND]", "Exit status: 0"]);
    has(&help, &["--database <PATH>", "MODELLER_DATABASE", "--address <ADDRESS>", "MODELLER_ADDRESS"]);
    has(&help, &["--readers <N>", "MODELLER_READERS", "--queue <N>", "MODELLER_QUEUE", "MODELLER_LOG"]);
    for command in ["serve", "inspect", "schema", "openapi", "asyncapi", "migrate", "export", "import"] {
        has(&help, &[&format!("\n  {command}")]);
        let help = place.run(STAGED, &[command, "--help"]).await.ok();
        has(&help, &[&format!("Usage: test-staged {command}")]);
        let same = place.run(STAGED, &["help", command]).await.ok();
        assert_eq!(same, help);
    }
    assert_eq!(std::fs::read_dir(place.path(".")).unwrap().count(), 0, "help opens nothing");
}

#[tokio::test]
async fn a_wrong_command_line_exits_with_2_and_says_what_is_wrong() {
    let place = Place::new();
    for (arguments, said) in [
        (&["serv"][..], "serve"),
        (&["--databse", "x.db"], "--database"),
        (&["--address", "example.com"], "127.0.0.1:3030"),
        (&["--port", "65536"], "--port"),
        (&["--database", ""], "--database"),
        (&["--readers", "0"], "1..=1024"),
        (&["--queue", "many"], "many"),
        (&["migrate"], "plan"),
        (&["migrate", "undo"], "undo"),
        (&["schema", "a/b", "c/d"], "c/d"),
    ] {
        let complaint = place.run(QUICKSTART, arguments).await.failed(2);
        has(&complaint, &["error:", said]);
    }
    for name in ["MODELLER_READERS", "MODELLER_QUEUE", "MODELLER_ADDRESS", "MODELLER_PORT"] {
        let ended = place.run_with(QUICKSTART, &["inspect"], &[(name, "nonsense")], "").await;
        has(&ended.failed(2), &["nonsense"]);
    }
    assert_eq!(std::fs::read_dir(place.path(".")).unwrap().count(), 0);
}
