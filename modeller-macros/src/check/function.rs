//! A function's signature: what each argument is asked for, and how the function is called.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, GenericParam, Pat, PatType, ReturnType, Signature, Type};

use crate::diag::Diag;
use crate::ir::handler::{Argument, Call, Field, Function};
use crate::messages;
use crate::syntax::function::{self, RawFunction};
use crate::vocab::Kind;

/// The signature of a hook or a worker: all arguments are asked for by their types.
pub(super) fn handler(kind: Kind, raw: &RawFunction, diag: &Diag) -> Call {
    let signature = &raw.signature;
    let mut faults = Faults::new(kind, diag);
    whole(signature, &mut faults);
    let mut arguments: Vec<Argument> = Vec::new();
    for argument in typed(signature, &mut faults) {
        let Type::Reference(reference) = bare(&argument.ty) else {
            arguments.push(Argument::Given((*argument.ty).clone()));
            continue;
        };
        let text = argument.ty.to_token_stream().to_string();
        let same = |other: &Argument| matches!(other, Argument::Given(ty) if ty.to_token_stream().to_string() == text);
        if reference.mutability.is_some() && kind != Kind::Hook {
            faults.at(&argument.ty, messages::mutable_context());
        } else if reference.mutability.is_some() && arguments.iter().any(same) {
            faults.at(&argument.ty, messages::argument_twice());
        }
        arguments.push(Argument::Given((*argument.ty).clone()));
    }
    Call { arguments, ..call(signature, &mut faults) }
}

/// The signature of a function that stands for a payload: references are asked for, values are its fields.
pub(super) fn payload(kind: Kind, raw: &RawFunction, diag: &Diag) -> Function {
    let signature = &raw.signature;
    let mut faults = Faults::new(kind, diag);
    whole(signature, &mut faults);
    let (mut arguments, mut fields): (Vec<Argument>, Vec<Field>) = (Vec::new(), Vec::new());
    for argument in typed(signature, &mut faults) {
        if let Type::Reference(reference) = bare(&argument.ty) {
            if reference.mutability.is_some() {
                faults.at(&argument.ty, messages::mutable_context());
            }
            if let Some(moved) = argument.attrs.iter().find(|attribute| function::is_moved(attribute)) {
                faults.at(moved, messages::attribute_of_given());
            }
            arguments.push(Argument::Given((*argument.ty).clone()));
        } else if let Some(field) = field(argument, &mut faults) {
            arguments.push(Argument::Field(field.ident.clone()));
            fields.push(field);
        }
    }
    Function {
        visibility: raw.visibility.clone(),
        docs: function::docs(&raw.attributes),
        fields,
        call: Call { arguments, ..call(signature, &mut faults) },
    }
}

/// The mistakes of one signature: the accepted form is printed with the first one only.
struct Faults<'a> {
    kind: Kind,
    diag: &'a Diag,
    form: bool,
}

impl<'a> Faults<'a> {
    fn new(kind: Kind, diag: &'a Diag) -> Self {
        Faults { kind, diag, form: true }
    }

    fn at(&mut self, tokens: impl ToTokens, message: String) {
        self.push(syn::Error::new_spanned(tokens, self.with_form(message)));
    }

    fn span(&mut self, span: Span, message: String) {
        self.push(syn::Error::new(span, self.with_form(message)));
    }

    fn push(&mut self, error: syn::Error) {
        self.diag.push(error);
        self.form = false;
    }

    fn with_form(&self, message: String) -> String {
        if self.form { messages::with_form(&message, self.kind) } else { message }
    }
}

/// What holds for every function.
fn whole(signature: &Signature, faults: &mut Faults<'_>) {
    let place = faults.kind.place();
    if let Some(word) = &signature.unsafety {
        faults.at(word, messages::qualified(place, "unsafe"));
    }
    if let Some(abi) = &signature.abi {
        faults.at(abi, messages::qualified(place, "extern"));
    }
    if let Some(variadic) = &signature.variadic {
        faults.at(variadic, messages::qualified(place, "variadic"));
    }
    if let Some(param) = signature.generics.params.first() {
        let what = match param {
            GenericParam::Lifetime(_) => "lifetimes",
            GenericParam::Type(_) => "type parameters",
            GenericParam::Const(_) => "const parameters",
        };
        faults.span(param.span(), messages::generic_function(place, what));
    }
}

/// The arguments with a type that can be named; others are reported.
fn typed<'a>(signature: &'a Signature, faults: &mut Faults<'_>) -> Vec<&'a PatType> {
    let mut arguments = Vec::new();
    for argument in &signature.inputs {
        match argument {
            FnArg::Receiver(receiver) => {
                faults.at(receiver.self_token, messages::receiver(faults.kind.place()))
            }
            FnArg::Typed(argument) => match hidden(&argument.ty) {
                Some(hidden) => faults.at(hidden, messages::hidden_argument()),
                None => arguments.push(argument),
            },
        }
    }
    arguments
}

/// A type without the invisible brackets that `macro_rules!` puts around it.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(inner) => bare(&inner.elem),
        Type::Paren(inner) => bare(&inner.elem),
        _ => ty,
    }
}

/// `impl Trait`, by itself or behind a reference.
fn hidden(ty: &Type) -> Option<&Type> {
    match bare(ty) {
        Type::ImplTrait(_) | Type::Infer(_) => Some(ty),
        Type::Reference(reference) => hidden(&reference.elem),
        _ => None,
    }
}

/// An argument by value: its name and the attributes that go with it.
fn field(argument: &PatType, faults: &mut Faults<'_>) -> Option<Field> {
    let Pat::Ident(pattern) = &*argument.pat else {
        faults.at(&argument.pat, messages::pattern());
        return None;
    };
    if pattern.by_ref.is_some() || pattern.subpat.is_some() {
        faults.at(pattern, messages::pattern());
        return None;
    }
    if let Some(condition) = argument.attrs.iter().find(|attribute| is_condition(attribute)) {
        faults.at(condition, messages::conditional_argument());
    }
    let name = pattern.ident.to_string();
    if name.starts_with('_') {
        faults.at(&pattern.ident, messages::unused_argument(&name));
    }
    if is_context(&argument.ty) {
        faults.at(&argument.ty, messages::context_by_value());
        return None;
    }
    let moved = argument.attrs.iter().filter(|attribute| function::is_moved(attribute));
    Some(Field {
        attributes: moved.cloned().collect(),
        ident: pattern.ident.clone(),
        ty: (*argument.ty).clone(),
    })
}

fn is_condition(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}

/// `Cx` by value can only be a slip, and would cost an error of each derive.
fn is_context(ty: &Type) -> bool {
    matches!(bare(ty), Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Cx"))
}

/// Name and answer; the arguments are left to the caller.
fn call(signature: &Signature, faults: &mut Faults<'_>) -> Call {
    let output = match &signature.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => match hidden(ty) {
            Some(hidden) => {
                faults.at(hidden, messages::hidden_answer());
                None
            }
            None => Some((**ty).clone()),
        },
    };
    let function: Ident = signature.ident.clone();
    Call { function, is_async: signature.asyncness.is_some(), arguments: Vec::new(), output }
}
