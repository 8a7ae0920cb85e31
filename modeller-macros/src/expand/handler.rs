//! Hooks, workers and rules: functions that nobody calls by name.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::{call, paths, register};
use crate::cx::Cx;
use crate::ir::handler::{Argument, Call, Hook, Rule, Worker};

pub(crate) fn hook(cx: &Cx, hook: &Hook) -> TokenStream {
    let Hook { model, points, order, schedule, timeout, .. } = hook;
    let points = points
        .iter()
        .map(|(timing, operation)| quote!(__modeller::HookPoint::#timing(__modeller::Operation::#operation)));
    let order = order.map(Literal::i32_unsuffixed).map(|order| quote!(.order(#order)));
    let schedule = schedule.map(Literal::u64_unsuffixed).map(|time| quote!(.schedule(#time)));
    let timeout = timeout.map(Literal::u64_unsuffixed).map(|time| quote!(.timeout(#time)));
    let checks = hook.call.arguments.iter().filter_map(|argument| match argument {
        Argument::Given(ty) => {
            let given = |at: Span| quote_spanned!(at=> __modeller::given::<#model, #ty>);
            Some(call::shown_at(call::ends(ty), given, &quote!(POINTS)))
        }
        Argument::Field(_) => None,
    });
    let called = call::expand(&hook.call, |ty| {
        let argument = |at: Span| quote_spanned!(at=> __modeller::argument::<#model, #ty>);
        let taken = call::shown_at(call::ends(ty), argument, &quote!(&mut parts));
        quote!(#taken?)
    });
    let run = finished(&hook.call, &called);
    // A hook without arguments takes nothing.
    let parts = if call::takes_context(&hook.call) { quote!(mut parts) } else { quote!(_) };
    let names = register::names(&hook.names);
    let behaviour =
        register::unnamed(&quote!(__modeller::hook::<#model>(#names, &HANDLER, __modeller::site!())));
    paths::in_const_if(
        cx,
        &hook.names.conditions,
        quote! {
            const POINTS: &[__modeller::HookPoint] = &[#(#points),*];
            static HANDLER: __modeller::HookHandler = {
                #(#checks;)*
                __modeller::hook_handler(
                    POINTS,
                    __modeller::HookOptions::new()#order #schedule #timeout,
                    |#parts| #run,
                )
            };
            #behaviour
        },
    )
}

pub(crate) fn worker(cx: &Cx, worker: &Worker) -> TokenStream {
    let Worker { immediate, .. } = worker;
    let every = Literal::u64_unsuffixed(worker.every);
    let called = call::expand(&worker.call, |ty| {
        let from = |at: Span| quote_spanned!(at=> __modeller::FromWorker::from_worker);
        call::shown_at(call::ends(ty), from, &quote!(cx))
    });
    let run = finished(&worker.call, &called);
    let context = if call::takes_context(&worker.call) { quote!(cx) } else { quote!(_) };
    let names = register::names(&worker.names);
    let of = worker.model.as_ref().map(|model| quote!(.of::<#model>()));
    let behaviour = register::unnamed(&quote!(__modeller::worker(#names, &HANDLER, __modeller::site!())#of));
    paths::in_const_if(
        cx,
        &worker.names.conditions,
        quote! {
            static HANDLER: __modeller::WorkerHandler = __modeller::worker_handler(
                __modeller::WorkerOptions { every: #every, immediate: #immediate },
                |#context| #run,
            );
            #behaviour
        },
    )
}

pub(crate) fn rule(cx: &Cx, rule: &Rule) -> TokenStream {
    let Rule { topic, timeout, .. } = rule;
    let timeout = timeout.map(Literal::u64_unsuffixed).map(|time| quote!(.timeout(#time)));
    let called = call::expand(&rule.call, |ty| {
        let from = |at: Span| quote_spanned!(at=> __modeller::FromRule::from_rule);
        let taken = call::shown_at(call::ends(ty), from, &quote!(cx, event));
        quote!(#taken?)
    });
    let run = finished(&rule.call, &called);
    let takes = call::takes_context(&rule.call);
    let (context, event) = if takes { (quote!(cx), quote!(event)) } else { (quote!(_), quote!(_)) };
    let names = register::names(&rule.names);
    let of = rule.model.as_ref().map(|model| quote!(.of::<#model>()));
    let noted = rule.call.arguments.iter().filter_map(|argument| match argument {
        Argument::Given(ty) => {
            let taking = |at: Span| quote_spanned!(at=> __modeller::RuleFunction::taking::<#ty>);
            Some(call::shown_at(call::ends(ty), taking, &quote!(rule)))
        }
        Argument::Field(_) => None,
    });
    let steps =
        std::iter::once(quote!(__modeller::RuleFunction::new(#topic, |#context, #event| #run)#timeout));
    let mut steps: Vec<TokenStream> = steps.chain(noted).collect();
    let last = steps.pop();
    let function = if steps.is_empty() { quote!(#last) } else { quote!({ #(let rule = #steps;)* #last }) };
    let behaviour = register::unnamed(&quote!(__modeller::rule(#names, &HANDLER, __modeller::site!())#of));
    paths::in_const_if(
        cx,
        &rule.names.conditions,
        quote! {
            static HANDLER: __modeller::RuleFunction = #function;
            #behaviour
        },
    )
}

/// The call with its result, in a box.
fn finished(call: &Call, called: &TokenStream) -> TokenStream {
    let into_result = |at: Span| quote_spanned!(at=> __modeller::HookOutcome::into_result);
    call::boxed(call, &call::shown_at(call::answer(call), into_result, called))
}
