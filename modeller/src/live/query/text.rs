//! What many are told: written once, and framed once by each door.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// JSON that many are told. It is cheap to clone, and keeps what doors make of it, so that each makes it once for all who are told.
///
/// ```
/// use modeller::live::LiveText;
///
/// let text = LiveText::from("{\"data\":1}".to_owned());
/// assert_eq!(&*text, "{\"data\":1}");
/// let length = text.made("length", |json| json.len());
/// assert_eq!(*length, 10);
/// ```
#[derive(Clone)]
pub struct LiveText(Arc<Inner>);

struct Inner {
    json: Box<str>,
    /// What doors have made of it, by their names for it.
    made: Mutex<Vec<(&'static str, Arc<dyn Any + Send + Sync>)>>,
}

impl LiveText {
    /// What a door makes of the JSON, made once for all who are told. A door uses formats of its own; the names of two doors must differ.
    pub fn made<T: Any + Send + Sync>(&self, format: &'static str, make: impl FnOnce(&str) -> T) -> Arc<T> {
        let mut made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
        // By its type, too: or else two of one name would take turns for ever.
        let mut known = made.iter().filter(|(known, _)| *known == format);
        if let Some(there) = known.find_map(|(_, there)| Arc::clone(there).downcast().ok()) {
            return there;
        }
        let new = Arc::new(make(&self.0.json));
        made.push((format, new.clone()));
        new
    }
}

impl From<String> for LiveText {
    fn from(json: String) -> Self {
        LiveText(Arc::new(Inner { json: json.into(), made: Mutex::default() }))
    }
}

impl Deref for LiveText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0.json
    }
}

impl PartialEq for LiveText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Display for LiveText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for LiveText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_made_once_for_all() {
        let (text, mut made) = (LiveText::from("[1]".to_owned()), 0);
        for _ in 0..3 {
            let other = text.clone();
            other.made("a", |json| {
                made += 1;
                json.len()
            });
        }
        assert_eq!(*text.made("b", |json| format!("{json}!")), "[1]!");
        assert_eq!((made, *text.made::<usize>("a", |_| 0)), (1, 3));
        // Another type of the same name is something else, and takes the place of none.
        let mut chars = 0;
        for _ in 0..3 {
            text.made::<char>("a", |_| {
                chars += 1;
                'a'
            });
            assert_eq!(*text.made::<usize>("a", |_| 0), 3);
        }
        assert_eq!(chars, 1);
    }
}
