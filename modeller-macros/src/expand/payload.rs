//! Methods, queries, events and jobs: a struct that comes over the wire, and what is done with it.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, Type};

use super::{call, paths, register};
use crate::cx::Cx;
use crate::ir::handler::{Field, Function, Payload, PayloadKind, Stub};
use crate::vocab::Kind;

pub(crate) fn expand(cx: &Cx, payload: &Payload) -> TokenStream {
    let Payload { kind, names, model, ident, function } = payload;
    let registered = register::names(names);
    let (kind, handler, made) = match kind {
        PayloadKind::Method => {
            (Kind::Method, None, quote!(method::<#ident>(#registered, __modeller::site!())))
        }
        PayloadKind::Query => (Kind::Query, None, quote!(query::<#ident>(#registered, __modeller::site!()))),
        PayloadKind::Event => (Kind::Event, None, quote!(event::<#ident>(#registered, __modeller::site!()))),
        PayloadKind::Job { .. } => {
            let of = model.as_ref().map(|model| quote!(.of::<#model>()));
            let made = quote!(job::<#ident>(#registered, &HANDLER, __modeller::site!())#of);
            (Kind::Job, Some(job(ident, kind)), made)
        }
    };
    let behaviour = register::behaviour(&quote!(__modeller::#made));
    let declared = declared(kind, ident, model.as_ref(), &quote!(&BEHAVIOUR));
    let does = function.as_ref().map(|function| does(kind, ident, function, &called(kind, function)));
    let items = paths::in_const_if(cx, &names.conditions, quote!(#handler #behaviour #declared #does));
    let structure = function.as_ref().map(|function| structure(ident, function, &names.conditions));
    quote!(#structure #items)
}

/// What a payload with errors still promises.
pub(crate) fn stub(cx: &Cx, stub: &Stub) -> TokenStream {
    let Stub { kind, conditions, ident, generics, model, function } = stub;
    let stands_in = quote!(::core::panic!("this has errors"));
    let unknown: Type = syn::parse_quote!(__modeller::Unknown);
    // What is generic can't fulfil what a payload must, so that promising it would be one more error.
    let declared = generics
        .params
        .is_empty()
        .then(|| declared(*kind, ident, Some(model.as_ref().unwrap_or(&unknown)), &stands_in));
    let does = function.as_ref().map(|function| does(*kind, ident, function, &stands_in));
    let items = paths::in_const_if(cx, conditions, quote!(#declared #does));
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
    let output = &function.call.output;
    let reply = quote_spanned!(call::answer(&function.call)=> __modeller::ReplyOf<#output>);
    let cx = if call::takes_context(&function.call) { quote!(cx) } else { quote!(_) };
    let inside = match kind {
        Kind::Job => quote! {
            async fn run(self, #cx: &__modeller::Cx) -> __modeller::Result<()> { #body }
        },
        Kind::Event => quote! {
            type Reply = #reply;
            async fn handle(
                self,
                #cx: &__modeller::Cx,
                to: &__modeller::Subscription,
            ) -> __modeller::Result<Self::Reply> { #body }
        },
        Kind::Query => quote! {
            type Reply = #reply;
            async fn run(self, #cx: &__modeller::Cx) -> __modeller::Result<Self::Reply> { #body }
        },
        _ => quote! {
            type Reply = #reply;
            async fn call(self, #cx: &__modeller::Cx) -> __modeller::Result<Self::Reply> { #body }
        },
    };
    quote! {
        #[automatically_derived]
        impl __modeller::#name for #ident { #inside }
    }
}

fn called(kind: Kind, function: &Function) -> TokenStream {
    let called = call::expand(&function.call, |ty| match kind {
        Kind::Event => quote_spanned!(call::at(ty)=> __modeller::FromEvent::from_event(cx, to)),
        _ => quote_spanned!(call::at(ty)=> __modeller::FromCall::from_call(cx)),
    });
    let finish = match kind {
        Kind::Job => quote!(__modeller::HookOutcome::into_result),
        _ => quote!(__modeller::Outcome::into_outcome),
    };
    quote_spanned!(call::answer(&function.call)=> #finish(#called))
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
        #[derive(::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema, ::validator::Validate)]
        #[allow(missing_docs, missing_debug_implementations)]
        #visibility struct #ident { #(#fields),* }
    }
}

fn job(ident: &Ident, kind: &PayloadKind) -> TokenStream {
    let PayloadKind::Job { attempts, backoff, timeout, cron } = kind else { return TokenStream::new() };
    let attempts = attempts.map(Literal::u32_unsuffixed).map(|number| quote!(.attempts(#number)));
    let backoff = backoff.map(Literal::u64_unsuffixed).map(|time| quote!(.backoff(#time)));
    let timeout = timeout.map(Literal::u64_unsuffixed).map(|time| quote!(.timeout(#time)));
    let cron = cron.as_ref().map(|pattern| quote!(.cron(#pattern)));
    quote! {
        static HANDLER: __modeller::JobHandler = __modeller::job_handler::<#ident>(
            __modeller::JobOptions::new()#attempts #backoff #timeout #cron,
        );
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
