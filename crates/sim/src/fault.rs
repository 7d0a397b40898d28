//! Deliberate defects: they show that the checker sees what it is there for.

/// What is broken in a run; [`Fault::None`] but in mutation checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// `<r/>` is answered at once, whatever is on disk.
    AckEarly,
    /// The disk loses each fifth message.
    DropWrite,
    /// Each tenth message stanza is handed to the client twice.
    SendTwice,
    /// Neighbouring message stanzas of one flush change places.
    Reorder,
    /// Each seventh presence stanza never leaves.
    LosePresence,
}
