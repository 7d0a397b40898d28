//! Signs in with tokio-xmpp, sends itself a message and prints what it sees.
//!
//! Arguments: `starttls` or `direct`, address with port, bare JID, password. `SSL_CERT_FILE` names whom it trusts. It takes the
//! strongest mechanism that it shares with the server. Ends with `done`, or with the error and exit code 1.

use std::process::ExitCode;
use std::time::Duration;

use futures::StreamExt;
use sasl::common::{ChannelBinding, Credentials};
use tokio_xmpp::connect::{DirectTlsServerConnector, DnsConfig, ServerConnector, StartTlsServerConnector};
use tokio_xmpp::jid::{BareJid, Jid};
use tokio_xmpp::parsers::message::{Lang, Message};
use tokio_xmpp::parsers::presence::{Presence, Type};
use tokio_xmpp::xmlstream::Timeouts;
use tokio_xmpp::{Client, Event, client_login};

const DEADLINE: Duration = Duration::from_secs(30);
const TEXT: &str = "in the same channel <&> 会議";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [door, address, jid, password] = &arguments[..] else {
        eprintln!("arguments: starttls|direct, address, JID, password");
        return ExitCode::from(2);
    };
    rustls::crypto::ring::default_provider().install_default().expect("the first provider");
    let jid: BareJid = jid.parse().expect("a JID");
    let at = DnsConfig::addr(address);
    let session = async {
        if door == "direct" {
            sign_in(DirectTlsServerConnector::from(at.clone()), &jid, password).await?;
            talk(Client::new_direct_tls_with_config(jid.clone(), password, at, Timeouts::default()), jid).await
        } else {
            sign_in(StartTlsServerConnector::from(at.clone()), &jid, password).await?;
            talk(Client::new_starttls(jid.clone(), password, at, Timeouts::default()), jid).await
        }
    };
    match tokio::time::timeout(DEADLINE, session).await {
        Ok(Ok(())) => {
            println!("done");
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
        Err(_) => {
            println!("error: nothing for {} s", DEADLINE.as_secs());
            ExitCode::FAILURE
        }
    }
}

/// Signs in and hangs up. The whole client below tries again for ever instead of telling why it was refused.
async fn sign_in(connector: impl ServerConnector, jid: &BareJid, password: &str) -> Result<(), String> {
    let at = Jid::from(jid.clone());
    let (stream, binding) = connector.connect(&at, "jabber:client", Timeouts::default()).await.map_err(|e| e.to_string())?;
    println!("channel binding: {}", if matches!(binding, ChannelBinding::TlsExporter(_)) { "tls-exporter" } else { "none" });
    let (features, stream) = stream.recv_features().await.map_err(|e| e.to_string())?;
    let user = at.node().map(|user| user.as_str().to_owned()).unwrap_or_default();
    let credentials = Credentials::default().with_username(user).with_password(password).with_channel_binding(binding);
    client_login(stream, features.sasl_mechanisms, credentials).await.map(drop).map_err(|e| format!("{e:?}"))
}

async fn talk(mut client: Client, own: BareJid) -> Result<(), String> {
    while let Some(event) = client.next().await {
        match event {
            Event::Online { bound_jid, .. } => {
                println!("online: {bound_jid}");
                client.send_stanza(Presence::new(Type::None).into()).await.map_err(|e| e.to_string())?;
                let mut message = Message::chat(Jid::from(own.clone()));
                message.bodies.insert(Lang::default(), TEXT.to_owned());
                client.send_stanza(message.into()).await.map_err(|e| e.to_string())?;
            }
            Event::Disconnected(error) => return Err(error.to_string()),
            Event::Stanza(stanza) => {
                let Ok(message) = Message::try_from(stanza) else { continue };
                if message.bodies.values().any(|body| body == TEXT) {
                    println!("message: {TEXT}");
                    return client.send_end().await.map_err(|e| e.to_string());
                }
            }
        }
    }
    Err("the client gave up".to_owned())
}
