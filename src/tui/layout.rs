//! Where things go: size classes by what fits, and the parts of the screen in each.

use super::panes::Pane;
use ratatui::layout::{Constraint, Layout, Rect};

/// What fits on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Less than 40×8: only a message.
    TooSmall,
    /// One list with its heading.
    Tiny,
    /// One list, framed.
    Small,
    /// One list, its detail below, the rest in a strip.
    Classic,
    /// Two columns.
    Normal,
    /// The dashboard, the detail of the selection and the alerts.
    Wide,
}

impl Class {
    /// All of them, smallest first, with the columns and lines that they need.
    const NEEDS: [(Self, u16, u16); 6] = [
        (Self::TooSmall, 0, 0),
        (Self::Tiny, 40, 8),
        (Self::Small, 56, 12),
        (Self::Classic, 76, 20),
        (Self::Normal, 110, 30),
        (Self::Wide, 180, 50),
    ];

    /// Columns beyond the need before a screen counts as larger than it was; so few that 80 are classic however one comes to them.
    const HYSTERESIS: u16 = 4;

    /// The class of a screen that had the class `before`, if there was one: growing takes a little more than shrinking.
    #[must_use]
    pub fn of(width: u16, height: u16, before: Option<Self>) -> Self {
        let fits = |extra: u16| {
            Self::NEEDS
                .into_iter()
                .filter(|(_, w, h)| width >= w + extra.min(*w) && height >= *h)
                .map(|(class, ..)| class)
                .next_back()
                .unwrap_or(Self::TooSmall)
        };
        let plain = fits(0);
        match before {
            Some(before) if before > Self::TooSmall && plain > before => fits(Self::HYSTERESIS).max(before),
            _ => plain,
        }
    }
}

/// The lines around the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// First line.
    pub header: Rect,
    /// Bad news; no lines if there is none.
    pub banner: Rect,
    /// Panes and layers.
    pub body: Rect,
    /// Alerts in one line; no lines where there is no room.
    pub alerts: Rect,
    /// Why the selection is not OK, or a notice.
    pub status: Rect,
    /// Last line.
    pub footer: Rect,
}

/// Cuts the screen.
#[must_use]
pub fn screen(area: Rect, class: Class, n_banners: u16) -> Screen {
    let status = u16::from(class >= Class::Small);
    let alerts = u16::from(class == Class::Normal);
    let [header, banner, body, alerts, status, footer] = area.layout(&Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(n_banners),
        Constraint::Fill(1),
        Constraint::Length(alerts),
        Constraint::Length(status),
        Constraint::Length(1),
    ]));
    Screen { header, banner, body, alerts, status, footer }
}

/// The parts of the overview: panes with their places, and where the rest goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Panes in full, in the order of the focus.
    pub panes: Vec<(Pane, Rect)>,
    /// The detail of the selection.
    pub detail: Option<Rect>,
    /// The panes that are not shown, in a line or two.
    pub strip: Option<Rect>,
    /// The list of alerts.
    pub alerts: Option<Rect>,
}

/// Cuts the body for the overview.
#[must_use]
pub fn overview(body: Rect, class: Class, focus: Pane) -> Overview {
    match class {
        Class::Wide => {
            let [left, right] = body.layout(&Layout::horizontal([Constraint::Fill(2), Constraint::Fill(1)]));
            let [detail, alerts] = right.layout(&Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]));
            Overview { panes: dashboard(left), detail: Some(detail), strip: None, alerts: Some(alerts) }
        }
        Class::Normal => Overview { panes: dashboard(body), detail: None, strip: None, alerts: None },
        Class::Classic => {
            let [list, detail, strip] =
                body.layout(&Layout::vertical([Constraint::Fill(1), Constraint::Max(9), Constraint::Length(2)]));
            Overview { panes: vec![(focus, list)], detail: Some(detail), strip: Some(strip), alerts: None }
        }
        Class::Small | Class::Tiny | Class::TooSmall => {
            Overview { panes: vec![(focus, body)], detail: None, strip: None, alerts: None }
        }
    }
}

fn dashboard(body: Rect) -> Vec<(Pane, Rect)> {
    let [upper, middle, lower] =
        body.layout(&Layout::vertical([Constraint::Fill(9), Constraint::Fill(7), Constraint::Fill(10)]));
    let columns = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]);
    let [keys, subscriptions] = upper.layout(&columns);
    let [limits, trips] = middle.layout(&columns);
    vec![
        (Pane::Keys, keys),
        (Pane::Subscriptions, subscriptions),
        (Pane::Limits, limits),
        (Pane::Trips, trips),
        (Pane::Deliveries, lower),
    ]
}

/// The parts of a screen with one pane: the list, and in wide ones the detail of the selection.
#[must_use]
pub fn single(body: Rect, class: Class) -> (Rect, Option<Rect>) {
    if class != Class::Wide {
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
        let class = |width, height| Class::of(width, height, None);
        assert_eq!(class(200, 60), Class::Wide);
        assert_eq!(class(200, 40), Class::Normal);
        assert_eq!([class(110, 30), class(109, 30)], [Class::Normal, Class::Classic]);
        assert_eq!([class(80, 24), class(60, 15), class(40, 8)], [Class::Classic, Class::Small, Class::Tiny]);
        assert_eq!(class(31, 6), Class::TooSmall);
    }

    #[test]
    fn growing_takes_some_columns_more_than_shrinking() {
        let class = |width, before| Class::of(width, 40, Some(before));
        assert_eq!(class(112, Class::Classic), Class::Classic);
        assert_eq!(class(114, Class::Classic), Class::Normal);
        assert_eq!(class(80, Class::Small), Class::Classic);
        assert_eq!(class(40, Class::TooSmall), Class::Tiny);
        assert_eq!(class(112, Class::Normal), Class::Normal);
        assert_eq!(class(109, Class::Normal), Class::Classic);
    }
}
