//! Pane 8: requests of partners to the Integration API with their responses, newest first.

use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::CompanyId;
use crate::domain::text::Untrusted;
use crate::sync::visibility::PaneLimitation;
use crate::text;
use crate::tui::ids::{DrillDown, Pane, RowId};
use crate::tui::panes::PaneRow;
use crate::tui::panes::data::{PaneData, ReceivedRows};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::{TableCell, TableColumn, TableRow, numbers, words};
use crate::tui::widgets::theme;
use crate::wire::paths;
use crate::wire::readable::UnreadableRows;
use crate::wire::requests::RequestRow;
use ratatui::text::Line;

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: i64) -> Option<&'a RequestRow> {
    view.logs.requests.window.find(id)
}

const fn standing(row: &RequestRow) -> HealthStatus {
    match row.status {
        // Status 0 means that no response was sent.
        0 | 500.. => HealthStatus::Failing,
        400..500 => HealthStatus::Warning,
        _ => HealthStatus::Healthy,
    }
}

fn status(row: &RequestRow) -> String {
    if row.status == 0 { "none".to_owned() } else { row.status.to_string() }
}

fn code(row: &RequestRow) -> String {
    row.code.as_ref().map_or_else(String::new, Untrusted::sanitized)
}

/// Last four characters of the key; with a question mark if the platform does not know the key.
fn last4(row: &RequestRow) -> String {
    match (&row.last4, &row.claimed_last4) {
        (Some(last4), _) => last4.sanitized(),
        (None, Some(claimed)) => format!("{}?", claimed.sanitized()),
        (None, None) => "-".to_owned(),
    }
}

impl PaneRow for RequestRow {
    const PANE: Pane = Pane::Requests;
    const COLUMNS: &'static [TableColumn] = &[
        words("TIME UTC", 12, 12, 1),
        words("STATUS", 6, 6, 0),
        words("CODE", 14, 24, 0),
        words("METHOD", 6, 6, 3),
        words("ROUTE", 18, 52, 0),
        words("LAST4", 5, 5, 2),
        numbers("MS", 6, 4),
        words("REQUEST ID", 14, 32, 5),
        numbers("COMPANY", 7, 6),
    ];
    const EMPTY: &'static [&'static str] = &[
        "No requests yet.",
        "Integration API requests and their responses appear here, newest first, without the console's own.",
    ];
    const LIMITATION: PaneLimitation = PaneLimitation {
        text: "Calls made by crow with this profile. Calls of other clients are not visible; their request ids are in their own logs.",
        resource: None,
    };
    const PATH: &'static str = paths::REQUESTS;

    fn rows<'a>(view: &PaneData<'a>) -> ReceivedRows<'a, Self> {
        ReceivedRows::of(&view.logs.requests.window, &[])
    }

    fn unreadable<'a>(view: &PaneData<'a>) -> &'a UnreadableRows {
        view.logs.requests.window.unreadable()
    }

    fn find<'a>(view: &PaneData<'a>, id: RowId) -> Option<&'a Self> {
        let RowId::Request(id) = id else { return None };
        find(view, id)
    }

    fn row_id(&self) -> RowId {
        RowId::Request(self.id)
    }

    fn company(&self, view: &PaneData<'_>) -> CompanyId {
        // Requests without a known key belong to no company; with a company chosen, the platform leaves them out.
        view.company.or(self.company_id).unwrap_or(CompanyId(0))
    }

    fn table_row(&self, view: &PaneData<'_>) -> TableRow {
        let standing = standing(self);
        let mark = (theme::mark(standing), view.theme.style(StyleRole::Mark(standing)));
        TableRow {
            cells: vec![
                view.dim(self.utc.format("%H:%M:%S%.3f")),
                TableCell::marked(mark, status(self), view.theme.style(StyleRole::Word(standing))),
                view.text(code(self)),
                view.text(self.method.sanitized()),
                TableCell::middle(self.route.sanitized(), view.theme.style(StyleRole::Text)),
                view.text(last4(self)),
                view.text(self.elapsed_ms.to_string()),
                TableCell::middle(self.request_id.sanitized(), view.theme.style(StyleRole::Dim)),
                view.dim(self.company_id.map_or_else(|| "-".to_owned(), |id| id.to_string())),
            ],
            below: Vec::new(),
        }
    }

    fn named_health(&self, _view: &PaneData<'_>) -> (String, HealthAssessment<String>) {
        let name = format!("{} {}", self.method.sanitized(), self.route.sanitized());
        let why = match (&self.code, &self.detail) {
            (_, Some(detail)) if self.status == 0 => format!("no response: {}", detail.sanitized()),
            (Some(code), Some(detail)) => format!("HTTP {} {}: {}", self.status, code.sanitized(), detail.sanitized()),
            (Some(code), None) => format!("HTTP {} {}", self.status, code.sanitized()),
            (None, Some(detail)) => format!("HTTP {}: {}", self.status, detail.sanitized()),
            (None, None) => format!("HTTP {}", self.status),
        };
        (name, HealthAssessment { status: standing(self), reason: why })
    }

    fn details(&self, view: &PaneData<'_>, room: usize) -> Vec<Line<'static>> {
        let (_, judgement) = self.named_health(view);
        let mut lines = view.judgement_lines(&judgement, room);
        let key = match (self.key_id, &self.last4) {
            (Some(id), Some(last4)) => format!("ID {id}, ends in {}", last4.sanitized()),
            (Some(id), None) => format!("ID {id}"),
            (None, _) => match (&self.claimed_last4, self.claimed_company_id) {
                (Some(last4), Some(company)) => {
                    format!("not identified; ends in {}, names company {company}", last4.sanitized())
                }
                (Some(last4), None) => format!("not identified; ends in {}", last4.sanitized()),
                (None, _) => "not identified".to_owned(),
            },
        };
        for (label, value) in [
            ("Request", format!("{} {}", self.method.sanitized(), self.route.sanitized())),
            ("Received", view.moment(self.utc)),
            ("Key", key),
            ("Company", self.company_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string())),
            ("Duration", format!("{} ms", text::number(self.elapsed_ms))),
            ("Request ID", self.request_id.sanitized()),
        ] {
            lines.extend(view.labelled(label, &value, room));
        }
        for (label, value) in [("Query", &self.query), ("Caller", &self.address), ("User agent", &self.user_agent)] {
            if let Some(value) = value {
                lines.extend(view.labelled(label, &value.sanitized(), room));
            }
        }
        lines
    }

    fn summary(view: &PaneData<'_>) -> String {
        let held = view.loaded_summary(&Self::rows(view), "request");
        let counts = &view.logs.last_hour;
        let n: u64 = counts.iter().map(|count| count.n).sum();
        let mut errors: Vec<_> = counts.iter().filter(|count| count.status >= 400).collect();
        errors.sort_by_key(|count| (std::cmp::Reverse(count.status / 100), std::cmp::Reverse(count.n)));
        let named = errors.iter().map(|count| match &count.code {
            Some(code) => format!("{} {} {}", text::number(count.n), count.status, code.sanitized()),
            None => format!("{} {}", text::number(count.n), count.status),
        });
        let hour = format!("{} in 1 h", text::number(n));
        named.chain([hour, held]).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("   ")
    }

    fn drill_down(&self) -> Option<DrillDown> {
        self.key_id.map(DrillDown::Key)
    }
}
