//! Reads typed values out of a TOML document and gathers what is wrong instead of stopping at it.

use super::Problem;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zaiseki_control::Text;

pub(super) struct Reader<'t> {
    text: &'t str,
    /// Where relative paths start.
    pub folder: &'t Path,
    problems: Vec<Problem>,
}

/// A table of the document.
#[derive(Clone, Copy)]
pub(super) struct Section<'t> {
    name: &'static str,
    table: &'t DeTable<'t>,
}

/// A value and the line it stands on.
pub(super) struct Entry<T> {
    pub value: T,
    pub line: usize,
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t str, folder: &'t Path) -> Self {
        Reader { text, folder, problems: Vec::new() }
    }

    /// Parses the text and hands the outermost table over. Where the syntax is broken, the rest is read all the same.
    pub fn root<T>(&mut self, read: impl FnOnce(&mut Self, Section<'_>) -> T) -> T {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let line = error.span().map(|span| self.line(&span));
            let message = error.message();
            let text = Text::new(format!("not TOML: {message}"), format!("TOML として読めません: {message}"));
            self.problem(line, "", text);
        }
        read(self, Section { name: "", table: table.get_ref() })
    }

    /// What was wrong, by line.
    pub fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        self.problems
    }

    pub fn problem_count(&self) -> usize {
        self.problems.len()
    }

    pub fn problem(&mut self, line: Option<usize>, key: &str, text: Text) {
        self.problems.push(Problem { line, key: key.to_owned(), text });
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|b| **b == b'\n').count()
    }

    fn wrong_type(&mut self, value: &Spanned<DeValue<'_>>, key: &str, wanted: Text) {
        let line = self.line(&value.span());
        let en = format!("must be {}", wanted.en);
        self.problem(Some(line), key, Text::new(en, format!("{}を指定してください", wanted.ja)));
    }
}

impl<'t> Section<'t> {
    pub fn full_key(self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn find(self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, value)| value)
    }

    pub fn has(self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Where the key stands.
    pub fn line(self, reader: &Reader<'_>, key: &str) -> Option<usize> {
        self.find(key).map(|value| reader.line(&value.span()))
    }

    /// Reports every key that is not among these.
    pub fn only(self, reader: &mut Reader<'_>, keys: &[&str], sections: &[&str]) {
        for (key, _) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if keys.contains(&name) || sections.contains(&name) {
                continue;
            }
            let line = reader.line(&key.span());
            let known = keys.iter().chain(sections).copied().collect::<Vec<_>>().join(", ");
            let en = format!("unknown key; known here: {known}");
            let ja = format!("このキーはありません。使えるキー: {known}");
            reader.problem(Some(line), &self.full_key(name), Text::new(en, ja));
        }
    }

    pub fn section(self, reader: &mut Reader<'_>, name: &'static str) -> Option<Section<'t>> {
        let value = self.find(name)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Section { name, table }),
            _ => {
                reader.wrong_type(value, name, Text::new(format!("a section: [{name}]"), format!("セクション [{name}] ")));
                None
            }
        }
    }

    pub fn string(self, reader: &mut Reader<'_>, key: &str) -> Option<Entry<&'t str>> {
        let value = self.find(key)?;
        match value.get_ref() {
            DeValue::String(text) if !text.is_empty() => Some(Entry { value: text, line: reader.line(&value.span()) }),
            _ => {
                let wanted = Text::new("text in quotation marks, and not empty", "引用符で囲んだ空でない文字列");
                reader.wrong_type(value, &self.full_key(key), wanted);
                None
            }
        }
    }

    /// The strings of a list; empty when the key is missing.
    pub fn strings(self, reader: &mut Reader<'_>, key: &str) -> Vec<Entry<&'t str>> {
        let wanted = || Text::new("a list of texts, such as [\"0.0.0.0:5222\"]", "文字列のリスト（例: [\"0.0.0.0:5222\"]）");
        let Some(value) = self.find(key) else { return Vec::new() };
        let DeValue::Array(list) = value.get_ref() else {
            reader.wrong_type(value, &self.full_key(key), wanted());
            return Vec::new();
        };
        let mut result = Vec::new();
        for item in list.iter() {
            match item.get_ref() {
                DeValue::String(text) => result.push(Entry { value: text.as_ref(), line: reader.line(&item.span()) }),
                _ => reader.wrong_type(item, &self.full_key(key), wanted()),
            }
        }
        result
    }

    pub fn boolean(self, reader: &mut Reader<'_>, key: &str) -> Option<bool> {
        let value = self.find(key)?;
        match value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                reader.wrong_type(value, &self.full_key(key), Text::new("true or false", "true か false "));
                None
            }
        }
    }

    pub fn one_of<T: Copy>(self, reader: &mut Reader<'_>, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.find(key)?;
        if let DeValue::String(text) = value.get_ref()
            && let Some((_, choice)) = choices.iter().find(|(name, _)| name == text)
        {
            return Some(*choice);
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let wanted = Text::new(format!("one of {}", names.join(", ")), format!("{} のいずれか", names.join("、")));
        reader.wrong_type(value, &self.full_key(key), wanted);
        None
    }
}
