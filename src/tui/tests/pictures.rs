//! Pictures of every screen at every size in every theme, kept as text and runs of looks.

use super::acts::answer;
use super::consult;
use super::fixture::{NOW, TestConsole, empty, overview, picture};
use super::matrix::ThemeMatrix;
use crate::domain::ids::SubscriptionId;
use crate::domain::secret::Secret;
use crate::tui::effect::Msg;
use crate::tui::effect::{BackgroundJob, Effect, JobResult};
use crate::tui::ids::RowId;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::issued_secret::IssuedSecret;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::secret_reveal::SecretReveal;
use crate::tui::widgets::theme::{CharacterSet, ConsoleAppearance, ThemeName};
use crate::wire::subscriptions::MissedEventsChoice;
use std::sync::Arc;
use std::time::Duration;

const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 36), (200, 60)];

/// Keeps a screen of each size in each theme.
pub(super) fn keep(name: &str, screen: impl Fn((u16, u16)) -> TestConsole) {
    let mut matrix = ThemeMatrix::default();
    for size in SIZES {
        matrix.add(screen(size));
    }
    insta::assert_snapshot!(name, matrix.told());
}

/// Opens what the keys open, and answers what is asked for it.
fn opened(size: (u16, u16), keys: &str) -> TestConsole {
    let mut bench = TestConsole::new(size.0, size.1);
    for key in keys.chars() {
        let effects = bench.press(&key.to_string());
        bench.answer_pages();
        for effect in effects {
            let Effect::StartJob(job) = effect else { continue };
            if let Some(finished) = answer(&bench, &job) {
                bench.tell(Msg::JobFinished(finished));
            }
        }
    }
    bench
}

#[test]
fn the_overview_and_each_pane() {
    for (key, name) in [
        ("1", "overview"),
        ("2", "keys"),
        ("3", "subscriptions"),
        ("4", "deliveries"),
        ("5", "events"),
        ("6", "limits"),
        ("7", "trips"),
        ("8", "requests"),
    ] {
        keep(name, |size| opened(size, key));
    }
}

#[test]
fn small_screens_say_what_they_can() {
    insta::assert_snapshot!("overview_40x10", TestConsole::new(40, 10).screen());
    let mut bench = TestConsole::new(31, 6);
    insta::assert_snapshot!("too_small_31x6", bench.screen());
    assert_eq!(bench.press("q"), [Effect::Leave]);
}

#[test]
fn layers() {
    for (keys, name) in [
        ("?", "help"),
        (":repl", "palette"),
        ("a", "alerts"),
        ("3/state:err stat:x", "filter"),
        ("3x", "menu"),
        ("3xj\n", "confirm"),
        ("3xjjj\n", "form_replay"),
        ("3xjjj\n\n12", "count"),
        ("K\tcrm\t \n", "confirm_key"),
        ("K", "form_key"),
        ("2xj\n", "form_limits"),
        ("r", "replays"),
        ("o", "operators"),
        ("C", "companies"),
        ("3c", "columns"),
        ("3mcalled them", "note"),
    ] {
        keep(name, |size| opened(size, keys));
    }
    keep("once", |size| {
        let mut bench = opened(size, "2");
        let text = "wlcro_live_92_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789_-aBcDe";
        let issued = IssuedSecret::new("key 7 of company 92".to_owned(), Secret::new(text.to_owned()));
        bench.app.overlays.push(Overlay::SecretReveal(SecretReveal::new(issued)));
        bench
    });
    keep("menu_read_only", |size| {
        let mut bench = TestConsole::with(size.0, size.1, ConsoleAccess::ReadOnly, ConsoleAppearance::default());
        bench.press("3x");
        bench
    });
}

const DETAILS: [(&str, &str); 7] = [
    ("2\n", "key"),
    ("3j\n", "subscription"),
    ("4jjj\n", "attempt"),
    ("5\n", "event"),
    ("6\n", "window"),
    ("7\n", "trip"),
    ("8jj\n", "request"),
];

#[test]
fn the_detail_of_each_thing() {
    for (keys, name) in DETAILS {
        keep(&format!("detail_{name}"), |size| opened(size, keys));
    }
}

#[test]
fn a_detail_says_that_the_rest_is_awaited_or_why_it_did_not_come() {
    let mut bench = TestConsole::new(100, 50);
    let item = RowId::Subscription(SubscriptionId(23));
    assert_eq!(bench.press("3j\n"), [Effect::StartJob(BackgroundJob::FetchDetail(item))]);
    let waiting = bench.screen();
    bench.tell(Msg::JobFinished(JobResult::DetailFetched(item, Err("cannot reach the platform".to_owned()))));
    insta::assert_snapshot!("detail_awaited_and_failed", format!("{waiting}\n\n{}", bench.screen()));
}

#[test]
fn bodies_are_shown_as_json_text_and_hex_and_fold() {
    let mut bench = opened((100, 50), "4jjj\nG");
    let mut screens = vec![bench.screen()];
    for keys in ["-G", "-vG", "vG"] {
        bench.press(keys);
        screens.push(bench.screen());
    }
    insta::assert_snapshot!("bodies", screens.join("\n\n"));
}

#[test]
fn an_empty_platform_says_what_would_be_here() {
    keep("empty", |size| {
        let mut bench = TestConsole::new(size.0, size.1);
        bench.show(empty());
        bench.press("z");
        bench.wait(5);
        bench
    });
}

#[test]
fn an_unreachable_platform_is_told_and_the_picture_stays() {
    keep("offline", |size| {
        let mut bench = TestConsole::new(size.0, size.1);
        let before = picture(overview());
        let why = "cannot reach http://127.0.0.1:41873: connection refused";
        let lost = before.after_failure(why.to_owned(), NOW.plus(Duration::from_secs(11)));
        bench.now = NOW.plus(Duration::from_secs(12));
        bench.tell(Msg::Snapshot(Arc::new(lost)));
        bench
    });
}

#[test]
fn every_byte_is_ascii_where_that_was_asked_for() {
    for (width, height) in [(40, 10), (60, 15), (80, 24), (120, 36), (200, 60)] {
        for keys in [
            "1", "2", "3", "4", "6", "7", "?", "a", "3xj\n", "2\n", "2jj\n", "3j\n", "4j\n", "6\n", "7\n", "K", "r",
            "2xj\n",
        ] {
            let mut bench = TestConsole::ascii(width, height);
            bench.press(keys);
            bench.answer_pages();
            let screen = bench.screen();
            assert!(screen.is_ascii(), "{keys} at {width}x{height}:\n{screen}");
        }
    }
    for (keys, name) in DETAILS {
        let mut bench = opened((120, 60), keys);
        bench.app.config.look.charset = CharacterSet::Ascii;
        assert!(bench.screen().is_ascii(), "{name}:\n{}", bench.screen());
    }
    insta::assert_snapshot!("ascii_120x36", TestConsole::ascii(120, 36).screen());
}

#[test]
fn no_screen_holds_a_control_character() {
    for theme in [ThemeName::Terminal, ThemeName::Mono, ThemeName::Light] {
        for keys in ["1", "2", "3", "3jjjjj\n", "2jj\n", "7\n"] {
            let mut bench = TestConsole::with(
                120,
                36,
                ConsoleAccess::Act,
                ConsoleAppearance { theme, ..ConsoleAppearance::default() },
            );
            bench.press(keys);
            assert!(!bench.screen().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}

#[test]
fn a_question_names_the_thing_and_the_effect() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3xjj\n");
    let screen = bench.screen();
    for words in ["Enable subscription 21 and replay", "hooks.acme.example/orders", "118 missed events", "n no"] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    let effects = bench.press("y");
    let act = crate::sync::platform_change::PlatformChange::Enable(SubscriptionId(21), MissedEventsChoice::Missed);
    assert_eq!(effects, [Effect::StartJob(BackgroundJob::Change(act))]);
}

type PrepareConsole = fn(&mut TestConsole);

#[test]
fn panes_9_and_0() {
    let pictures: [(&str, PrepareConsole); 7] = [
        ("diagnose", |bench| drop(bench.press("9"))),
        ("diagnose_report", consult::with_report),
        ("diagnose_runbook", |bench| consult::with_runbook(bench, 3)),
        ("diagnose_lab", consult::with_lab),
        ("ticket_form", |bench| drop(bench.press("3b2b0sent a test\tno delivery since noon\t\t "))),
        ("escalate", consult::with_bundle),
        ("escalate_asked", |bench| {
            consult::with_bundle(bench);
            bench.press("W");
        }),
    ];
    for (name, fill) in pictures {
        keep(name, |size| {
            let mut bench = TestConsole::new(size.0, size.1);
            fill(&mut bench);
            bench
        });
        for (width, height) in SIZES {
            let mut bench = TestConsole::ascii(width, height);
            fill(&mut bench);
            assert!(bench.screen().is_ascii(), "{name} at {width}x{height}:\n{}", bench.screen());
        }
    }
}
