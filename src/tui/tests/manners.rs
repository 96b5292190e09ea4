//! Behaviour of the console, one test per rule of `docs/internals/console.md`. Rules of the terminal itself, of hostile text and of life without a
//! terminal are tested with the real binary in `tests/it`.

use super::fixture::{NOW, TestConsole, empty, overview, picture};
use crate::clock::RuntimeEnv;
use crate::domain::ids::SubscriptionId;
use crate::domain::outbound::SecretGate;
use crate::sync::link::LinkState;
use crate::sync::platform_change::PlatformChange;
use crate::sync::snapshot::Snapshot;
use crate::tui::effect::CopyOutcome;
use crate::tui::effect::Msg;
use crate::tui::effect::{BackgroundJob, Effect, JobResult};
use crate::tui::ids::Pane;
use crate::tui::ids::RowId;
use crate::tui::keys::action::{CursorMotion, KeyAction};
use crate::tui::overlays::availability;
use crate::tui::panes::rows_of;
use crate::tui::runtime::state_file;
use crate::tui::runtime::state_file::{StateFile, StateKeeper};
use crate::tui::runtime::synchronized_backend::SynchronizedBackend;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::selection::FollowMode;
use crate::tui::state::view_state::WelcomeHint;
use crate::tui::update;

use crate::tui::view::draw::draw;
use crate::tui::view::footer;
use crate::tui::widgets::theme::ConsoleAppearance;
use crate::wire::alerts::AcknowledgementRow;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::sync::Arc;
use std::time::Duration;

fn next(change: impl FnOnce(&mut crate::wire::overview::PlatformOverview)) -> crate::wire::overview::PlatformOverview {
    let mut next = overview();
    next.cursor += 1;
    change(&mut next);
    next
}

fn ids(bench: &TestConsole) -> Vec<i64> {
    let view = bench.app.view().expect("a picture");
    rows_of(bench.app.focus).order(&view).items.into_iter().map(RowId::number).collect()
}

fn footer_of(bench: &TestConsole) -> String {
    bench.screen().lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_footer_shows_what_works_and_a_key_that_does_not_says_why_for_four_seconds() {
    for keys in ["1", "2", "3", "4", "6", "7", "3\n", "3x", "3xjj\n", "a", "y", "c", "t", "~", "3/", ":", "?", "m"] {
        for width in [60, 80, 120, 200] {
            let mut bench = TestConsole::new(width, 36);
            bench.press(keys);
            for piece in footer::pieces(&bench.app, width) {
                let binding = piece.bound.binding;
                assert_eq!(
                    availability::check_enabled_in(&bench.app, binding, bench.app.context()),
                    Ok(()),
                    "{} after {keys:?}",
                    binding.label
                );
            }
        }
    }
    let narrow = footer_of(&TestConsole::new(40, 10));
    assert!(narrow.contains("? help") && narrow.contains("q quit"), "the last to go: {narrow}");
    let mut bench = TestConsole::new(120, 36);
    for (keys, why) in [("n", "no filter set"), ("8x", "nothing selected"), ("N", "no filter set"), ("Z", "not bound")]
    {
        bench.press(keys);
        assert!(bench.screen().contains(why), "{keys}");
        bench.wait(3);
        assert!(bench.screen().contains(why), "{keys}");
        bench.wait(1);
        assert!(!bench.screen().contains(why), "{keys}");
    }
}

#[test]
fn the_header_is_honest_about_whose_it_is_and_how_old() {
    let mut bench = TestConsole::with(200, 60, ConsoleAccess::ReadOnly, ConsoleAppearance::default());
    bench.app.snapshot = Arc::default();
    let head = |bench: &TestConsole| bench.screen().lines().next().unwrap_or_default().to_owned();
    assert!(head(&bench).contains("CONNECTING") && !head(&bench).contains("LIVE"), "never live before a first success");
    bench.show(overview());
    for word in ["DEMO", "standalone", "READ-ONLY", "LIVE"] {
        assert!(head(&bench).contains(word), "{word}: {}", head(&bench));
    }
    let cared_for = AcknowledgementRow {
        subject: "subscription 23".to_owned(),
        state: "err".to_owned(),
        utc: bench.now,
        by: "dana".into(),
        note: Some("the partner\u{1b}[2J knows".into()),
    };
    assert!(head(&bench).contains("7 ALERTS"), "{}", head(&bench));
    bench.show(next(|overview| overview.acknowledgements = vec![cared_for].into()));
    assert!(head(&bench).contains("6 ALERTS  1 ACKNOWLEDGED"), "{}", head(&bench));
    bench.press("a");
    let screen = bench.screen();
    assert!(
        screen.contains("acknowledged by dana at 14:02 UTC: the partner") && !screen.contains('\u{1b}'),
        "{screen}"
    );
    bench.press("\u{1b}");
    for (silence, word) in [(2, "LAGGING"), (3, "STALE")] {
        let silent = bench.app.snapshot.after_silence(Duration::from_secs(silence));
        bench.tell(Msg::Snapshot(Arc::new(silent)));
        assert!(head(&bench).contains(word) && !head(&bench).contains("LIVE"), "{}", head(&bench));
    }
    assert!(bench.screen().contains("as of 14:02:31?"), "stale values stay, with a mark");
    let lost = bench.app.snapshot.after_failure("refused".to_owned(), bench.now);
    assert!(matches!(lost.link, LinkState::Offline { .. }));
    bench.tell(Msg::Snapshot(Arc::new(lost)));
    assert!(head(&bench).contains("OFFLINE") && bench.screen().contains("retry in 1 s"), "{}", bench.screen());
    bench.press("p");
    assert!(head(&bench).contains("PAUSED"));
}

#[test]
fn the_cursor_stays_with_its_thing_and_the_order_is_held_while_it_moves() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3j");
    let (held, order) = (bench.app.selected(), ids(&bench));
    bench.show(next(|next| next.subscriptions.items.reverse()));
    assert_eq!(
        (bench.app.selected(), ids(&bench)),
        (held, order.clone()),
        "the operator moves the cursor: the order is held"
    );
    assert!(bench.screen().contains("order held"), "{}", bench.screen());
    assert!(update::next_tick_at(&bench.app, bench.now).since(bench.now) <= Duration::from_secs(3));
    bench.wait(3);
    assert_ne!(ids(&bench), order, "three seconds at most");
    assert_eq!(bench.app.selected(), held);
    bench.press(" ");
    let order = ids(&bench);
    bench.show(next(|_| ()));
    assert_eq!(ids(&bench), order, "rows are marked: the order is held");
    bench.wait(4);
    bench.press("\u{1b}");
    bench.app.focus = Pane::Subscriptions;
    let Some(RowId::Subscription(gone)) = bench.app.selected() else { panic!("a subscription is selected") };
    bench.show(next(|next| next.subscriptions.items.retain(|row| row.subscription.id != gone)));
    assert!(bench.app.selected().is_some() && bench.screen().contains("its neighbour is selected"));
    let mut bench = TestConsole::new(120, 36);
    bench.press("3xj\n");
    bench.show(next(|next| next.subscriptions.items[0].subscription.is_enabled = true));
    assert_eq!(bench.press("y"), [], "what was asked about is looked at again");
}

#[test]
fn freezing_stops_all_panes_at_one_instant_and_following_lets_go_on_a_move() {
    let mut bench = TestConsole::new(200, 60);
    let before = bench.screen();
    bench.press("p");
    for cursor in 101..104 {
        bench.show(crate::wire::overview::PlatformOverview { cursor, ..empty() });
    }
    let frozen = bench.screen();
    assert!(frozen.contains("PAUSED") && frozen.contains("3 updates waiting"));
    for line in [5, 20, 40] {
        assert_eq!(before.lines().nth(line), frozen.lines().nth(line));
    }
    bench.press("p");
    assert!(!bench.screen().contains("PAUSED") && !bench.screen().contains("HubSpot Sync"));
    let mut bench = TestConsole::new(120, 36);
    bench.press("4");
    assert_eq!(bench.app.selections.follow_mode(Pane::Deliveries), FollowMode::Newest);
    bench.press("jk");
    assert_eq!(bench.app.selections.follow_mode(Pane::Deliveries), FollowMode::Nothing);
}

#[test]
fn whatever_is_capped_says_x_of_y() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3");
    assert!(bench.screen().contains("7 of 12 shown"));
    bench.press("/state:err");
    assert!(bench.screen().contains("1 of 7 rows"), "{}", bench.screen());
    bench.press("\u{1b}?");
    assert!(bench.screen().contains(" of "), "help says how many actions it lists");
    bench.press("\u{1b}1");
    bench.tell(Msg::Resized(60, 15));
    bench.press("3\n");
    assert!(bench.screen().contains("lines 1-"), "{}", bench.screen());
}

#[test]
fn a_row_that_is_not_ok_says_why_in_one_line() {
    let mut bench = TestConsole::new(120, 36);
    let status = |bench: &TestConsole| bench.screen().lines().rev().nth(1).unwrap_or_default().to_owned();
    bench.press("3j");
    bench.wait(5);
    assert!(status(&bench).contains("ERR api.globex.example/in: 15"), "{}", status(&bench));
    bench.press("6");
    bench.wait(5);
    assert!(status(&bench).contains("Zapier Production read"), "{}", status(&bench));
    bench.press("3jjjj");
    bench.wait(5);
    assert_eq!(status(&bench), "", "who is well says nothing");
}

#[test]
fn nothing_outward_happens_on_one_key_and_read_only_lists_but_does_nothing() {
    for pane in ["1", "2", "3", "4", "5", "6", "7", "8", "3\n", "3x", "7x", "a", "y", "c", "t", ":", "?", "/"] {
        for key in ' '..='~' {
            let mut bench = TestConsole::new(120, 36);
            bench.press(pane);
            let effects = bench.press(&key.to_string());
            let acts = effects.iter().any(|effect| matches!(effect, Effect::StartJob(BackgroundJob::Change(_))));
            assert!(!acts, "{key} after {pane}");
        }
    }
    let mut bench = TestConsole::new(120, 36);
    assert_eq!(bench.press("3x\n\n"), [], "the default is no");
    assert_eq!(
        bench.press("\ny"),
        [Effect::StartJob(BackgroundJob::Change(PlatformChange::SendTest(SubscriptionId(21))))]
    );
    let mut bench = TestConsole::with(120, 36, ConsoleAccess::ReadOnly, ConsoleAppearance::default());
    assert_eq!(bench.press("3x\nyj\nyj\nyj\ny"), []);
    assert!(bench.screen().contains("read-only"));
    // Many: the count is typed, and progress can be stopped; more in the tests of the desk.
    let mut bench = TestConsole::new(120, 36);
    bench.press("3jjj  xjjj\n\n");
    assert!(matches!(bench.app.overlays.last(), Some(Overlay::TypedConfirm(_))), "{}", bench.screen());
}

#[test]
fn sixty_quiet_seconds_write_nothing() {
    let mut bench = TestConsole::new(120, 36);
    bench.show(next(|quiet| {
        quiet.limits.items.retain(|row| row.used == Some(0));
        quiet.subscriptions.items.retain(|row| row.health.expect("its health").next_due_utc.is_none());
    }));
    bench.wait(120);
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 120, 36)) };
    let mut terminal = Terminal::with_options(SynchronizedBackend::new(Vec::new()), options).expect("a terminal");
    terminal.draw(|frame| draw(frame, &bench.app)).expect("a frame");
    let written = terminal.backend().out().len();
    let end = bench.now.plus(Duration::from_secs(60));
    let mut n_woken = 0;
    while bench.now < end {
        // Once a second the platform says that nothing changed; in between the loop wakes only when it must.
        let beat = Arc::new(bench.app.snapshot.after_heartbeat(bench.now));
        assert!(bench.app.shows_same_as(&beat), "a beat is no news");
        bench.tell(Msg::Snapshot(beat));
        let wakes = update::next_tick_at(&bench.app, bench.now);
        if wakes < bench.now.plus(Duration::from_secs(1)) {
            n_woken += 1;
            bench.tell(Msg::Tick);
        }
        bench.now = bench.now.plus(Duration::from_secs(1));
    }
    assert!(n_woken <= 1, "the clock of ages turns once a minute");
    let silent = terminal.backend().out().len();
    assert_eq!(silent, written);
    terminal.draw(|frame| draw(frame, &bench.app)).expect("a frame");
    let turned = terminal.backend().out().len() - written;
    assert!(turned < 2_000, "a minute later ages have grown, and nothing else is written: {turned} bytes");
    // The minute's turn begins new windows; unused windows are not shown, so nothing changes.
    let mut overview = bench.app.snapshot.overview.as_deref().expect("an overview").clone();
    for row in &mut overview.limits.items {
        row.window_utc = row.window_utc.plus(Duration::from_secs(60));
        row.reset_utc = row.reset_utc.plus(Duration::from_secs(60));
    }
    assert!(!overview.limits.items.is_empty());
    let after = bench.app.snapshot.after_overview(overview.clone(), bench.now);
    assert_eq!(after.changed_at, bench.app.snapshot.changed_at);
    overview.limits.items[0].used = overview.limits.items[0].used.map(|used| used + 1);
    assert_eq!(bench.app.snapshot.after_overview(overview, bench.now).changed_at, Some(bench.now));
}

#[test]
fn a_copy_says_where_it_went_and_claims_no_more() {
    let mut bench = TestConsole::new(120, 36);
    let effects = bench.press("3y\n");
    assert_eq!(effects, [Effect::Copy("21".to_owned())]);
    assert!(!bench.screen().contains("copied"), "nothing is claimed before it was sent");
    bench.tell(Msg::JobFinished(JobResult::Copied(Err("could not copy: the terminal is gone".to_owned()))));
    assert!(bench.screen().contains("could not copy"));
}

#[test]
fn the_mouse_does_what_keys_do_and_paste_goes_only_into_lines() {
    let mut bench = TestConsole::new(120, 36);
    bench.tell(Msg::Pasted("q\ny\n".to_owned()));
    assert!(bench.app.overlays.is_empty() && bench.screen().contains("paste works in text fields only"));
    bench.press("/");
    bench.tell(Msg::Pasted("state:err\n".to_owned()));
    assert!(bench.screen().contains("/ state:err"), "a line break keeps nothing: {}", bench.screen());
    bench.press("\u{1b}");
    let screen = bench.screen();
    let line = screen.lines().position(|line| line.contains("flaky")).expect("a row");
    let text = screen.lines().nth(line).expect("a line");
    let column = text[..text.find("flaky").expect("it is there")].chars().count();
    let place = |n: usize| u16::try_from(n).expect("small");
    bench.tell(Msg::Clicked(place(column), place(line)));
    assert_eq!(bench.app.selected(), Some(RowId::Subscription(SubscriptionId(24))));
    let keys = screen.lines().position(|line| line.contains("2 Keys")).expect("a pane");
    bench.tell(Msg::Clicked(4, place(keys)));
    assert_eq!(bench.app.focus, Pane::Keys);
    bench.tell(Msg::Scrolled(CursorMotion::Down));
    assert_eq!(bench.app.selections.of(Pane::Keys).row(), Some(1));
    let help = footer::pieces(&bench.app, 120).into_iter().find(|piece| piece.bound.binding.action == KeyAction::Help);
    let x = help.expect("help is in the footer").x;
    bench.tell(Msg::Clicked(x, 35));
    assert!(matches!(bench.app.overlays.last(), Some(Overlay::Help(_))));
}

#[tokio::test]
async fn arrangements_are_remembered() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut memory = StateFile(Some(dir.path().join("state/platform.json")));
    let ambient = RuntimeEnv::scripted(NOW, 1);
    let mut bench = TestConsole::new(120, 36);
    assert_eq!(memory.recall(&mut bench.app, &ambient).await, Ok(()));
    let keeper = StateKeeper::new(memory.clone(), &bench.app, NOW);
    bench.press("3/state:err,trp\nsc\u{1b}[");
    bench.press("cj\n\u{1b}mcalled them\nb:time wind\n\u{1b}T ");
    bench.tell(Msg::JobFinished(JobResult::Copied(Ok(CopyOutcome::Kept(String::new())))));
    let before = state_file::persisted_state(&bench.app);
    keeper.close(None, &mut bench.app, &ambient).await;

    let mut again = TestConsole::new(120, 36);
    assert_eq!(memory.recall(&mut again.app, &ambient).await, Ok(()));
    assert_eq!(state_file::persisted_state(&again.app), before);
    assert_eq!(again.app.view_state.welcome_hint, WelcomeHint::Seen);
    assert!(again.app.view_state.pane(Pane::Subscriptions).filter.is_some());
    assert_eq!(again.app.view_state.marks.len(), 1);
}

#[tokio::test]
async fn the_first_minute_has_a_hint_once_and_empty_panes_say_what_would_be_here() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut memory = StateFile(Some(dir.path().join("platform.json")));
    let ambient = RuntimeEnv::scripted(NOW, 1);
    let mut bench = TestConsole::new(120, 36);
    assert_eq!(memory.recall(&mut bench.app, &ambient).await, Ok(()));
    let screen = bench.screen();
    assert!(screen.contains("Welcome") && screen.contains("? lists keys"), "{screen}");
    bench.press("3");
    assert!(!bench.screen().contains("Welcome"));
    StateKeeper::new(memory.clone(), &bench.app, NOW).close(None, &mut bench.app, &ambient).await;
    let mut again = TestConsole::new(120, 36);
    assert_eq!(memory.recall(&mut again.app, &ambient).await, Ok(()));
    assert!(!again.screen().contains("Welcome"), "once");
    let mut bench = TestConsole::new(120, 36);
    bench.show(empty());
    for (key, what) in [("2", "No API keys yet"), ("3", "No webhook subscriptions yet"), ("7", "No trips.")] {
        bench.press(key);
        assert!(bench.screen().contains(what), "{}", bench.screen());
    }
}

#[test]
fn without_screens_changes_are_told_in_lines() {
    let bench = TestConsole::new(120, 36);
    let app = crate::tui::state::app::App::new(bench.app.config.clone(), NOW);
    let mut plain = crate::tui::runtime::line_mode::LineConsole::new(app, SecretGate::default());
    let mut lines = |picture: &Arc<Snapshot>| -> Vec<String> {
        plain.lines(picture, NOW).iter().map(|line| line.as_str().to_owned()).collect()
    };
    assert_eq!(lines(&Arc::default()), ["14:02:31 UTC  CONNECTING"]);
    let first = picture(overview());
    let said = lines(&first);
    assert_eq!(said[0], "14:02:31 UTC  LIVE");
    assert!(said.iter().any(|line| line.contains("Subscriptions: 3 of 12 with problems")), "{said:?}");
    assert!(said.iter().any(|line| line.contains("tripped: hooks.acme.example/orders: ")), "{said:?}");
    let dormant = said.iter().find(|line| line.contains("warning: HubSpot Sync")).expect("the dormant key");
    assert!(dormant.ends_with("since 2026-11-16 14:02 UTC"), "days ago has a date: {dormant}");
    assert!(said.iter().all(|line| !line.chars().any(char::is_control)), "{said:?}");
    assert_eq!(lines(&first), Vec::<String>::new(), "no news, no line");
    let well = next(|next| next.subscriptions.items.retain(|row| row.subscription.id != SubscriptionId(21)));
    let calm = Arc::new(Snapshot::default().after_overview(well, NOW));
    let said = lines(&calm);
    assert!(said.iter().any(|line| line.contains("resolved: hooks.acme.example/orders")), "{said:?}");
    let lost = Arc::new(calm.after_failure("refused".to_owned(), NOW));
    assert_eq!(lines(&lost), ["14:02:31 UTC  OFFLINE: refused"]);
}
