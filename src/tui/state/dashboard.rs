//! Panes of the dashboard, chosen from the coverage of the platform alone: a pane of which nothing is known gives its
//! place to one of which something is.

use crate::tui::ids::Pane;
use crate::tui::state::app::App;
use crate::tui::widgets::layout::DashboardPlaces;
use crate::wire::coverage::PlatformCoverage;

/// Panes that take the places of others, the first choice first.
const SUBSTITUTES: [Pane; 2] = [Pane::Events, Pane::Requests];

/// Places that get a substitute first, by their position in [`Pane::DASHBOARD`]: the wide one, then the one of the
/// subscriptions, then the others.
const PLACES_IN_NEED: [usize; 5] = [4, 1, 0, 2, 3];

/// Panes of the dashboard with their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DashboardPanes {
    /// Pane in each place of [`Pane::DASHBOARD`]; `None` for an empty place.
    pub places: DashboardPlaces,
}

impl DashboardPanes {
    /// Chooses the panes. Without coverage, or where nothing is known of any pane, all keep their places.
    #[must_use]
    pub fn of(coverage: Option<&PlatformCoverage>) -> Self {
        let all = Self { places: Pane::DASHBOARD.map(Some) };
        let Some(coverage) = coverage else { return all };
        let is_covered = |pane: &Pane| !coverage.is_uncovered(pane.noun());
        let mut substitutes = SUBSTITUTES.into_iter().filter(is_covered);
        let mut chosen = Self { places: Pane::DASHBOARD.map(|pane| Some(pane).filter(is_covered)) };
        for place in PLACES_IN_NEED {
            if chosen.places[place].is_none() {
                chosen.places[place] = substitutes.next();
            }
        }
        if chosen.panes().is_empty() { all } else { chosen }
    }

    /// Chooses the panes for what is on the screen.
    #[must_use]
    pub fn on_screen(app: &App) -> Self {
        let overview = app.visible_snapshot().overview.as_deref();
        Self::of(overview.and_then(|overview| overview.coverage.as_ref()))
    }

    /// Panes of the dashboard, in the order of the focus.
    #[must_use]
    pub fn panes(self) -> Vec<Pane> {
        self.places.into_iter().flatten().collect()
    }

    /// Pane that has the focus on the dashboard: this one if it is there, else the one in its place, else the
    /// subscriptions or the first pane.
    #[must_use]
    pub fn nearest(self, pane: Pane) -> Pane {
        let panes = self.panes();
        if panes.contains(&pane) {
            return pane;
        }
        let place = Pane::DASHBOARD.iter().position(|usual| *usual == pane);
        let substitute = place.and_then(|place| self.places[place]);
        let usual = Some(Pane::Subscriptions).filter(|usual| panes.contains(usual));
        substitute.or(usual).or(panes.first().copied()).unwrap_or(pane)
    }

    /// Pane that usually has the place of another, which gave way.
    #[must_use]
    pub fn replaced_by(self, pane: Pane) -> Option<Pane> {
        let place = self.places.iter().position(|chosen| *chosen == Some(pane))?;
        Pane::DASHBOARD.get(place).copied().filter(|usual| *usual != pane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::widgets::layout::overview;
    use crate::tui::widgets::size_class::SizeClass;
    use crate::wire::coverage::{CoverageExtent, NounCoverage};
    use ratatui::layout::Rect;

    fn coverage(extents: impl IntoIterator<Item = (Pane, CoverageExtent)>) -> PlatformCoverage {
        let nouns =
            extents.into_iter().map(|(pane, extent)| NounCoverage { extent, ..NounCoverage::full(pane.noun()) });
        PlatformCoverage { nouns: nouns.collect(), source: None }
    }

    /// Coverage of all panes in each of the three extents: 3^7 combinations.
    fn combinations() -> impl Iterator<Item = PlatformCoverage> {
        let extents = [CoverageExtent::Full, CoverageExtent::Partial, CoverageExtent::None];
        (0..3_usize.pow(7)).map(move |number| {
            let extent = |at: usize| extents[number / 3_usize.pow(u32::try_from(at).expect("small")) % 3];
            coverage(Pane::ALL.into_iter().enumerate().map(|(at, pane)| (pane, extent(at))))
        })
    }

    #[test]
    fn panes_without_coverage_give_way_and_the_others_keep_their_places() {
        for coverage in combinations() {
            let chosen = DashboardPanes::of(Some(&coverage));
            let is_covered = |pane: Pane| !coverage.is_uncovered(pane.noun());
            let panes = chosen.panes();
            if !Pane::ALL.into_iter().any(is_covered) {
                assert_eq!(panes, Pane::DASHBOARD, "nothing is known of any pane");
                continue;
            }
            assert!(panes.iter().copied().all(is_covered), "{coverage:?}: {panes:?}");
            for (usual, place) in Pane::DASHBOARD.into_iter().zip(chosen.places) {
                assert!(!is_covered(usual) || place == Some(usual), "{usual:?} loses its place: {coverage:?}");
            }
            // A place stays empty only when no substitute is left.
            let n_left = SUBSTITUTES.into_iter().filter(|pane| is_covered(*pane) && !panes.contains(pane)).count();
            assert!(n_left == 0 || panes.len() == 5, "{coverage:?}: {panes:?}");
            assert!(Pane::ALL.into_iter().all(|pane| panes.contains(&chosen.nearest(pane))));
        }
    }

    #[test]
    fn the_areas_of_every_combination_fill_the_body_at_every_size() {
        for coverage in combinations() {
            let chosen = DashboardPanes::of(Some(&coverage));
            for (width, height) in [(200, 60), (120, 36), (80, 24), (60, 15)] {
                let class = SizeClass::of(width, height, None);
                let body = Rect::new(0, 1, width, height - 4);
                let focus = chosen.nearest(Pane::Subscriptions);
                let parts = overview(body, class, focus, chosen.places);
                let shown: Vec<Pane> = parts.panes.iter().map(|(pane, _)| *pane).collect();
                let expected = if class >= SizeClass::Normal { chosen.panes() } else { vec![focus] };
                assert_eq!(shown, expected, "{width}x{height}");
                let areas = parts.panes.iter().map(|(_, area)| *area).chain(parts.detail).chain(parts.strip);
                let areas: Vec<Rect> = areas.chain(parts.alerts).collect();
                assert_eq!(
                    areas.iter().map(|area| area.area()).sum::<u32>(),
                    body.area(),
                    "{width}x{height}: {areas:?}"
                );
                assert!(areas.iter().all(|area| area.height >= 2 && body.intersection(*area) == *area), "{areas:?}");
                let apart = |(at, area): (usize, &Rect)| areas[at + 1..].iter().all(|other| !area.intersects(*other));
                assert!(areas.iter().enumerate().all(apart), "{areas:?}");
            }
        }
    }

    #[test]
    fn with_a_key_alone_events_take_the_place_of_deliveries() {
        let of = |nothing: &[Pane]| {
            let extent = |pane| if nothing.contains(&pane) { CoverageExtent::None } else { CoverageExtent::Partial };
            DashboardPanes::of(Some(&coverage(Pane::ALL.into_iter().map(|pane| (pane, extent(pane))))))
        };
        let usual = DashboardPanes::of(None);
        assert_eq!(usual.panes(), Pane::DASHBOARD, "before anything is known");
        assert_eq!(of(&[]), usual);
        let keyed = of(&[Pane::Deliveries]);
        assert_eq!(keyed.panes(), [Pane::Keys, Pane::Subscriptions, Pane::Limits, Pane::Trips, Pane::Events]);
        assert_eq!(
            (keyed.replaced_by(Pane::Events), keyed.nearest(Pane::Deliveries)),
            (Some(Pane::Deliveries), Pane::Events)
        );
        let without_subscriptions = of(&[Pane::Deliveries, Pane::Subscriptions, Pane::Trips]);
        assert_eq!(without_subscriptions.panes(), [Pane::Keys, Pane::Requests, Pane::Limits, Pane::Events]);
        assert_eq!(of(&[Pane::Deliveries, Pane::Events]).panes()[4], Pane::Requests);
    }
}
