//! Time to build frames of the console from a snapshot.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use crow::clock::RuntimeEnv;
use crow::sync::snapshot::Snapshot;
use crow::tui::effect::Msg;
use crow::tui::keys::keymap::Keymap;
use crow::tui::state::app::App;
use crow::tui::state::config::{AppConfig, ConsoleAccess, ConsoleIdentity, ConsoleMode, TargetEnvironment};
use crow::tui::update;
use crow::tui::view::draw::draw;
use crow::tui::widgets::theme::ConsoleAppearance;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::sync::Arc;
use std::time::Duration;

/// Identity of a console on a platform at `address`.
pub(crate) fn identity(address: &str) -> ConsoleIdentity {
    ConsoleIdentity {
        mode: ConsoleMode::Remote,
        profile: "bench".to_owned(),
        address: address.to_owned(),
        environment: TargetEnvironment::Ordinary,
        colour: None,
    }
}

/// Builds `n` frames after `keys` were pressed, while the selection moves. Only the building is timed.
pub(crate) fn frame_times(
    picture: &Arc<Snapshot>,
    ambient: &RuntimeEnv,
    (columns, rows): (u16, u16),
    keys: &str,
    n: usize,
) -> Vec<Duration> {
    let setting = AppConfig {
        identity: identity("http://127.0.0.1:1"),
        access: ConsoleAccess::Act,
        look: ConsoleAppearance::default(),
        keymap: Keymap::default(),
    };
    let mut app = App::new(setting, ambient.now());
    update::update(&mut app, Msg::Resized(columns, rows), ambient.now());
    update::update(&mut app, Msg::Snapshot(Arc::clone(picture)), ambient.now());
    let press = |app: &mut App, key| {
        update::update(app, Msg::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)), ambient.now());
    };
    keys.chars().for_each(|key| press(&mut app, key));
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal in memory");
    let mut took = Vec::with_capacity(n);
    for n in 0..n {
        press(&mut app, if n % 100 < 50 { 'j' } else { 'k' });
        let drawn = terminal.draw(|frame| {
            let watch = ambient.stopwatch();
            draw(frame, &app);
            took.push(watch.elapsed());
        });
        drawn.expect("a frame");
    }
    took
}
