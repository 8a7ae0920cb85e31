//! What attribute macros call: each function makes the [`Behaviour`] of a declaration, and knows the types behind it.

use std::sync::OnceLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::payload::{Answering, accept, encode};
use super::{
    Checked, Described, Event, EventHandler, HookHandler, HookOptions, HookParts, HookPoint, Job, JobHandler,
    JobOptions, Method, MethodHandler, Payload, Query, Read, WorkerHandler, WorkerOptions, Written,
};
use crate::engine::{Cx, Subscription};
use crate::model::{Descriptor, Field, Model, Result, Site};
use crate::registry::{Behaviour, BehaviourKind, SchemaOf};
use crate::store::BoxFuture;

/// The names of a declaration: on the wire, in Rust, and what its documentation says.
#[derive(Clone, Copy)]
pub struct Names {
    /// On the wire.
    pub name: &'static str,
    /// In Rust.
    pub rust: &'static str,
    /// The documentation comment.
    pub docs: &'static str,
    /// The fields of its payload that have another name on the wire, or messages of their own.
    pub fields: &'static [Field],
}

pub(crate) const fn behaviour(
    kind: BehaviourKind,
    model: Option<fn() -> &'static Descriptor>,
    names: Names,
    handler: &'static (dyn std::any::Any + Send + Sync),
    site: Site,
) -> Behaviour {
    let Names { name, rust, docs, fields } = names;
    let shape = OnceLock::new();
    Behaviour { kind, model, name, rust, docs, payload: None, reply: None, handler, site, fields, shape }
}

const fn typed(mut behaviour: Behaviour, payload: SchemaOf, reply: Option<SchemaOf>) -> Behaviour {
    behaviour.payload = Some(payload);
    behaviour.reply = reply;
    behaviour
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Asks for the derives of a payload, where something else is wrong with it.
pub const fn payload<P: Written + Read + Described + Checked>() {}

/// A method.
pub const fn method<M>(names: Names, site: Site) -> Behaviour
where
    M: Method + Written + Read + Described + Checked,
{
    fn call<'a, M: Method + Payload>(cx: &'a Cx, json: &'a [u8]) -> Answering<'a> {
        Box::pin(async move { encode(&accept::<M>(M::behaviour(), json)?.call(cx).await?) })
    }
    let model = <M::Model as Model>::descriptor;
    let handler = const { &MethodHandler { call: call::<M> } };
    let behaviour = behaviour(BehaviourKind::Method, Some(model), names, handler, site);
    typed(behaviour, schema::<M>, Some(schema::<M::Reply>))
}

/// A query.
pub const fn query<Q>(names: Names, site: Site) -> Behaviour
where
    Q: Query + Written + Read + Described + Checked,
{
    fn call<'a, Q: Query + Payload>(cx: &'a Cx, json: &'a [u8]) -> Answering<'a> {
        Box::pin(async move { encode(&accept::<Q>(Q::behaviour(), json)?.run(cx).await?) })
    }
    let model = <Q::Model as Model>::descriptor;
    let handler = const { &MethodHandler { call: call::<Q> } };
    let behaviour = behaviour(BehaviourKind::Query, Some(model), names, handler, site);
    typed(behaviour, schema::<Q>, Some(schema::<Q::Reply>))
}

/// An event.
pub const fn event<E>(names: Names, site: Site) -> Behaviour
where
    E: Event + Written + Read + Described + Checked,
{
    fn handle<'a, E: Event + Payload>(cx: &'a Cx, to: &'a Subscription, json: &'a [u8]) -> Answering<'a> {
        Box::pin(async move { encode(&accept::<E>(E::behaviour(), json)?.handle(cx, to).await?) })
    }
    let model = <E::Model as Model>::descriptor;
    let handler = const { &EventHandler { handle: handle::<E> } };
    let behaviour = behaviour(BehaviourKind::Event, Some(model), names, handler, site);
    typed(behaviour, schema::<E>, Some(schema::<E::Reply>))
}

/// A job that belongs to no model; [`Behaviour::of`] gives it one.
pub const fn job<J>(names: Names, handler: &'static JobHandler, site: Site) -> Behaviour
where
    J: Job + Written + Read + Described + Checked,
{
    typed(behaviour(BehaviourKind::Job, None, names, handler, site), schema::<J>, None)
}

/// How a job is carried out.
pub const fn job_handler<J>(options: JobOptions) -> JobHandler
where
    J: Job + Written + Read + Described + Checked,
{
    fn run<'a, J: Job + Payload>(cx: &'a Cx, json: &'a [u8]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { accept::<J>(J::behaviour(), json)?.run(cx).await })
    }
    fn check<J: Job + Payload>(json: &[u8]) -> Result<()> {
        accept::<J>(J::behaviour(), json).map(drop)
    }
    JobHandler { options, check: check::<J>, run: run::<J> }
}

/// A worker that belongs to no model; [`Behaviour::of`] gives it one.
pub const fn worker(names: Names, handler: &'static WorkerHandler, site: Site) -> Behaviour {
    behaviour(BehaviourKind::Worker, None, names, handler, site)
}

/// How a worker runs.
pub const fn worker_handler(
    options: WorkerOptions,
    run: for<'a> fn(&'a Cx) -> BoxFuture<'a, Result<()>>,
) -> WorkerHandler {
    WorkerHandler { options, run }
}

/// A hook.
pub const fn hook<M: Model>(names: Names, handler: &'static HookHandler, site: Site) -> Behaviour {
    behaviour(BehaviourKind::Hook, Some(M::descriptor), names, handler, site)
}

/// How a hook runs.
pub const fn hook_handler(
    points: &'static [HookPoint],
    options: HookOptions,
    run: for<'a> fn(HookParts<'a>) -> BoxFuture<'a, Result<()>>,
) -> HookHandler {
    HookHandler { points, options, run }
}

/// Stands where a declaration with errors names no model.
#[derive(Debug, serde::Serialize, serde::Deserialize, JsonSchema, validator::Validate)]
pub struct Unknown {}

#[diagnostic::do_not_recommend]
impl Model for Unknown {
    fn descriptor() -> &'static Descriptor {
        static DESCRIPTOR: Descriptor =
            Descriptor::new::<Unknown>("_modeller", "unknown", "Unknown", &[], crate::__site!());
        &DESCRIPTOR
    }
}
