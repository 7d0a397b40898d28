//! Text for administrators, in the languages the product speaks.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A language of the administrator's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum Lang {
    #[default]
    En,
    Ja,
}

/// One statement in every language of the administrator's side. It says what happened, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Text {
    pub en: String,
    pub ja: String,
}

impl Text {
    pub fn new(en: impl Into<String>, ja: impl Into<String>) -> Self {
        Text { en: en.into(), ja: ja.into() }
    }

    /// The same words in each language: what another program said, a name.
    pub fn plain(text: impl Into<String>) -> Self {
        let en: String = text.into();
        Text { ja: en.clone(), en }
    }

    /// What a lower layer said in English, in Japanese as far as it is known ([`crate::reasons`]).
    pub fn reason(why: impl Into<String>) -> Self {
        let en: String = why.into();
        Text { ja: crate::reasons::ja(&en), en }
    }

    /// What is wrong with JSON that somebody sent; `what` in both languages.
    pub fn not_understood(what: &str, what_ja: &str, why: &serde_json::Error) -> Self {
        let why = why.to_string();
        // Nobody counts columns of what a program wrote.
        let why = Text::reason(why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why));
        Text::new(format!("{what} is not understood: {}", why.en), format!("{what_ja}を読み取れません: {}", why.ja))
    }

    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Ja => &self.ja,
        }
    }
}

/// The English one.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}
