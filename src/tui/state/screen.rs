//! Layout of the screen for the present state: areas, and the panes in them.

use crate::tui::ids::{MainView, Pane};
use crate::tui::state::app::App;
use crate::tui::state::dashboard::DashboardPanes;
use crate::tui::widgets::layout;
use ratatui::layout::Rect;

/// Areas of the header, banner, body, alerts, status line and footer.
#[must_use]
pub fn screen_layout(app: &App) -> layout::ScreenLayout {
    let n_banners = u16::try_from(crate::tui::state::banner::lines(app).len()).unwrap_or(0);
    layout::screen(app.screen_size.area, app.screen_size.class, n_banners)
}

/// Panes whose lists are on the screen, with their areas.
#[must_use]
pub fn visible_panes(app: &App) -> Vec<(Pane, Rect)> {
    let body = screen_layout(app).body;
    match app.main_view {
        MainView::Overview => {
            layout::overview(body, app.screen_size.class, app.focus, DashboardPanes::on_screen(app).places).panes
        }
        MainView::Single => vec![(app.focus, layout::single(body, app.screen_size.class).0)],
    }
}
