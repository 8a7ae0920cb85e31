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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_no_other_server() {
        for (name, text) in [("page", PAGE), ("style", STYLE), ("script", SCRIPT)] {
            for far in ["http://", "https://", "@import", " import "] {
                assert!(!text.contains(far), "{name}: {far}");
            }
        }
        assert!(!STYLE.contains("url("));
    }

    #[test]
    fn the_page_has_no_inline_code() {
        for inline in ["<style", " style=", "<script>", " onclick=", "javascript:"] {
            assert!(!PAGE.contains(inline), "{inline}");
        }
        assert!(!POLICY.contains("unsafe"));
    }

    #[test]
    fn the_script_makes_no_markup_out_of_text() {
        let markup = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            ".style",
        ];
        for way in markup {
            assert!(!SCRIPT.contains(way), "{way}");
        }
    }
}
