//! What the process was started with: the configuration file, key by key.

use crate::text::Text;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Dotted keys (`listen.c2s`) with their values as text, those that nobody wrote included. None of them is a secret: of
/// certificates and keys the file names the paths.
pub type Entries = BTreeMap<String, String>;

type Read = Box<dyn Fn() -> Result<Entries, Vec<Text>> + Send + Sync>;

/// Told once, by the binary.
pub struct Bootstrap {
    /// `None`: the node runs without a file.
    pub file: Option<PathBuf>,
    /// What is in use.
    pub in_use: Entries,
    read: Read,
}

impl Bootstrap {
    /// `read`: reads the file as the next start would, or says all that is wrong with it.
    pub fn new(
        file: Option<PathBuf>,
        in_use: Entries,
        read: impl Fn() -> Result<Entries, Vec<Text>> + Send + Sync + 'static,
    ) -> Bootstrap {
        Bootstrap { file, in_use, read: Box::new(read) }
    }

    /// What the file says now.
    ///
    /// # Errors
    /// All that is wrong with it: with this file no node would start.
    pub fn now(&self) -> Result<Entries, Vec<Text>> {
        (self.read)()
    }
}

impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bootstrap").field("file", &self.file).field("in_use", &self.in_use).finish_non_exhaustive()
    }
}
