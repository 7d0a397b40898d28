//! The console's texts, by Project Fluent: `locales/LANGUAGE/FILE.ftl`, one file per area, the same keys in every language.
//!
//! What the control plane says ([`zaiseki_control::Text`]: errors, findings, help of settings) comes in both languages from there.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::sync::LazyLock;
use zaiseki_control::Lang;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Name, English, Japanese.
        const FILES: &[(&str, &str, &str)] = &[$((
            $name,
            include_str!(concat!("../../locales/en/", $name, ".ftl")),
            include_str!(concat!("../../locales/ja/", $name, ".ftl")),
        )),*];
    };
}

files![
    "frame",
    "entrance",
    "overview",
    "users",
    "directories",
    "gateways",
    "settings",
    "admins",
    "provider",
    "jobs",
    "services",
    "notifications",
    "alarms",
    "targets",
    "certificates",
    "trust",
    "acme",
    "diagnostics",
    "api",
    "live",
    "troubleshooter",
    "help"
];

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Lang::En));
static JAPANESE: LazyLock<Bundle> = LazyLock::new(|| bundle(Lang::Ja));

fn bundle(lang: Lang) -> Bundle {
    let mut bundle = Bundle::new_concurrent(vec![tag(lang).parse().unwrap_or_default()]);
    // Names are shown as they are: the pages are not of mixed direction.
    bundle.set_use_isolating(false);
    for (name, en, ja) in FILES {
        let source = if lang == Lang::En { en } else { ja };
        let resource = FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(whole, errors)| {
            tracing::error!(name, ?errors, "a file of texts has mistakes");
            whole
        });
        if let Err(errors) = bundle.add_resource(resource) {
            tracing::error!(name, ?errors, "a text stands twice");
        }
    }
    bundle
}

/// The BCP 47 tag of a language.
pub fn tag(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "en",
        Lang::Ja => "ja",
    }
}

/// The text of a key; the key itself where it is missing (the tests see to it that none is).
pub fn text(lang: Lang, key: &str) -> String {
    with(lang, key, &[])
}

/// The text of a key with its `{ $variables }`.
pub fn with(lang: Lang, key: &str, values: &[(&str, FluentValue<'_>)]) -> String {
    let bundle: &Bundle = if lang == Lang::En { &ENGLISH } else { &JAPANESE };
    let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
        tracing::error!(key, "a text is missing");
        return key.to_owned();
    };
    let args: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, value.clone())).collect();
    let mut errors = Vec::new();
    let said = bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
    if !errors.is_empty() {
        tracing::error!(key, ?errors, "a text lacks a variable");
    }
    said
}

/// Whether there is such a text.
pub fn known(key: &str) -> bool {
    ENGLISH.has_message(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// Keys of one file with the variables each uses.
    fn keys(source: &str) -> BTreeSet<(String, BTreeSet<String>)> {
        let mut found: Vec<(String, BTreeSet<String>)> = Vec::new();
        for line in source.lines() {
            if let Some((key, _)) = line.split_once(" =").filter(|(key, _)| !key.starts_with([' ', '#', '}', '['])) {
                found.push((key.to_owned(), BTreeSet::new()));
            }
            let Some((_, variables)) = found.last_mut() else { continue };
            for part in line.split('$').skip(1) {
                let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect();
                variables.insert(name);
            }
        }
        found.into_iter().collect()
    }

    /// Every string literal in the console's sources that could be a key.
    fn literals(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                literals(&path, found);
            } else {
                let source = fs::read_to_string(&path).unwrap();
                found.extend(source.split('"').filter(|s| s.contains('-') && !s.contains([' ', '\n', '/'])).map(str::to_owned));
            }
        }
    }

    /// What is given to `t("…")` and `tn("…"`.
    fn asked(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                asked(&path, found);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for call in [".t(\"", ".tn(\"", ".tns(\""] {
                for part in source.split(call).skip(1) {
                    let part = part.trim_start().trim_start_matches('"');
                    found.insert(part.split('"').next().unwrap_or_default().to_owned());
                }
            }
        }
    }

    fn home() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn both_languages_have_the_same_keys_with_the_same_variables() {
        for (name, en, ja) in FILES {
            assert!(FluentResource::try_new((*en).to_owned()).is_ok(), "{name} in English");
            assert!(FluentResource::try_new((*ja).to_owned()).is_ok(), "{name} in Japanese");
            assert_eq!(keys(en), keys(ja), "{name}");
        }
    }

    #[test]
    fn no_key_is_missing_and_none_is_left_over() {
        let (mut wanted, mut said) = (BTreeSet::new(), BTreeSet::new());
        for folder in ["src/console", "templates"] {
            asked(&home().join(folder), &mut wanted);
            literals(&home().join(folder), &mut said);
        }
        wanted.remove("…");
        let all: BTreeSet<String> = FILES.iter().flat_map(|(_, en, _)| keys(en)).map(|(key, _)| key).collect();
        let areas: BTreeSet<&str> = all.iter().filter_map(|key| key.split('-').next()).collect();
        let like_a_key = |text: &&String| {
            let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            letters && text.split('-').next().is_some_and(|area| areas.contains(area))
        };
        let missing: Vec<_> = wanted.union(&said.iter().filter(like_a_key).cloned().collect()).cloned().collect();
        let missing: Vec<_> = missing.iter().filter(|key| key.contains('-') && !all.contains(*key)).collect();
        assert!(missing.is_empty(), "missing: {missing:?}");
        let unused: Vec<_> = all.difference(&said).collect();
        assert!(unused.is_empty(), "nothing says: {unused:?}");
    }

    #[test]
    fn japanese_texts_are_japanese() {
        for (name, _, ja) in FILES {
            for line in ja.lines().filter(|line| line.contains(" = ")) {
                let (key, text) = line.split_once(" = ").unwrap();
                let foreign = text.chars().all(|c| c.is_ascii() || c.is_ascii_punctuation());
                assert!(!foreign || key.ends_with("-name") || key.ends_with("-sign"), "{name}: {line}");
            }
        }
    }
}
