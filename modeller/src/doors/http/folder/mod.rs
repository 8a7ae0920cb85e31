//! Static folders: the files below a directory, served for GET and HEAD, and never anything beside it.

mod conditions;
mod content;
mod open;
mod range;
mod read;

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};

use self::conditions::{Held, Validators};
use self::open::{Found, Opened};
use self::range::Wanted;
use self::read::FileBody;
use super::answer::{self, Refusal};
use super::{Backend, decode};
use crate::model::{Code, Error, Result};
use crate::registry::{Fault, Faults};

static NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
static BYTES: HeaderValue = HeaderValue::from_static("bytes");
const ALLOW: &str = "GET, HEAD, OPTIONS";

/// A directory whose files are served below a path.
///
/// ```
/// use modeller::doors::http::Folder;
/// let folder = Folder::new("/assets/fonts", "fonts");
/// assert_eq!(folder.path(), "/assets/fonts");
/// ```
#[derive(Clone, Debug)]
pub struct Folder {
    path: String,
    directory: PathBuf,
}

impl Folder {
    /// The files of `directory` (from the working directory, unless it is absolute) below `path`.
    ///
    /// Whether there is such a directory is looked at when the door is put together.
    pub fn new(path: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        Folder { path: path.into(), directory: directory.into() }
    }

    /// The path below which its files are served, as it was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the files are, as it was given.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The segments of its path; or why there can be no such folder.
    fn segments(&self) -> Result<Vec<String>, String> {
        let Some(rest) = self.path.strip_prefix('/') else { return Err("its path begins with `/`".into()) };
        if rest.is_empty() {
            return Ok(Vec::new());
        }
        if rest.starts_with('@') {
            return Err("paths that begin with `/@` are the server's own".into());
        }
        let is_plain = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && !segment
                    .contains(|character: char| "{}*?#%\\".contains(character) || character.is_control())
        };
        let segments: Vec<String> = rest.split('/').map(str::to_owned).collect();
        match segments.iter().all(|segment| is_plain(segment)) {
            true => Ok(segments),
            false => Err("its path is plain segments between slashes, such as `/assets/fonts`".into()),
        }
    }

    /// The directory, without links; or why it can't be served.
    fn root(&self) -> Result<PathBuf, String> {
        let shown = self.directory.display();
        let root = fs::canonicalize(&self.directory).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => match std::path::absolute(&self.directory) {
                Ok(place) if place != self.directory => {
                    format!("there is no directory `{shown}` (looked for {})", place.display())
                }
                _ => format!("there is no directory `{shown}`"),
            },
            _ => format!("the directory `{shown}` can't be read: {error}"),
        })?;
        if !root.is_dir() {
            return Err(format!("`{shown}` is no directory"));
        }
        match fs::read_dir(&root) {
            Ok(_) => Ok(root),
            Err(error) => Err(format!("the directory `{shown}` can't be read: {error}")),
        }
    }
}

/// What is wrong with folders by themselves, whatever else is served.
pub(crate) fn check(folders: &[Folder]) -> Result<(), Faults> {
    let mut faults = Faults::default();
    for folder in folders {
        if let Err(why) = folder.segments().and_then(|_| folder.root()) {
            faults.push(impossible(folder, &why));
        }
    }
    faults.into_result()
}

fn impossible(folder: &Folder, why: &str) -> Fault {
    Fault::new(format!("the folder `{}` is not possible: {why}", folder.path))
}

/// All folders of a door.
#[derive(Debug, Default)]
pub(super) struct Folders(Vec<Mounted>);

#[derive(Debug)]
struct Mounted {
    segments: Vec<String>,
    root: Arc<PathBuf>,
}

impl Folders {
    /// The folders, each with its directory found; what is wrong with them goes to the faults.
    pub(super) fn of(folders: &[Folder], backend: &dyn Backend, faults: &mut Faults) -> Self {
        let mut mounted: Vec<Mounted> = Vec::new();
        for folder in folders {
            let segments = match folder.segments() {
                Ok(segments) => segments,
                Err(why) => {
                    faults.push(impossible(folder, &why));
                    continue;
                }
            };
            if mounted.iter().any(|other| other.segments == segments) {
                faults.push(Fault::new(format!("two folders are to be served at `{}`", folder.path)));
                continue;
            }
            if let [scope, name, ..] = segments.as_slice()
                && let Some(shape) = backend.registry().find(scope, name)
            {
                let why = format!("that is where the model `{}` is", shape.path);
                faults.push(impossible(folder, &why));
                continue;
            }
            match folder.root() {
                Ok(root) => mounted.push(Mounted { segments, root: Arc::new(root) }),
                Err(why) => faults.push(impossible(folder, &why)),
            }
        }
        // The most special one first.
        mounted.sort_by_key(|folder| std::cmp::Reverse(folder.segments.len()));
        Folders(mounted)
    }

    /// The paths of all folders and of what is below them, as axum writes patterns.
    pub(super) fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|folder| match folder.segments.is_empty() {
            true => vec!["/".to_owned(), "/{*path}".to_owned()],
            false => {
                let path = format!("/{}", folder.segments.join("/"));
                vec![format!("{path}/{{*path}}"), format!("{path}/"), path]
            }
        })
    }

    /// The file that a path means, in the folder that it lies below. It may not exist.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if the path below a folder is encoded wrongly.
    pub(super) fn find(&self, path: &str) -> Result<Option<Wish>> {
        let Some(raw) = path.strip_prefix('/').filter(|_| !self.0.is_empty()) else { return Ok(None) };
        let raw: Vec<&str> = raw.split('/').collect();
        let Some(folder) = self.0.iter().find(|folder| folder.is_above(&raw)) else { return Ok(None) };
        let below = &raw[folder.segments.len()..];
        let below: Vec<Cow<'_, str>> =
            below.iter().map(|segment| decode::segment(segment)).collect::<Result<_>>()?;
        Ok(Some(Wish {
            root: folder.root.clone(),
            relative: open::relative(&below),
            is_directory: below.last().is_some_and(|last| last.is_empty()),
            is_root: folder.segments.is_empty(),
        }))
    }
}

impl Mounted {
    fn is_above(&self, raw: &[&str]) -> bool {
        raw.len() >= self.segments.len()
            && self.segments.iter().zip(raw).all(|(own, raw)| {
                own == raw || decode::segment(raw).is_ok_and(|decoded| decoded == own.as_str())
            })
    }
}

/// What a request wants of a folder.
pub(super) struct Wish {
    root: Arc<PathBuf>,
    /// `None` for what no folder shows.
    relative: Option<PathBuf>,
    /// The path ends with a slash.
    is_directory: bool,
    /// The folder is at `/`, so that it is above everything.
    pub(super) is_root: bool,
}

impl Wish {
    /// The file, if there is one.
    pub(super) async fn answer(self, head: &Parts) -> Result<Option<Response<Body>>, Refusal> {
        let Some(relative) = self.relative else { return Ok(None) };
        let (root, is_directory) = (self.root, self.is_directory);
        let opening = tokio::task::spawn_blocking(move || open::open(&root, &relative, is_directory));
        let found = match opening.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if open::is_shortage(&error) => {
                tracing::warn!(%error, "a file can't be opened");
                let message = "too many files are open; try again";
                return Err(Error::new(Code::Overloaded, message).into());
            }
            Ok(Err(error)) => {
                // What can't be read is nothing to the caller.
                tracing::debug!(%error, "no file is served");
                return Ok(None);
            }
            Err(error) => return Err(Error::new(Code::InternalError, error.to_string()).into()),
        };
        if found.is_some() && head.method == Method::OPTIONS {
            return Ok(Some(answer::options(ALLOW)));
        }
        if found.is_some() && head.method != Method::GET && head.method != Method::HEAD {
            return Err(Refusal::method(head.method.as_str(), ALLOW));
        }
        match found {
            None => Ok(None),
            Some(Found::Directory) => Ok(Some(with_slash(head))),
            Some(Found::File(opened)) => send(opened, head).map(Some),
        }
    }
}

/// Sends the browser to the same path with a slash at its end, below which the page's own links are right.
fn with_slash(head: &Parts) -> Response<Body> {
    let last = head.uri.path().rsplit('/').next().unwrap_or_default();
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = answer::empty(StatusCode::TEMPORARY_REDIRECT);
    // A relative place, so that it holds below whatever path the door is nested; `./` because of colons.
    if let Ok(place) = HeaderValue::try_from(format!("./{last}/{query}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn send(opened: Opened, head: &Parts) -> Result<Response<Body>, Refusal> {
    let Opened { file, length, modified, changed, kind } = opened;
    let validators = Validators::new(length, modified, changed, SystemTime::now());
    let mut response = match validators.judge(&head.headers) {
        Held::Failed => {
            let message = "the file is not what the condition asks for";
            return Err(Error::new(Code::PreconditionFailed, message).into());
        }
        Held::Unchanged => answer::empty(StatusCode::NOT_MODIFIED),
        Held::Send { may_be_part } => {
            // Ranges go with GET alone.
            let wanted = match may_be_part && head.method == Method::GET {
                true => range::wanted(&head.headers, length),
                false => Wanted::Whole,
            };
            match wanted {
                Wanted::Unsatisfiable => return Ok(unsatisfiable(length)),
                Wanted::Whole => whole(FileBody::new(file, length), kind),
                Wanted::Part { first, last } => {
                    let body = FileBody::part(file, first, last - first + 1)
                        .map_err(|error| Error::new(Code::InternalError, error.to_string()))?;
                    let mut response = whole(body, kind);
                    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                    mark(&mut response, format!("bytes {first}-{last}/{length}"));
                    response
                }
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, NO_CACHE.clone());
    validators.mark(headers);
    Ok(response)
}

fn whole(body: FileBody, kind: &'static str) -> Response<Body> {
    let mut response = answer::plain(StatusCode::OK, Body::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::ACCEPT_RANGES, BYTES.clone());
    response
}

fn unsatisfiable(length: u64) -> Response<Body> {
    let message = format!("the range lies outside of the file, which has {length} bytes");
    let mut response = answer::refuse(Error::new(Code::InvalidRequest, message).with_status(416).into());
    mark(&mut response, format!("bytes */{length}"));
    response
}

fn mark(response: &mut Response<Body>, range: String) {
    if let Ok(range) = HeaderValue::try_from(range) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_folder_is_plain() {
        for good in ["/", "/assets", "/assets/fonts", "/a b/é"] {
            assert!(Folder::new(good, ".").segments().is_ok(), "{good}");
        }
        for bad in [
            "", "assets", "/assets/", "//assets", "/a//b", "/../a", "/./a", "/@docs", "/{a}", "/a%20b",
            "/a?b",
        ] {
            assert!(Folder::new(bad, ".").segments().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let why = Folder::new("/a", "no/such/place").root().unwrap_err();
        assert!(why.contains("`no/such/place`") && why.contains("(looked for /"), "{why}");
        let why = Folder::new("/a", "Cargo.toml").root().unwrap_err();
        assert_eq!(why, "`Cargo.toml` is no directory");
    }
}
