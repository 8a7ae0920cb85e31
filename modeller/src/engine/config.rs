//! Configurations: what a model's own code is told from outside, typed, and changed while the application runs.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::secret::exposed;
use super::{Cx, Engine};
use crate::model::{Code, Error, Model, Result, Shape, nearest};

/// A model whose code can be configured, and with what.
///
/// ```
/// use modeller::prelude::*;
/// use modeller::engine::Configured;
/// # #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
/// # #[model(name = "users")]
/// # pub struct User { pub email: String }
///
/// #[derive(Serialize, Deserialize)]
/// pub struct UserConfig {
///     pub logins_per_hour: u32,
///     pub mail_key: Secret<String>,
/// }
///
/// impl Configured for User {
///     type Config = UserConfig;
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let app = App::isolated().models::<(User,)>().configure::<User>(UserConfig { logins_per_hour: 10, mail_key: "k".to_owned().into() });
/// let cx = app.cx().await?;
/// assert_eq!(cx.config::<User>()?.logins_per_hour, 10);
/// cx.set_configuration("users", "logins_per_hour", 20.into())?;
/// assert_eq!(cx.config::<User>()?.logins_per_hour, 20);
/// assert_eq!(cx.configuration("users", "mail_key")?, "[secret]");
/// # Ok(()) }
/// ```
pub trait Configured: Model {
    /// The configuration: a struct of its own, with a [`Secret`](super::Secret) where nobody should see a value; or a map.
    type Config: Serialize + DeserializeOwned + Send + Sync + 'static;
}

type Erased = Arc<dyn Any + Send + Sync>;

/// How a configuration is made, and how it goes through JSON.
#[derive(Clone)]
pub(crate) struct Declared {
    pub(crate) shape: fn() -> &'static Shape,
    #[cfg_attr(not(feature = "server"), allow(dead_code))]
    is_lazy: bool,
    make: Arc<dyn Fn() -> Erased + Send + Sync>,
    write: fn(&(dyn Any + Send + Sync)) -> serde_json::Result<Json>,
    read: fn(Json) -> serde_json::Result<Erased>,
}

impl Declared {
    /// A configuration that is there already.
    pub(crate) fn value<M: Configured>(config: M::Config) -> Self {
        let value: Erased = Arc::new(config);
        Declared { is_lazy: false, ..Self::of::<M>(Arc::new(move || value.clone())) }
    }

    /// A configuration that is made when it is first asked for.
    pub(crate) fn lazy<M: Configured>(make: impl Fn() -> M::Config + Send + Sync + 'static) -> Self {
        Self::of::<M>(Arc::new(move || Arc::new(make()) as Erased))
    }

    fn of<M: Configured>(make: Arc<dyn Fn() -> Erased + Send + Sync>) -> Self {
        Declared {
            shape: || M::descriptor().shape(),
            is_lazy: true,
            make,
            write: |value| match value.downcast_ref::<M::Config>() {
                Some(config) => serde_json::to_value(config),
                None => Ok(Json::Null),
            },
            read: |json| serde_json::from_value::<M::Config>(json).map(|config| Arc::new(config) as Erased),
        }
    }

    /// The names of its parts. A lazy one is not made for that.
    #[cfg(feature = "server")]
    pub(crate) fn keys(&self) -> Option<Vec<String>> {
        if self.is_lazy {
            return None;
        }
        match (self.write)(&*(self.make)()) {
            Ok(Json::Object(members)) => Some(members.into_iter().map(|(key, _)| key).collect()),
            _ => Some(Vec::new()),
        }
    }
}

/// One model's configuration as it is now.
struct Entry {
    declared: Declared,
    now: OnceLock<RwLock<Erased>>,
    /// Held while a part is changed, so that no other change is lost.
    changing: Mutex<()>,
}

impl Entry {
    fn new(declared: Declared) -> Arc<Self> {
        Arc::new(Entry { declared, now: OnceLock::new(), changing: Mutex::new(()) })
    }

    fn now(&self) -> &RwLock<Erased> {
        self.now.get_or_init(|| RwLock::new((self.declared.make)()))
    }

    // Only an `Arc` is moved under these locks, which no panic leaves half done.
    fn value(&self) -> Erased {
        self.now().read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, value: Erased) {
        // What was never asked for need not be made to be replaced.
        if let Err(value) = self.now.set(RwLock::new(value)) {
            let value = value.into_inner().unwrap_or_else(PoisonError::into_inner);
            *self.now().write().unwrap_or_else(PoisonError::into_inner) = value;
        }
    }

    fn json(&self) -> Result<Json> {
        (self.declared.write)(&*self.value()).map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &serde_json::Error) -> Error {
        let path = &(self.declared.shape)().path;
        Error::new(Code::InternalError, format!("the configuration of `{path}` has no JSON form: {error}"))
    }

    fn get(&self, key: &str) -> Result<Json> {
        match self.json()? {
            Json::Object(mut members) if members.contains_key(key) => {
                Ok(members.remove(key).unwrap_or_default())
            }
            json => Err(self.unknown(&json, key)),
        }
    }

    fn set_key(&self, key: &str, value: Json) -> Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let write = |value: &Erased| exposed(|| (self.declared.write)(&**value));
        let before = write(&self.value()).map_err(|error| self.unwritable(&error))?;
        let Json::Object(mut members) = before else { return Err(self.unknown(&before, key)) };
        let is_known = members.contains_key(key);
        members.insert(key.to_owned(), value);
        // Nothing of the value may show, so that nothing is said of it.
        let path = &(self.declared.shape)().path;
        let changed = (self.declared.read)(Json::Object(members)).map_err(|_| {
            let hint = if is_known { "does not take this value" } else { "has no such part" };
            let message = format!("the configuration of `{path}` {hint}: `{}`", key.escape_debug());
            Error::new(Code::InvalidRequest, message).with_field(key)
        })?;
        // A struct passes over what it does not know; a map, or an optional field that was not written, does not.
        let after = write(&changed).map_err(|error| self.unwritable(&error))?;
        if !is_known && after.get(key).is_none() {
            return Err(self.unknown(&after, key));
        }
        self.set(changed);
        Ok(())
    }

    fn unknown(&self, json: &Json, key: &str) -> Error {
        let path = &(self.declared.shape)().path;
        let known = json.as_object().into_iter().flat_map(|members| members.keys().map(String::as_str));
        let hint = nearest(key, known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        let message = format!("the configuration of `{path}` has no `{}`{hint}", key.escape_debug());
        Error::new(Code::NotFound, message).with_field(key)
    }
}

/// The configurations of an engine's models.
#[derive(Default)]
pub(crate) struct Configurations(RwLock<BTreeMap<&'static str, Arc<Entry>>>);

impl Configurations {
    /// Declares a configuration, in the place of whatever the model had.
    pub(crate) fn declare(&self, declared: Declared) {
        let path = (declared.shape)().path.as_str();
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(path, Entry::new(declared));
    }

    fn of(&self, path: &str) -> Option<Arc<Entry>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// By the model's path, or by its name where only one has it.
    fn named(&self, model: &str) -> Result<Arc<Entry>> {
        if let Some(entry) = self.of(model) {
            return Ok(entry);
        }
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut same = entries.iter().filter(|(path, _)| path.rsplit('/').next() == Some(model));
        match (same.next(), same.next()) {
            (Some((_, entry)), None) => Ok(entry.clone()),
            (Some((one, _)), Some((two, _))) => {
                let message = format!("several models have this name: say `{one}` or `{two}`");
                Err(Error::new(Code::InvalidRequest, message))
            }
            (None, _) => {
                let known = entries.keys().flat_map(|path| [Some(*path), path.rsplit('/').next()]).flatten();
                let hint = nearest(model, known)
                    .map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
                let message = format!("no model `{}` has a configuration{hint}", model.escape_debug());
                Err(Error::new(Code::ModelNotFound, message))
            }
        }
    }
}

impl fmt::Debug for Configurations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(entries.keys()).finish()
    }
}

impl Engine {
    /// The configuration of a model as it is now. What is made lazily is made here, once.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if the model was never configured.
    pub fn config<M: Configured>(&self) -> Result<Arc<M::Config>> {
        let path = M::descriptor().shape().path.as_str();
        let value = self.configs().of(path).map(|entry| entry.value());
        value.and_then(|value| value.downcast().ok()).ok_or_else(|| {
            let message =
                format!("`{path}` has no configuration: give it one with `App::configure`, or `set_config`");
            Error::new(Code::InternalError, message)
        })
    }

    /// Gives a model another configuration, from now on. Whoever holds the one from before keeps it.
    pub fn set_config<M: Configured>(&self, config: M::Config) {
        match self.configs().of(M::descriptor().shape().path.as_str()) {
            Some(entry) => {
                let _changing = entry.changing.lock().unwrap_or_else(PoisonError::into_inner);
                entry.set(Arc::new(config));
            }
            None => self.configs().declare(Declared::value::<M>(config)),
        }
    }

    /// Gives a model the configuration that this answers when it is next asked for; it is asked once.
    pub fn set_config_with<M: Configured>(&self, config: impl Fn() -> M::Config + Send + Sync + 'static) {
        self.configs().declare(Declared::lazy::<M>(config));
    }

    /// One part of a model's configuration as JSON; secrets are `"[secret]"`. The model is named by its path (`system/users`),
    /// or by its name alone where no other configured model has it.
    ///
    /// # Errors
    /// `MODEL_NOT_FOUND`, or `NOT_FOUND` if the configuration has no such part.
    pub fn configuration(&self, model: &str, key: &str) -> Result<Json> {
        self.configs().named(model)?.get(key)
    }

    /// The whole of a model's configuration as JSON; secrets are `"[secret]"`.
    ///
    /// # Errors
    /// `MODEL_NOT_FOUND`; `INTERNAL_ERROR` if it has no JSON form.
    pub fn configurations(&self, model: &str) -> Result<Json> {
        self.configs().named(model)?.json()
    }

    /// Changes one part of a model's configuration, from now on.
    ///
    /// # Errors
    /// `MODEL_NOT_FOUND`; `NOT_FOUND` if the configuration has no such part; `INVALID_REQUEST` if that does not take this value.
    pub fn set_configuration(&self, model: &str, key: &str, value: Json) -> Result<()> {
        self.configs().named(model)?.set_key(key, value)
    }
}

impl Cx {
    /// As [`Engine::config`].
    ///
    /// # Errors
    /// As [`Engine::config`].
    pub fn config<M: Configured>(&self) -> Result<Arc<M::Config>> {
        self.engine().config::<M>()
    }

    /// As [`Engine::set_config`].
    pub fn set_config<M: Configured>(&self, config: M::Config) {
        self.engine().set_config::<M>(config);
    }

    /// As [`Engine::configuration`].
    ///
    /// # Errors
    /// As [`Engine::configuration`].
    pub fn configuration(&self, model: &str, key: &str) -> Result<Json> {
        self.engine().configuration(model, key)
    }

    /// As [`Engine::configurations`].
    ///
    /// # Errors
    /// As [`Engine::configurations`].
    pub fn configurations(&self, model: &str) -> Result<Json> {
        self.engine().configurations(model)
    }

    /// As [`Engine::set_configuration`].
    ///
    /// # Errors
    /// As [`Engine::set_configuration`].
    pub fn set_configuration(&self, model: &str, key: &str, value: Json) -> Result<()> {
        self.engine().set_configuration(model, key, value)
    }
}
