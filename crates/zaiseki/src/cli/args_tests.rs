//! Every text of the command line stands in both languages.

use super::*;

/// What the help says, and which command or argument says nothing.
fn texts(command: &clap::Command, said: &mut Vec<String>, silent: &mut Vec<String>) {
    let mut look = |name: String, text: Option<String>| match text {
        Some(text) => said.push(text),
        None => silent.push(name),
    };
    look(command.get_name().to_owned(), command.get_about().map(ToString::to_string));
    command.get_after_help().into_iter().for_each(|text| look(String::new(), Some(text.to_string())));
    for arg in command.get_arguments() {
        look(format!("{} {}", command.get_name(), arg.get_id()), arg.get_help().map(ToString::to_string));
    }
    command.get_subcommands().for_each(|c| texts(c, said, silent));
}

#[test]
fn everything_has_help_in_both_languages_and_no_text_is_left_over() {
    let (mut said, mut silent) = (Vec::new(), Vec::new());
    texts(&Cli::command(), &mut said, &mut silent);
    assert_eq!(silent, Vec::<String>::new());
    for text in &said {
        assert!(japanese(text).is_some(), "no Japanese for {text:?}");
    }
    for (english, _) in PARTS.iter().flat_map(|texts| texts.iter()) {
        assert!(said.iter().any(|text| text == english), "nothing says {english:?}");
    }
}

#[test]
fn help_pages_are_in_one_language() {
    let page = |lang, path: &[&str]| {
        let mut command = command(lang);
        command.build();
        let of = path.iter().fold(&mut command, |c, name| c.find_subcommand_mut(name).expect(name));
        of.render_help().to_string()
    };
    for path in [&[][..], &["user"], &["user", "add"], &["gateway", "add"], &["settings", "set"]] {
        let english = page(Lang::En, path);
        assert!(english.is_ascii() && english.contains("Usage:"), "{english}");
        let japanese = page(Lang::Ja, path);
        for heading in ["Usage", "Options:", "Commands", "Arguments", "default:", "possible"] {
            assert!(!japanese.contains(heading), "{heading}: {japanese}");
        }
        assert!(japanese.contains("使い方: zaiseki"), "{japanese}");
    }
}

#[test]
fn the_tree_is_sound_in_both_languages() {
    command(Lang::En).debug_assert();
    command(Lang::Ja).debug_assert();
}
