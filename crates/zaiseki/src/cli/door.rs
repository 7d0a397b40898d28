//! How a command reaches the functions: the running node's socket, or this process.

use crate::bootstrap;
use crate::config::Config;
use crate::i18n::{Lang, Text, explained};
use crate::lock::{DataDirLock, LockError};
use crate::serve;
use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tower::ServiceExt;
use zaiseki_admin::api::{ErrorBody, api};
use zaiseki_admin::socket::{SOCKET, own_caller};
use zaiseki_control::app::App;
use zaiseki_control::certificates::Served;
use zaiseki_store::{Options, Store, StoreError};

/// Bytes of an answer.
const ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// A node that starts or stops has this long to answer, or to let go of its folder.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub enum Door {
    Socket(PathBuf),
    /// No node runs: the folder is ours until this value goes, which happens in the order of the fields.
    Here {
        routes: Router,
        _store: Store,
        _lock: DataDirLock,
    },
}

impl Door {
    /// Prefers a node that answers; else takes the folder, so that none starts meanwhile. `file`: of the configuration.
    pub async fn open(config: &Config, file: Option<&Path>) -> Result<Door> {
        if file.is_none() && !config.data_dir.exists() {
            let folder = config.data_dir.display();
            let en = format!("there is no node here ({folder}): name its configuration file with --config");
            let ja = format!("ここにはノードがありません ({folder})。--config でノードの設定ファイルを指定してください");
            return Err(anyhow::Error::msg(Text::new(en, ja)));
        }
        let socket = config.data_dir.join(SOCKET);
        let began = Instant::now();
        loop {
            if UnixStream::connect(&socket).await.is_ok() {
                return Ok(Door::Socket(socket));
            }
            match DataDirLock::acquire(&config.data_dir) {
                Ok(lock) => return Door::here(config, file, lock),
                Err(LockError::Held { .. }) if began.elapsed() < PATIENCE => tokio::time::sleep(LOOK_AGAIN).await,
                Err(error) => {
                    let text = error.text();
                    return Err(explained(error, text));
                }
            }
        }
    }

    fn here(config: &Config, file: Option<&Path>, lock: DataDirLock) -> Result<Door> {
        let database = |error: StoreError| {
            let text = Text::new("the database cannot be opened", "データベースを開けません");
            anyhow::Error::new(error).context(text)
        };
        let store = Store::open(&config.data_dir, &config.domain, Options::default(), Box::new(|_| {})).map_err(database)?;
        let app = App::open(store.clone(), &config.domain, &config.data_dir, |_| {})
            .map_err(|error| anyhow::Error::msg(error.text()))?;
        app.node().set_name(&config.node_name);
        app.node().set_bootstrap(bootstrap::told(config, file));
        app.set_this_node(serve::this_node(config, Vec::new()));
        let base = serve::certificate_base(config);
        if let Ok(identity) = base.look() {
            app.set_served(Served::open(&app, base, &identity).map_err(|error| anyhow::Error::msg(error.text()))?);
        }
        let routes = api(app).layer(axum::Extension(own_caller()));
        Ok(Door::Here { routes, _store: store, _lock: lock })
    }

    /// Sends one request; an error of the API becomes an error here, with its text in `lang`.
    pub async fn request(&self, method: Method, path: &str, body: Vec<u8>, lang: Lang) -> Result<Value> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(header::HOST, "localhost")
            .header(header::CONTENT_LENGTH, body.len())
            .body(Body::from(body))?;
        let response = match self {
            Door::Here { routes, .. } => routes.clone().oneshot(request).await.map_err(|never| match never {})?,
            Door::Socket(path) => over_socket(path, request).await?,
        };
        let status = response.status();
        let bytes = to_bytes(response.into_body(), ANSWER_BYTES).await?;
        answer(status, &bytes, lang)
    }
}

async fn over_socket(path: &Path, request: Request<Body>) -> Result<Response> {
    let said = || {
        let socket = path.display();
        let en = format!("the running node does not answer at {socket}");
        Text::new(en, format!("実行中のノードが {socket} で応答しません"))
    };
    let socket = UnixStream::connect(path).await.with_context(said)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.with_context(said)?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await.with_context(said)?.map(Body::new))
}

fn answer(status: StatusCode, bytes: &[u8], lang: Lang) -> Result<Value> {
    if !status.is_success() {
        match serde_json::from_slice::<ErrorBody>(bytes) {
            Ok(body) => bail!("{}", field_and_text(&body, lang)),
            Err(_) => bail!("{status}: {}", String::from_utf8_lossy(bytes)),
        }
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).context("the node's answer is not JSON")
}

fn field_and_text(body: &ErrorBody, lang: Lang) -> String {
    let text = body.error.text.get(lang);
    match &body.error.field {
        Some(field) if !text.contains(field.as_str()) => format!("{field}: {text}"),
        _ => text.to_owned(),
    }
}
