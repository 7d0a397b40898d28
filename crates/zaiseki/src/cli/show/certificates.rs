//! Certificates on the terminal.

use super::{Column, cell, column, fields, in_language, rows};
use crate::i18n::Lang;
use serde_json::{Map, Value, json};

pub(super) const CERTIFICATES: [Column; 6] = [
    column("purpose", "FOR", "用途"),
    column("source", "SOURCE", "出所"),
    column("subject", "SUBJECT", "サブジェクト"),
    column("not_after", "ENDS", "期限"),
    column("days_left", "DAYS LEFT", "残り日数"),
    Column { key: "warnings", en: "WARNINGS", ja: "警告", cell: texts },
];
const CHAIN: [Column; 5] = [
    column("subject", "SUBJECT", "サブジェクト"),
    column("issuer", "ISSUER", "発行者"),
    column("key", "KEY", "鍵"),
    column("not_after", "ENDS", "期限"),
    column("fingerprint", "SHA-256", "SHA-256"),
];

const TRUST: [Column; 5] = [
    column("name", "NAME", "名前"),
    column("subject", "SUBJECT", "サブジェクト"),
    column("not_after", "ENDS", "期限"),
    column("days_left", "DAYS LEFT", "残り日数"),
    column("fingerprint", "SHA-256", "SHA-256"),
];

fn texts(all: &Value, lang: Lang) -> String {
    let all = all.as_array().map_or(&[][..], Vec::as_slice);
    all.iter().map(|text| in_language(text, lang)).collect::<Vec<_>>().join("; ")
}

/// One line for each, told by its first certificate.
pub(super) fn list(all: &[Value], lang: Lang) -> String {
    let line = |one: &Value| {
        let leaf = &one["chain"][0];
        json!({ "purpose": one["purpose"], "source": one["source"], "warnings": one["warnings"],
            "subject": leaf["subject"], "not_after": leaf["not_after"], "days_left": leaf["days_left"] })
    };
    rows(&all.iter().map(line).collect::<Vec<_>>(), &CERTIFICATES, lang)
}

/// Everything of one, and below it the chain.
pub(super) fn one(certificate: &Value, lang: Lang) -> String {
    let leaf = &certificate["chain"][0];
    let mut shown = Map::new();
    for key in ["purpose", "source", "changed", "renews_itself", "covers_domain", "covers_node"] {
        shown.insert(key.to_owned(), certificate[key].clone());
    }
    for key in ["subject", "serial", "fingerprint", "key", "not_before", "not_after", "days_left"] {
        shown.insert(key.to_owned(), leaf[key].clone());
    }
    let names: Vec<String> = leaf["names"].as_array().into_iter().flatten().map(|name| cell(name, lang)).collect();
    shown.insert("names".to_owned(), json!(names.join(", ")));
    shown.insert("warnings".to_owned(), json!(texts(&certificate["warnings"], lang)));
    shown.insert("request".to_owned(), certificate["request"]["created"].clone());
    let chain = certificate["chain"].as_array().map_or(&[][..], Vec::as_slice);
    format!("{}\n{}", fields(&Value::Object(shown), lang), rows(chain, &CHAIN, lang))
}

/// One line for each authority.
pub(super) fn trust(all: &[Value], lang: Lang) -> String {
    let line = |one: &Value| {
        let details = &one["details"];
        json!({ "name": one["name"], "subject": details["subject"], "not_after": details["not_after"],
            "days_left": details["days_left"], "fingerprint": details["fingerprint"] })
    };
    rows(&all.iter().map(line).collect::<Vec<_>>(), &TRUST, lang)
}

/// Everything of one authority.
pub(super) fn trusted(one: &Value, lang: Lang) -> String {
    let mut shown = Map::new();
    for key in ["name", "added"] {
        shown.insert(key.to_owned(), one[key].clone());
    }
    for key in ["subject", "issuer", "serial", "fingerprint", "key", "not_before", "not_after", "days_left"] {
        shown.insert(key.to_owned(), one["details"][key].clone());
    }
    fields(&Value::Object(shown), lang)
}

/// Settings and state, line by line.
pub(super) fn acme(answer: &Value, lang: Lang) -> String {
    let mut shown = Map::new();
    for key in ["directory", "contact", "names", "purposes", "key_id"] {
        let value = &answer["config"][key];
        let words = value.as_array().map(|all| all.iter().map(|word| cell(word, lang)).collect::<Vec<_>>().join(", "));
        shown.insert(key.to_owned(), words.map_or_else(|| value.clone(), |words| json!(words)));
    }
    for key in ["account", "busy", "last_success", "failed", "failures", "next"] {
        shown.insert(key.to_owned(), answer[key].clone());
    }
    let listening: Vec<String> = answer["listening"].as_array().into_iter().flatten().map(|one| cell(one, lang)).collect();
    shown.insert("listening".to_owned(), json!(listening.join(", ")));
    if answer["error"].is_object() {
        shown.insert("error".to_owned(), json!(in_language(&answer["error"], lang)));
    }
    fields(&Value::Object(shown), lang)
}

/// As a file has it.
pub(super) fn pem(text: &Value) -> String {
    text.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{View, table};
    use super::*;

    #[test]
    fn certificates_in_rows_and_alone() {
        let leaf = json!({"subject": "CN=im", "issuer": "CN=ca", "names": ["a", "b"], "serial": "01", "fingerprint": "AA",
            "key": "ECDSA P-256", "not_before": "1", "not_after": "2", "days_left": 9});
        let certificate = json!({"purpose": "web", "source": "imported", "changed": null, "renews_itself": false,
            "covers_domain": true, "covers_node": true, "warnings": [{"en": "ends", "ja": "期限"}], "chain": [leaf],
            "pem": "-----BEGIN\n-----END\n", "request": {"created": "3", "pem": "R\n"}});
        let shown = table(&json!([certificate]), View::Certificates, Lang::En);
        assert_eq!(shown.lines().nth(1).unwrap(), "web  imported  CN=im    2     9          ends");
        let shown = table(&certificate, View::Certificate, Lang::Ja);
        assert!(
            shown.contains("a, b") && shown.contains("期限") && shown.ends_with("CN=im         CN=ca   ECDSA P-256  2     AA\n"),
            "{shown}"
        );
        let authority = json!({"name": "company", "added": "4", "details": certificate["chain"][0], "pem": ""});
        let shown = table(&json!([authority]), View::Trust, Lang::En);
        assert_eq!(shown.lines().nth(1).unwrap(), "company  CN=im    2     9          AA");
        assert!(table(&authority, View::TrustedAuthority, Lang::En).contains("fingerprint  AA"));
        assert_eq!(table(&certificate, View::Pem, Lang::En), "-----BEGIN\n-----END\n");
        assert_eq!(table(&certificate, View::Request, Lang::En), "R\n");
    }
}
