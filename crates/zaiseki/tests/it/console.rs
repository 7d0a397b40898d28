//! The web console in a browser: each page of the navigation, forms that are taken and refused, in both languages.

use std::path::PathBuf;
use zaiseki_testkit::browser::walk_console;
use zaiseki_testkit::node::Node;

/// A folder for pictures of every page, for people to look at; from the root of the repository on.
const PICTURES: &str = "ZAISEKI_SCREENSHOTS";

#[test]
fn an_administrator_walks_through_users() {
    walk("people", "en");
}

#[test]
fn an_administrator_walks_through_sources_and_settings() {
    walk("sources", "en");
}

#[test]
fn an_administrator_walks_through_services_and_certificates() {
    walk("services", "en");
}

#[test]
fn an_administrator_walks_through_every_page_in_english() {
    walk("pages", "en");
}

#[test]
fn an_administrator_walks_through_every_page_in_japanese() {
    walk("pages", "ja");
}

#[test]
fn an_administrator_walks_through_every_linked_page_in_english() {
    walk("linked", "en");
}

#[test]
fn an_administrator_walks_through_every_linked_page_in_japanese() {
    walk("linked", "ja");
}

/// At a node of its own, so that the walks may go side by side.
fn walk(part: &str, language: &str) {
    let node = Node::start(env!("CARGO_BIN_EXE_zaiseki")).expect("a node");
    let log = node.log();
    let token: String = log
        .split_once("/setup/")
        .map(|(_, rest)| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect())
        .expect("the link for the first administrator");
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pictures = std::env::var_os(PICTURES).map(|folder| root.join(folder));
    let url = format!("https://{}", node.https());
    let said = walk_console((part, language), &url, &token, pictures.as_deref()).expect("the walk");
    println!("{said}");
}
