//! Pictures of every screen at every class, kept as text.

use super::fixture::{Bench, NOW, empty, overview, picture};
use super::found::found;
use crate::api::subscriptions::ReplayChoice;
use crate::domain::ids::SubscriptionId;
use crate::tui::app::Msg;
use crate::tui::console::Access;
use crate::tui::effect::{Effect, Finished, Job};
use crate::tui::places::Item;
use crate::tui::theme::{Charset, Look, ThemeName};
use std::sync::Arc;
use std::time::Duration;

const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 36), (200, 60)];

fn keep(name: &str, (width, height): (u16, u16), bench: &Bench) {
    insta::assert_snapshot!(format!("{name}_{width}x{height}"), bench.screen());
}

#[test]
fn the_overview_and_each_pane_at_each_size() {
    for size in SIZES {
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
            let mut bench = Bench::new(size.0, size.1);
            bench.press(key);
            bench.answer_pages();
            keep(name, size, &bench);
        }
    }
}

#[test]
fn small_screens_say_what_they_can() {
    keep("overview", (40, 10), &Bench::new(40, 10));
    let mut bench = Bench::new(31, 6);
    keep("too_small", (31, 6), &bench);
    assert_eq!(bench.press("q"), [Effect::Leave]);
}

#[test]
fn layers() {
    for size in [(80, 24), (120, 36)] {
        for (keys, name) in [("?", "help"), ("a", "alerts"), ("3x", "menu"), ("3xj\n", "confirm")] {
            let mut bench = Bench::new(size.0, size.1);
            bench.press(keys);
            keep(name, size, &bench);
        }
    }
    let mut bench = Bench::with(80, 24, Access::ReadOnly, Look::default());
    bench.press("3x");
    keep("menu_read_only", (80, 24), &bench);
}

/// Opens what the keys open, and answers what is asked for it.
fn opened(size: (u16, u16), keys: &str) -> Bench {
    let mut bench = Bench::new(size.0, size.1);
    for key in keys.chars() {
        let effects = bench.press(&key.to_string());
        bench.answer_pages();
        for effect in effects {
            if let Effect::Perform(Job::Fetch(item)) = effect {
                bench.tell(Msg::Finished(Finished::Fetched(item, Ok(Box::new(found(item))))));
            }
        }
    }
    bench
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
fn the_detail_of_each_thing_at_each_size() {
    for size in SIZES {
        for (keys, name) in DETAILS {
            keep(&format!("detail_{name}"), size, &opened(size, keys));
        }
    }
}

#[test]
fn a_detail_says_that_the_rest_is_awaited_or_why_it_did_not_come() {
    let mut bench = Bench::new(100, 50);
    let item = Item::Subscription(SubscriptionId(23));
    assert_eq!(bench.press("3j\n"), [Effect::Perform(Job::Fetch(item))]);
    keep("subscription_waiting", (100, 50), &bench);
    bench.tell(Msg::Finished(Finished::Fetched(item, Err("cannot reach the platform".to_owned()))));
    keep("subscription_failed", (100, 50), &bench);
}

#[test]
fn bodies_are_shown_as_json_text_and_hex_and_fold() {
    let mut bench = opened((100, 50), "4jjj\nG");
    keep("attempt_json", (100, 50), &bench);
    bench.press("-G");
    keep("attempt_folded", (100, 50), &bench);
    bench.press("-vG");
    keep("attempt_text", (100, 50), &bench);
    bench.press("vG");
    keep("attempt_hex", (100, 50), &bench);
}

#[test]
fn an_empty_platform_says_what_would_be_here() {
    for size in [(80, 24), (120, 36)] {
        let mut bench = Bench::new(size.0, size.1);
        bench.show(empty());
        bench.press("z");
        bench.wait(5);
        keep("empty", size, &bench);
    }
}

#[test]
fn an_unreachable_platform_is_told_and_the_picture_stays() {
    for size in [(80, 24), (120, 36)] {
        let mut bench = Bench::new(size.0, size.1);
        let before = picture(overview());
        let why = "cannot reach http://127.0.0.1:41873: connection refused";
        let lost = before.after_failure(why.to_owned(), NOW.plus(Duration::from_secs(11)));
        bench.now = NOW.plus(Duration::from_secs(12));
        bench.tell(Msg::Picture(Arc::new(lost)));
        keep("offline", size, &bench);
    }
}

#[test]
fn every_byte_is_ascii_where_that_was_asked_for() {
    for (width, height) in [(40, 10), (60, 15), (80, 24), (120, 36), (200, 60)] {
        for keys in ["1", "2", "3", "4", "6", "7", "?", "a", "3xj\n", "2\n", "2jj\n", "3j\n", "4j\n", "6\n", "7\n"] {
            let mut bench = Bench::ascii(width, height);
            bench.press(keys);
            bench.answer_pages();
            let screen = bench.screen();
            assert!(screen.is_ascii(), "{keys} at {width}x{height}:\n{screen}");
        }
    }
    for (keys, name) in DETAILS {
        let mut bench = opened((120, 60), keys);
        bench.app.setting.look.charset = Charset::Ascii;
        assert!(bench.screen().is_ascii(), "{name}:\n{}", bench.screen());
    }
    keep("ascii", (120, 36), &Bench::ascii(120, 36));
}

#[test]
fn no_screen_holds_a_control_character() {
    for theme in [ThemeName::Terminal, ThemeName::Mono, ThemeName::Light] {
        for keys in ["1", "2", "3", "3jjjjj\n", "2jj\n", "7\n"] {
            let mut bench = Bench::with(120, 36, Access::Act, Look { theme, ..Look::default() });
            bench.press(keys);
            assert!(!bench.screen().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}

#[test]
fn a_question_names_the_thing_and_the_effect() {
    let mut bench = Bench::new(120, 36);
    bench.press("3xjj\n");
    let screen = bench.screen();
    for words in ["enable subscription 21 and replay", "hooks.acme.example/orders", "118 events", "n no"] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    let effects = bench.press("y");
    let act = crate::tui::effect::Act::Enable(SubscriptionId(21), ReplayChoice::Skipped);
    assert_eq!(effects, [Effect::Perform(Job::Act(act))]);
}
