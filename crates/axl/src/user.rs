//! One `user` element of AXL → one user.

use crate::answer::{child, uuid};
use crate::config::{AxlConfig, Include};
use zaiseki_model::directory::{Number, NumberKind, Profile, Skipped, SourceUser, Unfit};
use zaiseki_model::telephone::e164;
use zaiseki_net::xml::Element;

/// Characters of one value; longer ones are cut.
const VALUE_CHARS: usize = 255;

/// Cisco's names of locales begin with the language's English name.
const LANGUAGES: [(&str, &str); 11] = [
    ("English", "en"),
    ("Japanese", "ja"),
    ("Chinese", "zh"),
    ("Korean", "ko"),
    ("German", "de"),
    ("French", "fr"),
    ("Spanish", "es"),
    ("Italian", "it"),
    ("Portuguese", "pt"),
    ("Dutch", "nl"),
    ("Russian", "ru"),
];

/// `None`: one whom [`Include`] leaves out.
///
/// # Errors
/// [`Skipped`] when uuid or user id are missing, or a tag that decides cannot be read.
pub fn user(config: &AxlConfig, element: &Element) -> Result<Option<SourceUser>, Skipped> {
    let name = text(element, "userid");
    let key = element.attribute("uuid").and_then(uuid);
    let skipped = |why: Unfit| Skipped { key: key.clone(), place: name.clone(), why };
    let Some(id) = key.clone() else { return Err(skipped(Unfit::Without("uuid".to_owned()))) };
    if name.is_empty() {
        return Err(skipped(Unfit::Without("userid".to_owned())));
    }
    let flag = |tag| boolean(element, tag).map_err(&skipped);
    let included = match config.users {
        Include::Enabled => flag("homeCluster")? && flag("imAndPresenceEnable")?,
        Include::Home => flag("homeCluster")?,
        Include::All => true,
    };
    let enabled = match text(element, "status").as_str() {
        "" | "1" => true,
        other if other.bytes().all(|b| b.is_ascii_digit()) => false,
        _ => return Err(skipped(Unfit::Unclear("status".to_owned()))),
    };
    let profile = profile(config, element);
    Ok(included.then(|| SourceUser { key: id, place: name.clone(), name, enabled, profile, devices: None }))
}

fn profile(config: &AxlConfig, element: &Element) -> Profile {
    let text = |tag| text(element, tag);
    let (given_name, family_name) = (text("firstName"), text("lastName"));
    let full_name = || format!("{given_name} {family_name}").trim().to_owned();
    let display_name = Some(text("displayName")).filter(|name| !name.is_empty()).unwrap_or_else(full_name);
    Profile {
        display_name,
        given_name,
        family_name,
        phonetic_name: String::new(),
        mail: text("mailid"),
        directory_uri: text("directoryUri"),
        department: text("department"),
        title: text("title"),
        language: language(&text("userLocale")),
        numbers: numbers(config, element),
    }
}

/// The text of a tag, cleaned. An empty element is as good as none.
fn text(element: &Element, tag: &str) -> String {
    let raw = child(element, tag).map_or("", |e| e.text.as_str());
    let clean: String = raw.chars().filter(|c| !c.is_control()).take(VALUE_CHARS).collect();
    clean.trim().to_owned()
}

/// `t|f|true|false|0|1`, in any case; empty is false. A tag that was asked for and is not there is no answer.
fn boolean(element: &Element, tag: &'static str) -> Result<bool, Unfit> {
    let found = child(element, tag).ok_or_else(|| Unfit::Silent(tag.to_owned()))?;
    match found.text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "1" => Ok(true),
        "f" | "false" | "0" | "" => Ok(false),
        _ => Err(Unfit::Unclear(tag.to_owned())),
    }
}

fn language(locale: &str) -> Option<String> {
    let first = locale.split_whitespace().next()?;
    LANGUAGES.iter().find(|(name, _)| name.eq_ignore_ascii_case(first)).map(|(_, tag)| (*tag).to_owned())
}

fn numbers(config: &AxlConfig, element: &Element) -> Vec<Number> {
    let tags = [("telephoneNumber", NumberKind::Work), ("mobileNumber", NumberKind::Mobile), ("homeNumber", NumberKind::Home)];
    let number = |(tag, kind)| {
        let number = e164(&text(element, tag), config.country_code.as_deref())?;
        Some(Number { kind, number })
    };
    tags.into_iter().filter_map(number).collect()
}
