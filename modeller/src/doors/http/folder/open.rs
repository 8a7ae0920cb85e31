//! From a path below a folder to an open file, or to nothing.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use super::content;

/// What is served for a directory.
const INDEX: &str = "index.html";

/// What is at a path.
pub(super) enum Found {
    File(Opened),
    /// A directory with an index, asked for without the slash at the end.
    Directory,
}

/// A file as it is at this moment.
pub(super) struct Opened {
    pub(super) file: File,
    /// In bytes.
    pub(super) length: u64,
    pub(super) modified: Option<SystemTime>,
    /// When anything about the file changed, in nanoseconds: nobody can set it back. 0 where the system has no such time.
    pub(super) changed: i128,
    pub(super) kind: &'static str,
}

/// The path on the disk that decoded segments mean; `None` for what no folder shows. A last empty segment is that of a
/// slash at the end.
pub(super) fn relative(segments: &[Cow<'_, str>]) -> Option<PathBuf> {
    let named = match segments {
        [named @ .., last] if last.is_empty() => named,
        named => named,
    };
    named.iter().map(|segment| is_shown(segment).then_some(segment.as_ref())).collect()
}

/// Whether a name is that of a file: hidden ones are none, nor is what means something to a file system.
fn is_shown(name: &str) -> bool {
    let is_odd = |character: char| matches!(character, '/' | '\\') || character.is_control();
    // Drives and streams.
    let is_windows = cfg!(windows) && (name.contains(':') || name.ends_with(['.', ' ']));
    !name.is_empty() && !name.starts_with('.') && !name.contains(is_odd) && !is_windows
}

/// Opens what is at this place, if that is a file within the root, or a directory with an index.
pub(super) fn open(root: &Path, relative: &Path, is_directory: bool) -> io::Result<Option<Found>> {
    // Links are followed first, so that it shows where they lead. Whoever can swap them in between can write to the folder, and
    // put whatever they like into it anyway.
    let Some(path) = inside(root, &root.join(relative))? else { return Ok(None) };
    let about = fs::metadata(&path)?;
    if about.is_dir() {
        let Some(index) = inside(root, &path.join(INDEX))? else { return Ok(None) };
        if !fs::metadata(&index)?.is_file() {
            return Ok(None);
        }
        return match is_directory {
            true => file(&index),
            false => Ok(Some(Found::Directory)),
        };
    }
    // Opening anything else, such as a pipe, might wait for ever.
    match about.is_file() && !is_directory {
        true => file(&path),
        false => Ok(None),
    }
}

/// The place without links, if it is still within the root, and not hidden.
fn inside(root: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let real = fs::canonicalize(path)?;
    let is_hidden = |part: Component<'_>| match part {
        Component::Normal(name) => name.as_encoded_bytes().starts_with(b"."),
        _ => true,
    };
    let is_open = real.strip_prefix(root).is_ok_and(|below| !below.components().any(is_hidden));
    Ok(is_open.then_some(real))
}

fn file(path: &Path) -> io::Result<Option<Found>> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(None);
    }
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    Ok(Some(Found::File(Opened {
        file,
        length: about.len(),
        modified: about.modified().ok(),
        changed: changed(&about),
        kind: content::kind(extension),
    })))
}

#[cfg(unix)]
fn changed(about: &Metadata) -> i128 {
    use std::os::unix::fs::MetadataExt as _;
    i128::from(about.ctime()) * 1_000_000_000 + i128::from(about.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> i128 {
    0
}

/// Whether the system is short of something, so that another time may be better. Everything else that keeps a file from
/// being opened is the same as that there is none.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    // Out of file descriptors: this process, and the whole system.
    let is_full = cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24));
    is_full || error.kind() == io::ErrorKind::OutOfMemory
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<PathBuf> {
        relative(&path.split('|').map(Cow::Borrowed).collect::<Vec<_>>())
    }

    #[test]
    fn plain_names_are_files() {
        assert_eq!(of("a|b c|é.txt"), Some(PathBuf::from("a/b c/é.txt")));
        assert_eq!(of("a|"), Some(PathBuf::from("a")));
        assert_eq!(of(""), Some(PathBuf::new()));
        assert_eq!(relative(&[]), Some(PathBuf::new()));
        // What was encoded twice is decoded once.
        assert_eq!(of("%2e%2e|a"), Some(PathBuf::from("%2e%2e/a")));
    }

    #[test]
    fn what_leads_elsewhere_is_nothing() {
        for bad in [
            "..|a",
            "a|..|b",
            ".",
            ".env",
            "a|.git|config",
            "a||b",
            "a/../../b",
            "..\\b",
            "a\0",
            "a\nb",
            "/etc",
            "|a",
        ] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn only_a_shortage_passes() {
        assert!(!is_shortage(&io::ErrorKind::NotFound.into()));
        assert!(!is_shortage(&io::ErrorKind::PermissionDenied.into()));
        #[cfg(unix)]
        assert!(is_shortage(&io::Error::from_raw_os_error(24)));
    }
}
