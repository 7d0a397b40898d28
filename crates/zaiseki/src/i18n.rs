//! Which language the command line speaks.

pub use zaiseki_control::{Lang, Text};

/// The language asked for by `--lang`, which must be known before the arguments are parsed because their help is
/// in that language. The last one wins, as with clap.
pub fn from_arguments<'a>(arguments: impl Iterator<Item = &'a str>) -> Option<Lang> {
    let mut found = None;
    let mut arguments = arguments.take_while(|a| *a != "--").peekable();
    while let Some(argument) = arguments.next() {
        let value = match argument.strip_prefix("--lang") {
            Some("") => arguments.peek().copied(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        found = value.and_then(parse).or(found);
    }
    found
}

/// The language of the locale: the first of `LC_ALL`, `LC_MESSAGES`, `LANG` that is set and not empty (POSIX 8.2).
pub fn from_locale(variable: impl Fn(&str) -> Option<String>) -> Lang {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| variable(name).filter(|v| !v.is_empty()));
    set.as_deref().and_then(parse).unwrap_or_default()
}

/// `ja`, `ja_JP.UTF-8`, `en`, …; `None` for a language we do not speak.
pub fn parse(tag: &str) -> Option<Lang> {
    match tag.split(['_', '-', '.']).next() {
        Some("ja") => Some(Lang::Ja),
        Some("en" | "C" | "POSIX") => Some(Lang::En),
        _ => None,
    }
}

/// An error whose own words are `text`, with the causes of `error` behind it.
pub fn explained(error: impl std::error::Error, text: Text) -> anyhow::Error {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    match causes.is_empty() {
        true => anyhow::Error::msg(text),
        false => anyhow::Error::msg(causes.join(": ")).context(text),
    }
}

/// An error with its causes, on one line, in `lang` as far as it has a [`Text`] for what failed.
pub fn said(error: &anyhow::Error, lang: Lang) -> String {
    match error.downcast_ref::<Text>() {
        Some(text) if lang == Lang::Ja => {
            let causes = error.chain().skip(1).map(ToString::to_string);
            std::iter::once(text.get(lang).to_owned()).chain(causes).collect::<Vec<_>>().join(": ")
        }
        _ => format!("{error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_said_in_the_language_with_each_cause_once() {
        let io = std::io::Error::other("disk on fire");
        let error = anyhow::Error::new(io).context(Text::new("it failed", "失敗しました"));
        assert_eq!(said(&error, Lang::En), "it failed: disk on fire");
        assert_eq!(said(&error, Lang::Ja), "失敗しました: disk on fire");
        assert_eq!(said(&anyhow::anyhow!("plain"), Lang::Ja), "plain");
    }

    #[test]
    fn the_argument_is_found_wherever_it_stands() {
        for (line, lang) in [
            ("zaiseki --lang ja user list", Some(Lang::Ja)),
            ("zaiseki user list --lang=ja", Some(Lang::Ja)),
            ("zaiseki --lang ja --lang=en user", Some(Lang::En)),
            ("zaiseki user add -- --lang=ja", None),
            ("zaiseki --language=ja", None),
            ("zaiseki --lang", None),
            ("zaiseki --lang fr", None),
        ] {
            assert_eq!(from_arguments(line.split(' ')), lang, "{line}");
        }
    }

    #[test]
    fn the_locale_is_read_in_the_order_of_posix() {
        let locale = |set: &'static [(&'static str, &'static str)]| {
            from_locale(move |name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert_eq!(locale(&[]), Lang::En);
        assert_eq!(locale(&[("LANG", "ja_JP.UTF-8")]), Lang::Ja);
        assert_eq!(locale(&[("LANG", "ja_JP.UTF-8"), ("LC_ALL", "C")]), Lang::En);
        assert_eq!(locale(&[("LANG", "en_GB"), ("LC_MESSAGES", "ja")]), Lang::Ja);
        assert_eq!(locale(&[("LC_ALL", ""), ("LANG", "ja")]), Lang::Ja);
        assert_eq!(locale(&[("LANG", "jam_JM")]), Lang::En);
    }
}
