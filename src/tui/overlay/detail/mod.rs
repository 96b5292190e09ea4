//! Detail view of one item: data from the snapshot, and what was fetched for it. Lines can be links, which Enter
//! follows.

mod attempt;
mod event;
mod key;
mod subscription;
mod window;

use super::super::app::App;
use super::super::body::{self, BodyFormat};
use super::super::detail_lines::{BodySide, DetailLine, DetailLines, FoldPoint, LineAction};
use super::super::effect::FetchedDetail;
use super::super::format;
use super::super::nav_history::DrillDown;
use super::super::panes::view::PaneData;
use super::super::selection::RowId;
use super::super::theme::{CharacterSet, StyleRole};
use crate::wire::attempts::{AttemptRow, CapturedBody};
use ratatui::text::{Line, Span};
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

    fn bodies(&self) -> Vec<(BodySide, &CapturedBody)> {
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

/// Title of the detail view: kind and number of the item.
#[must_use]
pub fn title(detail: &DetailView) -> String {
    match detail.item {
        RowId::Key(id) => format!("Key {id}"),
        RowId::Subscription(id) => format!("Subscription {id}"),
        RowId::Attempt(id) => format!("Attempt {id}"),
        RowId::Window(id, bucket) => format!("Key {id}: {bucket} limit"),
        RowId::Trip(id) => format!("Trip {id}"),
        RowId::Event(id) => format!("Event {}", format::number(id.0)),
        RowId::Request(id) => format!("Request {id}"),
    }
}

/// Inputs from which the sections of a detail view are built.
#[derive(Debug, Clone, Copy)]
struct DetailContext<'a> {
    view: PaneData<'a>,
    detail: &'a DetailView,
    room: usize,
    charset: CharacterSet,
}

impl DetailContext<'_> {
    fn styled(&self, text: impl Into<String>, role: StyleRole) -> Line<'static> {
        Line::styled(text.into(), self.view.theme.style(role))
    }

    fn labelled(&self, label: &str, value: &str) -> Vec<Line<'static>> {
        self.view.labelled(label, value, self.room)
    }

    /// Adds a body with its heading, behind `bar` if one is given.
    fn body(
        &self,
        sheet: &mut DetailLines,
        name: &str,
        part: BodySide,
        body: &CapturedBody,
        bar: Option<&'static str>,
    ) {
        let DetailView { mode, folds, .. } = self.detail;
        sheet.head(body::heading(name, body, *mode), self.view.theme);
        let shown = body::BodyDisplay { mode: *mode, part, folds, bar, room: self.room, theme: self.view.theme };
        sheet.0.extend(body::entries(body, &shown));
    }

    /// Adds a link to the log rows that belong to the item.
    fn drill(&self, sheet: &mut DetailLines, text: &str, drill: DrillDown) {
        sheet.link(self.styled(format!("→ {text}"), StyleRole::Accent), LineAction::Drill(drill));
    }

    /// Adds an attempt as a line linked to its detail view.
    fn attempt(&self, sheet: &mut DetailLines, row: &AttemptRow) {
        let theme = self.view.theme;
        let role = if row.outcome().is_success() { StyleRole::Text } else { StyleRole::Trouble };
        let result = super::super::panes::deliveries::result(row);
        let rest = format!(
            "{:>6} ms  {:>5}  {:<9}  {}",
            row.elapsed_ms,
            format!("{}/{}", row.number, row.of),
            row.kind.name(),
            row.event_type.sanitized()
        );
        let spans = vec![
            Span::styled(row.started_utc.format("%m-%d %H:%M:%S%.3f  "), theme.style(StyleRole::Dim)),
            Span::styled(format!("{:<9} ", format::clip(&result, 9)), theme.style(role)),
            Span::styled(rest, theme.style(StyleRole::Text)),
        ];
        sheet.link(Line::from(spans), LineAction::Open(RowId::Attempt(row.id)));
    }
}

/// Lines of the detail view, at most `room` columns wide.
#[must_use]
pub fn detail_lines(app: &App, detail: &DetailView, room: usize) -> DetailLines {
    let mut sheet = DetailLines::default();
    let Some(view) = app.view() else { return sheet };
    let scene = DetailContext { view, detail, room, charset: app.config.look.charset };
    let known = view.details(detail.item, room);
    let is_known = known.is_some();
    match &detail.fetched {
        DetailFetchState::Found(found) => match &**found {
            FetchedDetail::Subscription(of) => subscription::fill(&scene, &mut sheet, known, of),
            FetchedDetail::Attempt(of) => attempt::fill(&scene, &mut sheet, of),
            FetchedDetail::Event(of) => event::fill(&scene, &mut sheet, of),
            FetchedDetail::Key(of) => key::fill(&scene, &mut sheet, known, of),
            FetchedDetail::Window(of) => window::fill(&scene, &mut sheet, known, of),
            FetchedDetail::Nothing => sheet.add(known.unwrap_or_default()),
        },
        rest => {
            sheet.add(known.unwrap_or_default());
            match rest {
                DetailFetchState::InFlight => sheet.none("loading the rest …", view.theme),
                DetailFetchState::Failed(why) => {
                    let text = format!("could not load the rest: {why}");
                    sheet.add(
                        format::wrap_words(&text, room).into_iter().map(|line| scene.styled(line, StyleRole::Trouble)),
                    );
                }
                _ if is_known => {}
                _ => sheet.none("No longer in the current data.", view.theme),
            }
        }
    }
    if matches!(detail.fetched, DetailFetchState::NotNeeded)
        && let Some(drill) = app.drill_down_of(detail.item)
    {
        sheet.add([Line::default()]);
        scene.drill(&mut sheet, &format!("{} of {}", rows_of(drill), drill.name()), drill);
    }
    sheet
}

/// Plural noun for the rows of a drill-down.
const fn rows_of(drill: DrillDown) -> &'static str {
    match drill {
        DrillDown::Key(_) => "requests",
        DrillDown::Subscription(_) | DrillDown::Trip(..) | DrillDown::Event(_) => "attempts",
    }
}

/// Action of the line under the cursor, if it has one.
#[must_use]
pub fn line_action(app: &App, detail: &DetailView) -> Option<LineAction> {
    let room = super::text_width(app.screen().body);
    detail_lines(app, detail, room).0.into_iter().nth(detail.cursor_line).and_then(|entry: DetailLine| entry.action)
}
