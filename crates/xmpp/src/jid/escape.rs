//! XEP-0106: writing what a localpart cannot hold.

/// The ten characters that have an escaped form, and that form.
const ESCAPES: [(char, &str); 10] = [
    (' ', "\\20"),
    ('"', "\\22"),
    ('&', "\\26"),
    ('\'', "\\27"),
    ('/', "\\2f"),
    (':', "\\3a"),
    ('<', "\\3c"),
    ('>', "\\3e"),
    ('@', "\\40"),
    ('\\', "\\5c"),
];

/// A user id as a localpart (not prepared yet). A backslash is escaped only where it would be read as the start of an
/// escape. Space at either end is dropped, since XEP-0106 §3 allows no `\20` there.
pub fn escape_local(text: &str) -> String {
    let text = text.trim_matches(' ');
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        match ESCAPES.iter().find(|(plain, _)| *plain == c) {
            Some(_) if c == '\\' && escaped_at(&text[at..]).is_none() => out.push(c),
            Some((_, escaped)) => out.push_str(escaped),
            None => out.push(c),
        }
    }
    out
}

/// The user id behind a localpart. What is no escape stays as it is; so does `\20` at either end.
pub fn unescape_local(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let outermost = out.is_empty() || at + 3 == rest.len();
        rest = match escaped_at(&rest[at..]) {
            Some(plain) if plain != ' ' || !outermost => {
                out.push(plain);
                &rest[at + 3..]
            }
            _ => {
                out.push('\\');
                &rest[at + 1..]
            }
        };
    }
    out.push_str(rest);
    out
}

fn escaped_at(text: &str) -> Option<char> {
    ESCAPES.iter().find(|(_, escaped)| text.starts_with(escaped)).map(|(plain, _)| *plain)
}
