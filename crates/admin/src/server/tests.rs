use super::*;
use axum::routing::{get, post};
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use zaiseki_net::tls::{ReloadableCert, client_config_trusting, ensure_self_signed, server_config};

/// Nothing here takes that long unless it is broken.
const DEADLINE: Duration = Duration::from_secs(20);

struct Bench {
    address: SocketAddr,
    connector: TlsConnector,
    settings: watch::Sender<Arc<Settings>>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

async fn echo(ConnectInfo(peer): ConnectInfo<SocketAddr>, body: String) -> String {
    format!("{} {body}", peer.ip())
}

impl Bench {
    async fn new(limits: HttpLimits) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let paths = ensure_self_signed(dir.path(), &["localhost".to_owned()]).unwrap();
        let certificate = ReloadableCert::load(&paths.certificate, &paths.key).unwrap();
        let tls = Arc::new(server_config(certificate, &[b"http/1.1"]).unwrap());
        let ca = std::fs::read_to_string(&paths.ca).unwrap();
        let connector = TlsConnector::from(Arc::new(client_config_trusting(&ca).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "hello" })).route("/echo", post(echo));
        let (stop, stopped) = watch::channel(false);
        let settings = watch::Sender::default();
        let task = tokio::spawn(serve(listener, Some(tls), router, limits, settings.subscribe(), stopped));
        Bench { address, connector, settings, stop, task, _dir: dir }
    }

    async fn connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.address).await?;
        self.connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await
    }
}

/// Everything until the server closes.
async fn rest(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.expect("the server does not close");
    match read {
        Err(error) if !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => panic!("{error}"),
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

fn hurried() -> HttpLimits {
    let short = Duration::from_millis(200);
    HttpLimits { handshake: short, headers: short, body: short, drain: short, ..HttpLimits::default() }
}

#[tokio::test]
async fn requests_are_answered_and_know_their_peer() {
    let bench = Bench::new(HttpLimits::default()).await;
    let mut stream = bench.connect().await.unwrap();
    stream.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").await.unwrap();
    let answer = rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1 hi"), "{answer}");
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let bench = Bench::new(hurried()).await;
    // No TLS at all.
    assert_eq!(rest(TcpStream::connect(bench.address).await.unwrap()).await, "");
    // TLS and silence, or half a request line.
    rest(bench.connect().await.unwrap()).await;
    let mut half = bench.connect().await.unwrap();
    half.write_all(b"GET / HT").await.unwrap();
    rest(half).await;
    // A body that does not come.
    let mut body = bench.connect().await.unwrap();
    body.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhi").await.unwrap();
    let answer = rest(body).await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn headers_have_a_limit() {
    let bench = Bench::new(HttpLimits { header_count: 8, header_bytes: 8_192, ..HttpLimits::default() }).await;
    let request = |extra: &str| format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{extra}\r\n");
    for (extra, status) in [
        ("a: b\r\n".repeat(6), "HTTP/1.1 200"),
        ("a: b\r\n".repeat(7), "HTTP/1.1 431"),
        (format!("a: {}\r\n", "b".repeat(8_000)), "HTTP/1.1 200"),
        (format!("a: {}\r\n", "b".repeat(8_200)), "HTTP/1.1 431"),
    ] {
        let mut stream = bench.connect().await.unwrap();
        stream.write_all(request(&extra).as_bytes()).await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.starts_with(status), "{} bytes: {answer}", extra.len());
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed() {
    let bench = Bench::new(HttpLimits { connections: 1, ..HttpLimits::default() }).await;
    let first = bench.connect().await.unwrap();
    assert!(bench.connect().await.is_err());
    drop(first);
    // The place is free again as soon as the server has noticed.
    let again = async { while bench.connect().await.is_err() {} };
    timeout(DEADLINE, again).await.expect("the place is not given back");
}

#[tokio::test]
async fn one_address_has_its_share() {
    let bench = Bench::new(HttpLimits::default()).await;
    bench.settings.send_modify(|settings| Arc::make_mut(settings).connections.strangers_per_address = 2);
    let first = bench.connect().await.unwrap();
    let _second = bench.connect().await.expect("at the limit");
    assert!(bench.connect().await.is_err(), "one past it");
    drop(first);
    let again = async { while bench.connect().await.is_err() {} };
    timeout(DEADLINE, again).await.expect("the place is not given back");
    bench.settings.send_modify(|settings| Arc::make_mut(settings).connections.strangers_per_address = 4);
    bench.connect().await.expect("a higher limit holds at once");
}

#[tokio::test]
async fn a_connection_that_is_known_makes_room() {
    let gate = Arc::new(Gate::default());
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    let stranger = Stranger::new(gate.enter(address, 1).unwrap());
    assert!(gate.enter(address, 1).is_none());
    stranger.clone().is_known();
    assert!(gate.enter(address, 1).is_some());
}

#[tokio::test]
async fn the_server_stops_when_told() {
    let bench = Bench::new(hurried()).await;
    let idle = bench.connect().await.unwrap();
    bench.stop.send(true).unwrap();
    timeout(DEADLINE, bench.task).await.expect("the server does not stop").unwrap();
    rest(idle).await;
    assert!(TcpStream::connect(bench.address).await.is_err());
}
