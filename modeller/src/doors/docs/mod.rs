//! `/@docs`: the API reference as a page. It needs no other server, and shows what `/@openapi.json` says.
//!
//! Page, style and script are three files, so that the page can be served with [`POLICY`], under which no inline code runs.
//! The script puts text on the page only as text, never as markup.

/// The page, `text/html`.
pub const PAGE: &str = include_str!("page.html");

/// The style sheet, `text/css`, at `/@docs.css`.
pub const STYLE: &str = include_str!("page.css");

/// The script, `text/javascript`, at `/@docs.js`.
pub const SCRIPT: &str = concat!(
    include_str!("core.js"),
    include_str!("schema.js"),
    include_str!("try.js"),
    include_str!("page.js")
);

/// The `Content-Security-Policy` to serve the page with.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                          img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
