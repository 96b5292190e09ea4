//! Pane 8: requests of partners to the Integration API with their responses, newest first.

use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::CompanyId;
use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::ids::{DrillDown, Pane, RowId};
use crate::tui::panes::PaneRow;
use crate::tui::panes::data::{PaneData, ReceivedRows};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::{TableCell, TableColumn, TableRow, numbers, words};
use crate::tui::widgets::theme;
use crate::wire::paths;
use crate::wire::readable::UnreadableRows;
use crate::wire::requests::{ProblemCodeCount, RequestRow};
use ratatui::text::Line;

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: i64) -> Option<&'a RequestRow> {
    view.logs.requests.window.find(id)
}

/// Members of a problem document that the details show in other lines.
const SHOWN_MEMBERS: [&str; 6] = ["type", "title", "status", "code", "detail", "requestId"];

const fn standing(row: &RequestRow) -> HealthStatus {
    match row.status {
        // Status 0 means that no response was sent.
        None | Some(0 | 500..) => HealthStatus::Failing,
        Some(400..500) => HealthStatus::Warning,
        _ => HealthStatus::Healthy,
    }
}

/// Status of the answer, or `none` if no answer was sent or received.
fn status(row: &RequestRow) -> String {
    row.status.filter(|status| *status != 0).map_or_else(|| "none".to_owned(), |status| status.to_string())
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

/// Why crow itself made a call, in words.
fn own_purpose(purpose: &Untrusted) -> String {
    match purpose.raw() {
        "scope_probe" => "crow, to find out the key's scopes".to_owned(),
        "poll" => "crow, to read the list".to_owned(),
        "act" => "crow, for an operator".to_owned(),
        _ => format!("crow ({})", purpose.sanitized()),
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
                view.known_cell(self.request_id.as_ref(), |id| {
                    TableCell::middle(id.sanitized(), view.theme.style(StyleRole::Dim))
                }),
                view.dim(self.company_id.map_or_else(|| "-".to_owned(), |id| id.to_string())),
            ],
            below: Vec::new(),
        }
    }

    fn named_health(&self, _view: &PaneData<'_>) -> (String, HealthAssessment<String>) {
        let name = format!("{} {}", self.method.sanitized(), self.route.sanitized());
        let why = match (&self.code, &self.detail) {
            (_, Some(detail)) if status(self) == "none" => format!("no response: {}", detail.sanitized()),
            (Some(code), Some(detail)) => format!("HTTP {} {}: {}", status(self), code.sanitized(), detail.sanitized()),
            (Some(code), None) => format!("HTTP {} {}", status(self), code.sanitized()),
            (None, Some(detail)) => format!("HTTP {}: {}", status(self), detail.sanitized()),
            (None, None) => format!("HTTP {}", status(self)),
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
            ("Request ID", text::or_unknown(self.request_id.as_ref().map(Untrusted::sanitized))),
        ] {
            lines.extend(view.labelled(label, &value, room));
        }
        if let Some(purpose) = &self.own_call {
            lines.extend(view.labelled("Made by", &own_purpose(purpose), room));
        }
        for (label, value) in [("Query", &self.query), ("Caller", &self.address), ("User agent", &self.user_agent)] {
            if let Some(value) = value {
                lines.extend(view.labelled(label, &value.sanitized(), room));
            }
        }
        for (name, value) in self.problem.iter().flatten().filter(|(name, _)| !SHOWN_MEMBERS.contains(&name.as_str())) {
            lines.extend(view.labelled("Problem", &Untrusted::new(format!("{name}: {value}")).sanitized(), room));
        }
        for header in self.answer_headers.iter().flatten() {
            lines.extend(view.labelled(
                "Answered",
                &format!("{}: {}", header.name.sanitized(), header.value.sanitized()),
                room,
            ));
        }
        lines
    }

    fn summary(view: &PaneData<'_>) -> String {
        let held = view.loaded_summary(&Self::rows(view), "request");
        let counts = &view.logs.last_hour;
        let n: u64 = counts.iter().map(|count| count.n).sum();
        let mut errors: Vec<_> =
            counts.iter().filter(|count| count.status.is_none_or(|status| status >= 400)).collect();
        let family = |count: &ProblemCodeCount| count.status.map_or(u16::MAX, |status| status / 100);
        errors.sort_by_key(|count| (std::cmp::Reverse(family(count)), std::cmp::Reverse(count.n)));
        let status = |count: &ProblemCodeCount| {
            count.status.map_or_else(|| "without an answer".to_owned(), |status| status.to_string())
        };
        let named = errors.iter().map(|count| match &count.code {
            Some(code) => format!("{} {} {}", text::number(count.n), status(count), code.sanitized()),
            None => format!("{} {}", text::number(count.n), status(count)),
        });
        let hour = format!("{} in 1 h", text::number(n));
        named.chain([hour, held]).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("   ")
    }

    fn drill_down(&self) -> Option<DrillDown> {
        self.key_id.map(DrillDown::Key)
    }
}
