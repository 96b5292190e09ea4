//! The real binary in a pseudo-terminal: it shows what it should and leaves no trace.

use crate::storage::process::listening;
use crate::support::terminal::Terminal;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

#[test]
fn the_demo_starts_reacts_to_keys_and_restores_the_terminal() {
    let mut terminal = Terminal::run(120, 36, &["demo"]);
    terminal.until("the dashboard", |screen| {
        let text = screen.contents();
        ["2 Keys", "3 Subscriptions", "4 Deliveries", "6 Limits", "7 Trips", "LIVE", "HubSpot Sync", "● 200"]
            .iter()
            .all(|part| text.contains(part))
    });
    terminal.press("2");
    terminal.lost("4 Deliveries");
    terminal.press("?");
    terminal.shows("─ Help ─");
    terminal.press("\x1b");
    terminal.lost("─ Help ─");
    terminal.press("1");
    terminal.shows("4 Deliveries");
    terminal.resize(60, 15);
    terminal.lost("4 Deliveries");
    terminal.resize(120, 36);
    terminal.shows("4 Deliveries");
    terminal.press("qy");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn a_window_that_shrank_and_grew_at_once_is_drawn_whole() {
    let mut terminal = Terminal::run(120, 36, &["demo"]);
    terminal.shows("4 Deliveries");
    for _ in 0..10 {
        terminal.resize(60, 15);
        terminal.resize(120, 36);
        terminal.until("every pane", |screen| {
            let text = screen.contents();
            ["2 Keys", "3 Subscriptions", "4 Deliveries", "6 Limits", "7 Trips"].iter().all(|part| text.contains(part))
        });
    }
    terminal.press("qy");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn the_mouse_belongs_to_the_terminal_without_the_mouse_option() {
    let mut terminal = Terminal::run(120, 36, &["demo"]);
    terminal.shows("HubSpot Sync");
    terminal
        .until("the mouse is the terminal's", |screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None);
    terminal.press("qy");
    assert_eq!(terminal.ended(), 0);
    let mut terminal = Terminal::run(120, 36, &["demo", "--mouse"]);
    terminal.shows("HubSpot Sync");
    terminal.until("the mouse is the console's", |screen| {
        screen.mouse_protocol_mode() == vt100::MouseProtocolMode::PressRelease
    });
    // A click into the pane of the keys gives it the focus, and f shows it alone.
    terminal.press("\x1b[<0;10;5M\x1b[<0;10;5mf");
    terminal.lost("3 Subscriptions");
    terminal.shows("2 Keys");
    terminal.press("qy");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn a_signal_ends_the_console_cleanly() {
    for (name, code) in [("TERM", 143), ("HUP", 129)] {
        let dir = TempDir::new().expect("a directory");
        let mut terminal = Terminal::run(80, 24, &["--data", &dir.path().join("data").to_string_lossy()]);
        terminal.shows("LIVE");
        terminal.signal(name);
        assert_eq!(terminal.ended(), code, "{name}");
    }
}

#[test]
fn a_console_waits_while_its_terminal_is_too_small_also_at_the_start() {
    let mut terminal = Terminal::run(30, 6, &["demo"]);
    terminal.shows("needs 40x8, have 30x6");
    terminal.resize(120, 36);
    terminal.shows("HubSpot Sync");
    terminal.resize(20, 3);
    terminal.shows("needs 40x8");
    terminal.press("qy");
    assert_eq!(terminal.ended(), 0);
}

/// Leads from the alert to the cause, the remedy, the missed events and their delivery in five keys.
#[test]
fn five_keys_lead_from_an_alert_to_replayed_events() {
    let mut terminal = Terminal::run(120, 36, &["demo", "--scenario", "breaker-fixed"]);
    terminal.shows("TRP");
    terminal.press("a");
    terminal.shows("breaker tripped: 20 failures in a row");
    terminal.press("\r");
    terminal.shows("500 ×20 (of the last 20 attempts)");
    terminal.press("R");
    terminal.shows("Enable subscription 1 and replay missed events");
    terminal.shows("2 missed events");
    terminal.press("y");
    terminal.lost("TRP");
    terminal.press("r");
    terminal.until("the replay is over and all of it arrived", |screen| {
        let text = screen.contents();
        text.contains("finished") && text.contains("2/2")
    });
    terminal.press("\x03\x03");
    assert_eq!(terminal.ended(), 0);
}

/// A platform in a process of its own.
struct Served(Child);

impl Served {
    /// Starts a platform and waits for the line with its address.
    fn start(dir: &Path, address: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(["serve", "--bind", address, "--data"]).arg(dir).stderr(Stdio::null());
        let (child, said) = listening(&mut command).expect("it listens");
        assert_eq!(said, format!("http://{address}"));
        Self(child)
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill runs").success());
    }

    fn kill(mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("it is killed");
    }
}

#[test]
fn an_attached_console_outlives_a_killed_platform() {
    let dir = TempDir::new().expect("a directory");
    let data = dir.path().join("data");
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    let platform = Served::start(&data, &address);
    let url = format!("http://{address}");
    let token = data.join("operator.token");
    let mut terminal = Terminal::run(100, 30, &["console", "--url", &url, "--token-file", &token.to_string_lossy()]);
    terminal.shows("LIVE");
    platform.kill();
    terminal.shows("OFFLINE");
    terminal.shows("updated ");
    let platform = Served::start(&data, &address);
    terminal.until("the return", |screen| screen.contents().contains("LIVE") && !screen.contents().contains("OFFLINE"));
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    platform.kill();
}

#[test]
fn a_suspended_platform_is_shown_as_stale() {
    let dir = TempDir::new().expect("a directory");
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    let platform = Served::start(dir.path(), &address);
    let token = dir.path().join("operator.token");
    let url = format!("http://{address}");
    let mut terminal = Terminal::run(100, 30, &["console", "--url", &url, "--token-file", &token.to_string_lossy()]);
    terminal.shows("LIVE");
    platform.signal("STOP");
    terminal.shows("STALE");
    terminal.lost("LIVE");
    platform.signal("CONT");
    terminal.shows("LIVE");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    platform.kill();
}
