//! Endpoint failures: the cause behind the outcome of an attempt, from its status or failure, its error and the words
//! of the answer.

use super::answer_reading::AnswerReading;
use crate::domain::answer_topic::AnswerTopic;
use crate::domain::cause::CauseKind;
use crate::domain::delivery::{AttemptOutcome, FailureKind};
use std::collections::BTreeMap;

/// Returns the cause behind an outcome; `None` for a success and for a failure of the platform itself.
#[must_use]
pub fn cause_of(outcome: &AttemptOutcome, error: Option<&str>, reading: Option<&AnswerReading>) -> Option<CauseKind> {
    Some(match outcome {
        AttemptOutcome::Answered { status: 200..=299, .. } | AttemptOutcome::Unanswered(FailureKind::Local) => {
            return None;
        }
        AttemptOutcome::Answered { status, .. } => cause_of_status(*status, reading.map(|reading| reading.topic)),
        AttemptOutcome::Unanswered(FailureKind::Timeout) => CauseKind::EndpointSlow,
        AttemptOutcome::Unanswered(FailureKind::Refused) => CauseKind::EndpointRefused,
        AttemptOutcome::Unanswered(FailureKind::Dns) => CauseKind::EndpointDns,
        AttemptOutcome::Unanswered(FailureKind::Tls) => cause_of_tls(error.unwrap_or_default()),
        AttemptOutcome::Unanswered(FailureKind::Blocked) => CauseKind::EndpointPrivate,
        // An answer that is no HTTP is what a server sends that expects TLS.
        AttemptOutcome::Unanswered(FailureKind::InvalidHttp) => CauseKind::EndpointWrongScheme,
        AttemptOutcome::Unanswered(FailureKind::ConnectionReset) => CauseKind::EndpointBroken,
    })
}

fn cause_of_status(status: u16, topic: Option<AnswerTopic>) -> CauseKind {
    match (topic, status) {
        (Some(AnswerTopic::MissingSecret), _) => CauseKind::LostSecret,
        (Some(AnswerTopic::Signature | AnswerTopic::Clock), _) => CauseKind::EndpointRejectsSignature,
        (Some(AnswerTopic::Login), _) => CauseKind::EndpointLogin,
        (Some(AnswerTopic::Firewall), _) => CauseKind::EndpointFirewall,
        (Some(AnswerTopic::WrongScheme), _) => CauseKind::EndpointWrongScheme,
        (Some(AnswerTopic::Proxy), _) => CauseKind::EndpointProxy,
        (Some(AnswerTopic::Validation), _) => CauseKind::EndpointValidation,
        (_, 300..=399) => CauseKind::EndpointRedirects,
        (_, 404 | 410) => CauseKind::EndpointGone,
        (_, 405) => CauseKind::EndpointWrongMethod,
        (_, 413) => CauseKind::EndpointTooLarge,
        (_, 415) => CauseKind::EndpointMediaType,
        (_, 429) => CauseKind::EndpointLimitsUs,
        (_, 407) => CauseKind::EndpointLogin,
        (_, 400..=499) => CauseKind::EndpointUnexplained,
        _ => CauseKind::EndpointErrors,
    }
}

/// Returns the cause behind a failed TLS handshake, from the words in which the platform stores it.
fn cause_of_tls(error: &str) -> CauseKind {
    let has = |part: &str| error.contains(part);
    if has("has expired") || has("is not valid yet") {
        CauseKind::EndpointTlsExpired
    } else if has("another host name") || has("is not for ") || has("does not serve this host name") {
        CauseKind::EndpointTlsName
    } else if has("self-signed") || has("unknown authority") || has("not an authority") || has("was revoked") {
        CauseKind::EndpointTlsUntrusted
    } else if has("does not speak TLS") {
        CauseKind::EndpointWrongScheme
    } else {
        CauseKind::EndpointTls
    }
}

/// Returns whether a cause is a lack of capacity or stability, which a part of the deliveries may meet by chance.
#[must_use]
pub const fn is_instability(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::EndpointErrors
            | CauseKind::EndpointProxy
            | CauseKind::EndpointSlow
            | CauseKind::EndpointRefused
            | CauseKind::EndpointDns
            | CauseKind::EndpointTls
            | CauseKind::EndpointTlsExpired
            | CauseKind::EndpointTlsName
            | CauseKind::EndpointTlsUntrusted
            | CauseKind::EndpointBroken
            | CauseKind::EndpointUnexplained
            | CauseKind::EndpointGone
    )
}

/// Formats outcomes with their counts, most frequent first: `500 ×18, 503 ×2`.
#[must_use]
pub fn outcomes_text(words: impl IntoIterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counted_text(counts)
}

/// Formats words with their counts in the order given: `500 ×18, 503 ×2`.
#[must_use]
pub fn counted_text(counts: impl IntoIterator<Item = (String, u64)>) -> String {
    counts.into_iter().map(|(word, n)| format!("{word} \u{d7}{n}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the cause behind an outcome as trips record it: a status or the name of a failure.
    fn cause_of_word(word: &str) -> Option<CauseKind> {
        let outcome = match word.parse() {
            Ok(status) => AttemptOutcome::Answered { status, retry_after: None },
            Err(_) => AttemptOutcome::Unanswered(FailureKind::named(word)?),
        };
        cause_of(&outcome, None, None)
    }

    #[test]
    fn every_failure_without_an_answer_but_the_platforms_own_has_a_cause() {
        for kind in FailureKind::ALL {
            assert_eq!(cause_of_word(kind.name()).is_none(), kind == FailureKind::Local, "{}", kind.name());
        }
    }

    #[test]
    fn statuses_are_told_apart_by_what_to_do_about_them() {
        let kind = |word| cause_of_word(word).map(CauseKind::id);
        assert_eq!(kind("302"), Some("endpoint-redirects"));
        assert_eq!([kind("404"), kind("410")], [Some("endpoint-gone"); 2]);
        assert_eq!([kind("401"), kind("403"), kind("400")], [Some("endpoint-unexplained"); 3]);
        assert_eq!(
            [kind("500"), kind("503"), kind("429")],
            [Some("endpoint-500"), Some("endpoint-500"), Some("endpoint-limits-us")]
        );
        assert_eq!([kind("204"), kind("no such word")], [None; 2]);
        let tls = |error| {
            let outcome = AttemptOutcome::Unanswered(FailureKind::Tls);
            cause_of(&outcome, Some(error), None).map(CauseKind::id)
        };
        assert_eq!(tls("the receiver's certificate has expired"), Some("endpoint-tls-expired"));
        assert_eq!(tls("the receiver's certificate is not for hooks.example.com"), Some("endpoint-tls-name"));
        assert_eq!(tls("the server on that port does not speak TLS"), Some("endpoint-wrong-scheme"));
        assert_eq!(tls("no common TLS version or cipher"), Some("endpoint-tls"));
    }

    #[test]
    fn outcomes_are_counted_most_frequent_first() {
        let words = ["500", "503", "500", "timeout"].map(str::to_owned);
        assert_eq!(outcomes_text(words), "500 ×2, 503 ×1, timeout ×1");
    }
}
