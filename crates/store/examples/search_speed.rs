//! Prints how long a search for people takes with 75,000 users: best and worst of 20, in milliseconds.
//!
//! `cargo run --release -p zaiseki-store --example search_speed [USERS]`

use std::time::Instant;
use zaiseki_model::{Number, NumberKind, Profile, Timestamp, User, UserId};
use zaiseki_store::*;

const NAMES: [(&str, &str); 6] =
    [("山田", "やまだ"), ("佐藤", "さとう"), ("鈴木", "すずき"), ("高橋", "たかはし"), ("田中", "たなか"), ("渡辺", "わたなべ")];
const GIVEN: [(&str, &str); 5] =
    [("太郎", "たろう"), ("花子", "はなこ"), ("健一", "けんいち"), ("美咲", "みさき"), ("翔", "しょう")];
const SOUGHT: [&str; 8] = ["山田 太郎", "さと", "ミサキ", "user74999", "example", "a", "03-1000-1234", "nobody"];

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let count: usize = std::env::args().nth(1).map_or(Ok(75_000), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("zaiseki.sqlite");
    let mut db = Database::open(&path, "example.com")?;
    let audit = Audit { actor: "example".to_owned(), at: Timestamp::ZERO };
    let began = Instant::now();
    for first in (0..count).step_by(1_000) {
        let users: Vec<NewUser> = (first..count.min(first + 1_000)).map(person).collect();
        db.create_many(&users, &audit)?;
    }
    println!("{count} users written in {:.1} s", began.elapsed().as_secs_f64());
    let db = Database::open_read_only(&path, "example.com")?;
    let names = |field| times(|| db.duplicates(field).map(drop));
    println!("duplicates: mail {}, directory URI {}", names(UniqueField::Mail)?, names(UniqueField::DirectoryUri)?);
    for sought in SOUGHT {
        let filter = UserFilter { limit: 51, search: Some(sought.to_owned()), ..UserFilter::default() };
        let found = db.page_users(&filter)?.1;
        let page = times(|| db.page_users(&filter).map(drop))?;
        let query = SearchQuery { any: sought.to_owned(), contact_details: true, limit: 100, ..SearchQuery::default() };
        let users = times(|| db.read(&Read::Search(query.clone())).map(drop))?;
        println!("{sought:<14} {found:>6} found   console {page}   clients {users}");
    }
    Ok(())
}

fn person(n: usize) -> NewUser {
    let ((family_name, reading), (given_name, given)) = (NAMES[n % NAMES.len()], GIVEN[n / 7 % GIVEN.len()]);
    let user = User {
        id: UserId((n as u128 + 1).to_be_bytes()),
        name: format!("user{n:05}"),
        display_name: format!("{family_name} {given_name}"),
        mail: format!("user{n:05}@example.com"),
        telephone: format!("+813{:08}", 10_000_000 + n),
        language: None,
        enabled: true,
        calendar: true,
        im: true,
        user_id: None,
    };
    let profile = Profile {
        given_name: given_name.to_owned(),
        family_name: family_name.to_owned(),
        phonetic_name: format!("{reading} {given}"),
        directory_uri: user.mail.clone(),
        department: format!("第{}営業部", n % 40),
        numbers: vec![Number { kind: NumberKind::Work, number: user.telephone.clone() }],
        ..Profile::default()
    };
    NewUser { user, sha256: None, sha1: None, profile: Some(Box::new(profile)) }
}

fn times(work: impl Fn() -> zaiseki_store::Result<()>) -> Outcome<String> {
    let mut taken = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        work()?;
        taken.push(began.elapsed().as_secs_f64() * 1e3);
    }
    taken.sort_by(f64::total_cmp);
    Ok(format!("{:>6.1} to {:>6.1} ms", taken[0], taken[19]))
}
