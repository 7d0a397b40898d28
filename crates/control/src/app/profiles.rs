//! What is known of a user beyond the account: names, numbers, devices, home, and where the account comes from.

use super::addresses::Addressing;
use super::users::{self, UserView};
use super::{Actor, App, UserChange, audit, settled, status};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zaiseki_model::directory::{Device, Number, NumberKind};
use zaiseki_model::telephone::e164;
use zaiseki_store::{Person, StoreError};
use zaiseki_xmpp::jid::BareJid;

/// Telephone numbers, and devices, of one user.
pub const NUMBERS: usize = 16;
pub const DEVICES: usize = 32;
/// Characters of a name, department, title, device or line.
pub const TEXT_CHARS: usize = 255;

/// A telephone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberView {
    /// `work`, `mobile` or `home`.
    pub kind: String,
    /// E.164 with `+`.
    pub number: String,
}

/// A phone or client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceView {
    pub name: String,
    /// Model of phone or kind of client.
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub line: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProfileView {
    pub user: UserView,
    pub given_name: String,
    pub family_name: String,
    /// The reading of a Japanese name.
    pub phonetic_name: String,
    pub directory_uri: String,
    pub department: String,
    pub title: String,
    pub numbers: Vec<NumberView>,
    pub devices: Vec<DeviceView>,
    /// Where the user is homed; `None` while not assigned.
    pub home_cluster: Option<String>,
    pub node: Option<String>,
    /// Other users do not find the user.
    #[serde(default)]
    pub unlisted: bool,
    /// Fields that an administrator has set against the directory.
    pub held: Vec<String>,
    /// `None` for a user of the built-in directory.
    pub origin: Option<OriginView>,
}

/// The entry that the account belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OriginView {
    /// The directory's name.
    pub directory: String,
    pub key: String,
    pub place: String,
    /// Since when the entry is gone (XEP-0082 form of time).
    pub missing_since: Option<String>,
}

/// Changes of a profile; what is `None` stays. Of a user of an outside directory only `mail` and `directory_uri` (which are
/// held from then on), `devices`, `home_cluster`, `node` and `unlisted` can be changed here; an empty text takes cluster and
/// node away.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileUpdate {
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub phonetic_name: Option<String>,
    pub mail: Option<String>,
    pub directory_uri: Option<String>,
    pub department: Option<String>,
    pub title: Option<String>,
    pub numbers: Option<Vec<NumberView>>,
    pub devices: Option<Vec<DeviceView>>,
    pub home_cluster: Option<String>,
    pub node: Option<String>,
    /// Other users do not find the user by searching.
    pub unlisted: Option<bool>,
    /// Let the directory speak for mail address and directory URI again.
    pub release: bool,
}

pub fn show(app: &App, name: &str) -> Result<ProfileView> {
    view(app, find(app, name)?)
}

/// # Errors
/// `invalid` naming the field.
pub fn update(app: &App, actor: &Actor, name: &str, update: &ProfileUpdate) -> Result<ProfileView> {
    settled(|| {
        let seen = find(app, name)?;
        let person = changed(seen.clone(), update)?;
        view(app, write(app, actor, &seen, &person)?)
    })
}

fn changed(mut person: Person, update: &ProfileUpdate) -> Result<Person> {
    if person.origin.is_some() {
        owned_by_directory(update)?;
    }
    let profile = &mut person.profile;
    let texts = [
        ("given_name", &update.given_name, &mut profile.given_name),
        ("family_name", &update.family_name, &mut profile.family_name),
        ("phonetic_name", &update.phonetic_name, &mut profile.phonetic_name),
        ("department", &update.department, &mut profile.department),
        ("title", &update.title, &mut profile.title),
    ];
    for (field, new, old) in texts {
        if let Some(new) = new {
            if new.as_str() != old.as_str() {
                users::straight(field, new)?;
            }
            *old = users::short(field, new, TEXT_CHARS)?;
        }
    }
    if let Some(numbers) = &update.numbers {
        profile.numbers = checked_numbers(numbers)?;
        person.user.telephone = profile.numbers.first().map(|n| n.number.clone()).unwrap_or_default();
    }
    if let Some(devices) = &update.devices {
        person.devices = checked_devices(devices)?;
    }
    addresses(&mut person, update)?;
    for (field, new, old) in
        [("home_cluster", &update.home_cluster, &mut person.home_cluster), ("node", &update.node, &mut person.node)]
    {
        if let Some(new) = new {
            *old = Some(users::short(field, new, TEXT_CHARS)?).filter(|text| !text.is_empty());
        }
    }
    person.unlisted = update.unlisted.unwrap_or(person.unlisted);
    Ok(person)
}

/// Writes a person by an administrator's hand in the place of what was `seen`; another directory URI may be another address.
///
/// # Errors
/// `conflict` when the person has been changed meanwhile, or another user has the address.
pub(super) fn write(app: &App, actor: &Actor, seen: &Person, person: &Person) -> Result<Person> {
    let (seen, mut row, audit) = (seen.clone(), person.clone(), audit(actor));
    let (name, user_id) = Addressing::of(app)?.place(person.user.user_id(), &person.profile.directory_uri);
    (row.user.name, row.user.user_id) = (name, user_id);
    let written = row.clone();
    let put = app.store().call(move |db| db.put_person(&seen, &row, &audit));
    put.map_err(|error| match error {
        // Nothing else here gives a user another name.
        StoreError::NameTaken { name } => ControlError::name_taken("directory_uri", &name),
        error => error.into(),
    })?;
    let change = match written.user.name == person.user.name {
        true => UserChange::Details,
        false => UserChange::Renamed { to: written.user.name.clone() },
    };
    app.user_changed(person.user.id, &person.user.name, change);
    Ok(written)
}

fn addresses(person: &mut Person, update: &ProfileUpdate) -> Result<()> {
    let outside = person.origin.is_some();
    if update.release {
        person.held = zaiseki_store::Held { disabled: person.held.disabled, ..Default::default() };
    }
    if let Some(mail) = &update.mail {
        person.profile.mail = users::mail(mail)?;
        person.user.mail.clone_from(&person.profile.mail);
        person.held.mail |= outside;
    }
    if let Some(uri) = &update.directory_uri {
        person.profile.directory_uri = directory_uri(uri)?;
        person.held.directory_uri |= outside;
    }
    Ok(())
}

/// An address with a localpart, or nothing.
pub(super) fn directory_uri(uri: &str) -> Result<String> {
    let uri = uri.trim();
    let address = uri.parse::<BareJid>().is_ok_and(|address| address.local().is_some());
    if uri.is_empty() || address {
        return Ok(uri.to_owned());
    }
    let en = format!("\"{uri}\" is not an address such as user@example.com");
    let ja = format!("\"{uri}\" は user@example.com のようなアドレスではありません");
    Err(ControlError::invalid("directory_uri", en, ja))
}

fn owned_by_directory(update: &ProfileUpdate) -> Result<()> {
    let fields = [
        ("given_name", update.given_name.is_some()),
        ("family_name", update.family_name.is_some()),
        ("phonetic_name", update.phonetic_name.is_some()),
        ("department", update.department.is_some()),
        ("title", update.title.is_some()),
        ("numbers", update.numbers.is_some()),
    ];
    match fields.into_iter().find(|(_, given)| *given) {
        Some((field, _)) => Err(of_the_directory(field)),
        None => Ok(()),
    }
}

pub(super) fn of_the_directory(field: &'static str) -> ControlError {
    let en = "comes from the user's directory: change it there";
    ControlError::invalid(field, en, "ユーザーのディレクトリーから取得した値です。ディレクトリー側で変更してください")
}

fn checked_numbers(numbers: &[NumberView]) -> Result<Vec<Number>> {
    if numbers.len() > NUMBERS {
        return Err(too_many("numbers", NUMBERS));
    }
    let checked = numbers.iter().map(|view| {
        let kind = NumberKind::parse(&view.kind).ok_or_else(|| {
            ControlError::invalid("numbers", "the kind is work, mobile or home", "種類は work、mobile、home のいずれかです")
        })?;
        let number = e164(&view.number, None).ok_or_else(|| {
            let en = format!("\"{}\" is not a number such as +81312345678", view.number);
            ControlError::invalid("numbers", en, format!("\"{}\" は +81312345678 のような番号ではありません", view.number))
        })?;
        Ok(Number { kind, number })
    });
    checked.collect()
}

fn checked_devices(devices: &[DeviceView]) -> Result<Vec<Device>> {
    if devices.len() > DEVICES {
        return Err(too_many("devices", DEVICES));
    }
    let text = |text: &str| users::short("devices", text, TEXT_CHARS);
    let checked =
        devices.iter().map(|view| Ok(Device { name: text(&view.name)?, kind: text(&view.kind)?, line: text(&view.line)? }));
    let mut devices = checked.collect::<Result<Vec<Device>>>()?;
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    let twice = devices.windows(2).any(|pair| pair[0].name == pair[1].name);
    if twice || devices.iter().any(|device| device.name.is_empty()) {
        let en = "each device needs a name of its own";
        return Err(ControlError::invalid("devices", en, "デバイスにはそれぞれ別の名前が必要です"));
    }
    Ok(devices)
}

fn too_many(field: &'static str, limit: usize) -> ControlError {
    ControlError::invalid(field, format!("at most {limit}"), format!("{limit} 件までです"))
}

pub(super) fn find(app: &App, name: &str) -> Result<Person> {
    let id = users::find(app, name)?.id;
    app.store().query(move |db| db.person(id))?.ok_or_else(|| ControlError::no_user(name))
}

fn view(app: &App, person: Person) -> Result<ProfileView> {
    let origin = match person.origin {
        None => None,
        Some(origin) => {
            let id = origin.directory;
            let directory = app.store().query(move |db| db.directory(id))?;
            let directory = directory.map_or_else(|| id.to_string(), |row| row.name);
            let missing_since = origin.missing_since.map(status::time);
            Some(OriginView { directory, key: origin.key, place: origin.place, missing_since })
        }
    };
    let held = [("mail", person.held.mail), ("directory_uri", person.held.directory_uri)];
    let profile = person.profile;
    let number = |n: Number| NumberView { kind: n.kind.as_str().to_owned(), number: n.number };
    let device = |d: Device| DeviceView { name: d.name, kind: d.kind, line: d.line };
    Ok(ProfileView {
        user: UserView::new(app, person.user),
        given_name: profile.given_name,
        family_name: profile.family_name,
        phonetic_name: profile.phonetic_name,
        directory_uri: profile.directory_uri,
        department: profile.department,
        title: profile.title,
        numbers: profile.numbers.into_iter().map(number).collect(),
        devices: person.devices.into_iter().map(device).collect(),
        home_cluster: person.home_cluster,
        node: person.node,
        unlisted: person.unlisted,
        held: held.into_iter().filter(|(_, held)| *held).map(|(name, _)| name.to_owned()).collect(),
        origin,
    })
}

/// Nobody's entry: for a message that names the user's directory.
pub(super) fn no_entry(name: &str) -> ControlError {
    let en = format!("\"{name}\" is none of them");
    ControlError::NotFound { text: Text::new(en, format!("\"{name}\" は該当しません")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;

    fn change(fixture: &Fixture, json: serde_json::Value) -> Result<ProfileView, Option<&'static str>> {
        let change = serde_json::from_value(json).unwrap();
        update(&fixture.app, "tester", "anna", &change).map_err(|error| error.field())
    }

    #[test]
    fn a_profile_of_the_built_in_directory_is_written_by_hand() {
        let fixture = Fixture::new();
        fixture.user("anna");
        let view = change(
            &fixture,
            serde_json::json!({
                "phonetic_name": "あんな", "directory_uri": "anna@uri.example", "node": "n1",
                "numbers": [{"kind": "mobile", "number": "+81 90-1234-5678"}],
                "devices": [{"name": "SEP1", "kind": "desk phone", "line": "5123"}, {"name": "CSF1"}],
            }),
        );
        let view = view.unwrap();
        assert_eq!((view.phonetic_name.as_str(), view.user.telephone.as_str()), ("あんな", "+819012345678"));
        assert_eq!((view.devices[0].name.as_str(), view.node.as_deref(), view.held.len()), ("CSF1", Some("n1"), 0));
        assert_eq!(show(&fixture.app, "anna").unwrap(), view);
        let view = change(&fixture, serde_json::json!({"node": ""})).unwrap();
        assert_eq!((view.node, view.phonetic_name.as_str()), (None, "あんな"));
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_field() {
        let fixture = Fixture::new();
        fixture.user("anna");
        let number = |number: &str| serde_json::json!({"kind": "work", "number": number});
        let refused = |json| change(&fixture, json).unwrap_err();
        assert_eq!(refused(serde_json::json!({"numbers": [number("5123")]})), Some("numbers"));
        assert_eq!(refused(serde_json::json!({"numbers": [{"kind": "fax", "number": "+81312345678"}]})), Some("numbers"));
        assert_eq!(refused(serde_json::json!({"directory_uri": "@nobody"})), Some("directory_uri"));
        assert_eq!(refused(serde_json::json!({"devices": [{"name": "a"}, {"name": "a"}]})), Some("devices"));
        assert_eq!(refused(serde_json::json!({"title": "あ".repeat(TEXT_CHARS + 1)})), Some("title"));
        let numbers = |count| serde_json::json!({"numbers": vec![number("+81312345678"); count]});
        change(&fixture, numbers(NUMBERS)).unwrap();
        assert_eq!(refused(numbers(NUMBERS + 1)), Some("numbers"));
        let devices = |count: usize| {
            let devices: Vec<_> = (0..count).map(|i| serde_json::json!({"name": format!("d{i}")})).collect();
            serde_json::json!({"devices": devices, "title": "あ".repeat(TEXT_CHARS)})
        };
        change(&fixture, devices(DEVICES)).unwrap();
        assert_eq!(refused(devices(DEVICES + 1)), Some("devices"));
    }
}
