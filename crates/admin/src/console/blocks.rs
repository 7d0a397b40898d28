//! What a page is made of. A page's code says what there is to see; `templates/` says once how each kind of it looks, so that
//! every page is as readable by keyboard, screen reader and telephone as the others.

use super::form::Field;

/// A state, told by shape and word, never by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Good,
    Warning,
    Bad,
    /// Off by choice, or not known yet.
    Quiet,
}

impl Sign {
    /// The class of the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Sign::Good => "good",
            Sign::Warning => "warning",
            Sign::Bad => "bad",
            Sign::Quiet => "quiet",
        }
    }

    pub fn shape(self) -> &'static str {
        match self {
            Sign::Good => "✓",
            Sign::Warning => "▲",
            Sign::Bad => "✕",
            Sign::Quiet => "○",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pill {
    pub sign: Sign,
    pub word: String,
}

impl Pill {
    pub fn new(sign: Sign, word: impl Into<String>) -> Pill {
        Pill { sign, word: word.into() }
    }
}

/// One place of a table or of a list of facts.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String),
    /// Less important text.
    Dim(String),
    /// Text that people compare letter by letter.
    Code(String),
    /// Digits, to be lined up at the right.
    Number(String),
    Link {
        href: String,
        text: String,
    },
    Pill(Pill),
    /// RFC 3339 in UTC; browsers with JavaScript show it in their own zone.
    Time(String),
    /// Since when something is so, and below it why.
    Since {
        at: String,
        why: String,
    },
    /// What was seen, and below it what to do, which may lead somewhere.
    Finding {
        seen: String,
        todo: String,
        href: Option<String>,
    },
    Buttons(Vec<Action>),
    Empty,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    pub fn link(href: impl Into<String>, text: impl Into<String>) -> Cell {
        Cell::Link { href: href.into(), text: text.into() }
    }

    pub fn pill(sign: Sign, word: impl Into<String>) -> Cell {
        Cell::Pill(Pill::new(sign, word))
    }

    pub fn number(number: impl Into<u64>) -> Cell {
        Cell::Number(grouped(number.into()))
    }
}

/// 12408 → `12,408`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Something to do: a link, or a button that posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub href: String,
    pub text: String,
    pub post: bool,
    pub look: Look,
    /// Hidden fields of what is posted.
    pub with: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Plain,
    Primary,
    Danger,
}

impl Action {
    pub fn link(href: impl Into<String>, text: impl Into<String>) -> Action {
        Action { href: href.into(), text: text.into(), post: false, look: Look::Plain, with: Vec::new() }
    }

    pub fn post(href: impl Into<String>, text: impl Into<String>) -> Action {
        Action { post: true, ..Action::link(href, text) }
    }

    pub fn primary(self) -> Action {
        Action { look: Look::Primary, ..self }
    }

    pub fn danger(self) -> Action {
        Action { look: Look::Danger, ..self }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Action {
        self.with.push((name.to_owned(), value.into()));
        self
    }

    pub fn class(&self) -> &'static str {
        match self.look {
            Look::Plain => "button",
            Look::Primary => "button primary",
            Look::Danger => "button danger",
        }
    }
}

/// One number that means something.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Card {
    pub title: String,
    pub number: String,
    pub note: String,
    /// The last values, oldest first; drawn as a line.
    pub line: Vec<f64>,
    pub href: Option<String>,
}

impl Card {
    pub fn new(title: impl Into<String>, number: impl Into<String>) -> Card {
        Card { title: title.into(), number: number.into(), ..Card::default() }
    }

    pub fn note(self, note: impl Into<String>) -> Card {
        Card { note: note.into(), ..self }
    }

    /// Where the number comes from.
    pub fn href(self, href: impl Into<String>) -> Card {
        Card { href: Some(href.into()), ..self }
    }

    /// `points` of an SVG polyline in a box of 200 × 34.
    pub fn points(&self) -> String {
        let top = self.line.iter().copied().fold(1.0_f64, f64::max);
        let step = 200.0 / (self.line.len().max(2) - 1) as f64;
        let point = |(index, value): (usize, &f64)| format!("{:.1},{:.1}", index as f64 * step, 32.0 - 30.0 * value / top);
        self.line.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What the table lists; read out by screen readers, and shown when `show_caption`.
    pub caption: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    /// Said when there are no rows.
    pub empty: String,
}

impl Table {
    /// The name of a column, which stands before each of its cells where there is no room for columns.
    pub fn label(&self, column: usize) -> &str {
        self.columns.get(column).map_or("", String::as_str)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FormBlock {
    pub action: String,
    pub fields: Vec<Field>,
    pub submit: String,
    pub cancel: Option<String>,
    /// The button does harm.
    pub danger: bool,
    /// What went wrong and belongs to no field.
    pub error: Option<String>,
    /// Carries a file.
    pub file: bool,
    /// Filled with what is stored, which others may change meanwhile; see [`super::stored`].
    pub stored: bool,
    /// What it was filled with, where it is [`FormBlock::stored`].
    pub seen: String,
}

/// Asks again by GET with what is typed; with JavaScript while it is typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    pub action: String,
    pub fields: Vec<Field>,
    pub submit: String,
}

/// Leads on through a long list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pager {
    /// How much there is in all, in words.
    pub total: String,
    pub first: Option<String>,
    pub previous: Option<String>,
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    Heading(String),
    Text(String),
    /// Text as it is, in lines.
    Lines(String),
    /// Something to know, and where to go for it: address and words.
    Notice(Pill, Option<(String, String)>),
    Cards(Vec<Card>),
    Bar(Vec<Action>),
    Table(Table),
    Facts(Vec<(String, Cell)>),
    Form(FormBlock),
    Search(Search),
    Pager(Pager),
    /// An SVG made by us (a QR code), with its text for those who cannot see it.
    Picture {
        svg: String,
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups_of_three() {
        let groups = [0, 12, 999, 1_000, 12_408, 1_234_567].map(grouped);
        assert_eq!(groups, ["0", "12", "999", "1,000", "12,408", "1,234,567"]);
    }

    #[test]
    fn a_line_fills_its_box() {
        let card = Card { line: vec![0.0, 5.0, 10.0], ..Card::default() };
        assert_eq!(card.points(), "0.0,32.0 100.0,17.0 200.0,2.0");
        assert_eq!(Card { line: vec![0.0], ..Card::default() }.points(), "0.0,32.0");
    }
}
