//! The certificates that the node presents.

use super::names::not_known;
use super::{Check, Finding, alone};
use crate::app::App;
use crate::app::certificates::WARN_DAYS;
use crate::certificates::{Purpose, Served, Source};
use crate::error::{ControlError, Result};
use crate::text::Text;
use zaiseki_model::Timestamp;
use zaiseki_net::tls::{CertificateFacts, Identity, Trust, trust};
use zaiseki_xmpp::datetime;

pub(super) const NAMES: Check = Check {
    section: "certificates",
    id: "certificates.names",
    title: || Text::new("Names in the certificate", "証明書の名前"),
    why: || {
        Text::new(
            "clients refuse a certificate that lacks the name they ask for",
            "必要な名前のない証明書はクライアントに拒否されます",
        )
    },
    link: Some("/console/certificates"),
    subjects,
    run: |app, purpose| with(app, purpose, |_, facts| names(purpose_of(purpose), app.domain(), app.node().name(), &facts[0])),
};

/// Clients of XMPP ask for the domain, whatever the host is called (RFC 6120 §13.7.2.1); browsers for what stands in the address bar.
fn names(purpose: Purpose, domain: &str, node: &str, leaf: &CertificateFacts) -> Vec<Finding> {
    let held = leaf.names.join(", ");
    let missing: Vec<&str> = [domain, node].into_iter().filter(|name| !leaf.covers(name)).collect();
    let Some(first) = missing.first() else { return vec![Finding::passed(Text::plain(held))] };
    let lacks = missing.join(", ");
    let seen = Text::new(format!("lacks {lacks}; has {held}"), format!("{lacks} がありません。含まれる名前: {held}"));
    let todo = Text::new(
        "get a certificate with these names and import it, or let the node's own authority make one",
        "これらの名前を含む証明書を取得して取り込むか、ノード独自の認証局で作成してください",
    );
    vec![if *first == domain && purpose == Purpose::Xmpp { Finding::failed(seen, todo) } else { Finding::warning(seen, todo) }]
}

pub(super) const EXPIRY: Check = Check {
    section: "certificates",
    id: "certificates.expiry",
    title: || Text::new("End of the certificates", "証明書の有効期限"),
    why: || Text::new("clients refuse a certificate that has ended", "期限切れの証明書はクライアントに拒否されます"),
    link: Some("/console/certificates"),
    subjects,
    run: |app, purpose| {
        with(app, purpose, |_, facts| {
            let now = Timestamp::now().0.div_euclid(1_000_000);
            facts.iter().map(|one| expiry(one, now).about(format!("{purpose}: {}", one.subject))).collect()
        })
    },
};

/// `now` in seconds since 1970.
fn expiry(one: &CertificateFacts, now: i64) -> Finding {
    let (until, days) = (datetime::format(one.not_after.saturating_mul(1_000_000)), one.days_left(now));
    let todo = Text::new(
        "renew the certificate; new files are taken without a restart",
        "証明書を更新してください。新しいファイルは再起動なしで読み込まれます",
    );
    let end = Text::new(format!("ends {until}, in {days} days"), format!("{until} まで (残り {days} 日)"));
    match days {
        _ if one.not_before > now => {
            let from = datetime::format(one.not_before.saturating_mul(1_000_000));
            let seen = Text::new(format!("begins only {from}"), format!("{from} より前は無効です"));
            Finding::failed(seen, Text::new("check the clock of this machine", "このマシンの時計を確認してください"))
        }
        ..0 => Finding::failed(Text::new(format!("ended {until}"), format!("{until} に期限切れ")), todo),
        0..=WARN_DAYS => Finding::warning(end, todo),
        _ => Finding::passed(end),
    }
}

pub(super) const CHAIN: Check = Check {
    section: "certificates",
    id: "certificates.trust",
    title: || Text::new("Certificate's authority", "証明書の認証局"),
    why: || Text::new("clients believe only authorities they know", "クライアントは既知の認証局だけを信頼します"),
    link: Some("/console/certificates"),
    subjects,
    run: |app, purpose| with(app, purpose, |served, facts| vec![believed(app, served, purpose_of(purpose), facts)]),
};

fn believed(app: &App, served: &Served, purpose: Purpose, facts: &[CertificateFacts]) -> Finding {
    let issuer = facts[0].issuer.clone();
    if served.source(purpose) == Source::OwnAuthority {
        let seen =
            Text::new(format!("issued by the node's own authority ({issuer})"), format!("ノード自身の認証局が発行 ({issuer})"));
        let todo = Text::new(
            "import a certificate of an authority that the clients know, or give them the node's authority (page Certificates)",
            "クライアントが信頼する認証局の証明書を取り込むか、ノードの認証局の証明書 (証明書のページ) をクライアントに配布してください",
        );
        return Finding::warning(seen, todo);
    }
    let todo = Text::new(
        "put the certificates between after the node's; a private authority must be known to the clients",
        "中間証明書をノードの証明書の後に続けて入れてください。私設認証局はクライアントに登録が必要です",
    );
    match trust(&served.live(purpose).chain(), app.domain()) {
        Ok(Trust::Believed) => Finding::passed(Text::plain(issuer)),
        Ok(Trust::UnknownIssuer) => {
            let en = format!("no authority that this machine knows: {issuer}");
            Finding::warning(Text::new(en, format!("このマシンが知らない認証局です: {issuer}")), todo)
        }
        // Names and dates have checks of their own.
        Ok(Trust::Wrong(why)) => Finding::warning(Text::reason(why), todo),
        Err(error) => Finding::warning(Text::reason(error.to_string()), todo),
    }
}

pub(super) const FILES: Check = Check {
    section: "certificates",
    id: "certificates.files",
    title: || Text::new("Certificate files", "証明書ファイル"),
    why: || Text::new("a restart reads the files again", "再起動するとファイルが読み直されます"),
    link: Some("/console/certificates"),
    subjects: alone,
    run: |app, _| Ok(vec![app.served().map_or_else(not_known, files)]),
};

fn files(served: &Served) -> Finding {
    let paths = served.base().paths();
    let path = paths.certificate.display();
    let used = Purpose::ALL.into_iter().filter(|purpose| served.changed_at(*purpose).is_none());
    let used: Vec<_> = used.map(|purpose| served.live(purpose).chain()).collect();
    match Identity::load(&paths.certificate, &paths.key) {
        Ok(_) if used.is_empty() => {
            Finding::passed(Text::new(format!("{path}: its key fits, not in use"), format!("{path}: 鍵が一致、未使用")))
        }
        Ok(read) if used.iter().all(|chain| chain == read.chain()) => Finding::passed(Text::new(
            format!("{path}: its key fits, and it is in use"),
            format!("{path}: 鍵が一致し、使用中です"),
        )),
        Ok(_) => Finding::warning(
            Text::new(
                format!("{path} holds another certificate than the one in use"),
                format!("{path} は使用中の証明書と異なります"),
            ),
            Text::new(
                "wait half a minute: new files are taken by themselves",
                "30 秒ほど待ってください。新しいファイルは自動で読み込まれます",
            ),
        ),
        Err(error) => Finding::failed(
            Text::reason(error.to_string()),
            Text::new(
                "put a certificate and the key that belongs to it into the files",
                "証明書と、それに対応する鍵をファイルに入れてください",
            ),
        ),
    }
}

fn subjects(_: &App) -> Result<Vec<String>> {
    Ok(Purpose::ALL.map(|purpose| purpose.as_str().to_owned()).to_vec())
}

/// Of a subject of ours.
fn purpose_of(subject: &str) -> Purpose {
    if subject == Purpose::Web.as_str() { Purpose::Web } else { Purpose::Xmpp }
}

/// The chain has at least its first certificate.
fn with(app: &App, purpose: &str, look: impl FnOnce(&Served, &[CertificateFacts]) -> Vec<Finding>) -> Result<Vec<Finding>> {
    let Some(served) = app.served() else { return Ok(vec![not_known()]) };
    let chain = served.live(purpose_of(purpose)).chain();
    let facts: Option<Vec<CertificateFacts>> = chain.iter().map(|der| CertificateFacts::of(der)).collect();
    match facts.filter(|facts| !facts.is_empty()) {
        Some(facts) => Ok(look(served, &facts)),
        None => Err(ControlError::invalid("certificate", "it cannot be read", "証明書を読み取れません")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;
    use zaiseki_net::tls::KeyKind;

    fn facts(names: &[&str]) -> CertificateFacts {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let text = String::new;
        CertificateFacts {
            subject: text(),
            issuer: text(),
            names,
            not_before: 1_000,
            not_after: 100 * 86_400,
            fingerprint: text(),
            self_issued: false,
            authority: false,
            serial: text(),
            key: KeyKind::EcP256,
        }
    }

    #[test]
    fn the_end_is_told_thirty_days_before() {
        let one = facts(&[]);
        for (now, outcome) in [
            (999, Outcome::Failed),
            (1_000, Outcome::Passed),
            (69 * 86_400, Outcome::Passed),
            (69 * 86_400 + 1, Outcome::Warning),
            (100 * 86_400, Outcome::Warning),
            (100 * 86_400 + 1, Outcome::Failed),
        ] {
            assert_eq!(expiry(&one, now).outcome, outcome, "{now}");
        }
    }

    #[test]
    fn domain_and_node_are_to_be_among_the_names() {
        for (held, outcome) in [
            (&["example.com", "im.example.com"][..], Outcome::Passed),
            (&["example.com", "*.example.com"], Outcome::Passed),
            (&["example.com"], Outcome::Warning),
            (&["*.example.com"], Outcome::Failed),
        ] {
            assert_eq!(names(Purpose::Xmpp, "example.com", "im.example.com", &facts(held))[0].outcome, outcome, "{held:?}");
            assert_ne!(names(Purpose::Web, "example.com", "im.example.com", &facts(held))[0].outcome, Outcome::Failed);
        }
    }
}
