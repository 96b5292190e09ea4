//! Lists: pages with an opaque cursor, and the capped listings of the overview.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list, with the place to go on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Opaque; always there on lists that can be polled, also on an empty page.
    pub next_cursor: Option<String>,
    /// Whether more rows exist now.
    pub has_more: bool,
}

/// The first rows of a list, and how much is not shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listing<T> {
    /// The first rows: worst first, or newest first.
    pub items: Vec<T>,
    /// How many rows there are in all.
    pub total: u64,
    /// How many of all are neither healthy, unknown nor switched off by somebody.
    pub n_alarming: u64,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), total: 0, n_alarming: 0 }
    }
}
