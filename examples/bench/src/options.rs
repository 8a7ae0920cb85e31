//! Command lines of the form `--name value` and `--flag`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// One option of a program: its name, what to call its value (`""` for a flag), and what it is for.
pub type Known = (&'static str, &'static str, &'static str);

const HELP: &str = "--help";

/// The options that a program was started with.
#[derive(Debug)]
pub struct Options(BTreeMap<&'static str, String>);

impl Options {
    /// Reads the command line. A mistake, or `--help`, prints the known options and ends the program.
    pub fn from_args(known: &[Known]) -> Self {
        Self::parse(std::env::args().skip(1), known).unwrap_or_else(|mistake| {
            if mistake != HELP {
                eprintln!("{mistake}");
            }
            eprintln!("options:");
            for (name, value, purpose) in known {
                eprintln!("  {:<28} {purpose}", format!("{name} {value}"));
            }
            std::process::exit(if mistake == HELP { 0 } else { 2 })
        })
    }

    fn parse(mut args: impl Iterator<Item = String>, known: &[Known]) -> Result<Self, String> {
        let mut options = BTreeMap::new();
        while let Some(arg) = args.next() {
            if arg == HELP {
                return Err(arg);
            }
            let found = known.iter().find(|(name, ..)| *name == arg);
            let (name, value, _) = *found.ok_or_else(|| format!("no option {arg:?}"))?;
            let given = if value.is_empty() { Some(String::new()) } else { args.next() };
            options.insert(name, given.ok_or_else(|| format!("{name} needs a value: {value}"))?);
        }
        Ok(Options(options))
    }

    /// Whether the option was given.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The option's text, if it was given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The option's value, or `default`. A value that can't be read ends the program.
    pub fn value<T: FromStr<Err: Display>>(&self, name: &str, default: T) -> T {
        let Some(text) = self.text(name) else { return default };
        text.parse().unwrap_or_else(|fault| {
            eprintln!("{name} {text}: {fault}");
            std::process::exit(2)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Known] = &[("--seconds", "N", "how long"), ("--check", "", "exit with 1")];

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(args.iter().map(ToString::to_string), KNOWN)
    }

    #[test]
    fn values_and_flags_are_read() {
        let options = parse(&["--seconds", "1.5", "--check"]).unwrap();
        assert_eq!(options.value("--seconds", 4.0), 1.5);
        assert!(options.has("--check"));
    }

    #[test]
    fn an_unknown_option_and_a_missing_value_are_mistakes() {
        assert!(parse(&["--secs", "1"]).unwrap_err().contains("--secs"));
        assert!(parse(&["--seconds"]).unwrap_err().contains("needs a value"));
    }
}
