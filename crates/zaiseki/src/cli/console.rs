//! Where a command reads passwords and writes results: the terminal, or a test.

use crate::i18n::{Lang, Text};
use anyhow::{Context, Result, bail};
use std::io::{self, IsTerminal, Read, Write};

/// Bytes of a password as typed.
const PASSWORD_BYTES: u64 = 64 * 1024;

pub struct Console<'a> {
    pub lang: Lang,
    pub input: &'a mut dyn Read,
    pub out: &'a mut dyn Write,
    /// Asks one question without echo; `None`: there is nobody to ask.
    pub ask: Option<fn(&str) -> io::Result<String>>,
}

impl Console<'_> {
    pub fn say(&self, en: impl Into<String>, ja: impl Into<String>) -> String {
        Text::new(en, ja).get(self.lang).to_owned()
    }

    /// From standard input, all but the end of its line; or asked for, twice.
    pub fn password(&mut self, stdin: bool) -> Result<String> {
        let password = if stdin { self.read_password()? } else { self.ask_password()? };
        if password.is_empty() {
            bail!(self.say("the password is empty", "パスワードが空です"));
        }
        Ok(password)
    }

    fn read_password(&mut self) -> Result<String> {
        let mut text = String::new();
        let read = self.input.take(PASSWORD_BYTES).read_to_string(&mut text);
        read.with_context(|| self.say("the password cannot be read", "パスワードを読み取れません"))?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.contains('\n') {
            bail!(self.say("more than one line on standard input", "標準入力が 2 行以上あります"));
        }
        Ok(line.to_owned())
    }

    fn ask_password(&self) -> Result<String> {
        let Some(ask) = self.ask else {
            let (en, ja) = ("no terminal to ask for the password on", "パスワードを尋ねる端末がありません");
            bail!("{}: --password-stdin", self.say(en, ja));
        };
        let first = ask(&self.say("Password: ", "パスワード: "))?;
        let again = ask(&self.say("Once more: ", "もう一度: "))?;
        if first != again {
            bail!(self.say("the two passwords differ", "2 つのパスワードが一致しません"));
        }
        Ok(first)
    }
}

/// The terminal's way to ask, if standard input is one.
pub fn terminal() -> Option<fn(&str) -> io::Result<String>> {
    let ask: fn(&str) -> io::Result<String> = |question| rpassword::prompt_password(question);
    io::stdin().is_terminal().then_some(ask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Result<String> {
        let (mut input, mut out) = (input.as_bytes(), Vec::new());
        Console { lang: Lang::En, input: &mut input, out: &mut out, ask: None }.password(true)
    }

    fn asked(ask: fn(&str) -> io::Result<String>) -> Result<String> {
        let (mut input, mut out) = (io::empty(), Vec::new());
        Console { lang: Lang::Ja, input: &mut input, out: &mut out, ask: Some(ask) }.password(false)
    }

    #[test]
    fn a_password_is_the_whole_line() {
        for (input, password) in [("pw\n", "pw"), ("pw", "pw"), (" p w \r\n", " p w "), ("パス\n", "パス")] {
            assert_eq!(read(input).unwrap(), password);
        }
        for bad in ["", "\n", "\r\n", "two\nlines\n"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_asked_password_is_asked_twice() {
        assert_eq!(asked(|_| Ok("pw".to_owned())).unwrap(), "pw");
        assert!(asked(|question| Ok(question.to_owned())).unwrap_err().to_string().contains("一致"));
        assert!(asked(|_| Ok(String::new())).is_err());
    }
}
