//! A struct as written.

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, GenericParam, Lit, LitInt, LitStr, Path};

use super::field::{self, RawField};
use super::serde::{self, SerdeModel};
use crate::diag::{Diag, Reported};
use crate::vocab::{FIELD, MODEL, ModelWord};
use crate::{messages, meta};

/// `#[derive(Model)]` on a struct with named fields and no generics.
pub(crate) struct RawModel {
    pub(crate) ident: Ident,
    pub(crate) scope: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) unique: Vec<RawSet>,
    pub(crate) index: Vec<RawSet>,
    pub(crate) geo: Vec<RawSet>,
    pub(crate) trash: Option<RawDuration>,
    pub(crate) ttl: Option<RawDuration>,
    pub(crate) max_size: Option<LitInt>,
    pub(crate) renamed_from: Option<LitStr>,
    pub(crate) krate: Option<Path>,
    pub(crate) builtin: bool,
    pub(crate) serde: SerdeModel,
    pub(crate) fields: Vec<RawField>,
}

/// `unique(a, b)`, `index(a, b)` or `geo(a, b)`.
pub(crate) struct RawSet {
    pub(crate) word: Ident,
    pub(crate) fields: Vec<Ident>,
}

/// A bare option, or its value.
pub(crate) enum RawDuration {
    Default,
    Given(Lit),
}

/// Reads a struct. It fails where there are no named fields or some generics; anything else is reported and left out.
pub(crate) fn read(input: &DeriveInput, diag: &Diag) -> Result<RawModel, Reported> {
    let fields = named_fields(input, diag)?;
    diag.scope(|| generics(input, diag))?;
    let mut model = RawModel {
        ident: input.ident.clone(),
        scope: None,
        name: None,
        unique: Vec::new(),
        index: Vec::new(),
        geo: Vec::new(),
        trash: None,
        ttl: None,
        max_size: None,
        renamed_from: None,
        krate: None,
        builtin: false,
        serde: serde::model(&input.attrs, diag),
        fields: Vec::new(),
    };
    let elsewhere = |name: &str| FIELD.find(name).map(|_| FIELD.place);
    for option in meta::options(&input.attrs, &MODEL, elsewhere, diag) {
        match option.word.key {
            ModelWord::Scope => model.scope = option.value(diag),
            ModelWord::Name => model.name = option.value(diag),
            ModelWord::Unique => model.unique.extend(set(&option, diag)),
            ModelWord::Index => model.index.extend(set(&option, diag)),
            ModelWord::Geo => model.geo.extend(set(&option, diag)),
            ModelWord::Trash => {
                let given = diag.scope(|| option.value(diag));
                model.trash = given.ok().map(|given| given.map_or(RawDuration::Default, RawDuration::Given));
            }
            ModelWord::Ttl => model.ttl = option.value(diag).map(RawDuration::Given),
            ModelWord::MaxSize => model.max_size = option.value(diag),
            ModelWord::RenamedFrom => model.renamed_from = option.value(diag),
            ModelWord::Crate => model.krate = option.value::<CratePath>(diag).map(|path| path.0),
            ModelWord::Builtin => model.builtin = true,
        }
    }
    model.fields = fields.iter().filter_map(|field| field::read(field, diag)).collect();
    Ok(model)
}

fn named_fields<'a>(input: &'a DeriveInput, diag: &Diag) -> Result<Vec<&'a syn::Field>, Reported> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter().collect()),
            _ => Err(diag.error(&input.ident, messages::unnamed_fields())),
        },
        Data::Enum(data) => {
            Err(diag.push(syn::Error::new(data.enum_token.span, messages::not_a_struct("an enum"))))
        }
        Data::Union(data) => {
            Err(diag.push(syn::Error::new(data.union_token.span, messages::not_a_struct("a union"))))
        }
    }
}

fn generics(input: &DeriveInput, diag: &Diag) {
    for (wanted, kind) in [(0, "lifetimes"), (1, "type parameters"), (2, "const parameters")] {
        let first = input.generics.params.iter().find(|param| {
            wanted
                == match param {
                    GenericParam::Lifetime(_) => 0,
                    GenericParam::Type(_) => 1,
                    GenericParam::Const(_) => 2,
                }
        });
        if let Some(param) = first {
            diag.push(syn::Error::new(param.span(), messages::generic(kind)));
            return;
        }
    }
}

fn set(option: &meta::Opt<ModelWord>, diag: &Diag) -> Option<RawSet> {
    let fields = diag.scope(|| option.names(diag)).ok()?;
    Some(RawSet { word: option.key().clone(), fields })
}

/// A path without generics, `$crate` and `crate` included.
pub(super) struct CratePath(pub(super) Path);

impl syn::parse::Parse for CratePath {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        input.call(Path::parse_mod_style).map(CratePath)
    }
}
