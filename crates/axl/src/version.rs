//! Versions of the AXL schema.

use std::fmt;

/// A version this client knows: the fields it reads keep their order and meaning in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u16, u16);

const KNOWN: [Version; 8] = [
    Version(10, 0),
    Version(10, 5),
    Version(11, 0),
    Version(11, 5),
    Version(12, 0),
    Version(12, 5),
    Version(14, 0),
    Version(15, 0),
];
/// From here on, `listUser` knows no `displayName`.
const SHORT_LIST: Version = Version(12, 5);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Version {
    pub fn known(text: &str) -> Option<Version> {
        KNOWN.into_iter().find(|version| version.to_string() == text.trim())
    }

    pub fn names() -> String {
        KNOWN.map(|version| version.to_string()).join(", ")
    }

    pub fn lists_display_names(self) -> bool {
        self < SHORT_LIST
    }

    /// The newest in common with a refusal such as `Supported axl versions are 12.x, 14.0 and 15.0`.
    pub fn agreed(refusal: &str) -> Option<Version> {
        let (_, list) = refusal.split_once("Supported axl versions are")?;
        // The sentence ends at the tag that follows it.
        let list = list.split('<').next().unwrap_or_default();
        let words = list.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').map(|word| word.trim_end_matches('.'));
        let theirs: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('.')).collect();
        let common = |version: &Version| {
            let (major, minor) = (version.0.to_string(), version.1.to_string());
            theirs
                .iter()
                .any(|(their_major, their_minor)| *their_major == major && (*their_minor == minor || *their_minor == "x"))
        };
        KNOWN.into_iter().rfind(common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_in_common_is_taken() {
        let agreed = |list: &str| {
            let page = format!("<html><body>Incorrect axl version. Supported axl versions are {list}</body></html>");
            Version::agreed(&page).map(|version| version.to_string())
        };
        assert_eq!(agreed("12.x, 14.0 and 15.0").as_deref(), Some("15.0"));
        assert_eq!(agreed("9.x, 10.x and 11.0.").as_deref(), Some("11.0"));
        assert_eq!(agreed("12.x, 14.0 and 99.0").as_deref(), Some("14.0"));
        assert_eq!(agreed("12.x").as_deref(), Some("12.5"));
        assert_eq!(agreed("7.1 and 8.x"), None);
        assert_eq!(Version::agreed("Incorrect axl version."), None);
        assert!(Version::known("12.0").unwrap().lists_display_names() && !Version::known("12.5").unwrap().lists_display_names());
    }
}
