//! Which pages may speak to the XMPP service from a browser.

use axum::http::{HeaderMap, header};

/// A request of a page of this very site, or of a program that is no browser (no `Origin`). Anything else is refused, so
/// that a foreign page can't use a browser inside the company's network as its way in.
pub fn is_allowed(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), headers.get(header::HOST).map(|h| h.to_str())) else { return false };
    let site = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    site.is_some_and(|site| site.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: Option<&str>, host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("value"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("value"));
        }
        is_allowed(&headers)
    }

    #[test]
    fn only_our_own_pages_and_programs_that_are_no_browsers() {
        assert!(allowed(None, "chat.example:8443"));
        assert!(allowed(Some("https://chat.example:8443"), "chat.example:8443"));
        assert!(!allowed(Some("https://evil.example"), "chat.example:8443"));
        assert!(!allowed(Some("https://chat.example:8443.evil.example"), "chat.example:8443"));
        assert!(!allowed(Some("null"), "chat.example:8443"));
    }
}
