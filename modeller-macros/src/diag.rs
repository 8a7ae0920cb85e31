//! Where errors go: all of them are kept, and whoever forgets to look at them is told.

use std::cell::{Cell, RefCell};
use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Proof that an error was reported: there is nothing left to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported(());

/// Collects the errors of one macro call. It must be [finished](Diag::finish), or its drop panics.
#[derive(Debug, Default)]
pub(crate) struct Diag {
    errors: RefCell<Vec<syn::Error>>,
    finished: Cell<bool>,
}

impl Diag {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Reports an error that the given tokens show.
    pub(crate) fn error(&self, at: impl ToTokens, message: impl Display) -> Reported {
        self.push(syn::Error::new_spanned(at, message))
    }

    /// Reports an error that has its place already.
    pub(crate) fn push(&self, error: syn::Error) -> Reported {
        self.errors.borrow_mut().push(error);
        Reported(())
    }

    /// A context: whatever goes wrong inside makes it fail, after all of it was tried; its siblings go on.
    pub(crate) fn scope<T>(&self, work: impl FnOnce() -> T) -> Result<T, Reported> {
        let before = self.errors.borrow().len();
        let value = work();
        if self.errors.borrow().len() == before { Ok(value) } else { Err(Reported(())) }
    }

    /// Whether nothing was reported so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.errors.borrow().is_empty()
    }

    /// The errors as tokens; `None` if there were none.
    pub(crate) fn finish(self) -> Option<TokenStream> {
        self.finished.set(true);
        let errors = self.errors.take();
        (!errors.is_empty()).then(|| errors.iter().map(syn::Error::to_compile_error).collect())
    }
}

impl Drop for Diag {
    fn drop(&mut self) {
        // A second panic while one unwinds would abort the compiler.
        if !self.finished.get() && !std::thread::panicking() {
            panic!("errors were collected and nobody looked at them");
        }
    }
}
