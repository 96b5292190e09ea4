//! Words of the person who reports an incident, within limits, and the reader that a ticket is written for.

use super::escalation::EscalationKind;
use serde::{Deserialize, Serialize};

/// Maximum number of steps that a reporter lists as tried.
pub const MAX_TRIED: usize = 20;
/// Maximum length of one step that was tried, in bytes.
pub const MAX_TRIED_BYTES: usize = 1_000;
/// Maximum length of the reporter's note, in bytes.
pub const MAX_REPORT_NOTE_BYTES: usize = 4_000;
/// Maximum length of the contact, in bytes.
pub const MAX_CONTACT_BYTES: usize = 200;

/// Reader that a ticket is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TicketReader {
    /// Support of the platform: everything that was found, with request ids and full answers.
    #[default]
    Support,
    /// Partner that owns the key or the receiver: what it must do, and nothing internal.
    Partner,
}

impl TicketReader {
    /// Both readers, the default one first.
    pub const ALL: [Self; 2] = [Self::Support, Self::Partner];

    /// Returns the name of the reader on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Partner => "partner",
        }
    }

    /// Finds a reader by name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reader| reader.name() == name)
    }
}

/// Statement of the person who reports an incident.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReporterStatement {
    /// Steps that were tried, in order.
    pub tried: Vec<String>,
    /// What happened, in the reporter's words.
    pub note: Option<String>,
    /// Way to reach the reporter.
    pub contact: Option<String>,
    /// Reasons to escalate that the reporter states.
    pub reasons: Vec<EscalationKind>,
}

/// Statement that exceeds a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReporterStatementError {
    /// A text is longer than its field allows.
    #[error("{field} is {n_bytes} bytes long; the limit is {limit} bytes")]
    TooLong {
        /// Field of the statement, by its option.
        field: &'static str,
        /// Length of the text in bytes.
        n_bytes: usize,
        /// Maximum length in bytes.
        limit: usize,
    },
    /// A text has nothing to read.
    #[error("{field} is empty")]
    Empty {
        /// Field of the statement, by its option.
        field: &'static str,
    },
    /// More steps are listed than a ticket takes.
    #[error("--tried is given {n} times; the limit is {MAX_TRIED}")]
    TooMany {
        /// Number of steps that were given.
        n: usize,
    },
}

impl ReporterStatement {
    /// Checks that every text has content and fits its field.
    ///
    /// # Errors
    ///
    /// [`ReporterStatementError`] with the field and its limit.
    pub fn checked(self) -> Result<Self, ReporterStatementError> {
        if self.tried.len() > MAX_TRIED {
            return Err(ReporterStatementError::TooMany { n: self.tried.len() });
        }
        for (field, limit, text) in self.texts() {
            if text.len() > limit {
                return Err(ReporterStatementError::TooLong { field, n_bytes: text.len(), limit });
            }
            if text.trim().is_empty() {
                return Err(ReporterStatementError::Empty { field });
            }
        }
        Ok(self)
    }

    /// Lists the texts, each with its option and its maximum length in bytes.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, usize, &str)> {
        let tried = self.tried.iter().map(|text| ("--tried", MAX_TRIED_BYTES, text.as_str()));
        let note = self.note.iter().map(|text| ("--note", MAX_REPORT_NOTE_BYTES, text.as_str()));
        let contact = self.contact.iter().map(|text| ("--contact", MAX_CONTACT_BYTES, text.as_str()));
        tried.chain(note).chain(contact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_does_not_fit_is_named_with_its_limit() {
        let of = |tried: Vec<String>, note: Option<String>, contact: Option<String>| {
            ReporterStatement { tried, note, contact, reasons: Vec::new() }.checked().map_err(|error| error.to_string())
        };
        let long = |n: usize| "x".repeat(n);
        assert!(of(vec![long(1_000); 20], Some(long(4_000)), Some(long(200))).is_ok());
        assert_eq!(
            of(vec![long(1_001)], None, None),
            Err("--tried is 1001 bytes long; the limit is 1000 bytes".to_owned())
        );
        assert_eq!(
            of(Vec::new(), Some("\u{e4}".repeat(2_001)), None),
            Err("--note is 4002 bytes long; the limit is 4000 bytes".to_owned())
        );
        assert_eq!(
            of(Vec::new(), None, Some(long(201))),
            Err("--contact is 201 bytes long; the limit is 200 bytes".to_owned())
        );
        assert_eq!(of(vec![long(1); 21], None, None), Err("--tried is given 21 times; the limit is 20".to_owned()));
        assert_eq!(of(Vec::new(), Some(" \n".to_owned()), None), Err("--note is empty".to_owned()));
    }
}
