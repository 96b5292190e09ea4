//! Screen layout: size classes, and the areas of the screen in each of them.

use crate::tui::ids::Pane;
use crate::tui::widgets::size_class::SizeClass;
use ratatui::layout::{Constraint, Layout, Rect};

/// Areas of the screen, from top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenLayout {
    /// First line, with identity and link state.
    pub header: Rect,
    /// Warning lines; empty when there is nothing to warn about.
    pub banner: Rect,
    /// Body, with panes and overlays.
    pub body: Rect,
    /// Alerts in one line; empty unless the class is normal.
    pub alerts: Rect,
    /// Status line, for messages and the reason of the selected row's status.
    pub status: Rect,
    /// Last line, with the keys that work.
    pub footer: Rect,
}

/// Splits the screen into header, banner, body, alerts, status line and footer.
#[must_use]
pub fn screen(area: Rect, class: SizeClass, n_banners: u16) -> ScreenLayout {
    let status = u16::from(class >= SizeClass::Small);
    let alerts = u16::from(class == SizeClass::Normal);
    let [header, banner, body, alerts, status, footer] = area.layout(&Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(n_banners),
        Constraint::Fill(1),
        Constraint::Length(alerts),
        Constraint::Length(status),
        Constraint::Length(1),
    ]));
    ScreenLayout { header, banner, body, alerts, status, footer }
}

/// Areas of the overview, within the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverviewLayout {
    /// Visible panes with their areas, in focus order.
    pub panes: Vec<(Pane, Rect)>,
    /// Area for the details of the selection.
    pub detail: Option<Rect>,
    /// Area for the summaries of hidden panes.
    pub strip: Option<Rect>,
    /// Area for the list of alerts.
    pub alerts: Option<Rect>,
}

/// Places of the dashboard, in the order of the focus: two rows of two and a wide one. An empty place gives its room to
/// the others.
pub type DashboardPlaces = [Option<Pane>; 5];

/// Splits the body for the overview, whose dashboard has panes in these places.
#[must_use]
pub fn overview(body: Rect, class: SizeClass, focus: Pane, places: DashboardPlaces) -> OverviewLayout {
    match class {
        SizeClass::Wide => {
            let [left, right] = body.layout(&Layout::horizontal([Constraint::Fill(2), Constraint::Fill(1)]));
            let [detail, alerts] = right.layout(&Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]));
            OverviewLayout { panes: dashboard(left, places), detail: Some(detail), strip: None, alerts: Some(alerts) }
        }
        SizeClass::Normal => OverviewLayout { panes: dashboard(body, places), detail: None, strip: None, alerts: None },
        SizeClass::Classic => {
            let [list, detail, strip] =
                body.layout(&Layout::vertical([Constraint::Fill(1), Constraint::Max(9), Constraint::Length(2)]));
            OverviewLayout { panes: vec![(focus, list)], detail: Some(detail), strip: Some(strip), alerts: None }
        }
        SizeClass::Small | SizeClass::Tiny | SizeClass::TooSmall => {
            OverviewLayout { panes: vec![(focus, body)], detail: None, strip: None, alerts: None }
        }
    }
}

fn dashboard(body: Rect, places: DashboardPlaces) -> Vec<(Pane, Rect)> {
    let [upper_left, upper_right, middle_left, middle_right, lower] = places;
    let rows = [(9, vec![upper_left, upper_right]), (7, vec![middle_left, middle_right]), (10, vec![lower])];
    let rows = rows.map(|(share, places)| (share, places.into_iter().flatten().collect::<Vec<Pane>>()));
    let rows: Vec<_> = rows.into_iter().filter(|(_, panes)| !panes.is_empty()).collect();
    let heights = Layout::vertical(rows.iter().map(|(share, _)| Constraint::Fill(*share))).split(body);
    let mut panes = Vec::new();
    for ((_, row), area) in rows.into_iter().zip(heights.iter()) {
        let widths = Layout::horizontal(row.iter().map(|_| Constraint::Fill(1))).split(*area);
        panes.extend(row.into_iter().zip(widths.iter().copied()));
    }
    panes
}

/// Splits the body for a single pane: the list, and on wide screens the details of the selection.
#[must_use]
pub fn single(body: Rect, class: SizeClass) -> (Rect, Option<Rect>) {
    if class != SizeClass::Wide {
        return (body, None);
    }
    let [list, detail] = body.layout(&Layout::horizontal([Constraint::Fill(2), Constraint::Fill(1)]));
    (list, Some(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_what_fits() {
        let class = |width, height| SizeClass::of(width, height, None);
        assert_eq!(class(200, 60), SizeClass::Wide);
        assert_eq!(class(200, 40), SizeClass::Normal);
        assert_eq!([class(110, 30), class(109, 30)], [SizeClass::Normal, SizeClass::Classic]);
        assert_eq!(
            [class(80, 24), class(60, 15), class(40, 8)],
            [SizeClass::Classic, SizeClass::Small, SizeClass::Tiny]
        );
        assert_eq!(class(31, 6), SizeClass::TooSmall);
    }

    #[test]
    fn growing_takes_some_columns_more_than_shrinking() {
        let class = |width, before| SizeClass::of(width, 40, Some(before));
        assert_eq!(class(112, SizeClass::Classic), SizeClass::Classic);
        assert_eq!(class(114, SizeClass::Classic), SizeClass::Normal);
        assert_eq!(class(80, SizeClass::Small), SizeClass::Classic);
        assert_eq!(class(40, SizeClass::TooSmall), SizeClass::Tiny);
        assert_eq!(class(112, SizeClass::Normal), SizeClass::Normal);
        assert_eq!(class(109, SizeClass::Normal), SizeClass::Classic);
    }
}
