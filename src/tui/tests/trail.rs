//! Going in to what belongs to a thing, back, and forward again; following the lines of details.

use super::fixture::TestConsole;
use super::found::found;
use crate::domain::ids::{AttemptId, EventId, SubscriptionId};
use crate::tui::effect::Msg;
use crate::tui::effect::{BackgroundJob, Effect, JobResult};
use crate::tui::ids::MainView;
use crate::tui::ids::Pane;
use crate::tui::ids::RowId;
use crate::tui::state::overlays::Overlay;

/// Presses keys and answers everything that is asked for.
fn go(bench: &mut TestConsole, keys: &str) {
    for key in keys.chars() {
        let effects = bench.press(&key.to_string());
        bench.answer_pages();
        for effect in effects {
            if let Effect::StartJob(BackgroundJob::FetchDetail(item)) = effect {
                bench.tell(Msg::JobFinished(JobResult::DetailFetched(item, Ok(Box::new(found(item))))));
            }
        }
    }
}

#[test]
fn a_subscription_leads_to_its_attempts_and_escape_leads_back() {
    let mut bench = TestConsole::new(120, 36);
    go(&mut bench, "3jd");
    assert_eq!((bench.app.main_view, bench.app.focus), (MainView::Single, Pane::Deliveries));
    let screen = bench.screen();
    assert!(screen.contains("4 Deliveries › subscription 23"), "{screen}");
    assert!(!screen.contains("crm.initech") && screen.contains("api.globex"), "{screen}");
    assert!(!screen.contains("in 1 h") && screen.contains("200 failed"), "the tally is that of the list:\n{screen}");
    go(&mut bench, "\u{1b}");
    assert_eq!((bench.app.main_view, bench.app.focus), (MainView::Single, Pane::Subscriptions));
    assert_eq!(bench.app.selected(), Some(RowId::Subscription(SubscriptionId(23))));
    go(&mut bench, "]");
    assert!(bench.screen().contains("4 Deliveries › subscription 23"));
    go(&mut bench, "4");
    assert!(
        bench.screen().contains("4 Deliveries ─") && bench.screen().contains("crm.initech"),
        "its own key shows all"
    );
}

#[test]
fn going_back_finds_the_row_that_was_left_however_deep_it_was() {
    let mut bench = TestConsole::new(120, 36);
    bench.shelf.n_attempts = 100_000;
    go(&mut bench, "4");
    go(&mut bench, &"j".repeat(700));
    let left = bench.app.selected();
    go(&mut bench, "d");
    assert!(bench.screen().contains("› event"), "{}", bench.screen());
    go(&mut bench, "[");
    assert_eq!(bench.app.selected(), left);
    let place = bench.app.selections.of(Pane::Deliveries).row();
    assert_eq!(place, Some(700));
}

#[test]
fn a_line_of_a_detail_opens_what_it_names_and_each_escape_closes_one() {
    let mut bench = TestConsole::new(120, 60);
    go(&mut bench, "5\n");
    let screen = bench.screen();
    let line = screen.lines().position(|line| line.contains("21  missed")).expect("a traced subscription");
    go(&mut bench, &"j".repeat(line - 2));
    go(&mut bench, "\n");
    assert_eq!(bench.app.overlays.len(), 2);
    assert!(bench.screen().contains("Event 45,678 › Subscription 21"), "{}", bench.screen());
    go(&mut bench, "\u{1b}");
    let Some(Overlay::Detail(detail)) = bench.app.overlays.last() else { panic!("the event again") };
    assert_eq!(
        (detail.item, detail.cursor_line),
        (RowId::Event(EventId(45_678)), line - 2),
        "on the line that was left"
    );
    go(&mut bench, "k\n");
    bench.press("\u{1b}");
    go(&mut bench, "\u{1b}");
    assert!(bench.app.overlays.is_empty());
}

#[test]
fn enter_says_where_a_line_leads_nowhere_and_folds_what_folds() {
    let mut bench = TestConsole::new(120, 60);
    go(&mut bench, "4\n");
    assert!(matches!(bench.app.selected(), Some(RowId::Attempt(AttemptId(678)))));
    go(&mut bench, "\n");
    assert!(bench.screen().contains("nothing to open on this line"));
    let before = bench.screen();
    let line = before.lines().position(|line| line.contains("\"payload\": {")).expect("the body");
    go(&mut bench, &"j".repeat(line - 2));
    go(&mut bench, "\n");
    assert!(bench.screen().contains("\"payload\": { … 2 lines … }"), "{}", bench.screen());
    go(&mut bench, "\n");
    assert!(bench.screen().contains("\"amount\": 10.50"));
}

#[test]
fn the_trail_says_where_it_ends() {
    let mut bench = TestConsole::new(120, 36);
    for (key, said) in [("[", "nothing to go back to"), ("]", "nothing to go forward to")] {
        bench.press(key);
        assert!(bench.screen().contains(said), "{}", bench.screen());
    }
}

#[test]
fn every_pane_is_one_key_away_from_a_detail_a_playbook_and_the_bundle_and_so_are_the_alerts() {
    for over in ["3\n", "9", "0\n", "3\nd9", "0\n9"] {
        for (key, pane) in [("3", Pane::Subscriptions), ("5", Pane::Events), ("8", Pane::Requests)] {
            let mut bench = TestConsole::new(120, 36);
            go(&mut bench, over);
            assert!(!bench.app.overlays.is_empty(), "{over} opens something");
            go(&mut bench, key);
            assert_eq!(
                (bench.app.overlays.len(), bench.app.main_view, bench.app.focus),
                (0, MainView::Single, pane),
                "{over}{key}"
            );
        }
        let mut bench = TestConsole::new(120, 36);
        go(&mut bench, over);
        go(&mut bench, "a");
        assert!(matches!(bench.app.overlays.last(), Some(Overlay::Alerts(_))), "{over}a");
        go(&mut bench, "\u{1b}1");
        assert_eq!((bench.app.overlays.len(), bench.app.main_view), (0, MainView::Overview), "{over}a, back, 1");
    }
}
