//! Detail view of one item: what was fetched for it, the line under the cursor, and how its bodies are shown.

use crate::tui::effect::FetchedDetail;
use crate::tui::ids::RowId;
use crate::tui::widgets::body::{self, BodyFormat};
use crate::tui::widgets::detail_lines::{BodySide, FoldPoint};
use crate::wire::attempts::CapturedBody;
use std::collections::BTreeSet;

/// Fetch state of a detail view.
#[derive(Debug, Clone, PartialEq)]
pub enum DetailFetchState {
    /// No fetch needed: the snapshot has all there is.
    NotNeeded,
    /// Fetch is in flight at present.
    InFlight,
    /// Everything the platform knows about the item.
    Found(Box<FetchedDetail>),
    /// Fetch failed, with the reason in one line.
    Failed(String),
}

/// Detail view with its cursor and body options.
#[derive(Debug, Clone, PartialEq)]
pub struct DetailView {
    /// Item that the view shows.
    pub item: RowId,
    /// Fetch state of the item's details.
    pub fetched: DetailFetchState,
    /// Index of the line under the cursor.
    pub cursor_line: usize,
    /// Format in which bodies are shown.
    pub mode: BodyFormat,
    /// Folded objects and arrays of the bodies.
    pub folds: BTreeSet<FoldPoint>,
}

impl DetailView {
    /// Creates a detail view with the cursor on the first line.
    #[must_use]
    pub fn new(item: RowId, fetched: DetailFetchState) -> Self {
        Self { item, fetched, cursor_line: 0, mode: BodyFormat::default(), folds: BTreeSet::new() }
    }

    /// Whether the item has bodies to show.
    #[must_use]
    pub fn has_bodies(&self) -> bool {
        !self.bodies().is_empty()
    }

    pub(in crate::tui) fn bodies(&self) -> Vec<(BodySide, &CapturedBody)> {
        let DetailFetchState::Found(found) = &self.fetched else { return Vec::new() };
        match &**found {
            FetchedDetail::Attempt(sent) => {
                vec![(BodySide::Sent, &sent.detail.request_body), (BodySide::Received, &sent.detail.response_body)]
            }
            FetchedDetail::Event(happening) => vec![(BodySide::Sent, &happening.event.envelope)],
            _ => Vec::new(),
        }
    }

    /// Toggles the fold at a point of a body.
    pub fn toggle(&mut self, node: FoldPoint) {
        if !self.folds.remove(&node) {
            self.folds.insert(node);
        }
    }

    /// Folds everything but the outermost level; unfolds everything if anything is folded.
    pub fn toggle_all(&mut self) {
        if self.folds.is_empty() {
            self.folds = self.bodies().into_iter().flat_map(|(part, body)| body::fold_points(body, part)).collect();
        } else {
            self.folds.clear();
        }
    }
}
