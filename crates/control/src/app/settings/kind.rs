//! What values a setting takes, and how they are read from JSON.

use crate::app::users;
use crate::text::Text;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use zaiseki_model::settings::Show;

/// Characters of one label.
const LABEL_CHARS: usize = 64;
/// Languages of one label.
const LABELS: usize = 32;

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    /// A whole number within the range, both ends included; with `or_none` also `null`.
    Number {
        min: u32,
        max: u32,
        or_none: bool,
    },
    /// `away`, `chat`, `dnd`, `xa`.
    Show,
    /// A BCP 47 tag.
    Language,
    /// An object: language to text.
    Labels,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Up to so many characters, on one line or several; may be empty.
    Text {
        chars: usize,
        lines: bool,
    },
}

impl Kind {
    /// # Errors
    /// What would be right.
    pub fn check(self, value: &Value) -> Result<(), Text> {
        let good = match self {
            Kind::Bool => value.is_boolean(),
            Kind::Number { or_none: true, .. } if value.is_null() => true,
            Kind::Number { min, max, .. } => number(value).is_some_and(|n| (min..=max).contains(&n)),
            Kind::Show => show(value).is_some(),
            Kind::Language => value.as_str().is_some_and(|tag| users::language(tag).is_ok()),
            Kind::Labels => labels_are_good(value),
            Kind::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Text { chars, lines } => value.as_str().is_some_and(|text| {
                let odd = |c: char| c.is_control() && !(lines && matches!(c, '\n' | '\r'));
                text.chars().count() <= chars && !text.trim().chars().any(odd)
            }),
        };
        if good { Ok(()) } else { Err(self.wanted()) }
    }

    fn wanted(self) -> Text {
        match self {
            Kind::Bool => Text::new("must be true or false", "true か false を指定してください"),
            Kind::Number { min, max, or_none } => Text::new(
                format!("must be a whole number from {min} to {max}{}", if or_none { ", or null for no limit" } else { "" }),
                format!(
                    "{min} から {max} までの整数{}を指定してください",
                    if or_none { "、または無制限を表す null " } else { "" }
                ),
            ),
            Kind::Show => Text::new("must be away, chat, dnd or xa", "away、chat、dnd、xa のいずれかを指定してください"),
            Kind::Language => Text::new("must be a language such as \"en\"", "\"ja\" のような言語を指定してください"),
            Kind::Labels => Text::new(
                format!(
                    "must be an object of language and text, such as {{\"en\": \"Away\"}}, of 1 to {LABEL_CHARS} characters each"
                ),
                format!("{{\"ja\": \"外出中\"}} のような言語と文言（各 1～{LABEL_CHARS} 文字）の組を指定してください"),
            ),
            Kind::Choice(words) => {
                let words = words.join(", ");
                Text::new(format!("must be one of: {words}"), format!("次のいずれかを指定してください: {words}"))
            }
            Kind::Text { chars, .. } => Text::new(
                format!("must be text of at most {chars} characters"),
                format!("{chars} 文字までの文字列を指定してください"),
            ),
        }
    }
}

fn labels_are_good(value: &Value) -> bool {
    let Value::Object(map) = value else { return false };
    let text = |v: &Value| {
        v.as_str().is_some_and(|t| (1..=LABEL_CHARS).contains(&t.trim().chars().count()) && !t.chars().any(char::is_control))
    };
    (1..=LABELS).contains(&map.len()) && map.iter().all(|(tag, label)| users::language(tag).is_ok() && text(label))
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().to_owned()
}

pub(super) fn boolean(value: &Value) -> bool {
    value == &Value::Bool(true)
}

pub(super) fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}

pub(super) fn seconds(value: &Value) -> Duration {
    Duration::from_secs(u64::from(number(value).unwrap_or_default()))
}

pub(super) fn show(value: &Value) -> Option<Show> {
    value.as_str().and_then(Show::parse)
}

pub(super) fn labels(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(tag, text)| Some((tag.to_ascii_lowercase(), text.as_str()?.trim().to_owned()))).collect()
}
