//! A model: its descriptor, its entry in the registry, its columns.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::Generics;

use super::{checks, columns, implementation, paths};
use crate::cx::Cx;
use crate::ir::model::{Field, Model, OnDelete, Reference};

pub(crate) fn expand(cx: &Cx, model: &Model) -> TokenStream {
    let Model { ident, scope, name, rust, .. } = model;
    let fields = model.fields.iter().map(field);
    let options = options(model);
    // `User::ID` is a constant of the trait, which the user's module need not have in scope.
    let names_a_column = |field: &Field| matches!(field.references, Some(Reference::Column(_)));
    let import = model.fields.iter().any(names_a_column).then(|| {
        quote! {
            #[allow(unused_imports)]
            use __modeller::Model as _;
        }
    });
    let columns = columns::expand(ident, model.fields.iter().map(|field| &field.column), &model.geo);
    let checks = checks::expand(model);
    // Only the framework's own models have such a scope: rustc shall name them to nobody who has forgotten to derive one.
    let hidden = scope.starts_with('_').then(|| quote!(#[diagnostic::do_not_recommend]));
    let body = quote!(&DESCRIPTOR);
    let implementation = implementation::expand(ident, &Generics::default(), &body);
    paths::in_const(
        cx,
        quote! {
            #import
            static DESCRIPTOR: __modeller::Descriptor = __modeller::Descriptor::new::<#ident>(
                #scope,
                #name,
                #rust,
                &[#(#fields),*],
                __modeller::site!(),
            )#options;
            __modeller::inventory::submit! {
                __modeller::Entry::model(|| &DESCRIPTOR, __modeller::site!())
            }
            #checks
            #hidden
            #implementation
            #columns
        },
    )
}

fn options(model: &Model) -> TokenStream {
    let Model { unique, index, geo, trash, ttl, max_size, renamed_from, .. } = model;
    let sets = |name: TokenStream, sets: &[Vec<String>]| {
        (!sets.is_empty()).then(|| quote!(.#name(&[#(&[#(#sets),*]),*])))
    };
    let number = |number: &Option<u64>| number.map(Literal::u64_unsuffixed);
    let unique = sets(quote!(unique), unique);
    let index = sets(quote!(index), index);
    let geo = (!geo.is_empty()).then(|| {
        let name = |field: usize| &model.fields[field].rust;
        let pairs = geo.iter().map(|pair| {
            let (latitude, longitude) = (name(pair.latitude), name(pair.longitude));
            quote!((#latitude, #longitude))
        });
        quote!(.geo(&[#(#pairs),*]))
    });
    let trash = number(trash).map(|milliseconds| quote!(.trash(#milliseconds)));
    let ttl = number(ttl).map(|milliseconds| quote!(.ttl(#milliseconds)));
    let max_size = number(max_size).map(|documents| quote!(.max_size(#documents)));
    let renamed_from = renamed_from.as_ref().map(|path| quote!(.renamed_from(#path)));
    quote!(#unique #index #geo #trash #ttl #max_size #renamed_from)
}

fn field(field: &Field) -> TokenStream {
    let Field { rust, wire, generated, references, renamed_from, messages, .. } = field;
    let key = field.key.then(|| quote!(.key()));
    let unique = field.unique.then(|| quote!(.unique()));
    let index = field.index.then(|| quote!(.index()));
    let private = field.private.then(|| quote!(.private()));
    let searchable = field.searchable.then(|| quote!(.searchable()));
    let generated = generated.as_ref().map(|by| quote!(.generated(__modeller::Generated::#by)));
    let references = references.as_ref().map(|target| match target {
        Reference::Model(model) => quote!(.references(__modeller::Reference::model::<#model>())),
        Reference::Column(column) => quote!(.references(__modeller::Reference::column(#column))),
    });
    let on_delete =
        field.on_delete.as_ref().map(|on_delete| self::on_delete(on_delete, references.is_some()));
    let renamed_from = renamed_from.as_ref().map(|name| quote!(.renamed_from(#name)));
    let messages = (!messages.is_empty()).then(|| {
        let pairs = messages.iter().map(|(keyword, text)| quote!((#keyword, #text)));
        quote!(.messages(&[#(#pairs),*]))
    });
    quote! {
        __modeller::Field::new(#rust, #wire)
            #key #unique #index #private #searchable #generated #references #on_delete #renamed_from #messages
    }
}

/// The type is asked whether it fits where it says itself what it refers to, or is emptied.
fn on_delete(on_delete: &OnDelete, referenced: bool) -> TokenStream {
    let OnDelete { variant, empties, ty } = on_delete;
    let value = match (empties, referenced) {
        (true, true) => quote!(__modeller::set_null_of::<#ty>()),
        (true, false) => quote!(__modeller::set_null_of_refers::<#ty>()),
        (false, true) => quote!(__modeller::OnDelete::#variant),
        (false, false) => quote!(__modeller::on_delete_of_refers::<#ty>(__modeller::OnDelete::#variant)),
    };
    quote!(.on_delete(#value))
}
