//! What an attribute on a function or a payload declares, as a whole.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

use super::{function, points, topic, values};
use crate::diag::Diag;
use crate::ir::handler::{Function, Hook, Listed, Names, Payload, PayloadKind, Rule, Stub, Worker};
use crate::names::Rule as Renaming;
use crate::syntax::attribute::RawAttribute;
use crate::syntax::function::{self as raw_function, RawFunction};
use crate::syntax::payload::{RawShape, RawStruct};
use crate::syntax::{serde, validate};
use crate::vocab::Kind;
use crate::{messages, names, vocab};

/// A hook; `None` if something is wrong, and then all of it was reported.
pub(crate) fn hook(raw: &RawAttribute, function: &RawFunction, diag: &Diag) -> Option<Hook> {
    let checked = diag.scope(|| {
        let names = of_function(raw, function, diag);
        let points = points::check(raw, diag);
        let schedule = raw.schedule.as_ref().and_then(|(_, time)| milliseconds("schedule", time, diag));
        let timeout = raw.timeout.as_ref().and_then(|time| milliseconds("timeout", time, diag));
        let call = function::handler(raw.kind, function, diag);
        let model = raw.model.clone()?;
        Some(Hook { names, model, points, order: order(raw, diag), schedule, timeout, call })
    });
    checked.ok().flatten()
}

/// A worker; `None` if something is wrong, and then all of it was reported.
pub(crate) fn worker(raw: &RawAttribute, function: &RawFunction, diag: &Diag) -> Option<Worker> {
    let checked = diag.scope(|| {
        let mut names = of_function(raw, function, diag);
        if let (Some(unsigned), Some(_)) = (&raw.unsigned, &raw.name) {
            diag.error(unsigned, messages::unsigned_with_a_name());
        }
        if raw.unsigned.is_some() {
            names.wire.clear();
        }
        if raw.every.is_none() && raw.whole {
            diag.push(syn::Error::new(Span::call_site(), messages::no_interval()));
        }
        let every = raw.every.as_ref().and_then(|time| milliseconds("every", time, diag));
        let immediate = raw.immediate.as_ref().is_none_or(|immediate| immediate.value);
        let call = function::handler(raw.kind, function, diag);
        Some(Worker { names, model: raw.model.clone(), every: every?, immediate, call })
    });
    checked.ok().flatten()
}

/// A rule; `None` if something is wrong, and then all of it was reported.
pub(crate) fn rule(raw: &RawAttribute, function: &RawFunction, diag: &Diag) -> Option<Rule> {
    let checked = diag.scope(|| {
        let names = of_function(raw, function, diag);
        if raw.topic.is_none() && raw.whole {
            diag.push(syn::Error::new(Span::call_site(), messages::no_topic()));
        }
        let topic = raw.topic.as_ref().map(|pattern| topic::check(pattern, diag));
        let timeout = raw.timeout.as_ref().and_then(|time| milliseconds("timeout", time, diag));
        let call = function::handler(raw.kind, function, diag);
        Some(Rule { names, model: raw.model.clone(), topic: topic?, timeout, call })
    });
    checked.ok().flatten()
}

/// A payload's struct: what is right, or else what still stands in for it.
pub(crate) fn structure(raw: &RawAttribute, item: &RawStruct, diag: &Diag) -> Result<Payload, Box<Stub>> {
    let RawStruct { attributes, ident, generics, shape, fields } = item;
    if let Some(param) = generics.params.first() {
        diag.error(param, messages::generic_payload(raw.kind.place()));
    }
    match shape {
        RawShape::Named => {}
        RawShape::Unnamed(span) => {
            diag.push(syn::Error::new(*span, messages::unnamed_payload(raw.kind.place())));
        }
        RawShape::Unit => {
            diag.error(ident, messages::unit_payload(&ident.to_string()));
        }
    }
    let rule = serde::read_by(attributes, "rename_all").and_then(|rule| Renaming::named(&rule));
    let fields = fields.iter().filter_map(|(ident, attributes)| listed(ident, attributes, rule));
    let names = Names { fields: fields.collect(), ..names(raw, ident, attributes, diag) };
    let kind = payload_kind(raw, diag);
    let (model, ident) = (raw.model.clone(), ident.clone());
    if diag.is_clean() {
        return Ok(Payload { kind, names, model, ident, function: None });
    }
    let (conditions, generics) = (names.conditions, generics.clone());
    let derives = matches!(shape, RawShape::Named) && generics.params.is_empty();
    Err(Box::new(Stub { kind: raw.kind, conditions, ident, generics, model, derives, function: None }))
}

/// A function that stands for a payload: what is right, or else what still stands in for it, if its struct can be named.
pub(crate) fn shorthand(
    raw: &RawAttribute,
    item: &RawFunction,
    diag: &Diag,
) -> Result<Payload, Option<Box<Stub>>> {
    let rust = names::upper_camel(&item.signature.ident.unraw().to_string());
    let ident = syn::parse_str::<Ident>(&rust).map(|mut ident| {
        ident.set_span(item.signature.ident.span());
        ident
    });
    let function: Function = function::payload(raw.kind, item, diag);
    let Ok(ident) = ident else {
        diag.error(&item.signature.ident, messages::no_struct_name(&item.signature.ident.to_string()));
        return Err(None);
    };
    let fields = function.fields.iter().filter_map(|field| listed(&field.ident, &field.attributes, None));
    let names = Names { fields: fields.collect(), ..names(raw, &ident, &item.attributes, diag) };
    let kind = payload_kind(raw, diag);
    // In an `impl` block no struct can stand.
    if item.signature.receiver().is_some() {
        return Err(None);
    }
    let (model, function) = (raw.model.clone(), Some(function));
    if diag.is_clean() {
        return Ok(Payload { kind, names, model, ident, function });
    }
    let (conditions, generics) = (names.conditions, syn::Generics::default());
    let derives = false;
    Err(Some(Box::new(Stub { kind: raw.kind, conditions, ident, generics, model, derives, function })))
}

fn payload_kind(raw: &RawAttribute, diag: &Diag) -> PayloadKind {
    match raw.kind {
        Kind::Query => PayloadKind::Query,
        Kind::Event => PayloadKind::Event,
        Kind::Job => PayloadKind::Job {
            attempts: raw.attempts.as_ref().and_then(|number| attempts(number, diag)),
            backoff: raw.backoff.as_ref().and_then(|time| milliseconds("backoff", time, diag)),
            timeout: raw.timeout.as_ref().and_then(|time| milliseconds("timeout", time, diag)),
            cron: raw.cron.as_ref().map(|pattern| cron(pattern, diag)),
        },
        _ => PayloadKind::Method,
    }
}

fn of_function(raw: &RawAttribute, function: &RawFunction, diag: &Diag) -> Names {
    let ident = &function.signature.ident;
    let rust = ident.unraw().to_string();
    let default = names::lower_camel(&names::upper_camel(&rust));
    Names {
        wire: wire(raw, default, ident, diag),
        rust,
        docs: text(&function.attributes),
        conditions: raw_function::conditions(&function.attributes),
        fields: Vec::new(),
    }
}

fn names(raw: &RawAttribute, ident: &Ident, attributes: &[Attribute], diag: &Diag) -> Names {
    let rust = ident.unraw().to_string();
    Names {
        wire: wire(raw, names::lower_camel(&rust), ident, diag),
        rust,
        docs: text(attributes),
        conditions: raw_function::conditions(attributes),
        fields: Vec::new(),
    }
}

/// What there is to say of a payload's field, if there is something.
fn listed(ident: &Ident, attributes: &[Attribute], rule: Option<Renaming>) -> Option<Listed> {
    let rust = ident.unraw().to_string();
    let wire = serde::read_by(attributes, "rename")
        .unwrap_or_else(|| rule.map_or_else(|| rust.clone(), |rule| rule.apply(&rust)));
    let messages = validate::messages(attributes);
    let messages: Vec<_> = messages.into_iter().map(|(keyword, text)| (keyword, text.value())).collect();
    (wire != rust || !messages.is_empty()).then_some(Listed { rust, wire, messages })
}

/// The name on the wire. A worker without one needs none.
fn wire(raw: &RawAttribute, default: String, ident: &Ident, diag: &Diag) -> String {
    let kind = raw.kind;
    let (name, literal): (String, Option<&LitStr>) = match &raw.name {
        Some(literal) => (literal.value(), Some(literal)),
        None => (default, None),
    };
    let message = if !names::is_path_segment(&name, false) {
        if literal.is_some() {
            messages::bad_handler_name(kind, &name)
        } else {
            messages::bad_default_handler_name(kind, &name)
        }
    } else if kind.is_called() && vocab::OPERATIONS.contains(&&*name) {
        messages::handler_named_as_operation(kind, &name)
    } else {
        return name;
    };
    if raw.unsigned.is_none() || literal.is_some() {
        match literal {
            Some(literal) => diag.error(literal, message),
            None => diag.error(ident, message),
        };
    }
    name
}

/// A documentation comment as text.
fn text(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> =
        lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

fn milliseconds(word: &str, time: &Lit, diag: &Diag) -> Option<u64> {
    values::milliseconds(time, || messages::no_time(word), diag)
}

fn order(raw: &RawAttribute, diag: &Diag) -> Option<i32> {
    let order = raw.order.as_ref()?;
    let number = order.number.base10_parse::<i64>().ok();
    let number = number.map(|number| if order.negative { -number } else { number });
    let number = number.and_then(|number| i32::try_from(number).ok());
    if number.is_none() {
        diag.error(&order.number, messages::order_range());
    }
    number
}

fn attempts(literal: &syn::LitInt, diag: &Diag) -> Option<u32> {
    let number = literal.base10_parse::<u32>().ok().filter(|number| *number > 0);
    if number.is_none() {
        diag.error(literal, messages::attempts_range());
    }
    number
}

/// Five fields, or six with seconds, of what can stand in them. What they mean is looked at when the application starts.
fn cron(literal: &LitStr, diag: &Diag) -> String {
    let pattern = literal.value();
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    let fits = |field: &&str| {
        field.chars().all(|character| character.is_ascii_alphanumeric() || "*/,-?#".contains(character))
    };
    if !(5..=6).contains(&fields.len()) || !fields.iter().all(fits) {
        diag.error(literal, messages::bad_cron(&pattern));
    }
    pattern
}
