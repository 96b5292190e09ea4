//! The console on a platform without a Portal, of which an observer knows what keys show: the panes of the dashboard,
//! the columns, and what sorting and filtering say about values that are never known.

use super::fixture::{TestConsole, empty, overview, picture};
use super::pictures::keep;
use crate::sync::snapshot::Snapshot;
use crate::tui::effect::Msg;
use crate::tui::ids::{MainView, Pane};
use crate::tui::keys::keymap::Keymap;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::config::{AppConfig, ConsoleAccess};
use crate::tui::state::dashboard::DashboardPanes;
use crate::tui::update;
use crate::tui::widgets::theme::ConsoleAppearance;
use crate::wire::coverage::{CoverageExtent, CoveredNoun, NounCoverage, PlatformCoverage};
use crate::wire::overview::PlatformOverview;
use crate::wire::page::CappedList;
use std::sync::Arc;

/// Coverage with keys alone: the noun, what no key shows of its rows, and the words.
const KEYED: [(CoveredNoun, CoverageExtent, &[&str], &str, &str); 7] = [
    (CoveredNoun::Keys, CoverageExtent::Partial, &["usage", "createdUtc"], "keys of this profile", "ask for others"),
    (CoveredNoun::Subscriptions, CoverageExtent::Partial, &["health"], "as last listed", "see the Admin Portal"),
    (
        CoveredNoun::Attempts,
        CoverageExtent::None,
        &["kind"],
        "a key cannot read the delivery log",
        "crow listen --forward URL records the deliveries that pass it",
    ),
    (CoveredNoun::Events, CoverageExtent::Partial, &["nDeliveries"], "events as polled", "crow reconcile compares"),
    (CoveredNoun::Limits, CoverageExtent::Partial, &[], "from headers", "the Admin Portal names the callers"),
    (CoveredNoun::Trips, CoverageExtent::Partial, &["causes", "nMissed"], "seen going off", "see the Admin Portal"),
    (CoveredNoun::Requests, CoverageExtent::Partial, &["address"], "calls that crow made", "crow relay records others"),
];

fn keyed_coverage() -> PlatformCoverage {
    let nouns = KEYED.map(|(noun, extent, unknown, reason, remedy)| NounCoverage {
        extent,
        reason: Some(reason.into()),
        remedy: Some(remedy.into()),
        unknown_members: unknown.iter().map(|member| (*member).to_owned()).collect(),
        ..NounCoverage::full(noun)
    });
    PlatformCoverage { nouns: nouns.to_vec(), source: None }
}

/// What an observer with a key alone knows of the platform.
fn keyed() -> PlatformOverview {
    let mut overview = overview();
    overview.keys.items.iter_mut().for_each(|row| (row.usage, row.created_utc) = (None, None));
    overview.subscriptions.items.iter_mut().for_each(|row| row.health = None);
    overview.trips.items.iter_mut().for_each(|row| (row.causes, row.n_missed) = (None, None));
    PlatformOverview {
        cursor: overview.cursor + 1,
        platform: None,
        pipeline: empty().pipeline,
        minutes: Vec::new(),
        attempts: CappedList::new(Vec::new(), 0, 0),
        coverage: Some(keyed_coverage()),
        ..overview
    }
}

fn keyed_console(size: (u16, u16), keys: &str) -> TestConsole {
    let mut bench = TestConsole::new(size.0, size.1);
    bench.shelf.n_attempts = 0;
    bench.show(keyed());
    bench.press(keys);
    bench.answer_pages();
    bench
}

#[test]
fn the_dashboard_of_a_key_alone_in_every_size() {
    keep("keyed_overview", |size| keyed_console(size, "1"));
}

#[test]
fn a_pane_that_gave_way_is_reached_by_its_number_and_says_why_it_is_empty() {
    for size in [(200, 60), (120, 36), (80, 24), (60, 15)] {
        let mut bench = keyed_console(size, "1");
        let panes = DashboardPanes::on_screen(&bench.app).panes();
        assert_eq!(panes, [Pane::Keys, Pane::Subscriptions, Pane::Limits, Pane::Trips, Pane::Events]);
        let mut seen = Vec::new();
        for _ in 0..panes.len() {
            seen.push(bench.app.focus);
            bench.press("\t");
        }
        assert!(panes.iter().all(|pane| seen.contains(pane)), "Tab walks what is there: {seen:?}");
        bench.press("4");
        assert_eq!((bench.app.main_view, bench.app.focus), (MainView::Single, Pane::Deliveries));
        let words = bench.screen().split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        for part in ["unknown here", "A key cannot read the delivery log;", "crow listen --forward URL"] {
            assert!(words.contains(part), "{size:?} {part}:\n{}", bench.screen());
        }
        assert!(!words.contains("loading"), "{}", bench.screen());
        bench.press("1");
        assert_eq!(
            (bench.app.main_view, bench.app.focus),
            (MainView::Overview, Pane::Events),
            "its place has the focus"
        );
        bench.answer_pages();
        if size.0 >= 80 {
            assert!(bench.screen().contains("5 Events"), "{}", bench.screen());
        }
    }
}

#[test]
fn the_dashboard_keeps_its_panes_until_the_coverage_is_known_and_then_changes_once() {
    let setting = AppConfig {
        identity: super::fixture::identity(),
        access: ConsoleAccess::Act,
        look: ConsoleAppearance::default(),
        keymap: Keymap::default(),
    };
    let now = super::fixture::NOW;
    let mut app = App::new(setting, now);
    update::update(&mut app, Msg::Resized(120, 36), now);
    app.focus = Pane::Deliveries;
    let panes = |app: &App| DashboardPanes::on_screen(app).panes();
    assert_eq!(panes(&app), Pane::DASHBOARD);
    update::update(&mut app, Msg::Snapshot(Arc::new(Snapshot::default())), now);
    assert_eq!((panes(&app), app.focus), (Pane::DASHBOARD.to_vec(), Pane::Deliveries), "nothing is known yet");
    update::update(&mut app, Msg::Snapshot(picture(keyed())), now);
    let chosen = panes(&app);
    assert_eq!((chosen[4], app.focus), (Pane::Events, Pane::Events));
    // The link may be lost: what was known of the coverage stays.
    let lost = Arc::new(picture(keyed()).after_failure("refused".to_owned(), now));
    update::update(&mut app, Msg::Snapshot(lost), now);
    assert_eq!(panes(&app), chosen);
    let mut received = keyed();
    received.coverage.as_mut().expect("it is there").nouns[2].extent = CoverageExtent::Partial;
    update::update(&mut app, Msg::Snapshot(picture(received)), now);
    assert_eq!((panes(&app), app.focus), (Pane::DASHBOARD.to_vec(), Pane::Subscriptions), "a delivery was received");
}

#[test]
fn columns_that_are_never_known_are_left_out_and_all_others_are_shown() {
    for pane in Pane::ALL {
        let key = &pane.title()[..1];
        // Wide enough for every column.
        let mut full = TestConsole::new(400, 60);
        full.press(key);
        full.answer_pages();
        let mut received = keyed();
        received.coverage.as_mut().expect("it is there").nouns[2].extent = CoverageExtent::Partial;
        received.attempts = overview().attempts;
        let mut part = TestConsole::new(400, 60);
        part.show(received);
        part.press(key);
        part.answer_pages();
        let unknown = part.app.view().map(|view| rows_of(pane).unknown_columns(&view)).expect("there is data");
        let head = |bench: &TestConsole| {
            let is_head =
                |line: &&str| rows_of(pane).columns().iter().take(2).all(|column| line.contains(column.title));
            bench.screen().lines().find(is_head).map(str::to_owned).unwrap_or_default()
        };
        let (full_head, head) = (head(&full), head(&part));
        let has = |head: &str, title: &str| head.contains(&format!(" {title} "));
        for column in rows_of(pane).columns() {
            assert!(has(&full_head, column.title), "{pane:?} {}: {full_head:?}", column.title);
            let is_unknown = unknown.contains(&column.title);
            assert_eq!(has(&head, column.title), !is_unknown, "{pane:?} {}: {head:?}", column.title);
            let covered = KEYED.iter().find(|of| of.0 == pane.noun()).expect("listed");
            assert_eq!(
                is_unknown,
                covered.2.contains(&column.member.split('.').next().unwrap_or_default()),
                "{pane:?} {}",
                column.title
            );
        }
    }
}

#[test]
fn a_sort_or_filter_by_what_is_never_known_says_so() {
    let mut bench = keyed_console((200, 60), "2/used>5");
    assert!(bench.screen().contains("used is never known here: keys of this profile"), "{}", bench.screen());
    bench.press("\n");
    assert!(bench.app.view_state.pane(Pane::Keys).filter.is_none() || !bench.app.overlays.is_empty(), "not kept");
    assert!(bench.screen().contains("used is never known here"), "{}", bench.screen());
    bench.press("\u{1b}");
    // Sorting leaves the field out, and one that an earlier session chose is named.
    for _ in 0..8 {
        bench.press("s");
        assert!(bench.app.view_state.pane(Pane::Keys).sort.is_none_or(|(field, _)| field.name() != "used"));
    }
    let used = crate::domain::query::field::Field::Used;
    bench.app.view_state.pane_mut(Pane::Keys).sort =
        Some((used, crate::tui::state::view_state::SortDirection::Descending));
    assert!(bench.screen().contains("by used, which is never known here"), "{}", bench.screen());
    let fields = rows_of(Pane::Keys).fields();
    let kept = crate::tui::state::view_state::PaneFilter::parse("used>5", fields).expect("it parses");
    bench.app.view_state.pane_mut(Pane::Keys).filter = kept;
    assert!(bench.screen().contains("No match: used is never known here"), "{}", bench.screen());
    // The list of columns names what is left out.
    let mut bench = keyed_console((120, 36), "2c");
    assert!(bench.screen().contains("RPM, never known here"), "{}", bench.screen());
    bench.press("jjjj\n");
    assert!(bench.screen().contains("RPM is never known here: keys of this profile"), "{}", bench.screen());
}
