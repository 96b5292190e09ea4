//! Logs: paging both ways, following, freezing, searching.

use super::fixture::{TestConsole, overview};
use crate::domain::ids::AttemptId;
use crate::domain::ids::EventId;
use crate::sync::log_window::PageDirection;
use crate::sync::logs::LogPageRequest;
use crate::tui::effect::JobResult;
use crate::tui::effect::Msg;
use crate::tui::ids::Pane;
use crate::tui::ids::RowId;
use crate::tui::state::selection::FollowMode;

/// A picture that says that something changed.
fn change(bench: &mut TestConsole) {
    let mut next = overview();
    next.cursor = bench.app.snapshot.overview.as_ref().map_or(0, |overview| overview.cursor) + 1;
    bench.show(next);
}

#[test]
fn a_million_rows_are_reached_by_keys_and_two_thousand_are_held() {
    let mut bench = TestConsole::new(120, 36);
    bench.shelf.n_attempts = 1_000_000;
    bench.press("4");
    bench.answer_pages();
    assert_eq!(bench.app.selected(), Some(RowId::Attempt(AttemptId(1_000_000))));
    let mut before = 1_000_001;
    for _ in 0..6_000 {
        bench.press("j");
        bench.answer_pages();
        let Some(RowId::Attempt(AttemptId(id))) = bench.app.selected() else { panic!("an attempt is selected") };
        assert!(id < before, "rows come in order, none twice");
        before = id;
    }
    assert_eq!(before, 1_000_000 - 6_000);
    assert!(bench.app.logs.attempts.window.n_rows() <= 2_000);
    assert!(bench.screen().contains("1,039,000"), "{}", bench.screen());
    for _ in 0..6_000 {
        bench.press("k");
        bench.answer_pages();
    }
    assert_eq!(bench.app.selected(), Some(RowId::Attempt(AttemptId(1_000_000))));
}

#[test]
fn what_is_needed_next_is_asked_for_before_somebody_gets_there_and_once() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("5");
    assert!(matches!(&bench.asked[..], [LogPageRequest::Events(_, PageDirection::Newest)]));
    bench.press("jjj");
    assert_eq!(bench.asked.len(), 1, "what is under way is not asked for again");
    bench.answer_pages();
    assert_eq!(bench.app.logs.events.window.n_rows(), 200);
    bench.press("F");
    bench.press(&"j".repeat(99));
    assert!(bench.asked.is_empty());
    bench.press("j");
    assert!(matches!(&bench.asked[..], [LogPageRequest::Events(_, PageDirection::Older(_))]));
}

#[test]
fn the_newest_row_is_followed_and_a_moved_cursor_stays_with_its_row() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("5");
    bench.answer_pages();
    assert!(bench.screen().contains("follow ON"));
    bench.shelf.n_events += 3;
    change(&mut bench);
    bench.answer_pages();
    assert_eq!(bench.app.selected(), Some(RowId::Event(EventId(45_681))));
    bench.press("j");
    assert_eq!(bench.app.selections.follow_mode(Pane::Events), FollowMode::Nothing);
    bench.shelf.n_events += 500;
    change(&mut bench);
    bench.answer_pages();
    assert_eq!(bench.app.selected(), Some(RowId::Event(EventId(45_680))), "rows come, the cursor stays");
    bench.press("F");
    bench.answer_pages();
    assert_eq!(bench.app.selected(), Some(RowId::Event(EventId(46_181))));
    bench.shelf.n_events += 5_000;
    change(&mut bench);
    bench.answer_pages();
    assert_eq!(bench.app.selected(), Some(RowId::Event(EventId(51_181))), "a flood is skipped, not paged through");
}

#[test]
fn a_frozen_log_gets_no_newer_rows_but_goes_on_into_the_past() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("8");
    bench.answer_pages();
    bench.press("p");
    bench.shelf.n_requests += 10;
    change(&mut bench);
    assert!(bench.asked.is_empty());
    bench.press(&"j".repeat(150));
    assert!(matches!(&bench.asked[..], [LogPageRequest::Requests(_, PageDirection::Older(_))]));
    bench.answer_pages();
    assert_eq!(bench.app.selected(), Some(RowId::Request(8_850)));
    bench.press("pF");
    bench.answer_pages();
    assert_eq!(bench.app.selected(), Some(RowId::Request(9_010)));
}

#[test]
fn a_page_that_cannot_be_had_is_said_and_tried_again_on_a_key() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("8");
    let ask = bench.asked.pop().expect("a page");
    bench.tell(Msg::JobFinished(JobResult::LogPage(Box::new(ask), Err("cannot reach the platform".to_owned()))));
    assert!(bench.asked.is_empty(), "not over and over");
    assert!(bench.screen().contains("could not load: cannot reach the platform"));
    bench.press("j");
    assert_eq!(bench.asked.len(), 1);
}

#[test]
fn the_dashboard_needs_no_pages_and_a_followed_log_is_let_go() {
    let mut bench = TestConsole::new(120, 36);
    change(&mut bench);
    assert!(bench.asked.is_empty());
    bench.press("4");
    bench.answer_pages();
    assert!(bench.app.logs.attempts.window.has_pages());
    bench.press("1");
    assert!(!bench.app.logs.attempts.window.has_pages());
    bench.press("4");
    bench.answer_pages();
    bench.press("j1");
    assert!(bench.app.logs.attempts.window.has_pages(), "who went back in the log finds his place again");
}

#[test]
fn an_answer_to_an_old_question_is_ignored() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("4");
    let old = bench.asked.pop().expect("a page");
    let query = crate::wire::log::AttemptQuery { subscription: Some(23), ..Default::default() };
    bench.app.logs.attempts.set_query(query);
    let came = bench.shelf.page(&old);
    bench.tell(Msg::JobFinished(JobResult::LogPage(Box::new(old), Ok(Box::new(came)))));
    bench.answer_pages();
    let rows: Vec<_> = bench.app.logs.attempts.window.rows().collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.subscription_id.is_some_and(|id| id.0 == 23)));
}
