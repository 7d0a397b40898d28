//! A cluster to read, and the configuration that reads it.

use serde_json::{Value, json};
use zaiseki_axl::{AxlConfig, AxlSource, open};
use zaiseki_model::directory::{Sweep, UserSource, UserSourceError};
use zaiseki_net::http::{AddressPolicy, Client, ClientConfig, Method, Request, Trust, Url};
use zaiseki_testkit::axl::{AxlServer, Options, PASSWORD, USERNAME, person};

pub fn config(server: &AxlServer) -> AxlConfig {
    let json = json!({
        "servers": [server.address()], "username": USERNAME, "ca": server.ca().unwrap(), "country_code": "81",
    });
    serde_json::from_value(json).unwrap()
}

pub fn source(config: &AxlConfig) -> AxlSource {
    open(config, PASSWORD).unwrap()
}

pub async fn read(config: &AxlConfig) -> Result<Sweep, UserSourceError> {
    source(config).read(&|_| {}).await
}

/// `user000`, `user001`, …
pub fn crowd(many: usize) -> Options {
    Options::new((0..many).map(|i| person(&format!("user{i:03}"), "U", &format!("{i}"))).collect())
}

pub fn names(sweep: &Sweep) -> Vec<&str> {
    sweep.users.iter().map(|user| user.name.as_str()).collect()
}

async fn page(server: &AxlServer, method: Method, name: &str, body: &str) -> Value {
    let trust = Trust::Pem(server.ca().unwrap());
    let client = Client::new(ClientConfig { policy: AddressPolicy::CONFIGURED, trust, ..ClientConfig::default() }).unwrap();
    let url = Url::parse(&server.page(name)).unwrap();
    let answer = client.send(Request::new(method, url, body.to_owned())).await.unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}

pub async fn control(server: &AxlServer, wish: Value) {
    page(server, Method::POST, "control", &wish.to_string()).await;
}

/// The operations asked so far, in their order.
pub async fn asked(server: &AxlServer) -> Vec<(String, String)> {
    let log = page(server, Method::GET, "log", "").await;
    let word = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    log.as_array().unwrap().iter().map(|entry| (word(entry, "operation"), word(entry, "version"))).collect()
}

pub async fn count(server: &AxlServer, operation: &str) -> usize {
    asked(server).await.iter().filter(|(name, _)| name == operation).count()
}
