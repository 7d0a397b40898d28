//! Reads what a browser posts: the fields of a form, with or without a file.

use super::form::{FIELDS, Form};
use crate::api::IMPORT_BYTES;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;

/// Bytes of a form without a file: ten thousand ticked rows.
pub const FORM_BYTES: usize = 1024 * 1024;

/// Bytes of a form of somebody who is not signed in.
pub const STRANGER_BYTES: usize = 16 * 1024;

/// Why a form was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not carry the token of its session.
    Token,
    TooLarge,
    Broken,
}

pub async fn read(request: Request) -> Result<Form, Refused> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") { with_file(request).await } else { plain(request, FORM_BYTES).await }
}

/// The form of somebody who is not signed in: a name, a password, a code, and no file.
pub async fn read_of_stranger(request: Request) -> Result<Form, Refused> {
    let kind = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    if kind.starts_with(b"multipart/") { Err(Refused::Broken) } else { plain(request, STRANGER_BYTES).await }
}

async fn plain(request: Request, limit: usize) -> Result<Form, Refused> {
    let bytes = to_bytes(request.into_body(), limit).await.map_err(|_| Refused::TooLarge)?;
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(&bytes).into_owned().take(FIELDS + 1).collect();
    if pairs.len() > FIELDS { Err(Refused::TooLarge) } else { Ok(Form::posted(pairs)) }
}

async fn with_file(request: Request) -> Result<Form, Refused> {
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| Refused::Broken)?;
    let (mut pairs, mut file, mut left) = (Vec::new(), None, IMPORT_BYTES + FORM_BYTES);
    while let Some(mut part) = parts.next_field().await.map_err(|_| Refused::Broken)? {
        let (name, is_file) = (part.name().unwrap_or_default().to_owned(), part.file_name().is_some());
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|_| Refused::Broken)? {
            left = left.checked_sub(chunk.len()).ok_or(Refused::TooLarge)?;
            bytes.extend_from_slice(&chunk);
        }
        if is_file {
            file = Some(bytes);
        } else if pairs.len() < FIELDS {
            pairs.push((name, String::from_utf8(bytes).map_err(|_| Refused::Broken)?));
        } else {
            return Err(Refused::TooLarge);
        }
    }
    Ok(Form::posted(pairs).with_file(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn post(kind: &str, body: impl Into<Body>) -> Request {
        Request::post("/console/x").header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
    }

    const URLENCODED: &str = "application/x-www-form-urlencoded";

    #[tokio::test]
    async fn fields_are_taken_to_their_number_and_not_one_more() {
        let form = |fields: usize| post(URLENCODED, "a=%E8%8A%B1&".repeat(fields));
        assert_eq!(read(form(FIELDS)).await.unwrap().all("a").count(), FIELDS);
        assert_eq!(read(form(FIELDS + 1)).await.unwrap_err(), Refused::TooLarge);
    }

    #[tokio::test]
    async fn bytes_are_taken_to_their_number_and_not_one_more() {
        let form = |bytes: usize| post(URLENCODED, format!("a={}", "x".repeat(bytes - 2)));
        assert_eq!(read(form(FORM_BYTES)).await.unwrap().text("a").len(), FORM_BYTES - 2);
        assert_eq!(read(form(FORM_BYTES + 1)).await.unwrap_err(), Refused::TooLarge);
    }

    #[tokio::test]
    async fn strangers_send_little_and_no_file() {
        let form = |bytes: usize| post(URLENCODED, format!("a={}", "x".repeat(bytes - 2)));
        assert_eq!(read_of_stranger(form(STRANGER_BYTES)).await.unwrap().text("a").len(), STRANGER_BYTES - 2);
        assert_eq!(read_of_stranger(form(STRANGER_BYTES + 1)).await.unwrap_err(), Refused::TooLarge);
        let file = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nt\r\n--b--\r\n";
        assert_eq!(read_of_stranger(post("multipart/form-data; boundary=b", file)).await.unwrap_err(), Refused::Broken);
    }

    #[tokio::test]
    async fn a_file_comes_beside_its_fields() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nt\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"f\"; filename=\"x.csv\"\r\n\r\na,b\r\n--b--\r\n";
        let form = read(post("multipart/form-data; boundary=b", body)).await.unwrap();
        assert_eq!((form.text("csrf"), form.file.as_deref()), ("t", Some(b"a,b".as_slice())));
        let cut = read(post("multipart/form-data; boundary=b", &body[..80])).await;
        assert_eq!(cut.unwrap_err(), Refused::Broken);
    }
}
