//! `user set-profile`: what is known of a user beyond the account.

use super::show::View;
use super::{Plan, user_path};
use anyhow::{Context, Result};
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

#[derive(Args, Debug)]
pub struct Profile {
    /// The user id
    pub name: String,
    /// Given name
    #[arg(long)]
    pub given_name: Option<String>,
    /// Family name
    #[arg(long)]
    pub family_name: Option<String>,
    /// The reading of a Japanese name
    #[arg(long)]
    pub phonetic_name: Option<String>,
    /// Mail address
    #[arg(long)]
    pub mail: Option<String>,
    /// Directory URI, such as taro@example.com
    #[arg(long)]
    pub directory_uri: Option<String>,
    /// Department
    #[arg(long)]
    pub department: Option<String>,
    /// Job title
    #[arg(long)]
    pub title: Option<String>,
    /// All numbers anew: work, mobile or home, such as work=+81312345678; may be given several times
    #[arg(long = "number", value_name = "KIND=NUMBER")]
    pub numbers: Vec<String>,
    /// All devices anew: name, kind and line, such as SEP0123456789AB,desk,5123; may be given several times
    #[arg(long = "device", value_name = "NAME[,KIND[,LINE]]")]
    pub devices: Vec<String>,
    /// Where the user is homed: the cluster; an empty text takes it away
    #[arg(long)]
    pub home_cluster: Option<String>,
    /// Where the user is homed: the node; an empty text takes it away
    #[arg(long)]
    pub node: Option<String>,
    /// Other users do not find the user by searching
    #[arg(long, value_name = "true|false")]
    pub unlisted: Option<bool>,
    /// Let the directory speak for mail address and directory URI again
    #[arg(long)]
    pub release: bool,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Change a user's profile; what is not given stays", "ユーザーのプロフィールを変更する (指定しない項目はそのまま)"),
    ("Given name", "名"),
    ("Family name", "姓"),
    ("The reading of a Japanese name", "氏名の読み"),
    ("Directory URI, such as taro@example.com", "ディレクトリー URI (例: taro@example.com)"),
    ("Department", "部署"),
    ("Job title", "役職"),
    (
        "All numbers anew: work, mobile or home, such as work=+81312345678; may be given several times",
        "電話番号 (すべて置き換え): work、mobile または home (例: work=+81312345678)。複数指定可",
    ),
    (
        "All devices anew: name, kind and line, such as SEP0123456789AB,desk,5123; may be given several times",
        "デバイス (すべて置き換え): 名前、種類、回線 (例: SEP0123456789AB,desk,5123)。複数指定可",
    ),
    ("Where the user is homed: the cluster; an empty text takes it away", "所属クラスター。空にすると割り当てを解除"),
    ("Where the user is homed: the node; an empty text takes it away", "所属ノード。空にすると割り当てを解除"),
    ("Other users do not find the user by searching", "ほかのユーザーの検索に表示しない"),
    (
        "Let the directory speak for mail address and directory URI again",
        "メールアドレスとディレクトリー URI を再びディレクトリーの値にする",
    ),
];

pub fn plan(profile: &Profile) -> Result<Plan> {
    let mut body = json!({
        "given_name": profile.given_name, "family_name": profile.family_name, "phonetic_name": profile.phonetic_name,
        "mail": profile.mail, "directory_uri": profile.directory_uri, "department": profile.department,
        "title": profile.title, "home_cluster": profile.home_cluster, "node": profile.node, "unlisted": profile.unlisted,
        "release": profile.release,
    });
    if !profile.numbers.is_empty() {
        body["numbers"] = profile.numbers.iter().map(|text| number(text)).collect::<Result<Vec<_>>>()?.into();
    }
    if !profile.devices.is_empty() {
        body["devices"] = profile.devices.iter().map(|text| device(text)).collect();
    }
    Ok(Plan::one(View::Fields, Method::PATCH, user_path(&profile.name, "/profile"), &body))
}

fn number(text: &str) -> Result<Value> {
    let (kind, number) = text.split_once('=').with_context(|| format!("{text}: KIND=NUMBER"))?;
    Ok(json!({ "kind": kind.trim(), "number": number.trim() }))
}

fn device(text: &str) -> Value {
    let mut parts = text.splitn(3, ',').map(str::trim);
    let mut next = || parts.next().unwrap_or_default();
    json!({ "name": next(), "kind": next(), "line": next() })
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::Bench;
    use serde_json::json;

    #[tokio::test]
    async fn a_profile_is_written_from_the_terminal() {
        let bench = Bench::new();
        bench.ok("user add taro --no-password", "").await;
        let line = "user set-profile taro --family-name 山田 --number work=+81312345678 --device SEP1,desk,5123 --device CSF1";
        bench.ok(line, "").await;
        bench.ok("user set-profile taro --node n1 --department 営業", "").await;
        let profile = bench.json("user profile taro").await;
        assert_eq!((&profile["family_name"], &profile["department"]), (&json!("山田"), &json!("営業")));
        assert_eq!(profile["numbers"], json!([{"kind": "work", "number": "+81312345678"}]));
        let devices = json!([{"name": "CSF1", "kind": "", "line": ""}, {"name": "SEP1", "kind": "desk", "line": "5123"}]);
        assert_eq!((&profile["devices"], &profile["node"]), (&devices, &json!("n1")));
        assert!(bench.fails("user set-profile taro --number 5123", "").await.contains("KIND=NUMBER"));
        assert!(bench.fails("user set-profile taro --number fax=+81312345678", "").await.contains("numbers"));
    }
}
