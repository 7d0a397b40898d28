//! Availability of one resource (RFC 6121 §4.7.2) and the choice among several (§8.5).

use crate::PresenceError;
use zaiseki_model::settings::Show;

/// Reads the text of `<priority/>` (RFC 6121 §4.7.2.3, an `xs:byte`); `None`, an absent element, is 0.
///
/// # Errors
/// [`PresenceError::Priority`] for anything that is no whole number in -128..=127.
pub fn parse_priority(text: Option<&str>) -> Result<i8, PresenceError> {
    text.map_or(Ok(0), |t| t.trim().parse().map_err(|_| PresenceError::Priority))
}

/// Reads the text of `<show/>` (RFC 6121 §4.7.2.1). `None`, an absent element, is plain availability, and so is an
/// empty one, which some clients send.
///
/// # Errors
/// [`PresenceError::Show`] for any word but `away`, `chat`, `dnd`, `xa`.
pub fn parse_show(text: Option<&str>) -> Result<Option<Show>, PresenceError> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(word) => Show::parse(word).map(Some).ok_or(PresenceError::Show),
    }
}

/// Resources that take messages to the bare address at all: those of non-negative priority (RFC 6121 §8.5.2).
/// `resources`: the available ones with their priorities.
pub fn willing<T: Copy>(resources: &[(T, i8)]) -> impl Iterator<Item = (T, i8)> + '_ {
    resources.iter().copied().filter(|(_, priority)| *priority >= 0)
}

/// The most available resources: all that share the highest priority, in the order given (RFC 6121 §8.5.2.1.1).
/// Empty when none is willing.
pub fn most_available<T: Copy>(resources: &[(T, i8)]) -> Vec<T> {
    let best = willing(resources).map(|(_, priority)| priority).max();
    willing(resources).filter(|(_, priority)| Some(*priority) == best).map(|(resource, _)| resource).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_at_the_limits_and_one_past() {
        let rows: [(&str, Option<i8>); 10] = [
            ("0", Some(0)),
            ("5", Some(5)),
            ("+5", Some(5)),
            (" 7\n", Some(7)),
            ("127", Some(127)),
            ("128", None),
            ("-128", Some(-128)),
            ("-129", None),
            ("", None),
            ("1.0", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_priority(Some(text)).ok(), expected, "{text:?}");
        }
        assert_eq!(parse_priority(None).unwrap(), 0);
    }

    #[test]
    fn show_is_one_of_four_words() {
        assert_eq!(parse_show(Some("dnd")).unwrap(), Some(Show::Dnd));
        assert_eq!(parse_show(Some(" xa ")).unwrap(), Some(Show::Xa));
        assert_eq!(parse_show(Some("")).unwrap(), None);
        assert_eq!(parse_show(None).unwrap(), None);
        for wrong in ["DND", "online", "available", "away away"] {
            assert!(parse_show(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_most_available_resources() {
        let rows: [(&[(char, i8)], &str); 6] = [
            (&[], ""),
            (&[('a', -1), ('b', -128)], ""),
            (&[('a', 0), ('b', -1)], "a"),
            (&[('a', 1), ('b', 3), ('c', 2)], "b"),
            (&[('a', 3), ('b', 0), ('c', 3), ('d', -3)], "ac"),
            (&[('a', 127), ('b', 127)], "ab"),
        ];
        for (resources, expected) in rows {
            assert_eq!(most_available(resources).into_iter().collect::<String>(), expected, "{resources:?}");
        }
    }
}
