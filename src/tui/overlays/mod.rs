//! Overlays above the main view: drawing of the stack, one file per kind of overlay, and the questions that actions ask
//! the state. The data of the overlays is in `tui::state::overlays`.

pub mod action_search;
pub mod admin_confirmations;
pub mod alerts;
pub mod async_list;
pub mod availability;
pub mod bulk;
pub mod choice;
pub mod companies;
pub mod confirm;
pub mod detail;
pub mod filter;
pub mod form;
pub mod frame;
pub mod item_actions;
pub mod leave;
pub mod menu;
pub mod note;
pub mod secret_reveal;
pub mod signature_input;
pub mod targets;
pub mod text_list;

use crate::tui::overlays::frame::{draw_scrolling, draw_with_cursor, text_width};
use crate::tui::panes::{diagnose, draw, escalate};
use crate::tui::state::app::App;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::detail::DetailView;
use crate::tui::state::screen;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Number of lines of the front overlay, or 0 if it does not scroll by lines.
#[must_use]
pub fn n_lines(app: &App) -> usize {
    let room = text_width(screen::screen_layout(app).body);
    match app.overlays.last() {
        Some(Overlay::TextList(sheet)) => text_list::lines(app, sheet.kind).len(),
        Some(Overlay::Detail(detail)) => detail::detail_lines(app, detail, room).0.len(),
        Some(Overlay::Diagnose) => diagnose::sheet(app, room).0.len(),
        Some(Overlay::Escalate) => escalate::lines(app, room).len(),
        _ => 0,
    }
}

/// Draws all overlays over `area`, the front one last. A confirmation or form replaces the menu that led to it.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    for (position, layer) in app.overlays.iter().enumerate() {
        match layer {
            Overlay::Menu(_) | Overlay::Form(_) if is_asked_about(app.overlays.get(position + 1)) => {}
            Overlay::Help(finder) | Overlay::Palette(finder) => action_search::draw(buffer, area, app, finder),
            Overlay::TextList(of) => {
                draw_scrolling(buffer, area, app, (of.kind.title(), None), &text_list::lines(app, of.kind), of.top);
            }
            // A detail view beneath an overlay that covers everything is not visible.
            Overlay::Detail(_) if app.overlays[position + 1..].iter().any(covers) => {}
            Overlay::Detail(detail) => draw_detail(buffer, area, app, detail, position),
            Overlay::Diagnose => {
                let (title, entries) = (diagnose::title(&app.diagnose), diagnose::sheet(app, text_width(area)).0);
                draw_with_cursor(buffer, area, app, (&title, None), entries, diagnose::cursor(&app.diagnose));
            }
            Overlay::Escalate => {
                let title = escalate::title(&app.escalate_state);
                draw_scrolling(
                    buffer,
                    area,
                    app,
                    (&title, None),
                    &escalate::lines(app, text_width(area)),
                    app.escalate_state.top,
                );
            }
            Overlay::Alerts(list) => alerts::draw(buffer, area, app, Some(list)),
            Overlay::Menu(menu) => menu::draw(buffer, area, app, menu),
            Overlay::Confirm(question) => confirm::draw(buffer, area, app, question),
            Overlay::TypedConfirm(count) => bulk::draw_count(buffer, area, app, count),
            Overlay::BulkRun(run) => bulk::draw_run(buffer, area, app, run),
            Overlay::Filter(line) => filter::draw(buffer, area, app, line),
            Overlay::Choice(choice) => choice::draw(buffer, area, app, *choice),
            Overlay::Companies(list) => companies::draw(buffer, area, app, list),
            Overlay::Note(note) => note::draw(buffer, area, app, note),
            Overlay::Form(form) => form::draw::draw(buffer, area, app, form),
            Overlay::Replays(list) => async_list::draw_replays(buffer, area, app, list),
            Overlay::Operators(list) => async_list::draw_operators(buffer, area, app, list),
            Overlay::SecretReveal(shown) => secret_reveal::draw(buffer, area, app, shown),
            Overlay::ConfirmQuit => leave::draw(buffer, area, app),
            Overlay::SignatureInput(line) => signature_input::draw(buffer, area, app, line),
        }
    }
}

/// Whether the overlay above replaces a menu or form.
const fn is_asked_about(next: Option<&Overlay>) -> bool {
    matches!(next, Some(Overlay::Confirm(_) | Overlay::TypedConfirm(_) | Overlay::Form(_)))
}

/// Whether an overlay hides everything beneath it.
const fn covers(layer: &Overlay) -> bool {
    matches!(
        layer,
        Overlay::Help(_)
            | Overlay::Alerts(_)
            | Overlay::Detail(_)
            | Overlay::TextList(_)
            | Overlay::Replays(_)
            | Overlay::Operators(_)
            | Overlay::Diagnose
            | Overlay::Escalate
    )
}

/// Draws a detail view with its cursor. The title names the detail views it was opened from.
fn draw_detail(buffer: &mut Buffer, area: Rect, app: &App, detail: &DetailView, position: usize) {
    let entries = detail::detail_lines(app, detail, text_width(area)).0;
    let titles = app.overlays[..=position].iter().filter_map(|layer| match layer {
        Overlay::Detail(detail) => Some(detail::title(detail)),
        _ => None,
    });
    let title = titles.collect::<Vec<_>>().join(" › ");
    draw_with_cursor(buffer, area, app, (&title, draw::age_mark(app)), entries, detail.cursor_line);
}
