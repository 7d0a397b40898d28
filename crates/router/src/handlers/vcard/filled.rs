//! What the directory says of a user, as part of the user's vCard: names, reading, mail addresses, numbers, title, department.
//!
//! Of what there can be only one, such as the name, the setting says whose word counts; of mail addresses and numbers there
//! may be several, and both sides' are shown. What the directory gave is never kept as the user's own, or it would outlive
//! its change there.

use zaiseki_model::NumberKind;
use zaiseki_model::search::fold;
use zaiseki_model::settings::VcardFill;
use zaiseki_store::Person;
use zaiseki_xmpp::ns::VCARD_TEMP;
use zaiseki_xmpp::xml::element::Element;

/// Of these there may be several.
const MANY: [&str; 2] = ["EMAIL", "TEL"];

/// The elements that the directory has a word for.
pub fn elements(person: &Person, fill: VcardFill) -> Vec<Element> {
    let (profile, mut all) = (&person.profile, Vec::new());
    if fill == VcardFill::Off {
        return all;
    }
    let plain = [("FN", full_name(person)), ("TITLE", profile.title.clone()), ("SORT-STRING", profile.phonetic_name.clone())];
    all.extend(plain.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| text(name, &value)));
    if !profile.family_name.is_empty() || !profile.given_name.is_empty() {
        let names = [("FAMILY", &profile.family_name), ("GIVEN", &profile.given_name)];
        all.push(names.into_iter().fold(element("N"), |n, (name, value)| n.with_child(text(name, value))));
    }
    if !profile.department.is_empty() {
        all.push(element("ORG").with_child(element("ORGNAME")).with_child(text("ORGUNIT", &profile.department)));
    }
    if fill == VcardFill::All {
        if !profile.mail.is_empty() {
            all.push(element("EMAIL").with_child(element("INTERNET")).with_child(text("USERID", &profile.mail)));
        }
        all.extend(numbers(person));
    }
    all
}

fn full_name(person: &Person) -> String {
    let profile = &person.profile;
    match profile.display_name.is_empty() {
        false => profile.display_name.clone(),
        true => format!("{} {}", profile.given_name, profile.family_name).trim().to_owned(),
    }
}

fn numbers(person: &Person) -> Vec<Element> {
    let tel = |kind: &str, number: &str| {
        element("TEL").with_child(element(kind)).with_child(element("VOICE")).with_child(text("NUMBER", number))
    };
    if person.profile.numbers.is_empty() && !person.user.telephone.is_empty() {
        return vec![tel("WORK", &person.user.telephone)];
    }
    let kind = |kind| match kind {
        NumberKind::Work => "WORK",
        NumberKind::Mobile => "CELL",
        NumberKind::Home => "HOME",
    };
    person.profile.numbers.iter().map(|number| tel(kind(number.kind), &number.number)).collect()
}

fn element(name: &str) -> Element {
    Element::new(name, VCARD_TEMP)
}

fn text(name: &str, value: &str) -> Element {
    element(name).with_text(value)
}

/// The vCard as others see it; `None` when there is none.
pub fn merged(own: Option<Element>, directory: Vec<Element>, directory_wins: bool) -> Option<Element> {
    if directory.is_empty() {
        return own;
    }
    let own: Vec<Element> = own.iter().flat_map(Element::children).cloned().collect();
    let (first, second) = if directory_wins { (directory, own) } else { (own, directory) };
    let adds = |other: &Element| match MANY.contains(&other.name()) {
        true => first.iter().all(|one| !same(one, other)),
        false => first.iter().all(|one| one.name() != other.name()),
    };
    let rest: Vec<Element> = second.iter().filter(|other| adds(other)).cloned().collect();
    let mut card = element("vCard");
    first.into_iter().chain(rest).for_each(|child| card.push(child));
    Some(card)
}

/// A vCard as a client sets it, without what it only repeats of the directory's.
pub fn own_part(card: &Element, directory: &[Element]) -> Element {
    let mut own = card.clone();
    own.retain_children(|child| !directory.iter().any(|other| same(child, other)));
    own
}

fn same(one: &Element, other: &Element) -> bool {
    one.name() == other.name() && said(one) == said(other)
}

/// What counts of an element: its texts in the order of their names; of a number, its digits.
fn said(element: &Element) -> Vec<(String, String)> {
    let plain = |name: &str, text: &str| match name {
        "NUMBER" => fold(text),
        "USERID" => text.trim().to_lowercase(),
        _ => text.trim().to_owned(),
    };
    let mut said: Vec<_> = element
        .children()
        .map(|child| (child.name().to_owned(), plain(child.name(), &child.text())))
        .chain([(String::new(), plain("", &element.text()))])
        .filter(|(_, text)| !text.is_empty())
        .collect();
    said.sort();
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use zaiseki_model::{Number, Profile, User, UserId};

    fn person() -> Person {
        let user = User {
            id: UserId([1; 16]),
            name: "hanako".to_owned(),
            display_name: "山田 花子".to_owned(),
            mail: "hanako@example.com".to_owned(),
            telephone: String::new(),
            language: None,
            enabled: true,
            calendar: true,
            im: true,
            user_id: None,
        };
        let numbers = vec![Number { kind: NumberKind::Mobile, number: "+819012345678".to_owned() }];
        let (phonetic_name, department) = ("やまだ はなこ".to_owned(), "営業".to_owned());
        Person::new(user, Profile { phonetic_name, department, numbers, ..Profile::default() })
    }

    fn parse(card: &str) -> Element {
        Element::parse(format!("<vCard xmlns='vcard-temp'>{card}</vCard>").as_bytes()).expect("well-formed")
    }

    fn card(own: Option<&str>, wins: bool) -> String {
        let card = merged(own.map(parse), elements(&person(), VcardFill::All), wins).expect("a card");
        String::from_utf8(card.to_bytes()).expect("text")
    }

    #[test]
    fn the_directory_fills_what_it_knows() {
        let filled = "<FN>山田 花子</FN><SORT-STRING>やまだ はなこ</SORT-STRING><ORG><ORGNAME/><ORGUNIT>営業</ORGUNIT></ORG>\
            <EMAIL><INTERNET/><USERID>hanako@example.com</USERID></EMAIL><TEL><CELL/><VOICE/><NUMBER>+819012345678</NUMBER></TEL>";
        assert_eq!(card(None, true), format!("<vCard xmlns='vcard-temp'>{filled}</vCard>"));
        let names = elements(&person(), VcardFill::Names);
        assert!(names.iter().all(|element| !MANY.contains(&element.name())) && !names.is_empty());
        assert!(merged(None, elements(&person(), VcardFill::Off), true).is_none());
    }

    #[test]
    fn of_one_thing_the_winner_speaks_and_of_many_both() {
        let own = "<FN>Hanako!</FN><URL>https://example.com/</URL><EMAIL><USERID>HANAKO@example.com</USERID></EMAIL>\
            <EMAIL><USERID>me@home.example</USERID></EMAIL>";
        let directory = card(Some(own), true);
        assert!(directory.contains("<FN>山田 花子</FN>") && !directory.contains("Hanako!"), "{directory}");
        assert!(directory.contains("<URL>") && directory.contains("me@home.example"), "{directory}");
        assert_eq!(directory.matches("<EMAIL>").count(), 2, "{directory}");
        let user = card(Some(own), false);
        assert!(user.contains("<FN>Hanako!</FN>") && !user.contains("山田 花子") && user.contains("営業"), "{user}");
        assert_eq!(user.matches("<EMAIL>").count(), 2, "{user}");
    }

    #[test]
    fn what_the_directory_gave_is_not_kept_as_the_users() {
        let directory = elements(&person(), VcardFill::All);
        let sent_back = merged(Some(parse("<URL>u</URL>")), directory.clone(), true).expect("a card");
        assert_eq!(own_part(&sent_back, &directory), parse("<URL>u</URL>"));
        let changed = parse("<FN>花子</FN><TEL><HOME/><NUMBER>+81 90-1234-5678</NUMBER></TEL>");
        assert_eq!(own_part(&changed, &directory), parse("<FN>花子</FN>"));
    }
}
