//! Filters, order, marks, palette, notes, bundle, copies: what a user arranges.

use super::fixture::{NOW, TestConsole, overview};
use crate::domain::ids::SubscriptionId;
use crate::sync::logs::LogPageRequest;
use crate::sync::platform_change::PlatformChange;
use crate::tui::effect::CopyOutcome;
use crate::tui::effect::Msg;
use crate::tui::effect::{BackgroundJob, Effect, JobResult};
use crate::tui::ids::Pane;
use crate::tui::ids::RowId;
use crate::tui::panes::rows_of;
use crate::tui::state::config::{ConsoleAccess, TargetEnvironment};
use crate::tui::state::overlays::Overlay;
use crate::tui::widgets::theme::ConsoleAppearance;
use crate::wire::subscriptions::MissedEventsChoice;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use std::time::Duration;

fn ids(bench: &TestConsole) -> Vec<i64> {
    let view = bench.app.view().expect("a picture");
    rows_of(bench.app.focus).order(&view).items.into_iter().map(RowId::number).collect()
}

fn control(bench: &mut TestConsole, character: char) -> Vec<Effect> {
    bench.tell(Msg::Key(KeyEvent::new(KeyCode::Char(character), KeyModifiers::CONTROL)))
}

#[test]
fn a_filter_sifts_as_one_types_says_so_in_the_title_and_escape_restores_what_was() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3/state:err,trp");
    assert_eq!(ids(&bench), [21, 23]);
    assert!(bench.screen().contains("2 of 7 rows"), "{}", bench.screen());
    bench.press("\n");
    assert!(bench.screen().contains("3 Subscriptions  / state:err,trp"), "{}", bench.screen());
    bench.press("/sub:23");
    assert_eq!(ids(&bench), [23]);
    bench.press("\u{1b}");
    assert_eq!(ids(&bench), [21, 23]);
    assert!(bench.app.overlays.is_empty());
    bench.press("/");
    control(&mut bench, 'u');
    bench.press("\n");
    assert_eq!(ids(&bench).len(), 7);
    bench.press("/target:nowhere\n");
    assert!(bench.screen().contains("No match in 7 rows"), "{}", bench.screen());
}

#[test]
fn a_fault_stands_under_its_character_and_the_rows_stay() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3/sub:23 stat:err");
    let screen = bench.screen();
    let lines: Vec<&str> = screen.lines().collect();
    let at = lines.iter().position(|line| line.contains("/ sub:23 stat:err")).expect("the line");
    let column = |line: &str, what: &str| line[..line.find(what).expect("it is there")].chars().count();
    assert_eq!(column(lines[at + 1], "^ unknown field stat"), column(lines[at], "stat:"), "{screen}");
    assert_eq!(ids(&bench), [23], "what could be read last holds");
    assert_eq!(bench.press("\n"), []);
    assert!(matches!(bench.app.overlays.last(), Some(Overlay::Filter(_))), "it is not kept");
    assert!(bench.screen().contains("Esc restores"));
}

#[test]
fn completion_is_taken_with_tab_and_knows_what_is_there() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3/str\t");
    assert!(bench.screen().contains("/ streak:"), "{}", bench.screen());
    control(&mut bench, 'u');
    bench.press("sub:");
    bench.code(KeyCode::Down);
    bench.press("\t\n");
    assert_eq!(ids(&bench), [23], "the second of the numbers that rows have");
    bench.press("2/na");
    bench.tell(Msg::Pasted("me:\u{1b}[31mzapier\r\n".to_owned()));
    assert!(bench.screen().contains("/ name:[31mzapier"), "{}", bench.screen());
}

#[test]
fn the_platform_is_asked_for_what_it_can_sift_when_a_filter_is_kept() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("4");
    bench.answer_pages();
    bench.press("/status:503 ms>5");
    assert!(bench.asked.is_empty(), "nothing is asked while one types");
    bench.press("\n");
    let Some(LogPageRequest::Attempts(query, _)) = bench.asked.last() else { panic!("a page is asked for") };
    assert_eq!((query.status, query.since), (Some(503), None));
    bench.press("tjj\n");
    let Some(LogPageRequest::Attempts(query, _)) = bench.asked.last() else { panic!("a page is asked for") };
    assert_eq!((query.status, query.since), (Some(503), Some(NOW.minus(Duration::from_secs(900)))));
    assert!(bench.screen().contains("4 Deliveries  / status:503 ms>5  last 15 m"), "{}", bench.screen());
}

#[test]
fn matches_trouble_and_warnings_are_gone_through_by_key() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3n");
    assert!(bench.screen().contains("no filter set"));
    bench.press("/company:92\nN");
    assert!(bench.screen().contains("match 7 of 7"), "round the beginning");
    bench.press("n");
    assert!(bench.screen().contains("match 1 of 7"));
    bench.press("e");
    assert_eq!(bench.app.selected(), Some(RowId::Subscription(SubscriptionId(23))));
    bench.press("w");
    assert_eq!(bench.app.selected(), Some(RowId::Subscription(SubscriptionId(24))));
    bench.press("w");
    assert!(bench.screen().contains("no warning below"));
    bench.press("E");
    assert_eq!(bench.app.selected(), Some(RowId::Subscription(SubscriptionId(23))));
}

#[test]
fn rows_are_sorted_by_fields_and_logs_are_not() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3");
    let as_they_come = ids(&bench);
    bench.press("sss");
    assert_eq!(ids(&bench), [26, 25, 24, 23, 21, 18, 17]);
    assert!(bench.screen().contains("by sub"), "{}", bench.screen());
    bench.press("S");
    assert_eq!(ids(&bench), [17, 18, 21, 23, 24, 25, 26]);
    bench.press(&"s".repeat(6));
    assert_eq!(ids(&bench), as_they_come);
    bench.press("4s");
    assert!(bench.screen().contains("logs are always in time order"));
}

#[test]
fn columns_can_be_left_out_but_not_those_that_say_what_is_wrong() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3c\n");
    assert!(bench.screen().contains("STATE cannot be hidden"), "{}", bench.screen());
    bench.press("j\n\u{1b}");
    let screen = bench.screen();
    let head = screen.lines().find(|line| line.contains("TARGET")).expect("the headings");
    assert!(head.contains("STATE") && !head.contains("ID "), "{head}");
}

#[test]
fn the_palette_finds_runs_and_remembers_and_says_why_not() {
    let mut bench = TestConsole::new(120, 36);
    bench.press(":thwin");
    assert!(matches!(bench.app.overlays.last(), Some(Overlay::Palette(_))));
    control(&mut bench, 'u');
    bench.press("time wind\n");
    assert!(matches!(bench.app.overlays.last(), Some(Overlay::Choice(_))), "{}", bench.screen());
    bench.press("\u{1b}");
    control(&mut bench, 'p');
    let screen = bench.screen();
    let first = screen.lines().find(|line| line.contains("time window")).expect("it is listed");
    assert!(first.contains("t  "), "its key is taught: {first}");
    assert_eq!(screen.lines().position(|line| line.contains("time window")), Some(3), "the last one first:\n{screen}");
    bench.press("diagnose\n");
    assert!(matches!(bench.app.overlays.last(), Some(Overlay::Diagnose)), "{}", bench.screen());
    bench.press("\u{1b}?quit asks\n");
    let mut bench = TestConsole::new(120, 36);
    assert_eq!(bench.press("?quit asks\n"), [], "the platform is in this process");
    assert_eq!(bench.press("y"), [Effect::Leave]);
}

#[test]
fn many_things_are_done_after_the_count_was_typed_one_after_the_other() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3jjjj v");
    bench.press("\u{1b}jj");
    bench.press("gjjj  ");
    assert_eq!(bench.app.view_state.marks.len(), 2);
    bench.press("xjjj\n");
    assert!(bench.screen().contains("Disable 2 subscriptions"), "{}", bench.screen());
    bench.press("they move\n");
    let screen = bench.screen();
    assert!(screen.contains("Type 2 and press Enter"), "{screen}");
    assert_eq!(bench.press("y\n"), []);
    assert!(bench.screen().contains("type 2 to confirm"));
    bench.code(KeyCode::Backspace);
    let acts = [25, 17].map(|id| PlatformChange::Disable(SubscriptionId(id), Some("they move".to_owned())));
    assert_eq!(bench.press("2\n"), [Effect::StartJob(BackgroundJob::Change(acts[0].clone()))]);
    assert!(bench.screen().contains("0 done, 0 failed, 2 left"), "{}", bench.screen());
    let next = bench.tell(Msg::JobFinished(JobResult::ChangeFinished(acts[0].clone(), Err("it said 503".to_owned()))));
    assert_eq!(next, [Effect::StartJob(BackgroundJob::Change(acts[1].clone()))]);
    assert_eq!(bench.tell(Msg::JobFinished(JobResult::ChangeFinished(acts[1].clone(), Ok("done".to_owned())))), []);
    let screen = bench.screen();
    assert!(screen.contains("1 done, 1 failed, 0 left") && screen.contains("it said 503"), "{screen}");
    assert_eq!(
        bench.press("r"),
        [Effect::StartJob(BackgroundJob::Change(acts[0].clone()))],
        "those that failed, alone"
    );
    assert_eq!(bench.press("\u{1b}"), []);
    assert!(bench.screen().contains("waiting for the action in progress"));
}

#[test]
fn a_run_that_is_stopped_begins_nothing_more() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3jjj   xjjj\n\n3\n");
    let first = PlatformChange::Disable(SubscriptionId(25), None);
    bench.press("\u{1b}");
    assert_eq!(bench.tell(Msg::JobFinished(JobResult::ChangeFinished(first, Ok("done".to_owned())))), []);
    assert!(bench.screen().contains("1 done, 0 failed, 0 left, 2 not started"), "{}", bench.screen());
    bench.press("\u{1b}");
    assert!(bench.app.overlays.is_empty());
}

#[test]
fn on_a_production_platform_one_thing_wants_its_count_too() {
    let mut bench = TestConsole::new(120, 36);
    bench.app.config.identity.environment = TargetEnvironment::Production;
    bench.press("3xjj\n");
    assert_eq!(bench.press("y"), []);
    bench.code(KeyCode::Backspace);
    let act = PlatformChange::Enable(SubscriptionId(21), MissedEventsChoice::Missed);
    assert_eq!(bench.press("1\n"), [Effect::StartJob(BackgroundJob::Change(act))]);
}

#[test]
fn copies_are_asked_for_in_five_forms_without_secrets() {
    let mut bench = TestConsole::new(120, 36);
    let copied = |bench: &mut TestConsole, keys: &str| match bench.press(keys).as_slice() {
        [Effect::Copy(text)] => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(copied(&mut bench, "3y\n"), "21");
    assert!(copied(&mut bench, "yj\n").starts_with("TRP\t21\thooks.acme.example/orders\t"));
    let json = copied(&mut bench, "yjj\n");
    assert!(serde_json::from_str::<serde_json::Value>(&json).expect("JSON")["id"] == 21, "{json}");
    assert_eq!(
        copied(&mut bench, "yjjj\n"),
        "curl -s 'http://127.0.0.1:41873/portal/v1/subscriptions/21' -H \"Authorization: Bearer $TOKEN\""
    );
    assert_eq!(copied(&mut bench, "yjjjj\n"), "http://127.0.0.1:41873/portal/v1/subscriptions/21");
    assert_eq!(copied(&mut bench, "  y\n"), "21\n23");
    bench.tell(Msg::JobFinished(JobResult::Copied(Ok(CopyOutcome::Unconfirmed(
        "5 bytes sent to the terminal".to_owned(),
    )))));
    assert!(bench.screen().contains("5 bytes sent to the terminal"));
}

#[test]
fn notes_are_shown_with_their_row_and_in_the_bundle() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3jjjjmcalled partner\n");
    bench.wait(5);
    assert!(bench.screen().contains("note: called partner"), "{}", bench.screen());
    bench.press("b");
    assert!(bench.screen().contains("subscription 17 added to the ticket (1 item)"), "{}", bench.screen());
    bench.press("B");
    let screen = bench.screen();
    assert!(screen.contains("subscription 17") && screen.contains("note: called partner"), "{screen}");
    bench.press("\u{1b}bB");
    assert!(bench.screen().contains("No items yet"));
    bench.press("\u{1b}~");
    assert!(bench.screen().contains("added to the ticket (1 item)"), "it remembers what it said");
}

#[test]
fn times_are_shown_as_ages_or_as_clock_times() {
    let mut bench = TestConsole::new(200, 60);
    bench.press("2");
    assert!(bench.screen().contains("97 d ago"));
    bench.press("T");
    let list = bench.screen().lines().take(10).collect::<String>();
    assert!(!list.contains("97 d ago") && list.contains("26-08-18"), "{}", bench.screen());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn escape_restores_the_filter_whatever_was_typed(
        before in prop_oneof![Just(String::new()), Just("state:err".to_owned()), Just("sub>20".to_owned())],
        typed in "[a-z:>=0-9\" !,]{0,20}",
    ) {
        let mut bench = TestConsole::new(100, 30);
        bench.press(&format!("3/{before}\n"));
        let (filter, rows) = (bench.app.view_state.pane(Pane::Subscriptions).filter.clone(), ids(&bench));
        bench.press("/");
        bench.press(&typed);
        bench.screen();
        bench.press("\u{1b}");
        prop_assert_eq!(&bench.app.view_state.pane(Pane::Subscriptions).filter, &filter);
        prop_assert_eq!(ids(&bench), rows);
        prop_assert!(bench.app.overlays.is_empty());
    }

    #[test]
    fn escape_takes_exactly_one_layer_and_never_leaves(keys in "[123467xa?:/yctmbB~ \nvsSpfk-]{0,14}", n in 1_usize..8) {
        let mut bench = TestConsole::with(100, 30, ConsoleAccess::ReadOnly, ConsoleAppearance::default());
        bench.press(&keys);
        for _ in 0..n {
            let before = bench.app.overlays.len();
            let effects = bench.press("\u{1b}");
            prop_assert!(effects.is_empty());
            prop_assert_eq!(bench.app.overlays.len(), before.saturating_sub(1));
        }
    }

    #[test]
    fn the_cursor_stays_with_its_id_whatever_the_order(
        moves in 0_usize..7, turns in 0_usize..7, sorts in 0_usize..9, seconds in 0_u64..6,
    ) {
        let mut bench = TestConsole::new(120, 36);
        bench.press(&format!("3{}{}", "s".repeat(sorts), "j".repeat(moves)));
        bench.press("kj");
        let held = bench.app.selected();
        bench.wait(seconds);
        let mut next = overview();
        next.cursor += 1;
        next.subscriptions.items.rotate_left(turns);
        bench.show(next);
        bench.wait(4);
        prop_assert_eq!(bench.app.selected(), held);
    }
}
