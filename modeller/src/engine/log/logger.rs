//! The logger of a model's code.

use std::fmt;
use std::panic::Location;

use serde::Serialize;
use serde_json::Value as Json;

use super::{Feature, Log, LogEntry, LogLevel, place, redact};
use crate::engine::Cx;
use crate::model::{Model, Shape, Site};

impl Cx {
    /// The logger of a model: for what its hooks, methods and other code have to say.
    ///
    /// ```
    /// use modeller::prelude::*;
    /// use modeller::engine::Feature;
    /// # #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct User { pub email: String, #[model(private)] pub password: Option<String> }
    ///
    /// # fn example(cx: &Cx, user: &User, attempts: u32) {
    /// cx.log::<User>().info("signed in", user); // without the password, which is private
    /// cx.log::<User>().about(Feature::Hook).warn(format_args!("{attempts} attempts"), ());
    /// # }
    /// ```
    pub fn log<M: Model>(&self) -> Logger<'_> {
        self.engine().logger(M::descriptor().shape())
    }
}

/// Writes entries about one model, and about one feature: methods, unless said otherwise.
///
/// The message is anything that can be displayed; the data is anything that serde can write, `()` for none. Neither is looked
/// at unless the entry goes somewhere.
#[derive(Clone, Copy)]
pub struct Logger<'a> {
    log: &'a Log,
    shape: Option<&'static Shape>,
    feature: Feature,
    site: Option<Site>,
}

impl<'a> Logger<'a> {
    pub(super) fn new(log: &'a Log, shape: Option<&'static Shape>) -> Self {
        Logger { log, shape, feature: Feature::Method, site: None }
    }

    /// The same logger for another feature.
    #[must_use]
    pub fn about(self, feature: Feature) -> Self {
        Logger { feature, ..self }
    }

    /// The same logger, whose entries name this place instead of the caller's: for what is logged on behalf of a handler.
    #[must_use]
    pub fn at(self, site: Site) -> Self {
        Logger { site: Some(site), ..self }
    }

    /// Writes an entry of this level.
    #[track_caller]
    pub fn write(&self, level: LogLevel, message: impl fmt::Display, data: impl Serialize) {
        if self.log.is_on(level, self.feature) {
            self.log.emit(self.entry(
                level,
                &message.to_string(),
                serde_json::to_value(data),
                Location::caller(),
            ));
        }
    }

    /// Writes an entry for whoever looks for a fault.
    #[track_caller]
    pub fn debug(&self, message: impl fmt::Display, data: impl Serialize) {
        self.write(LogLevel::Debug, message, data);
    }

    /// Writes an entry about what went as it should.
    #[track_caller]
    pub fn info(&self, message: impl fmt::Display, data: impl Serialize) {
        self.write(LogLevel::Info, message, data);
    }

    /// Writes an entry about what did not go as its caller wanted.
    #[track_caller]
    pub fn warn(&self, message: impl fmt::Display, data: impl Serialize) {
        self.write(LogLevel::Warn, message, data);
    }

    /// Writes an entry about what should not happen.
    #[track_caller]
    pub fn error(&self, message: impl fmt::Display, data: impl Serialize) {
        self.write(LogLevel::Error, message, data);
    }

    fn entry(
        &self,
        level: LogLevel,
        message: &str,
        data: serde_json::Result<Json>,
        caller: &Location<'_>,
    ) -> LogEntry {
        let data = match data {
            Ok(Json::Null) => None,
            Ok(data) => Some(redact::data(data, self.shape)),
            Err(error) => Some(format!("(no JSON form: {})", redact::text(&error.to_string())).into()),
        };
        let place = self.site.map_or_else(|| place(caller), |site| format!("{}:{}", site.file, site.line));
        LogEntry { data, ..self.log.entry(level, self.feature, self.shape, message, place) }
    }
}

impl fmt::Debug for Logger<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.shape.map(|shape| shape.path.as_str());
        f.debug_struct("Logger")
            .field("model", &model)
            .field("feature", &self.feature)
            .finish_non_exhaustive()
    }
}
