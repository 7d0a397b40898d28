use crate::cli::tests::Bench;
use crate::i18n::Lang;
use serde_json::{Value, json};

async fn every_command(bench: &Bench) {
    bench.ok("admin add Hanako --role operator --password-stdin", "correct horse battery\n").await;
    assert!(bench.fails("admin add hanako --role operator --no-password", "").await.contains("hanako"));
    assert!(bench.fails("admin add ken --role king --no-password", "").await.contains("king"));
    assert!(bench.fails("admin add ken --role axl --password-stdin", "short\n").await.contains("password"));
    bench.ok("admin add ken --role read-only --no-password", "").await;
    let list = bench.ok("admin list", "").await;
    assert!(list.lines().count() == 4 && list.lines().nth(1).unwrap().starts_with("hanako  operator"), "{list}");
    bench.ok("admin set ken --rename jun --role operator", "").await;
    bench.ok("admin set-password jun --password-stdin", "another long password\n").await;
    bench.ok("admin disable jun", "").await;
    let jun = bench.json("admin show jun").await;
    assert_eq!((&jun["role"], &jun["password"], &jun["enabled"]), (&json!("operator"), &json!(true), &json!(false)));
    bench.ok("admin enable jun", "").await;
    assert_eq!(bench.ok("admin sessions jun", "").await.lines().count(), 1);
    assert!(bench.fails("admin end-session jun 00", "").await.contains("session"));
    reset(bench).await;
    let removed = bench.ok("admin remove jun", "").await;
    assert!(removed.contains("jun"), "{removed}");
    assert!(bench.fails("admin show jun", "").await.contains("jun"));
    bench.ok("admin remove hanako", "").await;
}

/// Whoever is on the host gets in again, whatever became of the account; the log says who did it.
async fn reset(bench: &Bench) {
    bench.ok("admin disable jun", "").await;
    let shown = bench.ok("admin reset jun", "").await;
    assert!(shown.contains("new password") && shown.contains("administrator"), "{shown}");
    let (once, twice) = (bench.json("admin reset jun").await, bench.json("admin reset jun").await);
    assert!(once["new_password"].as_str().unwrap().len() >= 40 && once["new_password"] != twice["new_password"]);
    assert_eq!((&twice["enabled"], &twice["second_factor"]), (&json!(true), &json!(false)));
    let own = bench.ok("admin reset jun --password-stdin", "my own long password\n").await;
    assert!(!own.contains("my own"), "{own}");
    assert!(bench.fails("admin reset jun --ask-password", "").await.contains("--password-stdin"));
    // Who is not there yet is made.
    assert_eq!(bench.json("admin reset newcomer").await["role"], "administrator");
    bench.ok("admin remove newcomer", "").await;
    let log = bench.json("audit list --action admin.reset --object admin:jun").await;
    let lines = log["entries"].as_array().unwrap();
    assert!(lines.len() >= 4 && lines.iter().all(|line| line["actor"].as_str().unwrap().starts_with("local:")), "{log}");
    assert!(!log.to_string().contains(once["new_password"].as_str().unwrap()));
}

async fn tokens(bench: &Bench) {
    bench.ok("admin add mika --role administrator --no-password", "").await;
    let made = bench.json("token add nightly --admin mika --scope users:read --scope jobs:write --days 30").await;
    assert!(made["secret"].as_str().unwrap().starts_with("zaiseki_"), "{made}");
    assert_eq!(made["token"]["scopes"], json!(["users:read", "jobs:write"]));
    let shown = bench.ok("token add other --admin mika --scope own:read", "").await;
    assert!(shown.contains("zaiseki_") && shown.contains("own:read"), "{shown}");
    assert!(bench.fails("token add x --admin mika --scope users:eat", "").await.contains("users:eat"));
    let list = bench.ok("token list", "").await;
    assert!(
        list.lines().count() == 3 && list.contains("jobs:write users:read") || list.contains("users:read jobs:write"),
        "{list}"
    );
    bench.ok(&format!("token remove {}", made["token"]["id"].as_str().unwrap()), "").await;
    assert_eq!(bench.json("token list --all").await.as_array().unwrap().len(), 1);
    bench.ok("admin remove mika", "").await;
}

async fn audit(bench: &Bench) {
    for name in ["anna", "ben", "carl"] {
        bench.ok(&format!("user add {name} --no-password"), "").await;
    }
    let two = bench.json("audit list --action user.create --limit 2").await;
    assert_eq!(two["entries"].as_array().unwrap().len(), 2);
    let rest = bench.json(&format!("audit list --action user --limit 2 --before {}", two["next"])).await;
    assert_eq!(rest["entries"][0]["object"], "user:anna");
    let all = bench.json("audit list --action user.create --all").await;
    assert_eq!((all["entries"].as_array().unwrap().len(), &all["next"]), (3, &Value::Null));
    let table = bench.ok("audit list --object user:ben", "").await;
    assert!(table.lines().nth(1).unwrap().contains("user.create"), "{table}");
    assert!(bench.fails("audit list --from yesterday", "").await.contains("yesterday"));
    assert_eq!(bench.json("audit list --to 2020-01-01T00:00:00Z").await["entries"], json!([]));
    let who = bench.json("whoami").await;
    assert!(who["actor"].as_str().unwrap().starts_with("local:") && who["rights"].as_array().unwrap().len() > 20, "{who}");
    bench.ok("user remove anna ben carl", "").await;
}

async fn everything(bench: &Bench) {
    // The last administrator stays.
    bench.ok("admin add zenzo --role administrator --no-password", "").await;
    assert!(bench.fails("admin remove zenzo", "").await.contains("last administrator"));
    every_command(bench).await;
    tokens(bench).await;
    audit(bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_managed_without_a_node_and_through_one() {
    everything(&Bench::new()).await;
    let bench = Bench::new();
    let (_lock, node) = bench.node();
    everything(&bench).await;
    node.abort();
}

#[tokio::test]
async fn break_glass_speaks_japanese_too() {
    let bench = Bench::new();
    let (done, out) = bench.try_in(Lang::Ja, "admin reset hanako", "").await;
    done.unwrap();
    assert!(out.contains("hanako") && out.contains("はい"), "{out}");
}
