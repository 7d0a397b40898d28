//! Forms: what was posted, and fields that keep it and say what is wrong with it.

use std::collections::BTreeMap;
use zaiseki_control::{ControlError, Lang, Text};

/// Fields of one form.
pub const FIELDS: usize = 20_000;

/// What was typed, and what became of it. Starts from the stored values, or from what was posted.
#[derive(Debug, Default)]
pub struct Form {
    values: BTreeMap<String, String>,
    /// Names that came more than once (a list of ticked rows), in order.
    many: Vec<(String, String)>,
    errors: Vec<ControlError>,
    /// The file that came with it.
    pub file: Option<Vec<u8>>,
}

impl Form {
    /// A form with its values of now.
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Form {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Form { values, ..Form::default() }
    }

    /// What came in, in order.
    pub fn posted(pairs: Vec<(String, String)>) -> Form {
        Form { values: pairs.iter().cloned().collect(), many: pairs, ..Form::default() }
    }

    pub fn with_file(self, file: Option<Vec<u8>>) -> Form {
        Form { file, ..self }
    }

    /// What was typed, with what was wrong with it, besides what was before.
    pub fn wrong(mut self, error: ControlError) -> Form {
        self.errors.push(error);
        self
    }

    /// Without white space at the ends; empty when it did not come.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// As it was typed: for passwords.
    pub fn raw(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// `None` when it was left empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// `invalid`, naming the field.
    pub fn number(&self, name: &'static str) -> Result<u32, ControlError> {
        self.text(name).parse().map_err(|_| {
            let text = Text::new("must be a whole number, in digits", "数字で整数を入力してください");
            ControlError::Invalid { field: name, text }
        })
    }

    /// A check box.
    pub fn ticked(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Puts a value in the place of what came; an empty one is as if nothing had.
    pub fn set(&mut self, name: &str, value: &str) {
        match value {
            "" => drop(self.values.remove(name)),
            value => drop(self.values.insert(name.to_owned(), value.to_owned())),
        }
    }

    /// All values of one name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.many.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn error_of(&self, name: &str, lang: Lang) -> Option<String> {
        let error = self.errors.iter().find(|error| error.field() == Some(name))?;
        Some(error.text().get(lang).to_owned())
    }

    /// What was wrong and belongs to none of these fields.
    pub fn general_error(&self, fields: &[Field], lang: Lang) -> Option<String> {
        let shown = |error: &ControlError| error.field().is_some_and(|field| fields.iter().any(|f| f.name == field));
        let error = self.errors.iter().find(|error| !shown(error))?;
        Some(error.text().get(lang).to_owned())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// The `type` of an `<input>`: `text`, `email`, `url`, `number`, `search`, `tel`, `date`.
    Input(&'static str),
    /// Never filled in by the server.
    Password {
        new: bool,
    },
    /// Value and word of each choice.
    Choice(Vec<(String, String)>),
    Tick,
    Lines,
    File,
    Hidden,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub label: String,
    pub kind: Kind,
    pub value: String,
    pub help: String,
    pub error: Option<String>,
    pub required: bool,
    pub autofocus: bool,
}

impl Field {
    pub fn new(form: &Form, lang: Lang, name: &str, label: impl Into<String>, kind: Kind) -> Field {
        let value = match kind {
            Kind::Password { .. } | Kind::File => String::new(),
            _ => form.raw(name).to_owned(),
        };
        let (name, error) = (name.to_owned(), form.error_of(name, lang));
        let (help, required, autofocus) = (String::new(), false, false);
        Field { name, label: label.into(), kind, value, help, error, required, autofocus }
    }

    pub fn help(self, help: impl Into<String>) -> Field {
        Field { help: help.into(), ..self }
    }

    pub fn required(self) -> Field {
        Field { required: true, ..self }
    }

    pub fn autofocus(self) -> Field {
        Field { autofocus: true, ..self }
    }

    /// A check box is ticked when its name has a value at all.
    pub fn is_on(&self) -> bool {
        !self.value.is_empty()
    }

    /// Ids of what describes the field, for `aria-describedby`.
    pub fn described_by(&self) -> String {
        let parts = [("help", !self.help.is_empty()), ("error", self.error.is_some())];
        let ids = parts.iter().filter(|(_, there)| *there).map(|(part, _)| format!("{}-{part}", self.name));
        ids.collect::<Vec<_>>().join(" ")
    }

    pub fn autocomplete(&self) -> &'static str {
        match (&self.kind, self.name.as_str()) {
            (Kind::Password { new: true }, _) => "new-password",
            (Kind::Password { new: false }, _) => "current-password",
            (_, "totp") => "one-time-code",
            (_, "administrator") => "username",
            _ => "off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(field: &'static str) -> ControlError {
        ControlError::Invalid { field, text: Text::new("not so", "いいえ") }
    }

    #[test]
    fn a_rejected_form_keeps_what_was_typed_and_says_which_field() {
        let posted = Form::posted(vec![("mail".into(), " a@b ".into()), ("name".into(), "x".into())]).wrong(wrong("mail"));
        let field = |name| Field::new(&posted, Lang::Ja, name, name, Kind::Input("text"));
        assert_eq!((field("mail").value.as_str(), field("mail").error.as_deref()), (" a@b ", Some("いいえ")));
        assert_eq!(field("name").error, None);
        assert_eq!(posted.general_error(&[field("mail")], Lang::En), None);
        assert_eq!(posted.general_error(&[field("name")], Lang::En).as_deref(), Some("not so"));
    }

    #[test]
    fn each_wrong_field_is_told() {
        let posted = Form::posted(Vec::new()).wrong(wrong("mail")).wrong(wrong("name"));
        let field = |name| Field::new(&posted, Lang::En, name, name, Kind::Input("text"));
        assert_eq!((field("mail").error.as_deref(), field("name").error.as_deref()), (Some("not so"), Some("not so")));
        assert_eq!(posted.general_error(&[field("mail"), field("name")], Lang::En), None);
        assert!(posted.general_error(&[field("mail")], Lang::En).is_some());
    }

    #[test]
    fn passwords_are_not_given_back() {
        let posted = Form::posted(vec![("password".into(), "secret".into())]).wrong(wrong("password"));
        let field = Field::new(&posted, Lang::En, "password", "", Kind::Password { new: true });
        assert_eq!(field.value, "");
        assert_eq!(posted.raw("password"), "secret");
    }
}
