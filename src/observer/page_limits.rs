//! Row limits for lists whose pages exceeded the size limit of an answer. A list without one is requested without a limit, and
//! the platform chooses the number of rows.

use crate::client::connection::smaller;
use std::collections::BTreeMap;

/// Maximum number of rows in a page, by the name of the list.
#[derive(Debug, Default)]
pub(super) struct PageLimits(BTreeMap<String, u32>);

impl PageLimits {
    /// Returns the query with the row limit of its list, which replaces a limit in the query.
    pub(super) fn with_limit(&self, list: &str, query: &[(String, String)]) -> Vec<(String, String)> {
        let limit = self.0.get(list).map(|limit| ("limit".to_owned(), limit.to_string()));
        let others = query.iter().filter(|(name, _)| limit.is_none() || name != "limit").cloned();
        others.chain(limit.clone()).collect()
    }

    /// Returns the query of the next page without the row limit that was requested and that a link repeats.
    pub(super) fn without_limit(&self, list: &str, mut place: Vec<(String, String)>) -> Vec<(String, String)> {
        if self.0.contains_key(list) {
            place.retain(|(name, _)| name != "limit");
        }
        place
    }

    /// Lowers the row limit of a list and returns the new limit; `None` if a page of one row was already too large.
    pub(super) fn shrink(&mut self, list: &str) -> Option<u32> {
        let fewer = smaller(self.0.get(list).copied())?;
        self.0.insert(list.to_owned(), fewer);
        Some(fewer)
    }

    /// Removes the row limit of a list, so that the platform chooses the number of rows again.
    pub(super) fn forget(&mut self, list: &str) {
        self.0.remove(list);
    }
}
