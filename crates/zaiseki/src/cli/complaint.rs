//! What is said about a command line that cannot be understood. clap's own words are English.

use crate::i18n::Lang;
use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Help and version go to standard output, complaints to standard error.
pub fn print(error: &Error, lang: Lang) {
    match japanese(error) {
        Some(text) if lang == Lang::Ja => eprint!("{text}"),
        _ => drop(error.print()),
    }
}

/// `None` for what is no complaint.
fn japanese(error: &Error) -> Option<String> {
    let said = |kind| error.get(kind).map(plain).unwrap_or_default();
    let (argument, value) = (said(ContextKind::InvalidArg), said(ContextKind::InvalidValue));
    let what = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::MissingRequiredArgument => format!("必要な引数がありません: {argument}"),
        ErrorKind::MissingSubcommand => "コマンドを指定してください".to_owned(),
        ErrorKind::UnknownArgument => format!("'{argument}' という引数はありません"),
        ErrorKind::InvalidSubcommand => format!("'{}' というコマンドはありません", said(ContextKind::InvalidSubcommand)),
        ErrorKind::InvalidValue if value.is_empty() => format!("{argument} の値を指定してください"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("{argument} に '{value}' は指定できません"),
        ErrorKind::ArgumentConflict => {
            format!("{argument} は {} と同時に指定できません", said(ContextKind::PriorArg))
        }
        ErrorKind::NoEquals => format!("{argument} の値は = のあとに続けて指定してください"),
        _ => "引数が正しくありません".to_owned(),
    };
    let mut text = format!("エラー: {what}\n");
    for (kind, heading) in [
        (ContextKind::ValidValue, "使える値"),
        (ContextKind::SuggestedArg, "近いもの"),
        (ContextKind::SuggestedSubcommand, "近いもの"),
        (ContextKind::SuggestedValue, "近いもの"),
    ] {
        let list = said(kind);
        if !list.is_empty() {
            text.push_str(&format!("  {heading}: {list}\n"));
        }
    }
    let usage = said(ContextKind::Usage);
    if let Some((_, usage)) = usage.split_once(": ") {
        text.push_str(&format!("\n使い方: {usage}\n"));
    }
    Some(text + "\n詳しくは '--help' で見られます。\n")
}

fn plain(value: &ContextValue) -> String {
    match value {
        ContextValue::None => String::new(),
        ContextValue::Strings(all) => all.join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::command;

    fn complaint(line: &str) -> String {
        let words = std::iter::once("zaiseki").chain(line.split(' '));
        let error = command(Lang::Ja).try_get_matches_from(words).expect_err(line);
        japanese(&error).unwrap_or_default()
    }

    #[test]
    fn complaints_name_what_is_wrong_in_japanese() {
        for (line, parts) in [
            ("user add", &["必要な引数", "<NAME>", "使い方: zaiseki user add"][..]),
            ("nonsense", &["'nonsense' というコマンドはありません"]),
            ("user lst", &["'lst'", "近いもの: list"]),
            ("user list --serch x", &["'--serch'", "近いもの: --search"]),
            ("user calendar anna maybe", &["'maybe' は指定できません", "使える値: true, false"]),
            ("user add a --no-password --password-stdin", &["--no-password", "--password-stdin", "同時に"]),
            ("gateway add g --poll-secs x", &["--poll-secs", "'x'"]),
            ("--lang fr status", &["--lang", "'fr'", "en, ja"]),
            ("user add a --mail", &["--mail", "値を指定してください"]),
        ] {
            let said = complaint(line);
            for part in parts {
                assert!(said.contains(part), "{line}: {part}: {said}");
            }
            for english in ["error", "Usage", "For more", "required", "possible"] {
                assert!(!said.contains(english), "{line}: {said}");
            }
        }
    }

    #[test]
    fn help_is_no_complaint() {
        for line in ["--help", "user --help", "--version", "user"] {
            assert_eq!(complaint(line), "", "{line}");
        }
    }
}
