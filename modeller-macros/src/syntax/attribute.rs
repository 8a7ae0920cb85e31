//! The arguments of an attribute as written: a model first, then options.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Lit, LitBool, LitInt, LitStr, Path, Token, Type};

use super::model::CratePath;
use crate::diag::{Diag, Reported};
use crate::meta::{self, Opt, Value};
use crate::vocab::{HandlerWord, Kind};
use crate::{messages, names};

/// `User, before(insert), order = 10`
pub(crate) struct RawAttribute {
    pub(crate) kind: Kind,
    /// Absent where there is none, or a wrong one.
    pub(crate) model: Option<Type>,
    pub(crate) points: Vec<RawPoint>,
    pub(crate) order: Option<Order>,
    pub(crate) schedule: Option<(Ident, Lit)>,
    pub(crate) every: Option<Lit>,
    pub(crate) immediate: Option<LitBool>,
    pub(crate) unsigned: Option<Ident>,
    pub(crate) attempts: Option<LitInt>,
    pub(crate) backoff: Option<Lit>,
    pub(crate) timeout: Option<Lit>,
    pub(crate) cron: Option<LitStr>,
    pub(crate) topic: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) krate: Option<Path>,
    /// Whether all of it could be read. If not, what seems to be missing may only be misspelt, and is not asked for as well.
    pub(crate) whole: bool,
}

/// `before(insert, update)`
pub(crate) struct RawPoint {
    pub(crate) timing: Ident,
    pub(crate) operations: Vec<Ident>,
}

/// A whole number, with or without a sign.
pub(crate) struct Order {
    pub(crate) negative: bool,
    pub(crate) number: LitInt,
}

impl Parse for Order {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let negative = input.parse::<Option<Token![-]>>()?.is_some();
        Ok(Order { negative, number: input.parse()? })
    }
}

/// Reads the arguments; whatever is wrong is reported and left out.
pub(crate) fn read(kind: Kind, tokens: TokenStream, diag: &Diag) -> RawAttribute {
    let mut pieces = meta::pieces(tokens);
    let mut raw = RawAttribute {
        kind,
        model: None,
        points: Vec::new(),
        order: None,
        schedule: None,
        every: None,
        immediate: None,
        unsigned: None,
        attempts: None,
        backoff: None,
        timeout: None,
        cron: None,
        topic: None,
        name: None,
        krate: None,
        whole: true,
    };
    match model(kind, &mut pieces, diag) {
        Ok(None) if kind.needs_model() => {
            diag.push(syn::Error::new(Span::call_site(), messages::no_model(kind)));
        }
        Ok(model) => raw.model = model,
        Err(_) => {}
    }
    let items = pieces.into_iter().map(meta::item).collect();
    let mut options = Vec::new();
    meta::known(items, kind.vocabulary(), |name| kind.other_with(name), &mut options, diag);
    for option in &options {
        raw.take(option, diag);
    }
    raw.whole = diag.is_clean();
    raw
}

impl RawAttribute {
    fn take(&mut self, option: &Opt<HandlerWord>, diag: &Diag) {
        match option.word.key {
            HandlerWord::Before | HandlerWord::After | HandlerWord::AfterCommit => {
                if let Ok(operations) = diag.scope(|| option.names(diag)) {
                    self.points.push(RawPoint { timing: option.key().clone(), operations });
                }
            }
            HandlerWord::Order => self.order = option.value(diag),
            HandlerWord::Schedule => {
                self.schedule = option.value(diag).map(|time| (option.key().clone(), time));
            }
            HandlerWord::Every => self.every = option.value(diag),
            HandlerWord::Immediate => self.immediate = option.value(diag),
            HandlerWord::Unsigned => self.unsigned = Some(option.key().clone()),
            HandlerWord::Attempts => self.attempts = option.value(diag),
            HandlerWord::Backoff => self.backoff = option.value(diag),
            HandlerWord::Timeout => self.timeout = option.value(diag),
            HandlerWord::Cron => self.cron = option.value(diag),
            HandlerWord::Topic => self.topic = option.value(diag),
            HandlerWord::Name => self.name = option.value(diag),
            HandlerWord::Crate => self.krate = option.value::<CratePath>(diag).map(|path| path.0),
        }
    }
}

/// Takes the model from among the pieces, where it stands first. Where it stands elsewhere, that is the mistake, and not that
/// it is missing.
fn model(kind: Kind, pieces: &mut Vec<Vec<TokenTree>>, diag: &Diag) -> Result<Option<Type>, Reported> {
    if pieces.first().is_some_and(|piece| is_model(kind, piece)) {
        let tokens: TokenStream = pieces.remove(0).into_iter().collect();
        let parsed = syn::parse2::<Type>(meta::ungrouped(tokens.clone()));
        return match parsed {
            Ok(model @ Type::Path(_)) => Ok(Some(model)),
            _ => Err(diag.error(tokens, messages::bad_model(kind))),
        };
    }
    let named = |piece: &Vec<TokenTree>| matches!(meta::item(piece.clone()), Ok(item) if item.name() == "model" && matches!(item.value, Value::Assigned(_)));
    let later = |piece: &Vec<TokenTree>| matches!(&piece[..], [TokenTree::Ident(name)] if starts_upper(name));
    if let Some(at) = pieces.iter().position(|piece| named(piece) || later(piece)) {
        let tokens: TokenStream = pieces.remove(at).into_iter().collect();
        return Err(diag.error(tokens, messages::model_first(kind)));
    }
    Ok(None)
}

/// Whether the first piece is a model: a type, and not what looks like an option.
fn is_model(kind: Kind, piece: &[TokenTree]) -> bool {
    match piece {
        [TokenTree::Ident(name)] => {
            let text = name.to_string();
            let meant = || names::nearest(&text, kind.vocabulary().names());
            starts_upper(name) || (kind.vocabulary().find(&text).is_none() && meant().is_none())
        }
        [TokenTree::Ident(_), TokenTree::Punct(punct), ..] => punct.as_char() != '=',
        [TokenTree::Ident(_), TokenTree::Group(group), ..] => group.delimiter() != Delimiter::Parenthesis,
        _ => true,
    }
}

fn starts_upper(name: &Ident) -> bool {
    name.to_string().trim_start_matches("r#").starts_with(char::is_uppercase)
}
