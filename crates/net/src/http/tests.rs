use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers each connection's requests with the given texts in order, then closes. Returns what it was asked.
async fn serve(answers: Vec<Vec<String>>) -> (Url, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/a", listener.local_addr().unwrap())).unwrap();
    let task = tokio::spawn(async move {
        let mut seen = Vec::new();
        for connection in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            for answer in connection {
                let mut buffer = vec![0; 4096];
                let n = socket.read(&mut buffer).await.unwrap();
                seen.push(String::from_utf8_lossy(&buffer[..n]).into_owned());
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        }
        seen
    });
    (url, task)
}

fn client(change: impl FnOnce(&mut ClientConfig)) -> Client {
    let mut config = ClientConfig {
        policy: AddressPolicy::CONFIGURED,
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(5),
        ..ClientConfig::default()
    };
    change(&mut config);
    Client::new(config).unwrap()
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_connection_is_used_again_and_replaced_when_the_server_closed_it() {
    let (url, seen) = serve(vec![vec![ok("1"), ok("2")], vec![ok("3")]]).await;
    let client = client(|_| {});
    for expected in ["1", "2", "3"] {
        let answer = client.send(Request::new(Method::POST, url.clone(), "x")).await.unwrap();
        assert_eq!(answer.body, expected);
    }
    let seen = seen.await.unwrap();
    assert!(seen[0].starts_with("POST /a HTTP/1.1\r\n"), "{}", seen[0]);
    assert!(seen[0].contains(&format!("host: 127.0.0.1:{}\r\n", url.port().unwrap())));
}

#[tokio::test]
async fn redirects_stay_on_the_server() {
    let here = "HTTP/1.1 301 Moved\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".to_owned();
    let away = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n".to_owned();
    let (url, seen) = serve(vec![vec![here, away]]).await;
    let error = client(|_| {}).send(Request::new(Method::POST, url, "body")).await.unwrap_err();
    assert!(matches!(error, HttpError::RedirectElsewhere { ref to, .. } if to == "http://192.0.2.1/"), "{error}");
    let seen = seen.await.unwrap();
    assert!(seen[1].starts_with("POST /b ") && seen[1].ends_with("body"), "{}", seen[1]);

    let round = "HTTP/1.1 301 Moved\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n".to_owned();
    let (url, _) = serve(vec![vec![round; 10]]).await;
    let error = client(|_| {}).send(Request::new(Method::GET, url, "")).await.unwrap_err();
    assert!(matches!(error, HttpError::TooManyRedirects { .. }), "{error}");
}

#[tokio::test]
async fn the_body_limit_is_exact() {
    for (limit, fits) in [(10, true), (9, false)] {
        let (url, _) = serve(vec![vec![ok("0123456789")]]).await;
        let result = client(|c| c.max_body = limit).send(Request::new(Method::GET, url, "")).await;
        match result {
            Ok(answer) => assert!(fits && answer.body == "0123456789"),
            Err(HttpError::TooLarge { limit: 9, .. }) => assert!(!fits),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn silence_and_truncation_are_errors() {
    let (url, _) = serve(vec![vec![String::new(), String::new()]]).await;
    let brief = client(|c| c.request_timeout = Duration::from_millis(50));
    let error = brief.send(Request::new(Method::GET, url, "")).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error}");
    let (url, _) = serve(vec![vec!["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_owned()]]).await;
    let error = client(|_| {}).send(Request::new(Method::GET, url, "")).await.unwrap_err();
    assert!(matches!(error, HttpError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn policy_and_bad_addresses_stop_before_a_connection() {
    let (url, _) = serve(vec![]).await;
    let guarded = client(|c| c.policy = AddressPolicy::default());
    let error = guarded.send(Request::new(Method::GET, url, "")).await.unwrap_err();
    assert!(matches!(error, HttpError::Blocked { .. }), "{error}");
    for bad in ["ftp://192.0.2.1/", "http://user:secret@192.0.2.1/"] {
        let url = Url::parse(bad).unwrap();
        let error = guarded.send(Request::new(Method::GET, url, "")).await.unwrap_err();
        assert!(matches!(error, HttpError::Url { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn tls_goes_to_the_load_balancer_but_names_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let paths = crate::tls::ensure_self_signed(dir.path(), &["mail.example.test".to_owned()]).unwrap();
    let cert = crate::tls::ReloadableCert::load(&paths.certificate, &paths.key).unwrap();
    let config = Arc::new(crate::tls::server_config(Arc::clone(&cert), &[]).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut tls = tokio_rustls::TlsAcceptor::from(config).accept(socket).await.unwrap();
        let mut buffer = vec![0; 4096];
        let n = tls.read(&mut buffer).await.unwrap();
        tls.write_all(ok("fine").as_bytes()).await.unwrap();
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    });
    let trusted = client(|c| {
        c.trust = Trust::Pem(std::fs::read_to_string(&paths.ca).unwrap());
        c.connect_to = Some(address.to_string());
    });
    let url = Url::parse("https://mail.example.test/EWS").unwrap();
    let mut connection = trusted.connect(&url).await.unwrap();
    assert_eq!(connection.peer_leaf(), Some(&cert.leaf()));
    let answer = connection.send(&Request::new(Method::GET, url, "")).await.unwrap();
    assert_eq!(answer.body, "fine");
    assert!(served.await.unwrap().contains("host: mail.example.test\r\n"));
}
