//! `zaiseki demo`: a throw-away node on free loopback ports with three people, their contacts and an example calendar.

mod calendar;
mod watch;

use crate::config::{Config, Listen};
use crate::i18n::{Lang, Text};
use crate::serve;
use anyhow::Result;
use calendar::Meetings;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use watch::Seen;
use zaiseki_control::app::App;
use zaiseki_control::app::gateways::{self, GatewayInput};
use zaiseki_control::app::users::{self, NewUser};
use zaiseki_model::{RosterItem, Subscription, Timestamp, UserId};
use zaiseki_store::{Options, Store, Write};

/// Long enough to open the chat page, short enough to wait for.
const FIRST_MEETING: Duration = Duration::from_secs(20);
const MEETING_LENGTH: Duration = Duration::from_secs(60);
const ACTOR: &str = "demo";
const DOMAIN: &str = "localhost";

struct Person {
    name: &'static str,
    display_name: &'static str,
    language: &'static str,
}

const PEOPLE: [Person; 3] = [
    Person { name: "mika", display_name: "佐藤 美香", language: "ja" },
    Person { name: "ken", display_name: "Ken Morgan", language: "en" },
    Person { name: "anna", display_name: "Anna Berg", language: "en" },
];
/// Whose calendar has the meeting.
const IN_MEETING: &str = "mika";
/// Who watches in the terminal.
const WATCHER: &str = "anna";

/// Runs until Ctrl-C; nothing is left behind.
pub fn run(lang: Lang) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("zaiseki-demo-").tempdir()?;
    let password = zaiseki_router::random::token()[..12].to_owned();
    let ids = prepare(folder.path(), &password)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let running = serve::start(&config(folder.path())).await?;
        let start = Timestamp::now() + FIRST_MEETING;
        add_calendar(&running.app, calendar::serve(Meetings::from([(IN_MEETING.to_owned(), (start, MEETING_LENGTH))])).await?)
            .await?;
        print_guide(lang, &running.addresses, &password);
        let id = |name: &str| ids.iter().find(|(n, _)| *n == name).map(|(_, id)| *id);
        if let Some(mika) = id(IN_MEETING) {
            // Somebody has to be signed in to be seen in a meeting, whether or not a page is opened.
            watch::watch(&running.node, mika, IN_MEETING);
        }
        if let Some(anna) = id(WATCHER) {
            show(lang, watch::watch(&running.node, anna, WATCHER)).await;
        }
        running.stop().await;
        Ok(())
    })
}

fn config(folder: &Path) -> Config {
    let any = || vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let listen = Listen { c2s: any(), c2s_tls: any(), https: any(), ..Listen::default() };
    Config { data_dir: folder.to_owned(), listen, ..Config::without_file() }
}

/// Makes the people and their contact lists.
fn prepare(folder: &Path, password: &str) -> Result<Vec<(&'static str, UserId)>> {
    let store = Store::open(folder, DOMAIN, Options::default(), Box::new(|_| {}))?;
    let app = App::open(store.clone(), DOMAIN, folder, |_| {})?;
    let mut ids = Vec::new();
    for person in &PEOPLE {
        let new = NewUser {
            name: person.name.to_owned(),
            password: Some(users::Password::new(password)),
            display_name: person.display_name.to_owned(),
            mail: String::new(),
            telephone: String::new(),
            language: Some(person.language.to_owned()),
            calendar: true,
            enabled: true,
            im: true,
        };
        ids.push((person.name, users::create(&app, ACTOR, &new)?.id.parse()?));
    }
    let mut writes = Vec::new();
    for (name, user) in &ids {
        for contact in PEOPLE.iter().filter(|p| p.name != *name) {
            let mut item = RosterItem::new(format!("{}@{DOMAIN}", contact.name).parse()?);
            item.name = contact.display_name.to_owned();
            item.groups = vec!["Demo".to_owned()];
            item.subscription = Subscription::Both;
            writes.push(Write::RosterPut { user: *user, item });
        }
    }
    store.call(move |database| database.commit(&writes))?;
    store.close();
    Ok(ids)
}

async fn add_calendar(app: &App, server: SocketAddr) -> Result<()> {
    let input: GatewayInput = serde_json::from_value(serde_json::json!({
        "name": "example-calendar",
        "config": {
            "kind": "caldav",
            "url": format!("http://{server}/calendars/{{user}}/"),
            "username": "demo",
            "server": { "allow_clear_text": true },
        },
        "secret": "demo",
        "poll_secs": 5,
    }))?;
    let app = app.clone();
    tokio::task::spawn_blocking(move || gateways::add(&app, ACTOR, &input)).await??;
    Ok(())
}

fn print_guide(lang: Lang, addresses: &serve::Addresses, password: &str) {
    let (Some(https), Some(c2s)) = (addresses.https.first(), addresses.c2s.first()) else { return };
    let page = |name: &str| format!("https://{https}/chat/#user={name}@{DOMAIN}&password={password}");
    let seconds = FIRST_MEETING.as_secs();
    let chat = match zaiseki_admin::assets::WEB_BUILT {
        true => format!("  佐藤 美香 (mika)   {}\n  Ken Morgan (ken)   {}", page("mika"), page("ken")),
        false => Text::new(
            "  (built without the chat page: npm was missing)",
            "  (npm がなかったため、チャットページなしで作られています)",
        )
        .get(lang)
        .to_owned(),
    };
    let text = Text::new(
        format!(
            "Zaiseki demo: a throw-away node with three people. Nothing is kept.\n\n\
             Web chat, ready to use (the certificate is self-made: accept it once, best in two browser profiles):\n{chat}\n\n\
             Desktop client: mika@{DOMAIN}, ken@{DOMAIN} or anna@{DOMAIN}, password {password}, server {c2s}\n\n\
             Mika's example calendar has a meeting in {seconds} seconds, and then every other minute.\n\
             What Anna sees (Ctrl-C ends the demo):"
        ),
        format!(
            "Zaiseki デモ: 3 人が使う使い捨てのノードです。終了すると何も残りません。\n\n\
             すぐ使えるウェブチャット (自己署名証明書なので一度だけ許可してください。ブラウザーのプロファイルを分けると便利です):\n{chat}\n\n\
             デスクトップクライアント: mika@{DOMAIN}、ken@{DOMAIN}、anna@{DOMAIN}、パスワード {password}、サーバー {c2s}\n\n\
             美香の予定表では {seconds} 秒後に会議が始まり、その後は 1 分おきに続きます。\n\
             Anna に見える在席状態 (Ctrl-C で終了):"
        ),
    );
    println!("{}\n", text.get(lang));
}

/// Prints each change until Ctrl-C.
async fn show(lang: Lang, mut seen: tokio::sync::mpsc::UnboundedReceiver<Seen>) {
    loop {
        let change = tokio::select! {
            change = seen.recv() => change,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(Seen { who, state, texts }) = change else { return };
        let Some(person) = PEOPLE.iter().find(|p| who.split('@').next() == Some(p.name)) else { continue };
        if person.name == WATCHER {
            continue;
        }
        let time = zaiseki_xmpp::datetime::format_seconds(Timestamp::now().0);
        let texts = if texts.is_empty() { String::new() } else { format!(": {}", texts.join(" / ")) };
        println!("  {time}  {}  {}{texts}", person.display_name, state_name(lang, &state));
    }
}

/// The name of a `<show/>` for people.
fn state_name(lang: Lang, state: &str) -> String {
    let ja = match state {
        "available" => "在席",
        "offline" => "オフライン",
        "away" => "離席",
        "xa" => "長時間離席",
        "dnd" => "取り込み中",
        other => other,
    };
    Text::new(if state == "dnd" { "do not disturb" } else { state }, ja).get(lang).to_owned()
}
