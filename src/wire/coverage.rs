//! Coverage: how much a source knows of each noun, since when, and why not more. A platform knows everything. An
//! observer knows of a platform without a Portal what keys of the Integration API can show.

use super::readable::UnreadableRows;
use crate::domain::ids::CompanyId;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Coverage of a source: the response to `GET /portal/v1/coverage`, and a member of an observer's overview.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlatformCoverage {
    /// Coverage of every noun; a noun that is missing is covered in full.
    pub nouns: Vec<NounCoverage>,
    /// State of the platform that is observed; null where the platform itself answers.
    pub source: Option<ObservedSource>,
}

/// Noun of the Portal API whose coverage is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum CoveredNoun {
    /// API keys of the companies.
    Keys,
    /// Webhook subscriptions with their configuration and state.
    Subscriptions,
    /// Deliveries of events to subscriptions.
    Deliveries,
    /// Attempts, the delivery log.
    Attempts,
    /// Events that were published.
    Events,
    /// Rate windows of keys.
    Limits,
    /// Trips of the breaker.
    Trips,
    /// Requests to the Integration API.
    Requests,
    /// Health of subscriptions: success rates, latency, backlog.
    Health,
    /// Audit trail of changes.
    Audit,
    /// A noun that this version does not know.
    #[serde(other)]
    Other,
}

impl CoveredNoun {
    /// All nouns that this version knows.
    pub const ALL: [Self; 10] = [
        Self::Keys,
        Self::Subscriptions,
        Self::Deliveries,
        Self::Attempts,
        Self::Events,
        Self::Limits,
        Self::Trips,
        Self::Requests,
        Self::Health,
        Self::Audit,
    ];

    /// Name of the noun for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Subscriptions => "subscriptions",
            Self::Deliveries => "deliveries",
            Self::Attempts => "attempts",
            Self::Events => "events",
            Self::Limits => "rate limits",
            Self::Trips => "trips",
            Self::Requests => "requests",
            Self::Health => "health of subscriptions",
            Self::Audit => "audit trail",
            Self::Other => "other data",
        }
    }
}

/// Extent to which a noun is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CoverageExtent {
    /// Everything is known of the noun.
    Full,
    /// A part is known; the reason says which.
    Partial,
    /// Nothing is known of the noun.
    None,
}

/// Coverage of one noun: its extent, since when it is known, and why not more is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NounCoverage {
    /// Noun that is covered.
    pub noun: CoveredNoun,
    /// Extent to which the noun is covered.
    pub extent: CoverageExtent,
    /// Time since which the noun is known; null if unknown, or known from the beginning.
    pub since_utc: Option<Timestamp>,
    /// Periods of the last day in which the noun was not observed, oldest first.
    #[serde(default)]
    pub gaps: Vec<CoverageGap>,
    /// Reason why the noun is not covered in full; null if it is.
    pub reason: Option<Untrusted>,
    /// Way to make more known; null if there is none.
    pub remedy: Option<Untrusted>,
    /// Members of the noun's rows that the source cannot know: they are null in every row. A member of a member is named
    /// with a dot between the two, such as `health.nBacklog`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_members: Vec<String>,
    /// Responses that could not be read, newest state only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable_answers: Vec<UnreadableAnswer>,
    /// List items that could not be read: their number and the first three.
    #[serde(default, skip_serializing_if = "UnreadableRows::is_empty")]
    pub unreadable_rows: UnreadableRows,
    /// Companies whose list has more items than were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<UnfinishedList>,
}

/// Period in which a noun was not observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CoverageGap {
    /// Start of the period, at the last observation before it.
    pub since_utc: Timestamp,
    /// End of the period, at the first observation after it.
    pub until_utc: Timestamp,
}

/// Response that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnreadableAnswer {
    /// Time at which the response was received.
    pub utc: Timestamp,
    /// Description of what could not be read.
    pub why: Untrusted,
    /// Beginning of the response, as received.
    pub answer: Untrusted,
}

/// List of a company that has more items than were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnfinishedList {
    /// Company that the list belongs to.
    pub company_id: CompanyId,
    /// Number of items that were read.
    pub n_known: u64,
}

/// State of an observed platform, as seen by its observer. All times are those of the observer's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObservedSource {
    /// Address of the observed platform.
    pub platform: Untrusted,
    /// Time of this state on the observer's clock, from which the other times are counted.
    pub observer_utc: Timestamp,
    /// Time at which the platform last gave a response that was understood; null before the first.
    pub heard_utc: Option<Timestamp>,
    /// Interval at which the platform is polled, in milliseconds.
    pub poll_interval_ms: u64,
    /// Failure of the last calls; null if the last call brought a response.
    pub failure: Option<SourceFailure>,
}

/// Failure of the calls to an observed platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SourceFailure {
    /// Kind of the failure.
    pub kind: SourceFailureKind,
    /// Reason for the failure, in one line.
    pub why: Untrusted,
    /// Number of failed tries in a row.
    pub n_tries: u32,
    /// Time of the next try.
    pub retry_utc: Timestamp,
}

/// Kind of a failure of an observed platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SourceFailureKind {
    /// The platform cannot be reached, refuses the keys, or gives answers that cannot be used.
    Failed,
    /// The platform was reached and asked to wait: it is busy, or a rate limit is used up.
    Waiting,
}

impl PlatformCoverage {
    /// Returns the coverage of a platform that knows everything.
    #[must_use]
    pub fn full() -> Self {
        Self { nouns: CoveredNoun::ALL.into_iter().map(NounCoverage::full).collect(), source: None }
    }

    /// Returns the coverage of a noun; `None` if it is covered in full.
    #[must_use]
    pub fn of(&self, noun: CoveredNoun) -> Option<&NounCoverage> {
        self.nouns.iter().find(|of| of.noun == noun && of.extent != CoverageExtent::Full)
    }

    /// Whether nothing is known of a noun.
    #[must_use]
    pub fn is_uncovered(&self, noun: CoveredNoun) -> bool {
        self.of(noun).is_some_and(|of| of.extent == CoverageExtent::None)
    }
}

impl NounCoverage {
    /// Returns the coverage of a noun of which everything is known.
    #[must_use]
    pub const fn full(noun: CoveredNoun) -> Self {
        Self {
            noun,
            extent: CoverageExtent::Full,
            since_utc: None,
            gaps: Vec::new(),
            reason: None,
            remedy: None,
            unknown_members: Vec::new(),
            unreadable_answers: Vec::new(),
            unreadable_rows: UnreadableRows::new(),
            unfinished: Vec::new(),
        }
    }

    /// Whether a member of the noun's rows, or the member that it is in, is null in every row, because the source cannot
    /// know it.
    #[must_use]
    pub fn is_never_known(&self, member: &str) -> bool {
        let covers = |unknown: &str| {
            let rest = member.strip_prefix(unknown).filter(|_| !unknown.is_empty());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.unknown_members.iter().any(|unknown| covers(unknown))
    }

    /// Returns one line about what is not known and what would help, sanitised for a terminal.
    #[must_use]
    pub fn summary_line(&self) -> String {
        let said = |text: &Option<Untrusted>| text.as_ref().map(Untrusted::sanitized);
        let reason = said(&self.reason).unwrap_or_else(|| format!("not all {} are known", self.noun.name()));
        said(&self.remedy).map_or_else(|| reason.clone(), |remedy| format!("{reason}; {remedy}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_or_member_of_a_later_version_does_not_hide_the_others() {
        let json = r#"{"nouns":[{"noun":"moons","extent":"none","sinceUtc":null,"reason":"r","remedy":null,"more":1},
            {"noun":"keys","extent":"partial","sinceUtc":null,"reason":"keys of this profile","remedy":"see the Admin Portal"}],
            "source":null}"#;
        let read: PlatformCoverage = serde_json::from_str(json).expect("tolerated");
        assert_eq!(read.nouns[0].noun, CoveredNoun::Other);
        assert_eq!(
            read.of(CoveredNoun::Keys).map(NounCoverage::summary_line).as_deref(),
            Some("keys of this profile; see the Admin Portal")
        );
        assert_eq!(read.of(CoveredNoun::Trips), None, "what is not named is known in full");
        assert_eq!(PlatformCoverage::full().nouns.len(), CoveredNoun::ALL.len());
        assert_eq!(PlatformCoverage::full().of(CoveredNoun::Keys), None);
    }

    #[test]
    fn a_member_is_unknown_with_the_member_that_it_is_in() {
        let of = |unknown: &[&str]| NounCoverage {
            unknown_members: unknown.iter().map(|member| (*member).to_owned()).collect(),
            ..NounCoverage::full(CoveredNoun::Subscriptions)
        };
        for (unknown, member, is_unknown) in [
            ("health", "health", true),
            ("health", "health.nBacklog", true),
            ("health.nBacklog", "health.nBacklog", true),
            ("health.nBacklog", "health", false),
            ("health", "healthier", false),
            ("", "", false),
            ("", "health", false),
        ] {
            assert_eq!(of(&[unknown]).is_never_known(member), is_unknown, "{unknown:?} {member:?}");
        }
        assert!(!of(&[]).is_never_known("health"));
    }
}
