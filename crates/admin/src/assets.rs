//! The browser parts that the build embedded (`build.rs`): the chat page under `chat/`.
//!
//! Layout and content security policy are described in `web/README.md`.

/// One embedded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The content, as it is sent.
    pub bytes: &'static [u8],
    /// Value for `Content-Type`.
    pub content_type: &'static str,
    /// Value for `ETag`, with its quotes; changes with the content.
    pub etag: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/web_assets.rs"));

/// `Content-Security-Policy` of everything under `/chat/`. Converse.js needs style attributes, and creates `<style>`
/// elements that are empty or hold one fixed comment (the two hashes); no inline script, no other host, no WebAssembly.
/// `'self'` in `connect-src` covers the WebSocket of the same host and port (CSP Level 3).
pub const CHAT_CSP: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-JRf3eZJIF59VkE1tlxlBPiCQXjGJ1uE88pEYh49RtTY='; \
    style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; media-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The embedded file at `path`, relative to the root of the web folder and without a leading slash (`chat/chat.js`); a
/// path ending in `/` means its `index.html`. `None` when there is no such file, so always when [`WEB_BUILT`] is false.
pub fn asset(path: &str) -> Option<Asset> {
    if path.ends_with('/') {
        return find(&format!("{path}index.html"));
    }
    find(path)
}

fn find(path: &str) -> Option<Asset> {
    let at = ASSETS.binary_search_by_key(&path, |(name, _)| name).ok()?;
    Some(ASSETS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_for_the_search() {
        assert!(ASSETS.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn chat_page_is_there_exactly_when_built() {
        assert_eq!(asset("chat/").is_some(), WEB_BUILT);
        assert_eq!(asset("chat/converse/converse.min.js").is_some(), WEB_BUILT);
    }

    #[test]
    fn page_is_html_and_carries_no_inline_script() {
        let Some(page) = asset("chat/") else { return };
        let text = std::str::from_utf8(page.bytes).expect("index.html is UTF-8");
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        assert!(text.contains("<script type=\"module\" src=\"chat.js\"></script>"));
        assert_eq!(text.matches("<script").count(), 1);
        assert!(!text.contains("://"), "the page names another host");
    }

    #[test]
    fn unknown_paths_and_escapes_are_not_found() {
        for path in ["", "/", "chat", "chat/../Cargo.toml", "/chat/index.html", "chat/none.js"] {
            assert_eq!(asset(path), None, "{path}");
        }
    }
}
