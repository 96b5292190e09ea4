//! Handling of key presses: a chord becomes an action or is typed into an input; an action that is not possible gives
//! its reason.

use crate::domain::time::Timestamp;
use crate::tui::effect::Effect;
use crate::tui::keys::action::{KeyAction, KeyBinding, KeyContext};
use crate::tui::keys::chord::KeyChord;
use crate::tui::keys::keymap::KeyLookup;
use crate::tui::overlays::availability;
use crate::tui::state::app::App;
use crate::tui::state::view_state::WelcomeHint;
use crate::tui::update::{act, filters};
use crate::tui::widgets::size_class::SizeClass;
use crate::tui::widgets::text_input::EditResult;
use crossterm::event::KeyEvent;

pub(in crate::tui) fn on_key(app: &mut App, key: &KeyEvent, now: Timestamp) -> Vec<Effect> {
    app.status_message = None;
    app.view_state.welcome_hint = WelcomeHint::Seen;
    let Some(chord) = KeyChord::of(key) else {
        app.show_message("not bound with these modifiers; ? lists the keys", now);
        return Vec::new();
    };
    let context = app.context();
    if app.screen_size.class == SizeClass::TooSmall {
        return press_blindly(app, chord);
    }
    // Characters are typed before any binding is looked up: a binding cannot take them from a text input.
    if context.takes_text() && chord.printable().is_some() {
        if filters::type_into(app, chord, now) == EditResult::Nothing {
            app.show_message("Space changes this field; Tab goes to the next one", now);
        }
        return Vec::new();
    }
    let keymap = &app.config.keymap;
    let says = match keymap.lookup(chord, context) {
        KeyLookup::Here(bound) => return run_binding(app, bound.binding, now),
        _ if context.takes_text() => match filters::type_into(app, chord, now) {
            EditResult::Nothing => format!("{} does nothing in a text field; Esc cancels", chord.name()),
            EditResult::Text | EditResult::Cursor | EditResult::Full => return Vec::new(),
        },
        KeyLookup::Elsewhere(bound) => {
            format!("{} ({}) is not available here; Esc goes back", chord.name(), bound.binding.label)
        }
        KeyLookup::Nothing => {
            format!("{} is not bound; {} lists the keys", chord.name(), keymap.key(KeyAction::Help))
        }
    };
    app.show_message(says, now);
    Vec::new()
}

/// On a screen that is too small to draw on, only the keys for quitting work.
fn press_blindly(app: &App, chord: KeyChord) -> Vec<Effect> {
    match app.config.keymap.lookup(chord, KeyContext::Panes) {
        KeyLookup::Here(bound) if matches!(bound.binding.action, KeyAction::Close | KeyAction::Quit) => {
            vec![Effect::Leave]
        }
        _ => Vec::new(),
    }
}

/// Runs an action, or shows the reason why it is not possible.
pub(in crate::tui) fn run_binding(app: &mut App, binding: &'static KeyBinding, now: Timestamp) -> Vec<Effect> {
    match availability::check_enabled(app, binding.action) {
        Ok(()) => act::dispatch_action(app, binding.action, now),
        Err(why) => {
            app.show_message(why, now);
            Vec::new()
        }
    }
}
