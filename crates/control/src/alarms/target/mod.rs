//! The places outside that alarms are sent to, and what is said there.

mod mail;
pub mod sender;
mod syslog;
mod webhook;

use super::{AlarmEvent, Change};
use crate::error::ControlError;
use crate::reasons;
use crate::text::{Lang, Text};
use serde::{Deserialize, Serialize};
use std::error::Error;
use utoipa::ToSchema;
use zaiseki_net::http::{AddressPolicy, HttpError, Trust, Url};

/// Receivers of one mail.
pub const RECEIVERS: usize = 32;
/// Characters of a host name (RFC 1035 §2.3.4) or address.
const HOST_CHARS: usize = 253;

/// Stored as JSON with `"kind": "syslog" | "mail" | "webhook"`; without the secret, which is kept sealed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[schema(as = AlarmTargetConfig)]
pub enum TargetConfig {
    Syslog(SyslogConfig),
    Mail(MailConfig),
    Webhook(WebhookConfig),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RFC 5425, port 6514.
    #[default]
    Tls,
    /// RFC 6587 with octet counting, port 514. Whoever listens reads along.
    Tcp,
    /// RFC 5426, port 514. Nobody tells whether it arrived.
    Udp,
}

/// A syslog server (RFC 5424).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    pub host: String,
    /// Without one the transport's own.
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub transport: Transport,
    /// Trust these certificate authorities (PEM) instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// RFC 3207, port 587. A server that does not offer it gets nothing.
    #[default]
    Starttls,
    /// RFC 8314 §3.3, port 465.
    Tls,
    /// Port 25; no password is ever sent.
    None,
}

/// A mail server (RFC 5321).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    pub host: String,
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub security: MailSecurity,
    /// Sign in by this name and the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    pub from: String,
    pub to: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

/// An address that gets JSON by POST. With a secret, `x-zaiseki-signature` holds `sha256=` and the HMAC-SHA256 of the body in hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

impl TargetConfig {
    pub fn kind(&self) -> &'static str {
        match self {
            TargetConfig::Syslog(_) => "syslog",
            TargetConfig::Mail(_) => "mail",
            TargetConfig::Webhook(_) => "webhook",
        }
    }

    /// Where the secret would go: who may change the target may not send it elsewhere.
    pub fn destination(&self) -> String {
        match self {
            // Nothing of it is secret.
            TargetConfig::Syslog(to) => format!("{}:{:?}", to.host, to.port),
            TargetConfig::Mail(to) => {
                let MailConfig { host, port, security, username, ca_pem, .. } = to;
                format!("{host}:{port:?} {security:?} {username:?} {ca_pem:?}")
            }
            TargetConfig::Webhook(to) => format!("{} {:?}", to.url, to.ca_pem),
        }
    }

    /// # Errors
    /// `invalid`, naming the field.
    pub fn check(&self) -> Result<(), ControlError> {
        let ca = match self {
            TargetConfig::Syslog(to) => {
                check_host(&to.host)?;
                &to.ca_pem
            }
            TargetConfig::Mail(to) => {
                check_mail(to)?;
                &to.ca_pem
            }
            TargetConfig::Webhook(to) => {
                let url = Url::parse(&to.url).map_err(|why| invalid("url", &why.to_string()))?;
                let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
                if !plain || url.host_str().is_none() {
                    return Err(invalid("url", "http or https, without a name or password in it"));
                }
                if let Some(address) = AddressPolicy::CONFIGURED.refuses(&url) {
                    let why = format!(
                        "{address} is asked only if outbound.allow of the configuration file names it: it is link-local, or gives out credentials of the machine"
                    );
                    return Err(invalid("url", &why));
                }
                &to.ca_pem
            }
        };
        let usable = ca.as_deref().map(zaiseki_net::tls::client_config_trusting).transpose();
        usable.map(drop).map_err(|error| invalid("ca_pem", &said(&error)))
    }
}

fn invalid(field: &'static str, why: &str) -> ControlError {
    ControlError::invalid(field, format!("cannot be used: {why}"), format!("使えません: {}", reasons::ja(why)))
}

fn check_host(host: &str) -> Result<(), ControlError> {
    let ok = (1..=HOST_CHARS).contains(&host.len()) && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    if ok {
        Ok(())
    } else {
        Err(ControlError::invalid("host", "must be a host name or an address", "ホスト名かアドレスを指定してください"))
    }
}

/// What goes into a command of SMTP must not hold another one.
fn check_address(field: &'static str, address: &str) -> Result<(), ControlError> {
    let plain = address.bytes().all(|b| b.is_ascii_graphic() && !b"<>\",;\\".contains(&b));
    let parts = address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if plain && parts && address.len() <= HOST_CHARS {
        return Ok(());
    }
    let (en, ja) = (format!("\"{address}\" is not a mail address"), format!("\"{address}\" はメールアドレスではありません"));
    Err(ControlError::invalid(field, en, ja))
}

fn check_mail(to: &MailConfig) -> Result<(), ControlError> {
    check_host(&to.host)?;
    check_address("from", &to.from)?;
    if !(1..=RECEIVERS).contains(&to.to.len()) {
        let en = format!("must be 1 to {RECEIVERS} addresses");
        return Err(ControlError::invalid("to", en, format!("1～{RECEIVERS} 件のアドレスを指定してください")));
    }
    to.to.iter().try_for_each(|address| check_address("to", address))?;
    if to.username.is_some() && to.security == MailSecurity::None {
        let en = "a password is sent over TLS only: choose starttls or tls";
        return Err(ControlError::invalid("security", en, "パスワードは TLS でのみ送信します。starttls か tls を選んでください"));
    }
    Ok(())
}

/// Why something did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Another try with the same words will end the same way.
    pub for_good: bool,
    pub text: Text,
}

impl Undelivered {
    fn later(text: Text) -> Undelivered {
        Undelivered { for_good: false, text }
    }

    /// The other side said no, in these words.
    fn refused(for_good: bool, said: &str) -> Undelivered {
        let said: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
        let text = Text::new(format!("the server refused it: {said}"), format!("サーバーが拒否しました: {said}"));
        Undelivered { for_good, text }
    }
}

impl From<zaiseki_net::dial::DialError> for Undelivered {
    fn from(error: zaiseki_net::dial::DialError) -> Self {
        let cause = said(&error);
        Undelivered::later(Text::new(cause.clone(), format!("接続できません: {}", reasons::ja(&cause))))
    }
}

impl From<HttpError> for Undelivered {
    fn from(error: HttpError) -> Self {
        let cause = said(&error);
        Undelivered::later(Text::new(cause.clone(), format!("接続できません: {}", reasons::ja(&cause))))
    }
}

impl From<std::io::Error> for Undelivered {
    fn from(error: std::io::Error) -> Self {
        Undelivered::later(Text::new(format!("the connection broke: {error}"), format!("接続が切れました: {error}")))
    }
}

/// An error with its causes, on one line.
fn said(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn trust(ca_pem: Option<&String>) -> Trust {
    ca_pem.map_or(Trust::Platform, |pem| Trust::Pem(pem.clone()))
}

/// What is said, and who says it.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    pub event: &'a AlarmEvent,
    pub node: &'a str,
    pub domain: &'a str,
    pub lang: Lang,
}

impl Message<'_> {
    /// `raised`, `worse`, `cleared`, in the reader's language.
    fn change(&self) -> &'static str {
        match (self.lang, self.event.change) {
            (Lang::En, change) => change.as_str(),
            (Lang::Ja, Change::Raised) => "発生",
            (Lang::Ja, Change::Worse) => "悪化",
            (Lang::Ja, Change::Cleared) => "解消",
        }
    }

    /// One line: what became of which alarm.
    fn headline(&self) -> String {
        let row = &self.event.row;
        let title = self.event.kind.title();
        format!("[{}] {}: {} ({})", row.severity, self.change(), title.get(self.lang), row.subject)
    }

    fn detail(&self) -> &str {
        let (en, ja) = &self.event.row.detail;
        if self.lang == Lang::Ja { ja } else { en }
    }

    fn remedy(&self) -> String {
        self.event.kind.remedy().get(self.lang).to_owned()
    }
}

/// Sends it, once.
pub async fn send(config: &TargetConfig, secret: Option<&str>, message: &Message<'_>) -> Result<(), Undelivered> {
    match config {
        TargetConfig::Syslog(to) => syslog::send(to, message).await,
        TargetConfig::Mail(to) => mail::send(to, secret, message).await,
        TargetConfig::Webhook(to) => webhook::send(to, secret, message).await,
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
