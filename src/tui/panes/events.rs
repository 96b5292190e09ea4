//! Pane 5: events of the companies, of all types, newest first.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::{CompanyId, EventId};
use crate::text;
use crate::tui::ids::{Pane, RowId};
use crate::tui::panes::PaneRow;
use crate::tui::panes::data::{PaneData, ReceivedRows};
use crate::tui::widgets::format;
use crate::tui::widgets::table::{TableColumn, TableRow, numbers, words};
use crate::wire::deliveries::EventRow;
use crate::wire::paths;
use crate::wire::readable::UnreadableRows;
use ratatui::text::Line;

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: EventId) -> Option<&'a EventRow> {
    view.logs.events.window.find(id.0)
}

impl PaneRow for EventRow {
    const PANE: Pane = Pane::Events;
    const COLUMNS: &'static [TableColumn] = &[
        words("TIME UTC", 19, 19, 1),
        numbers("EVENT ID", 11, 0),
        words("TYPE", 14, 24, 0),
        numbers("COMPANY", 7, 3),
        numbers("DELIVERIES", 10, 2).of("nDeliveries"),
        numbers("BYTES", 9, 4),
    ];
    const EMPTY: &'static [&'static str] = &[
        "No events yet.",
        "Events of the companies appear here, newest first. Integration API activity creates them, and so does M (sample event).",
    ];
    const PATH: &'static str = paths::PORTAL_EVENT;

    fn rows<'a>(view: &PaneData<'a>) -> ReceivedRows<'a, Self> {
        ReceivedRows::of(&view.logs.events.window, &[])
    }

    fn unreadable<'a>(view: &PaneData<'a>) -> &'a UnreadableRows {
        view.logs.events.window.unreadable()
    }

    fn find<'a>(view: &PaneData<'a>, id: RowId) -> Option<&'a Self> {
        let RowId::Event(id) = id else { return None };
        find(view, id)
    }

    fn row_id(&self) -> RowId {
        RowId::Event(self.id)
    }

    fn company(&self, _view: &PaneData<'_>) -> CompanyId {
        self.company_id
    }

    fn table_row(&self, view: &PaneData<'_>) -> TableRow {
        TableRow {
            cells: vec![
                view.dim(self.created_utc.format("%Y-%m-%d %H:%M:%S")),
                view.text(text::number(self.id.0)),
                view.text(self.kind.sanitized()),
                view.dim(self.company_id.to_string()),
                view.known_cell(self.n_deliveries, |n| match n {
                    0 => view.dim("none"),
                    n => view.text(format::count(u64::from(n))),
                }),
                view.dim(text::number(self.n_bytes)),
            ],
            below: Vec::new(),
        }
    }

    fn named_health(&self, _view: &PaneData<'_>) -> (String, HealthAssessment<String>) {
        let why = match self.n_deliveries {
            None => "polled; recipients not available".to_owned(),
            Some(0) => "no subscription of the company matched; Enter shows why".to_owned(),
            Some(n) => format!("created {}", text::several(u64::from(n), "delivery", "deliveries")),
        };
        (self.kind.sanitized(), HealthAssessment { status: HealthStatus::Healthy, reason: why })
    }

    fn details(&self, view: &PaneData<'_>, room: usize) -> Vec<Line<'static>> {
        let (_, judgement) = self.named_health(view);
        let mut lines = view.judgement_lines(&judgement, room);
        for (label, value) in [
            ("Type", self.kind.sanitized()),
            ("Occurred", view.moment(self.created_utc)),
            ("Company", self.company_id.to_string()),
            ("Envelope", text::count(self.n_bytes, "byte")),
            ("Deliveries", self.n_deliveries.map_or_else(|| "not available".to_owned(), text::number)),
        ] {
            lines.extend(view.labelled(label, &value, room));
        }
        lines
    }

    fn summary(view: &PaneData<'_>) -> String {
        view.loaded_summary(&Self::rows(view), "event")
    }

    fn subject(&self) -> Option<DiagnosisSubject> {
        Some(DiagnosisSubject::Company(self.company_id))
    }
}
