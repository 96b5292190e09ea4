//! Parts of a polling round: its calls, how far a list was read, and how a round fails.

use crate::client::integration::answer::ApiRefusal;
use crate::domain::ids::CompanyId;
use crate::domain::scope::KeyScope;
use crate::domain::time::Timestamp;

/// Progress of reading a list in a polling round.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ListProgress {
    /// The list was read to its end.
    Complete,
    /// No key of the company may read the list.
    ScopeMissing,
    /// The key was not accepted, and there are others.
    KeyRefused(ApiRefusal),
    /// The list has more pages to read.
    More,
}

/// Call that a polling round makes.
#[derive(Debug, Clone, Copy)]
pub(super) enum RoundCall {
    /// Request for a list of a company.
    List(CompanyId, KeyScope),
    /// Probe for a scope, with the key at this index.
    Probe(usize, KeyScope),
}

/// Failure of a round; the first kind is the worse one.
#[derive(Debug)]
pub(super) enum RoundFailure {
    /// The round failed, for this reason.
    Failed(String),
    /// The platform asked to wait until a time, for this reason.
    RetryLater(String, Timestamp),
}
