//! Pane 2: API keys with scopes, last use, and the results of their calls.

use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::scope::KeyScope;
use crate::text;
use crate::text::health::worded;
use crate::tui::ids::{Pane, RowId};
use crate::tui::panes::PaneRow;
use crate::tui::panes::data::{PaneData, ReceivedRows};
use crate::tui::widgets::format;
use crate::tui::widgets::table::{TableColumn, TableRow, numbers, words};
use crate::wire::keys::KeyRow;
use crate::wire::paths;
use crate::wire::readable::UnreadableRows;
use ratatui::text::Line;

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: KeyId) -> Option<&'a KeyRow> {
    view.overview.keys.items.iter().find(|row| row.id == id)
}

fn assess(view: &PaneData<'_>, row: &KeyRow) -> HealthAssessment<String> {
    worded(&row.assess(view.now))
}

/// Scopes of a key; also those that it may have, marked with a question mark.
fn scopes(row: &KeyRow) -> String {
    let held = row.scopes.iter().map(|scope| scope.name().to_owned());
    held.chain(row.unknown_scopes().map(|scope| format!("{}?", scope.name()))).collect::<Vec<_>>().join(" ")
}

/// Details of a key without a Portal: what probing calls and crow's own calls revealed.
fn found(view: &PaneData<'_>, row: &KeyRow, room: usize) -> Vec<Line<'static>> {
    let names = |scopes: &[KeyScope]| scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ");
    let unknown: Vec<KeyScope> = row.unknown_scopes().collect();
    let lacking = row.missing_scopes.as_deref().unwrap_or_default();
    let or = |text: String, else_: &str| if text.is_empty() { else_.to_owned() } else { text };
    let mut lines = view.judgement_lines(&assess(view, row), room);
    for (label, value) in [
        ("Name", row.name.sanitized()),
        ("Key", format!("ends in {}, company {}", row.last4.sanitized(), row.company_id)),
        ("Allowed", or(names(&row.scopes), "none found")),
        ("Denied", or(names(lacking), "none found")),
        ("Unknown", or(names(&unknown), "none: each scope was probed once, without changing anything")),
        ("Used by crow", row.last_used_utc.map_or_else(|| "never".to_owned(), |at| view.moment(at))),
        (
            "Not available",
            "age, other users, calls, and own limits before crow's first call: see the Admin Portal".to_owned(),
        ),
    ] {
        lines.extend(view.labelled(label, &value, room));
    }
    lines
}

impl PaneRow for KeyRow {
    const PANE: Pane = Pane::Keys;
    const COLUMNS: &'static [TableColumn] = &[
        words("STATE", 5, 5, 0),
        words("NAME", 14, 30, 0),
        words("LAST4", 5, 5, 2),
        numbers("USED", 9, 1),
        numbers("RPM", 4, 3).of("usage"),
        numbers("4xx", 4, 5).of("usage"),
        numbers("5xx", 4, 4).of("usage"),
        words("SCOPES", 18, 84, 6),
        numbers("COMPANY", 7, 7),
    ];
    const EMPTY: &'static [&'static str] =
        &["No API keys yet.", "API keys and their usage appear here. Press K to create one."];
    const PATH: &'static str = paths::KEYS;

    fn rows<'a>(view: &PaneData<'a>) -> ReceivedRows<'a, Self> {
        ReceivedRows::Snapshot(&view.overview.keys.items)
    }

    fn unreadable<'a>(view: &PaneData<'a>) -> &'a UnreadableRows {
        &view.overview.keys.unreadable
    }

    fn find<'a>(view: &PaneData<'a>, id: RowId) -> Option<&'a Self> {
        let RowId::Key(id) = id else { return None };
        find(view, id)
    }

    fn row_id(&self) -> RowId {
        RowId::Key(self.id)
    }

    fn company(&self, _view: &PaneData<'_>) -> CompanyId {
        self.company_id
    }

    fn table_row(&self, view: &PaneData<'_>) -> TableRow {
        let standing = assess(view, self).status;
        // Last use is recorded at most once in five minutes; calls of the last minute are more recent.
        let used = match self.last_used_utc {
            Some(_) if self.usage.is_some_and(|usage| usage.n_last_minute > 0) => "now".to_owned(),
            Some(at) => view.ago(at),
            None => "never".to_owned(),
        };
        TableRow {
            cells: vec![
                view.state(standing),
                view.text(self.name.sanitized()),
                view.text(self.last4.sanitized()),
                if standing == HealthStatus::Warning { view.text(used) } else { view.dim(used) },
                view.known_cell(self.usage, |usage| view.text(format::count(usage.n_last_minute))),
                view.known_cell(self.usage, |usage| {
                    let is_limited = usage.n_limited > 0;
                    let standing = if is_limited { HealthStatus::Warning } else { HealthStatus::Healthy };
                    view.count_cell(usage.n_client_errors, standing)
                }),
                view.known_cell(self.usage, |usage| view.count_cell(usage.n_server_errors, HealthStatus::Failing)),
                view.dim(scopes(self)),
                view.dim(self.company_id.to_string()),
            ],
            below: Vec::new(),
        }
    }

    fn named_health(&self, view: &PaneData<'_>) -> (String, HealthAssessment<String>) {
        (self.name.sanitized(), assess(view, self))
    }

    fn details(&self, view: &PaneData<'_>, room: usize) -> Vec<Line<'static>> {
        let Some(usage) = self.usage else { return found(view, self, room) };
        let limits =
            self.limits.map(|of| format!("read {}, write {}, admin {} calls per minute", of.read, of.write, of.admin));
        let revoked = self.revoked_utc.map_or_else(|| "no".to_owned(), |at| view.moment(at));
        let mut lines = view.judgement_lines(&assess(view, self), room);
        for (label, value) in [
            ("Name", self.name.sanitized()),
            ("Key", format!("ID {}, ends in {}", self.id, self.last4.sanitized())),
            ("Company", self.company_id.to_string()),
            ("Scopes", scopes(self)),
            ("Last used", self.last_used_utc.map_or_else(|| "never".to_owned(), |at| view.moment(at))),
            (
                "Last minute",
                format!(
                    "{}: {} got 4xx ({} of them 429), {} got 5xx",
                    text::count(usage.n_last_minute, "call"),
                    usage.n_client_errors,
                    usage.n_limited,
                    usage.n_server_errors
                ),
            ),
            ("Rate limits", text::or_unknown(limits)),
            ("Created", text::or_unknown(self.created_utc.map(|at| view.moment(at)))),
            ("Revoked", revoked),
        ] {
            lines.extend(view.labelled(label, &value, room));
        }
        lines
    }

    fn summary(view: &PaneData<'_>) -> String {
        view.health_summary(&view.overview.keys, |row| (row.company_id, assess(view, row).status))
    }
}
