//! Read-only text lists, with their scroll position: the messages of the console, and the items of the ticket.

/// Kind of a text list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextListKind {
    /// Messages of the console, the latest first.
    Messages,
    /// Items in the bundle, in the order of adding, with their notes.
    Bundle,
}

/// Text list with its scroll position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextList {
    /// Kind of the list, which decides its content.
    pub kind: TextListKind,
    /// Index of the first visible line.
    pub top: usize,
}

impl TextListKind {
    /// Title of the list for its frame.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Messages => "Messages",
            Self::Bundle => "Ticket items",
        }
    }
}
