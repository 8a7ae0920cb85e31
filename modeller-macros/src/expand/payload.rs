//! Methods, queries, events and jobs: a struct that comes over the wire, and what is done with it.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, Type};

use super::{call, paths, register};
use crate::cx::Cx;
use crate::ir::handler::{Call, Field, Function, Payload, PayloadKind, Stub};
use crate::vocab::Kind;

pub(crate) fn expand(cx: &Cx, payload: &Payload) -> TokenStream {
    let Payload { kind, names, model, ident, function } = payload;
    let registered = register::names(names);
    let of = model.as_ref().map(|model| quote!(.of::<#model>()));
    let (kind, made) = match kind {
        PayloadKind::Method => (Kind::Method, quote!(method::<#ident>(#registered, __modeller::site!()))),
        PayloadKind::Query => (Kind::Query, quote!(query::<#ident>(#registered, __modeller::site!()))),
        PayloadKind::Event => (Kind::Event, quote!(event::<#ident>(#registered, __modeller::site!()))),
        PayloadKind::Job { attempts, backoff, timeout, cron } => {
            let attempts = attempts.map(Literal::u32_unsuffixed).map(|number| quote!(.attempts(#number)));
            let backoff = backoff.map(Literal::u64_unsuffixed).map(|time| quote!(.backoff(#time)));
            let timeout = timeout.map(Literal::u64_unsuffixed).map(|time| quote!(.timeout(#time)));
            let cron = cron.as_ref().map(|pattern| quote!(.cron(#pattern)));
            let options = quote!(__modeller::JobOptions::new()#attempts #backoff #timeout #cron);
            let handler = quote!(const { &__modeller::job_handler::<#ident>(#options) });
            (Kind::Job, quote!(job::<#ident>(#registered, #handler, __modeller::site!())#of))
        }
    };
    let behaviour = register::named(&quote!(__modeller::#made));
    let declared = declared(kind, ident, model.as_ref(), &quote!(&BEHAVIOUR));
    let does = function.as_ref().map(|function| does(kind, ident, function, &called(kind, function)));
    let items = paths::in_const_if(cx, &names.conditions, quote!(#behaviour #declared #does));
    let structure = function.as_ref().map(|function| structure(ident, function, &names.conditions));
    quote!(#structure #items)
}

/// What a payload with errors still promises.
pub(crate) fn stub(cx: &Cx, stub: &Stub) -> TokenStream {
    let Stub { kind, conditions, ident, generics, model, derives, function } = stub;
    let stands_in = quote!(::core::panic!("this has errors"));
    let unknown: Type = syn::parse_quote!(__modeller::Unknown);
    // What is generic can't fulfil what a payload must, so that promising it would be one more error.
    let declared = generics
        .params
        .is_empty()
        .then(|| declared(*kind, ident, Some(model.as_ref().unwrap_or(&unknown)), &stands_in));
    let does = function.as_ref().map(|function| does(*kind, ident, function, &stands_in));
    // A derive that is missing as well is told at once.
    let derives = derives.then(|| quote!(const _: () = __modeller::payload::<#ident>();));
    let items = paths::in_const_if(cx, conditions, quote!(#declared #does #derives));
    let structure = function.as_ref().map(|function| structure(ident, function, conditions));
    quote!(#structure #items)
}

/// `impl IsMethod for ResetPassword`
fn declared(kind: Kind, ident: &Ident, model: Option<&Type>, behaviour: &TokenStream) -> TokenStream {
    let is = Ident::new(&format!("Is{}", name(kind)), Span::call_site());
    let model = model.filter(|_| kind != Kind::Job).map(|model| quote!(type Model = #model;));
    quote! {
        #[automatically_derived]
        impl __modeller::#is for #ident {
            #model
            fn behaviour() -> &'static __modeller::Behaviour {
                #behaviour
            }
        }
    }
}

/// `impl Method for ResetPassword`
fn does(kind: Kind, ident: &Ident, function: &Function, body: &TokenStream) -> TokenStream {
    let name = Ident::new(name(kind), Span::call_site());
    let (first, last) = call::answer(&function.call);
    let output = output(&function.call);
    let reply = quote_spanned!(first=> __modeller::ReplyOf<#output>);
    // All that is wrong with the answer stands in one place, so that it is said once.
    let result = quote_spanned!(first=> __modeller::Result<Self::);
    let answer = quote_spanned!(last=> Reply>);
    let answer = quote!(#result #answer);
    let takes = call::takes_context(&function.call);
    let (cx, to) = if takes { (quote!(cx), quote!(to)) } else { (quote!(_), quote!(_)) };
    let inside = match kind {
        Kind::Job => quote! {
            async fn run(self, #cx: &__modeller::Cx) -> __modeller::Result<()> { #body }
        },
        Kind::Event => quote! {
            type Reply = #reply;
            async fn handle(
                self,
                #cx: &__modeller::Cx,
                #to: &__modeller::Subscription,
            ) -> #answer { #body }
        },
        Kind::Query => quote! {
            type Reply = #reply;
            async fn run(self, #cx: &__modeller::Cx) -> #answer { #body }
        },
        _ => quote! {
            type Reply = #reply;
            async fn call(self, #cx: &__modeller::Cx) -> #answer { #body }
        },
    };
    quote! {
        #[automatically_derived]
        impl __modeller::#name for #ident { #inside }
    }
}

fn called(kind: Kind, function: &Function) -> TokenStream {
    let called = call::expand(&function.call, |ty| {
        let at = call::ends(ty);
        match kind {
            Kind::Event => {
                let from = |at: Span| quote_spanned!(at=> __modeller::FromEvent::from_event);
                call::shown_at(at, from, &quote!(cx, to))
            }
            _ => {
                let from = |at: Span| quote_spanned!(at=> __modeller::FromCall::from_call);
                call::shown_at(at, from, &quote!(cx))
            }
        }
    });
    let answer = call::answer(&function.call);
    match kind {
        Kind::Job => {
            let into = |at: Span| quote_spanned!(at=> __modeller::HookOutcome::into_result);
            call::shown_at(answer, into, &called)
        }
        _ => {
            let output = output(&function.call);
            let path = quote_spanned!(answer.0=> <#output as __modeller::Outcome>::);
            let method = quote_spanned!(answer.1=> into_outcome);
            let called = quote_spanned!(answer.1=> (#called));
            quote!(#path #method #called)
        }
    }
}

fn output(call: &Call) -> TokenStream {
    call.output.as_ref().map_or_else(|| quote!(()), |output| quote!(#output))
}

/// The struct of a function: as visible as the function, and documented like it.
fn structure(ident: &Ident, function: &Function, conditions: &[Attribute]) -> TokenStream {
    let Function { visibility, docs, fields, .. } = function;
    let fields =
        fields.iter().map(|Field { attributes, ident, ty }| quote!(#(#attributes)* #visibility #ident: #ty));
    // An argument needs no documentation, and a payload no `Debug`.
    quote! {
        #(#conditions)*
        #(#docs)*
        #[derive(::serde::Serialize, ::serde::Deserialize)]
        #[derive(::schemars::JsonSchema, ::validator::Validate)]
        #[allow(missing_docs, missing_debug_implementations)]
        #visibility struct #ident { #(#fields),* }
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Query => "Query",
        Kind::Event => "Event",
        Kind::Job => "Job",
        _ => "Method",
    }
}
