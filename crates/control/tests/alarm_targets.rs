//! Alarms to servers that nobody here wrote: rsyslog over TLS (Debian) and aiosmtpd with STARTTLS and a password (PyPI).

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use zaiseki_control::App;
use zaiseki_control::app::alarm_targets::{self, TargetTestResult};
use zaiseki_net::tls::{Paths, ensure_self_signed};
use zaiseki_store::{Options, Store};
use zaiseki_testkit::process::{Server, free_port, wait_for};
use zaiseki_testkit::python::Python;

const DEADLINE: Duration = Duration::from_secs(60);

struct Bench {
    app: App,
    tls: Paths,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Result<Bench> {
        let dir = tempfile::tempdir()?;
        let store = Store::open(dir.path(), "example.com", Options::default(), Box::new(|_| {}))?;
        let app = App::open(store, "example.com", dir.path(), |_| {}).map_err(|error| anyhow::anyhow!("{error}"))?;
        let tls = ensure_self_signed(&dir.path().join("tls"), &["localhost".to_owned()])?;
        Ok(Bench { app, tls, dir })
    }

    fn ca(&self) -> Result<String> {
        std::fs::read_to_string(&self.tls.ca).context("reading the CA")
    }

    async fn test(&self, name: &str, config: Value, secret: Option<&str>) -> Result<TargetTestResult> {
        let input = json!({"name": name, "config": config, "secret": secret, "severity": "info", "language": "ja"});
        let app = self.app.clone();
        let name = name.to_owned();
        let test = tokio::task::spawn_blocking(move || {
            alarm_targets::add(&app, "tester", &serde_json::from_value(input).unwrap())?;
            alarm_targets::prepare_test(&app, &name)
        });
        Ok(test.await?.map_err(|error| anyhow::anyhow!("{error}"))?.run().await)
    }
}

fn read_when(path: &Path, holds: &str) -> Result<String> {
    wait_for(holds, DEADLINE, || std::fs::read_to_string(path).ok().filter(|text| text.contains(holds)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rsyslog_takes_alarms_over_tls() -> Result<()> {
    let bench = Bench::new()?;
    let (port, folder) = (free_port()?, bench.dir.path());
    let configuration = format!(
        "global(workDirectory=\"{folder}\" DefaultNetstreamDriver=\"ossl\" DefaultNetstreamDriverCAFile=\"{ca}\"\n\
         DefaultNetstreamDriverCertFile=\"{certificate}\" DefaultNetstreamDriverKeyFile=\"{key}\")\n\
         module(load=\"imtcp\" StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"anon\")\n\
         input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")\n\
         template(name=\"line\" type=\"string\" string=\"%PRI%|%HOSTNAME%|%APP-NAME%|%MSGID%|%msg%\\n\")\n\
         action(type=\"omfile\" file=\"{folder}/out\" template=\"line\")\n",
        folder = folder.display(),
        ca = bench.tls.ca.display(),
        certificate = bench.tls.certificate.display(),
        key = bench.tls.key.display(),
    );
    std::fs::write(folder.join("rsyslog.conf"), configuration)?;
    let mut command = Command::new("/usr/sbin/rsyslogd");
    command.arg("-n").arg("-f").arg(folder.join("rsyslog.conf")).arg("-i").arg(folder.join("rsyslog.pid"));
    let mut server = Server::start(&mut command, &folder.join("log"))?;
    server.wait_for_port(port, DEADLINE)?;
    let config = json!({"kind": "syslog", "host": "localhost", "port": port, "ca_pem": bench.ca()?});
    let result = bench.test("siem", config, None).await?;
    assert!(result.sent, "{result:?}\n{}", server.output());
    let line = read_when(&folder.join("out"), "alarm-target.test")?;
    assert!(line.contains("30|zaiseki|zaiseki|alarm-target.test|"), "{line}");
    assert!(line.contains("テスト: アラームはここに届きます"), "{line}");
    // Another authority did not sign the server's certificate.
    let other = ensure_self_signed(&folder.join("other"), &["localhost".to_owned()])?;
    let config = json!({"kind": "syslog", "host": "localhost", "port": port, "ca_pem": std::fs::read_to_string(other.ca)?});
    let refused = bench.test("stranger", config, None).await?;
    assert!(!refused.sent && refused.error.is_some_and(|error| error.en.contains("TLS")), "a stranger's certificate");
    Ok(())
}

/// Takes mail from `ops` with the password `secret`, only after STARTTLS; writes it to a file.
const MAIL_SERVER: &str = r#"
import asyncio, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
port, certificate, key, out = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]

class Handler:
    async def handle_DATA(self, server, session, envelope):
        with open(out, "ab") as file:
            file.write(f"{envelope.mail_from}|{','.join(envelope.rcpt_tos)}\n".encode() + envelope.content + b"\nend of mail\n")
        return "250 taken"

def authenticator(server, session, envelope, mechanism, data):
    # Not handled: the server says the answer.
    return AuthResult(success=data.login == b"ops" and data.password == b"secret", handled=False)

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)

def make():
    return SMTP(Handler(), tls_context=context, require_starttls=True, auth_required=True, authenticator=authenticator)

async def main():
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", port)
    await server.serve_forever()

asyncio.run(main())
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_takes_alarms_after_starttls_and_sign_in() -> Result<()> {
    let bench = Bench::new()?;
    let python = Python::with("mail", &["aiosmtpd==1.4.6"])?;
    let (port, folder) = (free_port()?, bench.dir.path());
    std::fs::write(folder.join("server.py"), MAIL_SERVER)?;
    let mut command = python.command();
    command.arg(folder.join("server.py")).arg(port.to_string());
    command.arg(&bench.tls.certificate).arg(&bench.tls.key).arg(folder.join("out"));
    let mut server = Server::start(&mut command, &folder.join("log"))?;
    server.wait_for_port(port, DEADLINE)?;
    let ca = bench.ca()?;
    let config = |to: &str| {
        json!({"kind": "mail", "host": "localhost", "port": port, "username": "ops", "ca_pem": ca,
            "from": "zaiseki@example.com", "to": ["ops@example.com", to]})
    };
    let result = bench.test("mail", config("boss@example.com"), Some("secret")).await?;
    assert!(result.sent, "{result:?}\n{}", server.output());
    let mail = read_when(&folder.join("out"), "end of mail")?;
    assert!(mail.starts_with("zaiseki@example.com|ops@example.com,boss@example.com\n"), "{mail}");
    // Python's own reader of mail has the last word.
    let read = "import email, email.policy, sys\n\
                raw = open(sys.argv[1], 'rb').read().split(b'\\n', 1)[1].rsplit(b'\\nend of mail', 1)[0]\n\
                mail = email.message_from_bytes(raw, policy=email.policy.default)\n\
                assert not mail.defects, mail.defects\n\
                print(mail['subject']); print(mail['date'].datetime.tzinfo); print(mail.get_content())\n";
    let text = zaiseki_testkit::process::run(python.command().args(["-c", read]).arg(folder.join("out")))?;
    assert!(text.starts_with("[info] 発生: テスト: アラームはここに届きます (zaiseki)\nUTC\n"), "{text}");
    assert!(text.contains("対処: 対処は不要です。"), "{text}");
    let refused = bench.test("wrong", config("x@example.com"), Some("guess")).await?;
    assert!(!refused.sent && refused.error.is_some_and(|error| error.en.contains("535")), "a wrong password");
    Ok(())
}
