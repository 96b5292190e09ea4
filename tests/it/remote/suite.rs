//! The console's behaviour on a platform without a Portal: what does not need one works as everywhere, and what does says why not.

use super::{ALL, Console, POLLS, RuntimeEnv, START, StandIn, TempDir, post, until};
use crossterm::event::KeyCode;
use crow::tui::runtime::console::ExitReason;
use crow::tui::state::config::ConsoleAccess;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use std::time::Duration;

/// A console on a stand-in with some events.
struct Scene {
    console: Console,
    platform: StandIn,
    ambient: RuntimeEnv,
    _dir: TempDir,
}

impl Scene {
    async fn new(access: ConsoleAccess, size: (u16, u16)) -> Self {
        let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
        let platform = StandIn::start(&ambient).await;
        platform.allows(6_000);
        for id in 41..46 {
            platform.happens(id, if id == 43 { "payment.failed" } else { "lead.created" }, ambient.now());
        }
        let post = post(&platform.address, &[("Zapier", ALL), ("Poller", POLLS)], &ambient, dir.path());
        let console = Console::with_keys(&post, &ambient, access, size);
        let scene = Self { console, platform, ambient, _dir: dir };
        scene.shows(&["LIVE", "com/17"]).await;
        scene
    }

    async fn shows(&self, parts: &[&str]) {
        let seen = async {
            while !parts.iter().all(|part| self.console.shows(part)) {
                tokio::task::yield_now().await;
            }
        };
        let came = RuntimeEnv::real().timeout(Duration::from_secs(20), seen).await;
        assert!(came.is_some(), "{parts:?} is not on\n{}", self.console.text());
    }

    async fn lost(&self, part: &str) {
        until(&format!("{part} is gone"), async || !self.console.shows(part)).await;
    }

    async fn press(&self, keys: &str, parts: &[&str]) {
        self.console.press(keys);
        self.shows(parts).await;
    }

    fn back(&self) {
        self.console.code(KeyCode::Esc);
    }
}

#[tokio::test]
async fn the_console_works_without_a_portal() {
    let scene = Scene::new(ConsoleAccess::ReadOnly, (120, 36)).await;
    // 2: whose it is, what it may, how old.
    scene.shows(&["REMOTE", "READ-ONLY", "LIVE"]).await;
    // 1: a key that does not work here says why.
    scene.press("3N", &["no filter set"]).await;
    scene.press("r", &["Replays"]).await;
    scene.back();
    // 3: the cursor stays with its thing.
    scene.press("5", &["payment.failed", "45"]).await;
    scene.press("/type:payment.failed", &["1 of 5"]).await;
    scene.press("\n", &["43"]).await;
    scene.lost("  45").await;
    scene.press("/", &["/"]).await;
    scene.back();
    // 4: freezing.
    scene.press("p", &["PAUSED"]).await;
    scene.platform.happens(46, "lead.created", scene.ambient.now());
    scene.press("p", &["LIVE"]).await;
    // 6: a row that is not OK says why in one line.
    scene.platform.switch(17, false);
    scene.press("3g", &["cause unknown (breaker or by hand)"]).await;
    // 7: nothing is done where one may only look.
    let n_posts = scene.platform.calls(ALL).iter().filter(|(call, _)| call.starts_with("POST")).count();
    scene.press("x", &["read-only"]).await;
    scene.console.press("\ny");
    scene.back();
    scene.shows(&["Subscriptions"]).await;
    let after = scene.platform.calls(ALL).iter().filter(|(call, _)| call.starts_with("POST")).count();
    assert_eq!((scene.platform.n_tests(), after), (0, n_posts));
    // Alerts, help, the palette, companies, playbooks and the bundle.
    scene.press("a", &["Alerts", "cause unknown"]).await;
    scene.press("A", &["read-only"]).await;
    scene.back();
    scene.press("?acknow", &["Help", "acknowledge"]).await;
    scene.back();
    scene.press("C", &["Companies", "  92"]).await;
    scene.back();
    scene.press("9jj\n", &["key-not-working             no cause found"]).await;
    // Calls of others are not seen, so that nothing is said of their limits.
    scene.press("jjjjj\n", &["rate-limits"]).await;
    scene.lost("Rate limited (429)").await;
    scene.lost("running").await;
    let text = scene.console.text();
    assert!(
        ["checks unknown", "inconclusive", "no check was answered"].iter().any(|said| text.contains(said)),
        "{text}"
    );
    scene.back();
    assert_eq!(scene.console.quit().await, ExitReason::Quit);
}

#[tokio::test]
async fn changes_that_need_a_portal_are_refused_without_one() {
    let scene = Scene::new(ConsoleAccess::Act, (120, 36)).await;
    scene.press("3x", &["Send test", "Disable"]).await;
    scene.press("j", &["Enable"]).await;
    scene.back();
    scene.platform.switch(17, false);
    scene.press("ag", &["cause unknown (breaker or by hand)"]).await;
    // The observer keeps acknowledgements itself.
    scene.press("A", &["cknowledge"]).await;
    scene.back();
    scene.back();
    // Switching on is something that a key can do, after a question.
    scene.press("3gxj\n", &["Enable subscription 17?"]).await;
    scene.press("y", &["17 enabled"]).await;
    let switched = scene.platform.calls(ALL);
    assert!(switched.iter().any(|(call, status)| call.starts_with("PATCH") && *status == 200), "{switched:?}");
    // Creating a key is not.
    scene.press("2K", &["a key cannot do this; use the Admin Portal"]).await;
    assert_eq!(scene.console.quit().await, ExitReason::Quit);
}

#[tokio::test]
async fn every_pane_is_useful_or_says_why_not_in_four_sizes() {
    for size in [(200, 60), (120, 36), (80, 24), (60, 15)] {
        let scene = Scene::new(ConsoleAccess::ReadOnly, size).await;
        for (key, part) in [
            ("2", "Zapier"),
            ("3", "com/17"),
            ("4", "Deliveries"),
            ("5", "lead.created"),
            ("6", "read"),
            ("7", "Trips"),
            ("8", "/api/v1"),
        ] {
            scene.press(key, &[part]).await;
            let text = scene.console.text();
            // The cursor stands on a row, at the frame's left edge.
            let has_rows = text.contains("│> ");
            assert!(
                has_rows || text.contains("A key cannot read") || text.contains("Subscriptions that went off"),
                "{size:?} {key}\n{text}"
            );
        }
        assert_eq!(scene.console.quit().await, ExitReason::Quit);
    }
}

#[tokio::test]
async fn t4_ten_thousand_random_keys_change_nothing_on_a_platform_without_a_portal() {
    let scene = Scene::new(ConsoleAccess::ReadOnly, (100, 30)).await;
    let mut dice = rand::rngs::StdRng::seed_from_u64(START.millis().unsigned_abs());
    let codes =
        [KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::Up, KeyCode::Down, KeyCode::Backspace, KeyCode::PageDown];
    for _ in 0..10_000 {
        if dice.random_bool(0.3) {
            scene.console.code(*codes.choose(&mut dice).expect("one of them"));
        } else {
            let key = char::from(dice.random_range(b' '..=b'~'));
            // Leaving is not what is tried here.
            if key != 'q' {
                scene.console.press(&key.to_string());
            }
        }
    }
    for _ in 0..40 {
        scene.back();
    }
    scene.press("3", &["Subscriptions"]).await;
    let changes: Vec<_> = scene
        .platform
        .calls(ALL)
        .into_iter()
        .filter(|(call, status)| !call.starts_with("GET") && *status < 400)
        .collect();
    assert_eq!((scene.platform.n_tests(), changes.as_slice()), (0, [].as_slice()));
    assert_eq!(scene.console.quit().await, ExitReason::Quit);
}
