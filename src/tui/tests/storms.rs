//! T4: storms of keys and of sizes break nothing and change nothing.

use super::fixture::{TestConsole, overview};
use crate::tui::effect::Msg;
use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::state::config::ConsoleAccess;
use crate::tui::widgets::theme::ConsoleAppearance;
use chacha20::ChaCha8Rng;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rand::{RngExt as _, SeedableRng as _};

/// Keys that a keyboard has; letters and signs are the likeliest.
fn any_key(dice: &mut ChaCha8Rng) -> KeyEvent {
    const NAMED: [KeyCode; 16] = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::F(5),
        KeyCode::Insert,
    ];
    let code = match dice.random_range(0..10) {
        0..3 => NAMED[dice.random_range(0..NAMED.len())],
        _ => KeyCode::Char(char::from(dice.random_range(b' '..=b'~'))),
    };
    let modifiers = match dice.random_range(0..12) {
        0 => KeyModifiers::CONTROL,
        1 => KeyModifiers::ALT,
        2 => KeyModifiers::SHIFT,
        _ => KeyModifiers::NONE,
    };
    KeyEvent::new(code, modifiers)
}

#[test]
fn t4_a_hundred_thousand_keys_ask_a_read_only_console_for_no_change() {
    let mut dice = ChaCha8Rng::seed_from_u64(4);
    let mut bench = TestConsole::with(120, 36, ConsoleAccess::ReadOnly, ConsoleAppearance::default());
    for n in 0..100_000_u32 {
        let key = any_key(&mut dice);
        for effect in bench.tell(Msg::Key(key)) {
            assert!(
                !matches!(effect, Effect::StartJob(BackgroundJob::Change(_))),
                "{key:?} asked for {effect:?} after {n} keys"
            );
        }
        if n % 50 == 0 {
            bench.screen();
            bench.asked.clear();
        }
        if n % 1_000 == 0 {
            let mut next = overview();
            next.cursor += u64::from(n) + 1;
            next.subscriptions.items.rotate_left(n as usize / 1_000 % 7);
            bench.wait(1);
            bench.show(next);
        }
    }
}

#[test]
fn t4_sizes_from_one_cell_to_four_hundred_columns_break_nothing() {
    let mut dice = ChaCha8Rng::seed_from_u64(4);
    let mut bench = TestConsole::new(80, 24);
    for keys in [
        "1",
        "2",
        "3",
        "4\n",
        "\u{1b}3x",
        "\u{1b}?",
        "\u{1b}:sub",
        "\u{1b}/state:err ",
        "\u{1b}a",
        "\u{1b}c",
        "\u{1b}m",
    ] {
        bench.press(keys);
        for (width, height) in [(1, 1), (400, 100), (1, 100), (400, 1), (40, 8), (39, 8), (56, 12), (76, 20), (110, 30)]
        {
            bench.tell(Msg::Resized(width, height));
            bench.screen();
        }
        for _ in 0..20 {
            bench.tell(Msg::Resized(dice.random_range(1..=400), dice.random_range(1..=100)));
            bench.screen();
        }
        bench.tell(Msg::Resized(80, 24));
    }
}
