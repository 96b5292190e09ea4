//! How many rows lists are asked for whose pages were longer than an answer may be.

use crate::client::connection::smaller;
use std::collections::BTreeMap;

/// The limit of a page by what is asked for; a list that is not named has as many rows as the platform likes.
#[derive(Debug, Default)]
pub(super) struct PageLimits(BTreeMap<String, u32>);

impl PageLimits {
    /// The query with the limit of its list, in place of one that stands in it.
    pub(super) fn on(&self, what: &str, query: &[(String, String)]) -> Vec<(String, String)> {
        let limit = self.0.get(what).map(|limit| ("limit".to_owned(), limit.to_string()));
        let others = query.iter().filter(|(name, _)| limit.is_none() || name != "limit").cloned();
        others.chain(limit.clone()).collect()
    }

    /// The place where a list goes on, without a limit that a link repeats and that was ours.
    pub(super) fn off(&self, what: &str, mut place: Vec<(String, String)>) -> Vec<(String, String)> {
        if self.0.contains_key(what) {
            place.retain(|(name, _)| name != "limit");
        }
        place
    }

    /// Lowers the limit of a list and returns the new limit; `None` where one row is too long already.
    pub(super) fn shrink(&mut self, what: &str) -> Option<u32> {
        let fewer = smaller(self.0.get(what).copied())?;
        self.0.insert(what.to_owned(), fewer);
        Some(fewer)
    }

    /// Lets the platform choose again.
    pub(super) fn forget(&mut self, what: &str) {
        self.0.remove(what);
    }
}
