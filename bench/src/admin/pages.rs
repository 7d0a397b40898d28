//! The console's pages as an administrator's browser asks for them, one after the other over one connection.

use super::http::Browser;
use super::table::Page;
use super::tree::TYPED;
use crate::measure::{cpu_seconds, percentile};
use anyhow::{Result, ensure};
use std::fmt::Write as _;

/// Every page of the navigation, as the navigation itself names them, and pages that lead on from the list of users.
pub async fn navigation(browser: &mut Browser, pid: u32, requests: usize) -> Result<Vec<Page>> {
    let home = browser.get("/console/").await?.body;
    let mut paths = hrefs(&home, "/console/");
    let users = browser.get("/console/users").await?.body;
    let more = hrefs(&users, "/console/users?").into_iter().chain(hrefs(&users, "/console/users/").into_iter().take(1));
    paths.extend(more);
    paths.push("/console/directories/company".to_owned());
    paths.sort();
    paths.dedup();
    ensure!(paths.len() > 15, "a navigation of {} pages", paths.len());
    let mut pages = Vec::new();
    for path in paths {
        let asked = vec![path.clone(); requests];
        pages.push(ask(browser, pid, path, &asked).await?);
    }
    Ok(pages)
}

/// Each text of [`TYPED`] as it is typed: one request for each letter, in the console and by the API.
pub async fn searches(browser: &mut Browser, pid: u32) -> Result<Vec<Page>> {
    let typed = |text: &'static str| text.char_indices().map(move |(at, letter)| &text[..at + letter.len_utf8()]);
    let mut searches = Vec::new();
    for (name, path) in
        [("search as you type, console", "/console/users?search="), ("search, API", "/api/v1/users?limit=20&search=")]
    {
        let asked: Vec<String> = TYPED.into_iter().flat_map(typed).map(|text| format!("{path}{}", encoded(text))).collect();
        searches.push(ask(browser, pid, name.to_owned(), &asked).await?);
    }
    Ok(searches)
}

async fn ask(browser: &mut Browser, pid: u32, name: String, paths: &[String]) -> Result<Page> {
    let before = cpu_seconds(pid)?;
    let mut times = Vec::new();
    for path in paths {
        times.push(browser.get(path).await?.took.as_secs_f64());
    }
    let cpu = (cpu_seconds(pid)? - before) * 1e3 / paths.len().max(1) as f64;
    let [p50, p95, max] = [50.0, 95.0, 100.0].map(|percent| percentile(&mut times, percent) * 1e3);
    Ok(Page { path: name, requests: times.len(), p50, p95, max, cpu })
}

/// Where links lead that begin so, without what stands in them twice.
fn hrefs(html: &str, beginning: &str) -> Vec<String> {
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let ours = links.filter(|href| href.starts_with(beginning) && !href.contains('#') && !href.contains("/static/"));
    let mut found: Vec<String> = ours.map(|href| href.replace("&amp;", "&").replace("&#38;", "&")).collect();
    found.sort();
    found.dedup();
    found
}

/// RFC 3986 §2.1.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_once() {
        let html = r##"<a href="/console/users">a</a> <a href="/console/users">b</a> <a href="/elsewhere">c</a>
            <a href="/console/users?a=1&amp;b=2">d</a> <a href="/console/#main">e</a>"##;
        assert_eq!(hrefs(html, "/console/"), ["/console/users", "/console/users?a=1&b=2"]);
    }

    #[test]
    fn queries_are_ascii() {
        assert_eq!(encoded("a b.佐"), "a%20b%2E%E4%BD%90");
    }
}
