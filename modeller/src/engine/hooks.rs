//! The hooks of an application: those that were declared, and those that come and go while it runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use super::behaviour::{HookHandler, HookOptions, HookParts, HookPoint, Timing};
use super::{Engine, Feature, Operation, caught, in_time, log};
use crate::model::{Code, Error, Model, Result, Shape, Site};
use crate::registry::{BehaviourKind, Registry};
use crate::store::BoxFuture;

/// How long a hook may take unless it says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

type Declared = for<'a> fn(HookParts<'a>) -> BoxFuture<'a, Result<()>>;
type Added = Arc<dyn for<'a> Fn(HookParts<'a>) -> BoxFuture<'a, Result<()>> + Send + Sync>;

#[derive(Clone)]
enum Run {
    Declared(Declared),
    Added(Added),
}

/// One hook of one model.
#[derive(Clone)]
pub(super) struct Hook {
    pub(super) id: Arc<str>,
    order: i32,
    points: Arc<[HookPoint]>,
    timeout: Duration,
    /// How long after the commit it runs as a job.
    pub(super) schedule: Option<Duration>,
    run: Run,
    /// Where it was declared.
    site: Option<Site>,
}

impl Hook {
    /// Runs it, for as long as it may take.
    pub(super) fn run<'a>(&'a self, parts: HookParts<'a>) -> impl Future<Output = Result<()>> + Send + 'a {
        let (cx, shape, point) = (parts.cx, parts.shape, parts.point);
        async move {
            let code = async {
                match &self.run {
                    Run::Declared(run) => run(parts).await,
                    Run::Added(run) => run(parts).await,
                }
            };
            let result = match in_time(self.timeout, caught(code)).await {
                Some(Ok(result)) => result,
                // A hook that panics has failed, and nothing else has.
                Some(Err(panic)) => {
                    tracing::error!(target: "modeller::hook", hook = &*self.id, %panic, "a hook panicked");
                    Err(Error::new(Code::InternalError, "a hook panicked; the log says more"))
                }
                None => {
                    let message = format!("hook `{}` took more than {:?}", self.id, self.timeout);
                    Err(Error::new(Code::Timeout, message))
                }
            };
            let what = format_args!("hook `{}` {point}", self.id);
            log::ran(cx.engine(), Feature::Hook, Some(shape), self.site, what, &result);
            result
        }
    }

    fn runs_at(&self, point: HookPoint) -> bool {
        self.points.contains(&point)
    }
}

/// The hooks of one model, in the order in which they run.
#[derive(Clone, Default)]
pub(super) struct ModelHooks {
    hooks: Vec<Hook>,
}

impl ModelHooks {
    /// Those that run at a point, of those that do not run later as a job.
    pub(super) fn at(&self, timing: Timing, operation: Operation) -> impl Iterator<Item = &Hook> {
        let point = HookPoint::new(timing, operation);
        self.hooks.iter().filter(move |hook| hook.schedule.is_none() && hook.runs_at(point))
    }

    /// Whether any runs at a point.
    pub(super) fn has(&self, timing: Timing, operation: Operation) -> bool {
        self.at(timing, operation).next().is_some()
    }

    /// Whether any runs after the commit, or may ask for what does.
    pub(super) fn follow(&self) -> bool {
        self.hooks.iter().any(|hook| hook.points.iter().any(|point| point.timing != Timing::Before))
    }

    /// Those that run as a job after an operation.
    pub(super) fn scheduled(&self, operation: Operation) -> impl Iterator<Item = &Hook> {
        let is_after =
            move |point: &HookPoint| point.operation == operation && point.timing != Timing::Before;
        self.hooks.iter().filter(move |hook| hook.schedule.is_some() && hook.points.iter().any(is_after))
    }

    /// The hook with this id.
    pub(super) fn named(&self, id: &str) -> Option<&Hook> {
        self.hooks.iter().find(|hook| &*hook.id == id)
    }

    /// Whether any has to do with an operation.
    pub(super) fn concerns(&self, operation: Operation) -> bool {
        self.hooks.iter().any(|hook| hook.points.iter().any(|point| point.operation == operation))
    }

    fn add(&mut self, hook: Hook) {
        let at = self.hooks.partition_point(|other| (other.order, &*other.id) <= (hook.order, &*hook.id));
        self.hooks.insert(at, hook);
    }
}

/// The hooks of all models.
pub struct Hooks {
    all: RwLock<All>,
    any: AtomicBool,
}

/// Both by the path of the model.
#[derive(Default)]
struct All {
    models: HashMap<&'static str, Arc<ModelHooks>>,
    /// Declared hooks that were taken out.
    removed: HashMap<&'static str, Vec<Hook>>,
}

impl Hooks {
    pub(super) fn of_registry(registry: &Registry) -> Self {
        let mut models: HashMap<&'static str, ModelHooks> = HashMap::new();
        for behaviour in
            registry.behaviours().iter().filter(|behaviour| behaviour.kind == BehaviourKind::Hook)
        {
            let Some(handler) = behaviour.handler.downcast_ref::<HookHandler>() else { continue };
            models.entry(behaviour.path()).or_default().add(Hook {
                id: behaviour.name.into(),
                order: handler.options.order,
                points: handler.points.into(),
                timeout: handler.options.timeout.map_or(TIMEOUT, Duration::from_millis),
                schedule: handler.options.schedule.map(Duration::from_millis),
                run: Run::Declared(handler.run),
                site: Some(behaviour.site),
            });
        }
        let any = AtomicBool::new(!models.is_empty());
        let models = models.into_iter().map(|(path, hooks)| (path, Arc::new(hooks))).collect();
        Hooks { all: RwLock::new(All { models, removed: HashMap::new() }), any }
    }

    /// The hooks of a model that have to do with an operation; `None` if there are none.
    pub(super) fn of(&self, shape: &'static Shape, operation: Operation) -> Option<Arc<ModelHooks>> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let hooks = self.get(&shape.path)?;
        hooks.concerns(operation).then_some(hooks)
    }

    /// All hooks of a model.
    pub(super) fn get(&self, path: &str) -> Option<Arc<ModelHooks>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).models.get(path).cloned()
    }

    /// Whether a declared hook was taken out, and not put back.
    pub(super) fn is_out(&self, path: &str, id: &str) -> bool {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.removed.get(path).is_some_and(|hooks| hooks.iter().any(|hook| &*hook.id == id))
    }

    fn change(&self) -> RwLockWriteGuard<'_, All> {
        self.all.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ids of a model's hooks, in the order in which they run.
    pub fn ids<M: Model>(&self) -> Vec<String> {
        let hooks = self.get(&M::descriptor().shape().path).unwrap_or_default();
        hooks.hooks.iter().map(|hook| hook.id.to_string()).collect()
    }

    /// Adds a hook while the application runs.
    ///
    /// # Errors
    /// `CONFLICT` if the model has a hook with this id; `INVALID_REQUEST` if there is no point, or one that no hook can have.
    pub fn hook<M: Model>(
        &self,
        id: &str,
        points: &[HookPoint],
        run: impl for<'a> Fn(HookParts<'a>) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    ) -> Result<()> {
        self.hook_with::<M>(id, points, HookOptions::default(), run)
    }

    /// As [`hook`](Hooks::hook), with what an attribute can say besides.
    ///
    /// # Errors
    /// As [`hook`](Hooks::hook); `INVALID_REQUEST` for a schedule, which only declared hooks have: a job must find its hook after
    /// a restart.
    pub fn hook_with<M: Model>(
        &self,
        id: &str,
        points: &[HookPoint],
        options: HookOptions,
        run: impl for<'a> Fn(HookParts<'a>) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    ) -> Result<()> {
        if options.schedule.is_some() {
            let message = "only a declared hook can run as a job: it has to be there after a restart";
            return Err(Error::new(Code::InvalidRequest, message));
        }
        let known = |point: &HookPoint| {
            matches!(
                point.operation,
                Operation::Insert | Operation::Update | Operation::Delete | Operation::List
            )
        };
        if points.is_empty() || !points.iter().all(known) {
            let message = "a hook runs before or after insert, update, delete or list";
            return Err(Error::new(Code::InvalidRequest, message));
        }
        let shape = M::descriptor().shape();
        let mut all = self.change();
        let hooks = all.models.entry(&shape.path).or_default();
        if hooks.named(id).is_some() {
            let message = format!("`{}` has a hook `{id}`; call `unhook` first", shape.path);
            return Err(Error::new(Code::Conflict, message));
        }
        Arc::make_mut(hooks).add(Hook {
            id: id.into(),
            order: options.order,
            points: points.into(),
            timeout: options.timeout.map_or(TIMEOUT, Duration::from_millis),
            schedule: None,
            run: Run::Added(Arc::new(run)),
            site: None,
        });
        self.any.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Takes a hook out, from the next call on, and answers whether it was there. A declared one comes back with
    /// [`rehook`](Hooks::rehook).
    pub fn unhook<M: Model>(&self, id: &str) -> bool {
        let path = M::descriptor().shape().path.as_str();
        let mut all = self.change();
        let Some(hooks) = all.models.get_mut(path) else { return false };
        let Some(at) = hooks.hooks.iter().position(|hook| &*hook.id == id) else { return false };
        let hook = Arc::make_mut(hooks).hooks.remove(at);
        if matches!(hook.run, Run::Declared(_)) {
            all.removed.entry(path).or_default().push(hook);
        }
        true
    }

    /// Puts a declared hook back that [`unhook`](Hooks::unhook) took out, and answers whether it did: there may be none, or another
    /// one that has its id by now.
    pub fn rehook<M: Model>(&self, id: &str) -> bool {
        let path = M::descriptor().shape().path.as_str();
        let mut all = self.change();
        let All { models, removed } = &mut *all;
        let (Some(hooks), Some(out)) = (models.get_mut(path), removed.get_mut(path)) else { return false };
        let Some(at) = out.iter().position(|hook| &*hook.id == id) else { return false };
        if hooks.named(id).is_some() {
            return false;
        }
        Arc::make_mut(hooks).add(out.remove(at));
        true
    }
}

impl Engine {
    /// The hooks of the application, to add and take out while it runs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use modeller::engine::{HookPoint, Operation, Timing};
    /// use modeller::prelude::*;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// struct Note { text: String }
    ///
    /// let cx = App::isolated().models::<(Note,)>().cx().await?;
    /// let points = [HookPoint::new(Timing::Before, Operation::Insert)];
    /// cx.engine().hooks().hook::<Note>("closed", &points, |_| {
    ///     Box::pin(async { Err(Error::custom("CLOSED", 423, "no notes are taken now")) })
    /// })?;
    /// let refused = Note::insert(&cx, Note { text: "hello".into() }).await.unwrap_err();
    /// assert_eq!(refused.code(), "CLOSED");
    /// assert!(cx.engine().hooks().unhook::<Note>("closed"));
    /// Note::insert(&cx, Note { text: "hello".into() }).await?;
    /// # Ok(()) }
    /// ```
    pub fn hooks(&self) -> &Hooks {
        &self.hooks
    }
}
