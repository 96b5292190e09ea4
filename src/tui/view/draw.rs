//! Drawing of the whole screen from the console's state, which is only read.

use crate::sync::link::LinkState;
use crate::tui::ids::MainView;
use crate::tui::keys::action::KeyAction;
use crate::tui::overlays;
use crate::tui::panes::data::PaneData;
use crate::tui::panes::{draw as pane_draw, rows_of};
use crate::tui::state::app::App;
use crate::tui::state::dashboard::DashboardPanes;
use crate::tui::state::screen;
use crate::tui::state::view_state::WelcomeHint;
use crate::tui::view::{banner, footer, header};
use crate::tui::widgets::paint::{self, FrameTitle};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::size_class::SizeClass;
use crate::tui::widgets::theme::{self, CharacterSet};
use crate::tui::widgets::{format, layout};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;
use ratatui::widgets::Widget as _;

/// Draws the console into a frame.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let buffer = frame.buffer_mut();
    buffer.set_style(buffer.area, app.theme().ground());
    // Between a change of size and the message about it, the state describes another screen.
    if app.screen_size.area == buffer.area {
        if app.screen_size.class == SizeClass::TooSmall { too_small(buffer, app) } else { screen(buffer, app) }
    }
    if app.config.look.charset == CharacterSet::Ascii {
        theme::flatten(buffer);
    }
}

fn too_small(buffer: &mut Buffer, app: &App) {
    let area = buffer.area;
    let text = format!("needs 40x8, have {}x{}", area.width, area.height);
    paint::text(buffer, area, (0, 0), &text, app.theme().style(StyleRole::Text));
    paint::text(buffer, area, (0, 1), "q quit", app.theme().style(StyleRole::Dim));
}

fn screen(buffer: &mut Buffer, app: &App) {
    let parts = screen::screen_layout(app);
    header::draw(buffer, parts.header, app);
    banner::draw(buffer, parts.banner, app);
    match app.view() {
        None => waiting(buffer, parts.body, app),
        Some(view) => {
            match app.main_view {
                MainView::Overview => overview(buffer, parts.body, app, &view),
                MainView::Single => single(buffer, parts.body, app, &view),
            }
            alert_line(buffer, parts.alerts, app);
            if pane_draw::age_mark(app).is_some() {
                buffer.set_style(parts.body, Style::new().add_modifier(Modifier::DIM));
            }
        }
    }
    if app.view_state.welcome_hint == WelcomeHint::Shown {
        hint(buffer, parts.body, app);
    }
    overlays::draw(buffer, parts.body, app);
    if app.screen_size.class > SizeClass::Tiny {
        footer::draw_status(buffer, parts.status, app);
    }
    footer::draw(buffer, parts.footer, app);
}

/// Draws the welcome hint in the lower right corner, where it covers the least.
fn hint(buffer: &mut Buffer, area: Rect, app: &App) {
    let key = |action| app.config.keymap.key(action);
    let lines = [
        format!("1-9 and 0 switch panes, {} opens, {} goes back.", key(KeyAction::Open), key(KeyAction::Back)),
        format!(
            "{} diagnoses, {} filters, {} finds actions, {} lists keys.",
            key(KeyAction::Playbooks),
            key(KeyAction::Filter),
            key(KeyAction::Palette),
            key(KeyAction::Help)
        ),
        "Nothing is sent without confirmation. Any key closes.".to_owned(),
    ];
    let wide = lines.iter().map(|line| paint::columns(line)).max().unwrap_or(0) + 4;
    let (width, height) = (wide.min(area.width), 5.min(area.height));
    let place = Rect { x: area.right() - width, y: area.bottom() - height, width, height };
    Clear.render(place, buffer);
    let title = FrameTitle { name: "Welcome", remark: "", edge: StyleRole::Accent };
    let inner = paint::frame(buffer, place, &title, app.theme());
    let style = app.theme().style(StyleRole::Text);
    let lines = lines.map(|line| Line::styled(format!(" {line}"), style));
    paint::lines(buffer, inner, &lines);
}

/// Draws the notice shown before the first snapshot.
fn waiting(buffer: &mut Buffer, area: Rect, app: &App) {
    let address = &app.config.identity.address;
    let text = match app.snapshot.link {
        LinkState::Offline { .. } | LinkState::Waiting { .. } => {
            format!("No data from {address} yet; see the line above.")
        }
        _ => format!("Connecting to {address} …"),
    };
    let room = usize::from(area.width.saturating_sub(2));
    let style = app.theme().style(StyleRole::Text);
    let lines: Vec<_> =
        format::wrap_words(&text, room).into_iter().map(|line| Line::styled(format!(" {line}"), style)).collect();
    paint::lines(buffer, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, &lines);
}

fn overview(buffer: &mut Buffer, body: Rect, app: &App, view: &PaneData<'_>) {
    let places = DashboardPanes::on_screen(app).places;
    let parts = layout::overview(body, app.screen_size.class, app.focus, places);
    for (pane, area) in parts.panes {
        pane_draw::draw(buffer, area, app, view, pane);
    }
    if let Some(area) = parts.detail {
        selection(buffer, area, app, view);
    }
    if let Some(area) = parts.strip {
        strip(buffer, area, app, view);
    }
    if let Some(area) = parts.alerts {
        overlays::alerts::draw(buffer, area, app, None);
    }
}

fn single(buffer: &mut Buffer, body: Rect, app: &App, view: &PaneData<'_>) {
    let (list, detail) = layout::single(body, app.screen_size.class);
    pane_draw::draw(buffer, list, app, view, app.focus);
    if let Some(area) = detail {
        selection(buffer, area, app, view);
    }
}

/// Draws the details of the selected item, as far as the snapshot has them.
fn selection(buffer: &mut Buffer, area: Rect, app: &App, view: &PaneData<'_>) {
    let title = FrameTitle { name: "Selection", remark: "Enter: all details", edge: StyleRole::Border };
    let inner = paint::frame(buffer, area, &title, view.theme);
    let inner = Rect { x: inner.x + 1.min(inner.width), width: inner.width.saturating_sub(2), ..inner };
    let lines = app.selected().and_then(|item| rows_of(item.pane()).details(view, item, usize::from(inner.width)));
    let nothing = || vec![Line::styled("nothing selected", view.theme.style(StyleRole::Dim))];
    paint::lines(buffer, inner, &lines.unwrap_or_else(nothing));
}

/// Draws a summary of each dashboard pane without the focus, as many per line as fit.
fn strip(buffer: &mut Buffer, area: Rect, app: &App, view: &PaneData<'_>) {
    let (mut x, mut y) = (1, 0);
    for pane in DashboardPanes::on_screen(app).panes().into_iter().filter(|pane| *pane != app.focus) {
        let (title, tally) = (pane.title(), rows_of(pane).summary(view).replace("   ", ", "));
        let wide = paint::columns(title) + 2 + paint::columns(&tally);
        if x > 1 && x + wide > area.width {
            (x, y) = (1, y + 1);
        }
        x = paint::text(buffer, area, (x, y), title, view.theme.style(StyleRole::Strong)) + 1;
        x = paint::text(buffer, area, (x, y), &tally, view.theme.style(StyleRole::Text)) + 3;
    }
}

/// Draws the alerts in one line, worst first, and how many more there are.
fn alert_line(buffer: &mut Buffer, area: Rect, app: &App) {
    let theme = app.theme();
    let alerts = app.visible_snapshot().alerts();
    if alerts.is_empty() {
        return paint::line(buffer, area, 0, &Line::styled(" Alerts: none", theme.style(StyleRole::Dim)));
    }
    let mut line = Line::from(Span::styled(" Alerts: ", theme.style(StyleRole::Dim)));
    let room = usize::from(area.width);
    for (at, alert) in alerts.iter().enumerate() {
        let age = format::age(app.shown_at().since(alert.since));
        let name = format::middle(&format::target(&alert.name), 24);
        let text = format!("{} {} {name} {age}   ", theme::mark(alert.standing), theme::status_code(alert.standing));
        if line.width() + format::width(&text) + 10 > room {
            line.push_span(Span::styled(format!("+{} more", alerts.len() - at), theme.style(StyleRole::Dim)));
            break;
        }
        let role = if alert.acknowledged.is_some() { StyleRole::Dim } else { StyleRole::Word(alert.standing) };
        line.push_span(Span::styled(text, theme.style(role)));
    }
    paint::line(buffer, area, 0, &line);
}
