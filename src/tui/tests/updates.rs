//! Effects of keys, snapshots and results on the console.

use super::fixture::{NOW, TestConsole, empty, overview, picture};
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::sync::link::LinkState;
use crate::sync::platform_change::PlatformChange;
use crate::tui::effect::Msg;
use crate::tui::effect::{BackgroundJob, Effect, JobResult};
use crate::tui::ids::MainView;
use crate::tui::ids::Pane;
use crate::tui::ids::RowId;
use crate::tui::runtime::synchronized_backend::SynchronizedBackend;
use crate::tui::state::config::{ConsoleAccess, ConsoleMode};
use crate::tui::state::selection::FollowMode;
use crate::tui::update;
use crate::tui::view::draw::draw;
use crate::tui::widgets::theme::ConsoleAppearance;
use crate::wire::subscriptions::MissedEventsChoice;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::sync::Arc;
use std::time::Duration;

const FAILING: RowId = RowId::Subscription(SubscriptionId(23));

#[test]
fn the_selection_follows_its_id_and_a_neighbour_takes_over() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3j");
    assert_eq!(bench.app.selected(), Some(FAILING));
    let mut next = overview();
    next.cursor += 1;
    next.subscriptions.items.reverse();
    bench.show(next.clone());
    assert_eq!(bench.app.selected(), Some(FAILING));
    next.cursor += 1;
    next.subscriptions.items.retain(|row| row.subscription.id != SubscriptionId(23));
    bench.show(next);
    assert_ne!(bench.app.selected(), Some(FAILING));
    assert!(bench.app.selected().is_some());
    assert!(bench.screen().contains("the selected row is gone"));
}

#[test]
fn a_cursor_that_nobody_moved_rests_on_the_worst() {
    let mut bench = TestConsole::new(120, 36);
    let mut next = overview();
    let first = |overview: &crate::wire::overview::PlatformOverview| {
        RowId::Subscription(overview.subscriptions.items[0].subscription.id)
    };
    assert_eq!(bench.app.selected(), Some(first(&next)));
    next.cursor += 1;
    next.subscriptions.items.reverse();
    bench.show(next.clone());
    assert_eq!(bench.app.selected(), Some(first(&next)), "the new worst");
    bench.press("\n\u{1b}");
    let held = bench.app.selected();
    next.cursor += 1;
    next.subscriptions.items.reverse();
    bench.show(next);
    assert_eq!(bench.app.selected(), held, "who opened a row meant it");
}

#[test]
fn escape_goes_back_one_layer_and_never_quits() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3\nx\n?");
    assert_eq!(bench.app.overlays.len(), 3, "no help over a question");
    for n_layers in (0..3).rev() {
        assert_eq!(bench.press("\u{1b}"), []);
        assert_eq!(bench.app.overlays.len(), n_layers);
    }
    assert_eq!(bench.app.main_view, MainView::Single);
    assert_eq!(bench.press("\u{1b}"), []);
    assert_eq!(bench.app.main_view, MainView::Overview);
    assert_eq!(bench.press("\u{1b}"), []);
    assert!(bench.screen().contains("this is the top level"));
    assert_eq!(bench.press("?q"), []);
    assert_eq!(bench.press("\u{1b}"), []);
    assert_eq!(bench.press("q"), [], "the platform is in this process: it is asked first");
    assert_eq!(bench.press("y"), [Effect::Leave]);
}

#[test]
fn where_this_process_is_the_platform_quitting_says_what_stops_and_wants_a_yes() {
    let mut bench = TestConsole::new(120, 36);
    for no in ["n", "\n", "\u{1b}", "q"] {
        assert_eq!(bench.press(&format!("q{no}")), [], "{no:?}");
        assert!(bench.app.overlays.is_empty(), "{no:?}");
    }
    bench.press("q");
    let screen = bench.screen();
    let n: u64 =
        overview().subscriptions.items.iter().filter_map(|row| row.health.expect("its health").n_backlog).sum();
    let waiting = crate::text::several(n, "delivery waits", "deliveries wait");
    for said in ["Quit and stop the platform?", "http://127.0.0.1:41873", &waiting] {
        assert!(screen.contains(said), "{said}:\n{screen}");
    }
    assert_eq!(bench.press("y"), [Effect::Leave]);
    let mut bench = TestConsole::new(120, 36);
    let control =
        |bench: &mut TestConsole| bench.tell(Msg::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    bench.press("3\n?");
    assert_eq!(control(&mut bench), [], "once it asks");
    assert_eq!(control(&mut bench), [Effect::Leave], "twice it quits");
    let mut bench = TestConsole::new(120, 36);
    bench.app.config.identity.mode = ConsoleMode::Remote;
    assert_eq!(bench.press("q"), [Effect::Leave], "a platform elsewhere goes on");
}

#[test]
fn an_act_needs_its_question_answered_with_yes() {
    let mut bench = TestConsole::new(120, 36);
    for no in ["n", "\n", "\u{1b}", "q"] {
        assert_eq!(bench.press(&format!("3x\n{no}")), [], "{no:?}");
        assert!(bench.screen().contains("nothing was changed"));
        bench.press("\u{1b}");
    }
    assert_eq!(
        bench.press("3jx\ny"),
        [Effect::StartJob(BackgroundJob::Change(PlatformChange::SendTest(SubscriptionId(23))))]
    );
    bench.tell(Msg::JobFinished(JobResult::ChangeFinished(
        PlatformChange::SendTest(SubscriptionId(23)),
        Err("it said 500".to_owned()),
    )));
    bench.wait(60);
    assert!(bench.screen().contains("it said 500"), "trouble stays until a key");
    bench.press("j");
    assert!(!bench.screen().contains("it said 500"));
}

#[test]
fn a_test_comes_before_enabling_and_its_result_stands_in_the_question() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3xj\n");
    let screen = bench.screen();
    for said in ["Enable subscription 21", "t send a test first", "No recent test is loaded"] {
        assert!(screen.contains(said), "{said}:\n{screen}");
    }
    assert_eq!(
        bench.press("t"),
        [Effect::StartJob(BackgroundJob::Change(PlatformChange::SendTest(SubscriptionId(21))))]
    );
    let came = Err("subscription 21 answered the test with 503, after 40 ms".to_owned());
    bench.tell(Msg::JobFinished(JobResult::ChangeFinished(PlatformChange::SendTest(SubscriptionId(21)), came)));
    let screen = bench.screen();
    for said in ["Enable subscription 21", "Just now: subscription 21 answered the test"] {
        assert!(screen.contains(said), "{said}:\n{screen}");
    }
    assert!(!screen.contains("No recent test is loaded"), "{screen}");
    let enabled = bench.press("y");
    assert!(
        matches!(
            enabled.as_slice(),
            [Effect::StartJob(BackgroundJob::Change(PlatformChange::Enable(SubscriptionId(21), _)))]
        ),
        "{enabled:?}"
    );
    // Before other acts there is no such key.
    let mut bench = TestConsole::new(120, 36);
    bench.press("3x\n");
    assert!(!bench.screen().contains("t send a test first"));
    assert_eq!(bench.press("t"), []);
}

#[test]
fn help_says_that_quitting_asks_where_the_platform_stops_with_it() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("?quit");
    let screen = bench.screen();
    assert!(!screen.contains("quit at once") && screen.contains("quit; asks in standalone mode"), "{screen}");
}

#[test]
fn a_question_is_void_when_its_subscription_changed() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3xj\n");
    let mut next = overview();
    next.cursor += 1;
    next.subscriptions.items[0].subscription.is_enabled = true;
    bench.show(next);
    assert_eq!(bench.press("y"), []);
    assert!(bench.screen().contains("changed in the meantime"));
}

#[test]
fn a_trip_offers_the_acts_of_its_subscription() {
    let mut bench = TestConsole::new(120, 36);
    let enable = PlatformChange::Enable(SubscriptionId(21), MissedEventsChoice::Missed);
    assert_eq!(bench.press("7xjj\ny"), [Effect::StartJob(BackgroundJob::Change(enable))]);
}

#[test]
fn a_read_only_console_lists_acts_and_asks_for_none() {
    let mut bench = TestConsole::with(120, 36, ConsoleAccess::ReadOnly, ConsoleAppearance::default());
    assert_eq!(bench.press("3x\nyj\nyj\nyj\ny"), []);
    assert!(bench.screen().contains("read-only: start with --allow-actions"));
}

#[test]
fn no_key_is_silently_ignored() {
    let mut bench = TestConsole::new(120, 36);
    for (keys, said) in [
        ("n", "no filter set"),
        ("Z", "Z is not bound"),
        ("-", "is not available here"),
        ("8x", "nothing selected"),
        ("3F", "follow works in deliveries (4), events (5) and requests (8)"),
    ] {
        bench.press(keys);
        assert!(bench.screen().contains(said), "{keys}: {said}");
    }
    bench.wait(4);
    assert!(!bench.screen().contains("follow works in"), "a remark goes after four seconds");
}

#[test]
fn a_frozen_console_counts_pictures_and_shows_the_old_one() {
    let mut bench = TestConsole::new(120, 36);
    let before = bench.screen();
    bench.press("p");
    for cursor in 101..104 {
        bench.show(crate::wire::overview::PlatformOverview { cursor, ..empty() });
    }
    let frozen = bench.screen();
    assert!(frozen.contains("PAUSED") && frozen.contains("3 updates waiting"));
    assert!(frozen.contains("HubSpot Sync"));
    assert_eq!(before.lines().nth(5), frozen.lines().nth(5));
    bench.press("p");
    assert!(!bench.screen().contains("HubSpot Sync"));
}

#[test]
fn following_lets_go_on_any_movement_and_rows_then_stay() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("4");
    let newer = |n: i64| {
        let mut next = overview();
        next.cursor += n.unsigned_abs();
        for id in 0..n {
            next.attempts.items.insert(0, super::fixture::attempt(679 + id, 0, Some(200), None));
        }
        next
    };
    bench.show(newer(1));
    assert_eq!(bench.app.selected(), Some(RowId::Attempt(AttemptId(679))));
    bench.press("j");
    assert_eq!(bench.app.selections.follow_mode(Pane::Deliveries), FollowMode::Nothing);
    bench.show(newer(3));
    assert_eq!(bench.app.selected(), Some(RowId::Attempt(AttemptId(678))));
    bench.press("F");
    assert_eq!(bench.app.selected(), Some(RowId::Attempt(AttemptId(681))));
}

#[test]
fn a_lost_platform_keeps_its_picture_and_is_never_called_live() {
    let mut bench = TestConsole::new(120, 36);
    let lost = picture(overview()).after_failure("connection refused".to_owned(), NOW);
    assert!(matches!(lost.link, LinkState::Offline { .. }));
    bench.tell(Msg::Snapshot(Arc::new(lost)));
    let screen = bench.screen();
    assert!(screen.contains("OFFLINE") && screen.contains("connection refused") && screen.contains("HubSpot Sync"));
    assert!(screen.contains("as of 14:02:31?"));
    assert!(!screen.contains("LIVE "));
}

#[test]
fn nothing_is_live_before_it_was_heard() {
    let mut bench = TestConsole::new(120, 36);
    bench.app.snapshot = Arc::default();
    let screen = bench.screen();
    assert!(screen.contains("CONNECTING") && !screen.contains("LIVE") && !screen.contains("ALERT"));
}

#[test]
fn a_beat_without_news_and_a_quiet_minute_draw_nothing() {
    let mut bench = TestConsole::new(120, 36);
    let mut quiet = overview();
    quiet.limits.items.retain(|row| row.used == Some(0));
    quiet.subscriptions.items.retain(|row| row.health.expect("its health").next_due_utc.is_none());
    bench.show(quiet);
    bench.wait(120);
    let beat = Arc::new(bench.app.snapshot.after_heartbeat(bench.now));
    assert!(bench.app.shows_same_as(&beat));
    bench.tell(Msg::Snapshot(beat));
    let until = update::next_tick_at(&bench.app, bench.now);
    assert_eq!(until, bench.now.floor_to(60_000).plus(Duration::from_secs(60)));

    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 120, 36)) };
    let mut terminal = Terminal::with_options(SynchronizedBackend::new(Vec::new()), options).expect("a terminal");
    terminal.draw(|frame| draw(frame, &bench.app)).expect("a frame");
    let first = terminal.backend().out().len();
    assert!(first > 1_000);
    terminal.draw(|frame| draw(frame, &bench.app)).expect("a frame");
    assert_eq!(terminal.backend().out().len(), first);
}

#[test]
fn countdowns_tick_by_the_second_while_they_are_seen() {
    let mut bench = TestConsole::new(80, 24);
    bench.wait(120);
    assert_eq!(update::next_tick_at(&bench.app, bench.now).since(bench.now), Duration::from_millis(59_886 - 31_000));
    let mut due = overview();
    due.cursor += 1;
    due.server_utc = bench.now;
    due.subscriptions.items[1].health.as_mut().expect("its health").next_due_utc =
        Some(bench.now.plus(Duration::from_secs(90)));
    bench.press("3");
    bench.show(due);
    assert!(update::next_tick_at(&bench.app, bench.now).since(bench.now) <= Duration::from_secs(1));
}

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let codes = prop_oneof![
        8 => proptest::sample::select("1234567890hjklgGxypnqaFf?z \u{1b}".chars().map(KeyCode::Char).collect::<Vec<_>>()),
        4 => proptest::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down,
            KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Delete, KeyCode::F(5),
        ]),
    ];
    let modifiers = proptest::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::SHIFT,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
    ]);
    (codes, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_keys_at_any_size_break_it_or_act_without_a_yes(
        keys in proptest::collection::vec((any_key(), 0_u16..140, 0_u16..50), 1..40),
    ) {
        let mut bench = TestConsole::new(100, 30);
        for (position, (key, width, height)) in keys.into_iter().enumerate() {
            if position % 5 == 4 {
                bench.tell(Msg::Resized(width, height));
            }
            if position % 7 == 6 {
                let mut next = overview();
                next.cursor += position as u64;
                next.subscriptions.items.rotate_left(position % 7);
                next.attempts.items.truncate(position);
                bench.show(next);
            }
            let asked = bench.app.context() == crate::tui::keys::action::KeyContext::Confirm;
            let effects = bench.tell(Msg::Key(key));
            let acts = effects.iter().any(|effect| matches!(effect, Effect::StartJob(BackgroundJob::Change(_))));
            prop_assert!(!acts || (asked && key.code == KeyCode::Char('y')));
            if !bench.app.screen_size.area.is_empty() {
                bench.screen();
            }
        }
    }
}

#[test]
fn tab_walks_all_panes_and_back() {
    let mut bench = TestConsole::new(120, 36);
    let first = bench.app.focus;
    let mut seen = vec![first];
    for _ in 1..Pane::DASHBOARD.len() {
        bench.press("\t");
        assert!(!seen.contains(&bench.app.focus));
        seen.push(bench.app.focus);
    }
    bench.press("\t");
    assert_eq!(bench.app.focus, first);
}

#[test]
fn what_is_dangerous_about_the_platform_is_said_on_every_screen() {
    for (width, height) in [(40, 10), (60, 15), (80, 24), (120, 36), (200, 60)] {
        let mut bench = TestConsole::new(width, height);
        let mut next = overview();
        next.cursor += 1;
        next.platform.as_mut().expect("its state").private_targets = true;
        bench.show(next.clone());
        for keys in ["1", "4", "?", "\u{1b}a", "\u{1b}3\n"] {
            bench.press(keys);
            assert!(bench.screen().contains("PRIVATE TARGETS"), "{keys:?} at {width}x{height}");
        }
        next.cursor += 1;
        next.platform.as_mut().expect("its state").dispatch_paused = Some("no resolver\u{1b}[2J".to_owned());
        bench.show(next);
        let screen = bench.screen();
        assert!(screen.contains("DISPATCH PAUSED  no resolver\u{241b}[2J"), "{width}x{height}:\n{screen}");
    }
}

#[test]
fn a_detail_of_a_lost_platform_says_how_old_it_is() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("2\n");
    bench.tell(Msg::Snapshot(Arc::new(picture(overview()).after_failure("refused".to_owned(), NOW))));
    assert!(bench.screen().contains("as of 14:02:31?"));
}
