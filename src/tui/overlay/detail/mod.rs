//! Detail view of one item: data from the snapshot, and what was fetched for it. Lines can be links, which Enter
//! follows.

mod attempt;
mod event;
mod key;
mod subscription;
mod window;

use super::super::app::App;
use super::super::body::{self, Mode};
use super::super::effect::Found;
use super::super::format;
use super::super::panes::view::View;
use super::super::places::Item;
use super::super::sheet::{Does, Entry, Node, Part, Sheet};
use super::super::theme::{Charset, Role};
use super::super::trail::Drill;
use crate::api::attempts::{AttemptRow, CapturedBody};
use ratatui::text::{Line, Span};
use std::collections::BTreeSet;

/// Fetch state of a detail view.
#[derive(Debug, Clone, PartialEq)]
pub enum Fetched {
    /// No fetch needed: the snapshot has all there is.
    NotNeeded,
    /// Fetch is in flight at present.
    Waiting,
    /// Everything the platform knows about the item.
    Found(Box<Found>),
    /// Fetch failed, with the reason in one line.
    Failed(String),
}

/// Detail view with its cursor and body options.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// Item that the view shows.
    pub item: Item,
    /// Fetch state of the item's details.
    pub fetched: Fetched,
    /// Index of the line under the cursor.
    pub at: usize,
    /// Format in which bodies are shown.
    pub mode: Mode,
    /// Folded objects and arrays of the bodies.
    pub folds: BTreeSet<Node>,
}

impl Detail {
    /// Creates a detail view with the cursor on the first line.
    #[must_use]
    pub fn new(item: Item, fetched: Fetched) -> Self {
        Self { item, fetched, at: 0, mode: Mode::default(), folds: BTreeSet::new() }
    }

    /// Whether the item has bodies to show.
    #[must_use]
    pub fn has_bodies(&self) -> bool {
        !self.bodies().is_empty()
    }

    fn bodies(&self) -> Vec<(Part, &CapturedBody)> {
        let Fetched::Found(found) = &self.fetched else { return Vec::new() };
        match &**found {
            Found::Attempt(sent) => {
                vec![(Part::Sent, &sent.detail.request_body), (Part::Received, &sent.detail.response_body)]
            }
            Found::Event(happening) => vec![(Part::Sent, &happening.event.envelope)],
            _ => Vec::new(),
        }
    }

    /// Toggles the fold at a point of a body.
    pub fn toggle(&mut self, node: Node) {
        if !self.folds.remove(&node) {
            self.folds.insert(node);
        }
    }

    /// Folds everything but the outermost level; unfolds everything if anything is folded.
    pub fn toggle_all(&mut self) {
        if self.folds.is_empty() {
            self.folds = self.bodies().into_iter().flat_map(|(part, body)| body::nodes(body, part)).collect();
        } else {
            self.folds.clear();
        }
    }
}

/// Title of the detail view: kind and number of the item.
#[must_use]
pub fn title(detail: &Detail) -> String {
    match detail.item {
        Item::Key(id) => format!("Key {id}"),
        Item::Subscription(id) => format!("Subscription {id}"),
        Item::Attempt(id) => format!("Attempt {id}"),
        Item::Window(id, bucket) => format!("Key {id}: {bucket} limit"),
        Item::Trip(id) => format!("Trip {id}"),
        Item::Event(id) => format!("Event {}", format::number(id.0)),
        Item::Request(id) => format!("Request {id}"),
    }
}

/// Inputs from which the sections of a detail view are built.
#[derive(Debug, Clone, Copy)]
struct Scene<'a> {
    view: View<'a>,
    detail: &'a Detail,
    room: usize,
    charset: Charset,
}

impl Scene<'_> {
    fn styled(&self, text: impl Into<String>, role: Role) -> Line<'static> {
        Line::styled(text.into(), self.view.theme.style(role))
    }

    fn labelled(&self, label: &str, value: &str) -> Vec<Line<'static>> {
        self.view.labelled(label, value, self.room)
    }

    /// Adds a body with its heading, behind `bar` if one is given.
    fn body(&self, sheet: &mut Sheet, name: &str, part: Part, body: &CapturedBody, bar: Option<&'static str>) {
        let Detail { mode, folds, .. } = self.detail;
        sheet.head(body::heading(name, body, *mode), self.view.theme);
        let shown = body::Shown { mode: *mode, part, folds, bar, room: self.room, theme: self.view.theme };
        sheet.0.extend(body::entries(body, &shown));
    }

    /// Adds a link to the log rows that belong to the item.
    fn drill(&self, sheet: &mut Sheet, text: &str, drill: Drill) {
        sheet.link(self.styled(format!("→ {text}"), Role::Accent), Does::Drill(drill));
    }

    /// Adds an attempt as a line linked to its detail view.
    fn attempt(&self, sheet: &mut Sheet, row: &AttemptRow) {
        let theme = self.view.theme;
        let role = if row.outcome().is_success() { Role::Text } else { Role::Trouble };
        let result = super::super::panes::deliveries::result(row);
        let rest = format!(
            "{:>6} ms  {:>5}  {:<9}  {}",
            row.elapsed_ms,
            format!("{}/{}", row.number, row.of),
            row.kind.name(),
            row.event_type.sanitized()
        );
        let spans = vec![
            Span::styled(row.started_utc.format("%m-%d %H:%M:%S%.3f  "), theme.style(Role::Dim)),
            Span::styled(format!("{:<9} ", format::clip(&result, 9)), theme.style(role)),
            Span::styled(rest, theme.style(Role::Text)),
        ];
        sheet.link(Line::from(spans), Does::Open(Item::Attempt(row.id)));
    }
}

/// Lines of the detail view, at most `room` columns wide.
#[must_use]
pub fn sheet(app: &App, detail: &Detail, room: usize) -> Sheet {
    let mut sheet = Sheet::default();
    let Some(view) = app.view() else { return sheet };
    let scene = Scene { view, detail, room, charset: app.setting.look.charset };
    let known = view.details(detail.item, room);
    let is_known = known.is_some();
    match &detail.fetched {
        Fetched::Found(found) => match &**found {
            Found::Subscription(of) => subscription::fill(&scene, &mut sheet, known, of),
            Found::Attempt(of) => attempt::fill(&scene, &mut sheet, of),
            Found::Event(of) => event::fill(&scene, &mut sheet, of),
            Found::Key(of) => key::fill(&scene, &mut sheet, known, of),
            Found::Window(of) => window::fill(&scene, &mut sheet, known, of),
            Found::Nothing => sheet.add(known.unwrap_or_default()),
        },
        rest => {
            sheet.add(known.unwrap_or_default());
            match rest {
                Fetched::Waiting => sheet.none("loading the rest …", view.theme),
                Fetched::Failed(why) => {
                    let text = format!("could not load the rest: {why}");
                    sheet.add(format::flow(&text, room).into_iter().map(|line| scene.styled(line, Role::Trouble)));
                }
                _ if is_known => {}
                _ => sheet.none("No longer in the current data.", view.theme),
            }
        }
    }
    if matches!(detail.fetched, Fetched::NotNeeded)
        && let Some(drill) = app.drill_of(detail.item)
    {
        sheet.add([Line::default()]);
        scene.drill(&mut sheet, &format!("{} of {}", rows_of(drill), drill.name()), drill);
    }
    sheet
}

/// Plural noun for the rows of a drill-down.
const fn rows_of(drill: Drill) -> &'static str {
    match drill {
        Drill::Key(_) => "requests",
        Drill::Subscription(_) | Drill::Trip(..) | Drill::Event(_) => "attempts",
    }
}

/// Action of the line under the cursor, if it has one.
#[must_use]
pub fn does(app: &App, detail: &Detail) -> Option<Does> {
    let room = super::room(app.screen().body);
    sheet(app, detail, room).0.into_iter().nth(detail.at).and_then(|entry: Entry| entry.does)
}
