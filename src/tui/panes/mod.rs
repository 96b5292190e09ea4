//! Panes: one file per pane. A pane is an implementation of `PaneRow` by its row type; [`PaneSource`] is the erased
//! form, which answers for any pane.

pub mod data;
pub mod deliveries;
pub mod diagnose;
pub mod diagnose_result;
pub mod draw;
pub mod escalate;
pub mod events;
pub mod keys;
pub mod limits;
pub mod requests;
pub mod subscriptions;
pub mod trips;

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::domain::health_status::HealthAssessment;
use crate::domain::ids::CompanyId;
use crate::domain::query::FilterQuery;
use crate::domain::query::field::Field;
use crate::domain::query::matching::QueryableRow;
use crate::domain::query::parse::QueryError;
use crate::sync::visibility;
use crate::tui::ids::{DrillDown, Pane, RowId};
use crate::tui::panes::data::{PaneData, ReceivedRows};
use crate::tui::widgets::table::{TableCell, TableColumn, TableRow};
use crate::wire::attempts::AttemptRow;
use crate::wire::deliveries::EventRow;
use crate::wire::keys::KeyRow;
use crate::wire::limits::LimitRow;
use crate::wire::readable::UnreadableRows;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::SubscriptionRow;
use crate::wire::trips::TripRow;
use ratatui::text::Line;
use serde::Serialize;
use std::marker::PhantomData;

/// Row type of a pane: everything the console shows of its rows.
pub(in crate::tui) trait PaneRow: QueryableRow + Serialize + Sized + 'static {
    /// Pane that shows the rows.
    const PANE: Pane;
    /// Columns of the pane, in display order.
    const COLUMNS: &'static [TableColumn];
    /// Lines shown in place of rows while there are none.
    const EMPTY: &'static [&'static str];
    /// Path of the Portal API that a link to a row leads to, with `{id}` in place of the row's number.
    const PATH: &'static str;

    /// Rows received so far, in the order of the platform.
    fn rows<'a>(view: &PaneData<'a>) -> ReceivedRows<'a, Self>;
    /// Received rows that could not be read.
    fn unreadable<'a>(view: &PaneData<'a>) -> &'a UnreadableRows;
    /// Row with an id; `None` if it is not loaded.
    fn find<'a>(view: &PaneData<'a>, id: RowId) -> Option<&'a Self>;
    /// Id of the row.
    fn row_id(&self) -> RowId;
    /// Company that the row belongs to.
    fn company(&self, view: &PaneData<'_>) -> CompanyId;
    /// Cells of the row.
    fn table_row(&self, view: &PaneData<'_>) -> TableRow;
    /// Name of the item and its health status with the reason.
    fn named_health(&self, view: &PaneData<'_>) -> (String, HealthAssessment<String>);
    /// Details of the item from loaded data, in lines of `room` columns.
    fn details(&self, view: &PaneData<'_>, room: usize) -> Vec<Line<'static>>;
    /// Summary of the pane for its title and for the strip of hidden panes.
    fn summary(view: &PaneData<'_>) -> String;

    /// Drill-down to the log rows that belong to the item, if a log has such rows.
    fn drill_down(&self) -> Option<DrillDown> {
        None
    }

    /// Subject of a diagnosis of the item, if playbooks accept one narrower than a company.
    fn subject(&self) -> Option<DiagnosisSubject> {
        None
    }
}

/// Order of a pane's visible rows: the position of each among the received rows, and its id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowOrder {
    positions: Vec<usize>,
    /// Ids of the rows, in display order.
    pub items: Vec<RowId>,
}

/// Rows of any pane. Questions about a single item return `None` if its row is not loaded.
pub trait PaneSource {
    /// Columns of the pane, in display order.
    fn columns(&self) -> &'static [TableColumn];
    /// Lines shown in place of rows while there are none.
    fn empty(&self) -> &'static [&'static str];
    /// Fields that the rows can be filtered and sorted by.
    fn fields(&self) -> &'static [Field];
    /// Titles of the columns whose values the source never knows.
    fn unknown_columns(&self, view: &PaneData<'_>) -> Vec<&'static str>;
    /// Whether the source never knows the values of a field.
    fn is_never_known(&self, view: &PaneData<'_>, field: Field) -> bool;
    /// Explanation of the first term of a query about a value that the source never knows.
    fn unknown_term(&self, view: &PaneData<'_>, query: &FilterQuery) -> Option<QueryError>;
    /// Visible rows: filtered, restricted to the company, and sorted.
    fn order(&self, view: &PaneData<'_>) -> RowOrder;
    /// Row at a position of an order; an empty row if there is none.
    fn row(&self, view: &PaneData<'_>, order: &RowOrder, at: usize) -> TableRow;
    /// Calls `visit` for all loaded rows, visible or not.
    fn for_each_row(&self, view: &PaneData<'_>, visit: &mut dyn FnMut(&dyn QueryableRow));
    /// Received rows that could not be read.
    fn unreadable<'a>(&self, view: &PaneData<'a>) -> &'a UnreadableRows;
    /// Summary of the pane for its title and for the strip of hidden panes.
    fn summary(&self, view: &PaneData<'_>) -> String;
    /// Cells of an item's row separated by tabs.
    fn row_text(&self, view: &PaneData<'_>, item: RowId) -> Option<String>;
    /// Row of an item as JSON.
    fn json(&self, view: &PaneData<'_>, item: RowId) -> Option<String>;
    /// Name of an item and its health status with the reason.
    fn named_health(&self, view: &PaneData<'_>, item: RowId) -> Option<(String, HealthAssessment<String>)>;
    /// Details of an item from loaded data, in lines of `room` columns.
    fn details(&self, view: &PaneData<'_>, item: RowId, room: usize) -> Option<Vec<Line<'static>>>;
    /// Path of the Portal API that a link to an item leads to.
    fn path(&self, item: RowId) -> String;
    /// Drill-down to the log rows that belong to an item, if a log has such rows.
    fn drill_down(&self, view: &PaneData<'_>, item: RowId) -> Option<DrillDown>;
    /// Subject of a diagnosis of an item, if playbooks accept one narrower than a company.
    fn subject(&self, view: &PaneData<'_>, item: RowId) -> Option<DiagnosisSubject>;

    /// Number of loaded rows, visible or not.
    fn n_rows(&self, view: &PaneData<'_>) -> usize {
        let mut n = 0;
        self.for_each_row(view, &mut |_| n += 1);
        n
    }
}

/// Source of the rows of one type.
struct TypedSource<R>(PhantomData<R>);

impl<R: PaneRow> PaneSource for TypedSource<R> {
    fn columns(&self) -> &'static [TableColumn] {
        R::COLUMNS
    }

    fn empty(&self) -> &'static [&'static str] {
        R::EMPTY
    }

    fn fields(&self) -> &'static [Field] {
        R::fields()
    }

    fn unknown_columns(&self, view: &PaneData<'_>) -> Vec<&'static str> {
        let coverage = view.coverage_of(R::PANE);
        let is_unknown = |column: &&TableColumn| coverage.is_some_and(|of| of.is_never_known(column.member));
        R::COLUMNS.iter().filter(is_unknown).map(|column| column.title).collect()
    }

    fn is_never_known(&self, view: &PaneData<'_>, field: Field) -> bool {
        visibility::is_never_known(field, R::member_of, view.coverage_of(R::PANE))
    }

    fn unknown_term(&self, view: &PaneData<'_>, query: &FilterQuery) -> Option<QueryError> {
        visibility::find_unknown_term(query, R::member_of, view.coverage_of(R::PANE))
    }

    fn order(&self, view: &PaneData<'_>) -> RowOrder {
        let is_wanted = |row: &R| {
            view.company.is_none_or(|wanted| wanted == row.company(view))
                && view.view_state.shows_row(R::PANE, row, view.now)
        };
        let rows = R::rows(view).all().into_iter().enumerate().filter(|(_, row)| is_wanted(row));
        let mut kept: Vec<_> = rows.map(|(position, row)| (position, row.row_id(), row)).collect();
        view.view_state.sort(R::PANE, &mut kept, view.now);
        let (positions, items) = kept.into_iter().map(|(position, item, _)| (position, item)).unzip();
        RowOrder { positions, items }
    }

    fn row(&self, view: &PaneData<'_>, order: &RowOrder, at: usize) -> TableRow {
        let found = order.positions.get(at).and_then(|position| R::rows(view).get(*position));
        // A trip that ended meanwhile is newer in the snapshot than in the page that it was received with.
        let found = found.map(|row| R::find(view, row.row_id()).unwrap_or(row));
        found.map_or(TableRow { cells: Vec::new(), below: Vec::new() }, |row| row.table_row(view))
    }

    fn for_each_row(&self, view: &PaneData<'_>, visit: &mut dyn FnMut(&dyn QueryableRow)) {
        R::rows(view).all().into_iter().for_each(|row| visit(row));
    }

    fn unreadable<'a>(&self, view: &PaneData<'a>) -> &'a UnreadableRows {
        R::unreadable(view)
    }

    fn summary(&self, view: &PaneData<'_>) -> String {
        if view.is_uncovered(R::PANE) { "unknown here".to_owned() } else { R::summary(view) }
    }

    fn row_text(&self, view: &PaneData<'_>, item: RowId) -> Option<String> {
        let row = R::find(view, item)?.table_row(view);
        Some(row.cells.iter().map(TableCell::text).collect::<Vec<_>>().join("\t"))
    }

    fn json(&self, view: &PaneData<'_>, item: RowId) -> Option<String> {
        serde_json::to_string(R::find(view, item)?).ok()
    }

    fn named_health(&self, view: &PaneData<'_>, item: RowId) -> Option<(String, HealthAssessment<String>)> {
        Some(R::find(view, item)?.named_health(view))
    }

    fn details(&self, view: &PaneData<'_>, item: RowId, room: usize) -> Option<Vec<Line<'static>>> {
        Some(R::find(view, item)?.details(view, room))
    }

    fn path(&self, item: RowId) -> String {
        R::PATH.replace("{id}", &item.number().to_string())
    }

    fn drill_down(&self, view: &PaneData<'_>, item: RowId) -> Option<DrillDown> {
        R::find(view, item)?.drill_down()
    }

    fn subject(&self, view: &PaneData<'_>, item: RowId) -> Option<DiagnosisSubject> {
        R::find(view, item)?.subject()
    }
}

/// Rows of a pane. This is the only place that lists the panes with their row types.
#[must_use]
pub fn rows_of(pane: Pane) -> &'static dyn PaneSource {
    match pane {
        Pane::Keys => &TypedSource::<KeyRow>(PhantomData),
        Pane::Subscriptions => &TypedSource::<SubscriptionRow>(PhantomData),
        Pane::Limits => &TypedSource::<LimitRow>(PhantomData),
        Pane::Trips => &TypedSource::<TripRow>(PhantomData),
        Pane::Deliveries => &TypedSource::<AttemptRow>(PhantomData),
        Pane::Events => &TypedSource::<EventRow>(PhantomData),
        Pane::Requests => &TypedSource::<RequestRow>(PhantomData),
    }
}
