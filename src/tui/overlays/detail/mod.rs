//! Lines of the detail view of an item: data from the snapshot, and what was fetched for the item. Lines can have
//! actions, which Enter runs.

mod attempt;
mod context;
mod event;
mod key;
mod subscription;
mod window;

use crate::text;
use crate::tui::effect::FetchedDetail;
use crate::tui::ids::{DrillDown, RowId};
use crate::tui::overlays::detail::context::DetailContext;
use crate::tui::overlays::{frame, targets};
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::overlays::detail::{DetailFetchState, DetailView};
use crate::tui::state::screen;
use crate::tui::widgets::detail_lines::{DetailLine, DetailLines, LineAction};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use ratatui::text::Line;

/// Title of the detail view: kind and number of the item.
#[must_use]
pub fn title(detail: &DetailView) -> String {
    match detail.item {
        RowId::Window(id, bucket) => format!("Key {id}: {bucket} limit"),
        RowId::Event(id) => format!("Event {}", text::number(id.0)),
        item => {
            let (first, rest) = item.noun().split_at(1);
            format!("{}{rest} {}", first.to_uppercase(), item.number())
        }
    }
}

/// Lines of the detail view, at most `room` columns wide.
#[must_use]
pub fn detail_lines(app: &App, detail: &DetailView, room: usize) -> DetailLines {
    let mut sheet = DetailLines::default();
    let Some(view) = app.view() else { return sheet };
    let scene = DetailContext { view, detail, room, charset: app.config.look.charset };
    let known = rows_of(detail.item.pane()).details(&view, detail.item, room);
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
        && let Some(drill) = targets::drill_down_of(app, detail.item)
    {
        sheet.add([Line::default()]);
        scene.drill(&mut sheet, &format!("{} of {}", row_noun(drill), drill.name()), drill);
    }
    sheet
}

/// Plural noun for the rows of a drill-down.
const fn row_noun(drill: DrillDown) -> &'static str {
    match drill {
        DrillDown::Key(_) => "requests",
        DrillDown::Subscription(_) | DrillDown::Trip(..) | DrillDown::Event(_) => "attempts",
    }
}

/// Action of the line under the cursor, if it has one.
#[must_use]
pub fn line_action(app: &App, detail: &DetailView) -> Option<LineAction> {
    let room = frame::text_width(screen::screen_layout(app).body);
    detail_lines(app, detail, room).0.into_iter().nth(detail.cursor_line).and_then(|entry: DetailLine| entry.action)
}
