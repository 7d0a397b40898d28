//! The console's own style sheet and script, in addresses that change with their content.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

pub struct File {
    pub name: &'static str,
    media: &'static str,
    bytes: &'static [u8],
    href: LazyLock<String>,
}

macro_rules! file {
    ($name:literal, $media:literal) => {
        File {
            name: $name,
            media: $media,
            bytes: include_bytes!(concat!("../../static/", $name)),
            href: LazyLock::new(|| href($name, include_bytes!(concat!("../../static/", $name)))),
        }
    };
}

pub static STYLE: File = file!("console.css", "text/css; charset=utf-8");
pub static SCRIPT: File = file!("console.js", "text/javascript; charset=utf-8");
pub static ICON: File = file!("icon.svg", "image/svg+xml");

fn href(name: &str, bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("/console/static/{name}?{:016x}", hasher.finish())
}

impl File {
    pub fn href(&'static self) -> &'static str {
        &self.href
    }
}

/// Kept by browsers for ever: another content has another address.
pub fn answer(name: &str) -> Response {
    let Some(file) = [&STYLE, &SCRIPT, &ICON].into_iter().find(|file| file.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [(header::CONTENT_TYPE, file.media), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, file.bytes).into_response()
}
