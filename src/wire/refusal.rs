//! Reasons for refused calls of the Integration API, as stable words beside the problem code: in problem documents, in
//! the request log and on the wire.

use super::problem::{Problem, ProblemCode};
use super::requests::RequestRow;
use crate::domain::key::{KeyFormatError, KeyMisplacement};
use crate::domain::scope::KeyScope;
use crate::domain::subscription::MANAGERS;
use crate::text;
use serde_json::Value;

/// Defect of what was sent as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyDefect {
    /// White space, or a character that no key has.
    Characters,
    /// Another prefix than `wlcro_live_` or `wlcro_`.
    Prefix,
    /// No company number after the prefix.
    Company,
    /// A secret part that is shorter or longer than 43 characters.
    Length,
    /// Two keys in one request.
    Repeated,
}

impl KeyDefect {
    /// All five defects, in no particular order.
    pub const ALL: [Self; 5] = [Self::Characters, Self::Prefix, Self::Company, Self::Length, Self::Repeated];

    /// Name of the defect on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Prefix => "prefix",
            Self::Company => "company",
            Self::Length => "length",
            Self::Repeated => "repeated",
        }
    }
}

impl From<KeyFormatError> for KeyDefect {
    fn from(fault: KeyFormatError) -> Self {
        match fault {
            KeyFormatError::OuterSpace | KeyFormatError::InnerSpace => Self::Characters,
            KeyFormatError::Prefix => Self::Prefix,
            KeyFormatError::Company => Self::Company,
            KeyFormatError::Length { .. } => Self::Length,
        }
    }
}

/// Reason for which a call was refused, beyond its problem code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalReason {
    /// The key was sent in another place than the header `X-Api-Key` (`missing_key`).
    Misplaced(KeyMisplacement),
    /// The text that was sent is not a key (`malformed_key`).
    Malformed(KeyDefect),
    /// The key lacks this scope (`insufficient_scope`).
    MissingScope(KeyScope),
    /// This tool manages the subscription (`managed_subscription`).
    ManagedBy(String),
    /// Names of the fields with invalid values (`validation_failed`).
    InvalidFields(Vec<String>),
}

impl RefusalReason {
    /// Stable word of the reason: a defect, a place, a scope, a tool, or names of fields separated by commas.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Misplaced(place) => place.name().to_owned(),
            Self::Malformed(defect) => defect.name().to_owned(),
            Self::MissingScope(scope) => scope.name().to_owned(),
            Self::ManagedBy(tool) => tool.clone(),
            Self::InvalidFields(fields) => fields.join(","),
        }
    }

    /// Reads the word of a refusal with this problem code; `None` if the code has no such reason.
    #[must_use]
    pub fn parse(code: &str, word: &str) -> Option<Self> {
        match code {
            "missing_key" => KeyMisplacement::named(word).map(Self::Misplaced),
            "malformed_key" => KeyDefect::ALL.into_iter().find(|defect| defect.name() == word).map(Self::Malformed),
            "insufficient_scope" => KeyScope::named(word).map(Self::MissingScope),
            "managed_subscription" => Some(Self::ManagedBy(word.to_owned())),
            "validation_failed" => Some(Self::InvalidFields(word.split(',').map(str::to_owned).collect())),
            _ => None,
        }
    }

    /// Returns whether a field with this name has an invalid value.
    #[must_use]
    pub fn has_invalid_field(&self, name: &str) -> bool {
        matches!(self, Self::InvalidFields(fields) if fields.iter().any(|field| field == name))
    }

    /// Reads the reason from the words of an earlier version, which stored and answered no others. The words compared
    /// here are those of that version, whatever the wording is today.
    fn from_earlier_words(code: &str, words: &str) -> Option<Self> {
        let first = |known: &[(&str, Self)]| {
            known.iter().find(|(part, _)| words.contains(part)).map(|(_, reason)| reason.clone())
        };
        match code {
            "missing_key" => first(&[
                ("the Authorization header is not read here", Self::Misplaced(KeyMisplacement::Authorization)),
                ("a key in the query string is not read", Self::Misplaced(KeyMisplacement::Query)),
                ("a header with another name is not read", Self::Misplaced(KeyMisplacement::OtherHeader)),
            ]),
            // The sentence about the prefix names a prefix, and was not logged for that reason.
            "malformed_key" if words.is_empty() => Some(Self::Malformed(KeyDefect::Prefix)),
            "malformed_key" => first(&[
                ("white space", Self::Malformed(KeyDefect::Characters)),
                ("characters that no key has", Self::Malformed(KeyDefect::Characters)),
                ("must be the company's number", Self::Malformed(KeyDefect::Company)),
                ("characters instead of 43", Self::Malformed(KeyDefect::Length)),
                ("sent twice", Self::Malformed(KeyDefect::Repeated)),
                ("a key begins with", Self::Malformed(KeyDefect::Prefix)),
            ]),
            "insufficient_scope" => {
                KeyScope::named(words.strip_prefix("this key lacks the scope ")?.trim()).map(Self::MissingScope)
            }
            "managed_subscription" => {
                MANAGERS.into_iter().find(|tool| words.contains(tool)).map(|tool| Self::ManagedBy(tool.to_owned()))
            }
            "validation_failed" => {
                let parts = words.split("; ").skip(1).filter_map(|part| part.split([' ', '[', '.']).next());
                Some(Self::InvalidFields(parts.map(str::to_owned).collect()))
            }
            _ => None,
        }
    }
}

impl From<KeyFormatError> for Problem {
    fn from(fault: KeyFormatError) -> Self {
        Self::malformed_key(fault.into(), text::key::malformed(fault))
    }
}

impl Problem {
    /// Creates the problem document of a text that is not a key, with the defect as its reason.
    #[must_use]
    pub fn malformed_key(defect: KeyDefect, detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::MalformedKey, detail).with("reason", defect.name())
    }

    /// Creates the problem document of a call without a key in `X-Api-Key`, with the place of the key as its reason if
    /// the key was sent elsewhere.
    #[must_use]
    pub fn missing_key(place: Option<KeyMisplacement>) -> Self {
        let detail = "send the key in the header X-Api-Key";
        match place {
            Some(place) => {
                let detail = format!("{detail}; {}", text::key::misplaced(place));
                Self::new(ProblemCode::MissingKey, detail).with("reason", place.name())
            }
            None => Self::new(ProblemCode::MissingKey, detail),
        }
    }

    /// Returns the reason that the members of the problem document tell; `None` if they tell none.
    #[must_use]
    pub fn refusal(&self) -> Option<RefusalReason> {
        let word = |member: &str| self.extra.get(member).and_then(Value::as_str);
        match self.code {
            ProblemCode::MissingKey => RefusalReason::parse("missing_key", word("reason")?),
            ProblemCode::MalformedKey => RefusalReason::parse("malformed_key", word("reason")?),
            ProblemCode::InsufficientScope => RefusalReason::parse("insufficient_scope", word("requiredScope")?),
            ProblemCode::ManagedSubscription => RefusalReason::parse("managed_subscription", word("managedBy")?),
            ProblemCode::ValidationFailed => {
                let fields = self.extra.get("errors").and_then(Value::as_object)?.keys();
                Some(RefusalReason::InvalidFields(fields.filter_map(|path| field_name(path)).collect()))
            }
            _ => None,
        }
    }
}

/// Name of a field without its place within the field, such as `eventTypes` of `eventTypes[3]`. Names with other
/// characters come from the caller and are left out.
fn field_name(path: &str) -> Option<String> {
    let name = path.split(['[', '.']).next().unwrap_or_default();
    let is_plain = (1..=32).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    is_plain.then(|| name.to_owned())
}

impl RequestRow {
    /// Returns the reason for which the call was refused, from its stable word, or from the words of an earlier
    /// version.
    #[must_use]
    pub fn refusal(&self) -> Option<RefusalReason> {
        let code = self.code.as_ref()?.raw();
        match &self.reason {
            Some(word) => RefusalReason::parse(code, word.raw()),
            None => {
                let words = self.detail.as_ref().map_or("", |detail| detail.raw());
                RefusalReason::from_earlier_words(code, words)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn scope(scope: KeyScope) -> RefusalReason {
        RefusalReason::MissingScope(scope)
    }

    fn fields(names: &[&str]) -> RefusalReason {
        RefusalReason::InvalidFields(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Every kind of reason, with its code and its word.
    fn cases() -> Vec<(&'static str, &'static str, RefusalReason)> {
        vec![
            ("missing_key", "authorization_header", RefusalReason::Misplaced(KeyMisplacement::Authorization)),
            ("missing_key", "query_string", RefusalReason::Misplaced(KeyMisplacement::Query)),
            ("missing_key", "other_header", RefusalReason::Misplaced(KeyMisplacement::OtherHeader)),
            ("malformed_key", "characters", RefusalReason::Malformed(KeyDefect::Characters)),
            ("malformed_key", "prefix", RefusalReason::Malformed(KeyDefect::Prefix)),
            ("malformed_key", "company", RefusalReason::Malformed(KeyDefect::Company)),
            ("malformed_key", "length", RefusalReason::Malformed(KeyDefect::Length)),
            ("malformed_key", "repeated", RefusalReason::Malformed(KeyDefect::Repeated)),
            ("insufficient_scope", "events:read", scope(KeyScope::EventsRead)),
            ("managed_subscription", "Zapier", RefusalReason::ManagedBy("Zapier".to_owned())),
            ("validation_failed", "eventTypes,targetUrl", fields(&["eventTypes", "targetUrl"])),
        ]
    }

    #[test]
    fn the_word_of_every_reason_is_read_back() {
        for (code, word, reason) in cases() {
            assert_eq!(reason.word(), word);
            assert_eq!(RefusalReason::parse(code, word), Some(reason));
        }
        assert_eq!(RefusalReason::parse("malformed_key", "a word of a later version"), None);
        assert_eq!(RefusalReason::parse("unknown_key", "length"), None);
    }

    #[test]
    fn members_of_a_problem_tell_the_reason() {
        for (code, word, reason) in cases() {
            let named: ProblemCode = serde_json::from_value(code.into()).expect("a code");
            let problem = Problem::new(named, "words of any version");
            let problem = match code {
                "insufficient_scope" => problem.with("requiredScope", word),
                "managed_subscription" => problem.with("managedBy", word),
                "validation_failed" => problem
                    .with("errors", serde_json::json!({"targetUrl": ["no"], "eventTypes[3]": ["no"], "\u{1b}[2J": []})),
                _ => problem.with("reason", word),
            };
            assert_eq!(problem.refusal(), Some(reason));
        }
        let place = KeyMisplacement::Query;
        assert_eq!(Problem::missing_key(Some(place)).refusal(), Some(RefusalReason::Misplaced(place)));
        assert_eq!(Problem::missing_key(None).refusal(), None);
        let cut = Problem::from(KeyFormatError::Length { found: 16 });
        assert_eq!(cut.refusal(), Some(RefusalReason::Malformed(KeyDefect::Length)));
        assert!(cut.detail.contains("16 characters"), "{}", cut.detail);
    }

    #[test]
    fn words_that_an_earlier_version_stored_tell_the_reason() {
        let row = |code: &str, words: Option<&str>| -> RequestRow {
            serde_json::from_value(serde_json::json!({
                "id": 1, "utc": "2026-11-24T08:00:00.000Z", "keyId": null, "companyId": null, "last4": null, "method": "GET",
                "route": "/api/v1/events", "status": 401, "code": code, "detail": words, "requestId": "r", "elapsedMs": 1
            }))
            .expect("a row of an earlier version")
        };
        let malformed = |defect| Some(RefusalReason::Malformed(defect));
        let misplaced = |place| Some(RefusalReason::Misplaced(place));
        let send = "send the key in the header X-Api-Key";
        for (code, words, reason) in [
            ("missing_key", send.to_owned(), None),
            (
                "missing_key",
                format!("{send}; the Authorization header is not read here"),
                misplaced(KeyMisplacement::Authorization),
            ),
            (
                "missing_key",
                format!("{send}; a key in the query string is not read, and should be revoked because URLs are logged"),
                misplaced(KeyMisplacement::Query),
            ),
            (
                "missing_key",
                format!("{send}; a header with another name is not read; it is X-Api-Key"),
                misplaced(KeyMisplacement::OtherHeader),
            ),
            (
                "malformed_key",
                "the secret part of the key has 16 characters instead of 43; it was cut or extended".to_owned(),
                malformed(KeyDefect::Length),
            ),
            (
                "malformed_key",
                "the key begins or ends with white space; send it without".to_owned(),
                malformed(KeyDefect::Characters),
            ),
            (
                "malformed_key",
                "the key has white space or a character no key has inside it; copy it again in one piece".to_owned(),
                malformed(KeyDefect::Characters),
            ),
            ("malformed_key", "the key has characters that no key has".to_owned(), malformed(KeyDefect::Characters)),
            (
                "malformed_key",
                "the part behind the prefix must be the company's number".to_owned(),
                malformed(KeyDefect::Company),
            ),
            (
                "malformed_key",
                "header X-Api-Key is sent twice; send it once".to_owned(),
                malformed(KeyDefect::Repeated),
            ),
            ("malformed_key", "a key begins with wlcro_live_ or wlcro_".to_owned(), malformed(KeyDefect::Prefix)),
            ("malformed_key", "words of another platform".to_owned(), None),
            (
                "insufficient_scope",
                "this key lacks the scope webhooks:write".to_owned(),
                Some(scope(KeyScope::WebhooksWrite)),
            ),
            (
                "managed_subscription",
                "this subscription is managed by Make; a key other than its creator may only change isEnabled"
                    .to_owned(),
                Some(RefusalReason::ManagedBy("Make".to_owned())),
            ),
            ("unknown_key", "unknown key; copy it again, or ask for a new one".to_owned(), None),
        ] {
            assert_eq!(row(code, Some(&words)).refusal(), reason, "{code}: {words}");
        }
        assert_eq!(row("malformed_key", None).refusal(), malformed(KeyDefect::Prefix));
        let invalid =
            "targetUrl must be https; eventTypes must be known; targetUrl must be https; eventTypes must be known";
        let invalid = row("validation_failed", Some(invalid)).refusal().expect("a reason");
        assert!(invalid.has_invalid_field("targetUrl") && invalid.has_invalid_field("eventTypes"));
        assert!(!invalid.has_invalid_field("type"));
        let polled = row("validation_failed", Some("type: unknown event type; type unknown event type")).refusal();
        assert!(polled.is_some_and(|reason| reason.has_invalid_field("type")));
        let stable = RequestRow { reason: Some("length".into()), ..row("malformed_key", Some("words of any version")) };
        assert_eq!(stable.refusal(), malformed(KeyDefect::Length));
    }
}
