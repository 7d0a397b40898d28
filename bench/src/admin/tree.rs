//! A company of people with Japanese names in several organisational units, as slapd loads it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zaiseki_testkit::slapd::{Person, unit};

/// Where people sit.
const UNITS: [&str; 6] = ["tokyo", "osaka", "nagoya", "fukuoka", "sapporo", "sendai"];
/// Family and given names: letters, reading, Latin.
const FAMILIES: [[&str; 3]; 12] = [
    ["佐藤", "さとう", "Sato"],
    ["鈴木", "すずき", "Suzuki"],
    ["高橋", "たかはし", "Takahashi"],
    ["田中", "たなか", "Tanaka"],
    ["渡辺", "わたなべ", "Watanabe"],
    ["伊藤", "いとう", "Ito"],
    ["山本", "やまもと", "Yamamoto"],
    ["中村", "なかむら", "Nakamura"],
    ["小林", "こばやし", "Kobayashi"],
    ["加藤", "かとう", "Kato"],
    ["吉田", "よしだ", "Yoshida"],
    ["山田", "やまだ", "Yamada"],
];
const GIVEN: [[&str; 3]; 10] = [
    ["花子", "はなこ", "Hanako"],
    ["太郎", "たろう", "Taro"],
    ["陽子", "ようこ", "Yoko"],
    ["健", "けん", "Ken"],
    ["美咲", "みさき", "Misaki"],
    ["大輔", "だいすけ", "Daisuke"],
    ["直美", "なおみ", "Naomi"],
    ["翔", "しょう", "Sho"],
    ["恵", "めぐみ", "Megumi"],
    ["誠", "まこと", "Makoto"],
];

/// What somebody types into the search field, letter by letter: a user id, names in each script, a mail address, nothing that
/// is there.
pub const TYPED: [&str; 6] = ["suzuki012", "高橋 花子", "わたなべ", "naomi.ka", "ito00", "zzzzzz"];

/// The user id of person number `i`.
pub fn user_id(i: usize) -> String {
    let [_, _, family] = FAMILIES[i % FAMILIES.len()];
    format!("{}{i:05}", family.to_lowercase())
}

/// The tree below the root, as LDIF.
pub fn ldif(people: usize) -> String {
    let units: String = UNITS.into_iter().map(unit).collect();
    (0..people).fold(units, |text, i| text + &person(i).ldif())
}

fn person(i: usize) -> Person {
    let [family, family_reading, family_latin] = FAMILIES[i % FAMILIES.len()];
    let [given, given_reading, given_latin] = GIVEN[i / FAMILIES.len() % GIVEN.len()];
    let mail = format!("{}.{}{i:05}@example.com", given_latin.to_lowercase(), family_latin.to_lowercase());
    Person::new(&user_id(i), &format!("ou={}", UNITS[i % UNITS.len()]))
        .with(text("displayName", &format!("{family} {given}")))
        .with(text("displayName;lang-ja;phonetic", &format!("{family_reading} {given_reading}")))
        .with(format!("givenName: {given_latin}"))
        .with(format!("mail: {mail}"))
        .with(format!("telephoneNumber: +81 3 {:08}", 10_000_000 + i))
        .with(format!("mobile: +81 90 {:08}", 20_000_000 + i))
        .with(text("title", if i.is_multiple_of(9) { "課長" } else { "担当" }))
        .with("preferredLanguage: ja")
}

/// A line of LDIF whose value is not ASCII (RFC 2849).
fn text(attribute: &str, value: &str) -> String {
    format!("{attribute}:: {}", BASE64.encode(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_differ_and_stand_in_every_unit() {
        let ldif = ldif(240);
        let mut names: Vec<&str> = ldif.lines().filter_map(|line| line.strip_prefix("uid: ")).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 240);
        for unit in UNITS {
            assert_eq!(ldif.matches(&format!(",ou={unit},dc=")).count(), 40, "{unit}");
        }
        assert!(ldif.contains("displayName:: "), "names are not ASCII");
    }
}
