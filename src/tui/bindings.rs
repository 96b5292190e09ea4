//! The one registry of keys.

use super::keymap::Context::{Alerts, Confirm, Detail, Help, Menu, Panes};
use super::keymap::{Action, Binding, Chord, Context, Group, Step, ch, ctrl, key};
use super::panes::Pane;
use crossterm::event::KeyCode;

const SCROLLING: &[Context] = &[Panes, Detail, Menu, Help, Alerts];
/// Every context.
pub(super) const ANYWHERE: &[Context] = &[Panes, Detail, Menu, Confirm, Help, Alerts];
const LAYERS: &[Context] = &[Detail, Menu, Confirm, Help, Alerts];
const PANES: &[Context] = &[Panes];

const fn moving(chords: &'static [Chord], step: Step, label: &'static str) -> Binding {
    Binding { chords, action: Action::Move(step), contexts: SCROLLING, label, group: Group::Move, footer: None }
}

const fn showing(chords: &'static [Chord], action: Action, label: &'static str) -> Binding {
    Binding { chords, action, contexts: PANES, label, group: Group::Look, footer: None }
}

/// All bindings.
pub const BINDINGS: &[Binding] = &[
    moving(&[key(KeyCode::Up), ch('k')], Step::Up, "up"),
    moving(&[key(KeyCode::Down), ch('j')], Step::Down, "down"),
    moving(&[ctrl('u')], Step::HalfUp, "half a page up"),
    moving(&[ctrl('d')], Step::HalfDown, "half a page down"),
    moving(&[key(KeyCode::PageUp)], Step::PageUp, "page up"),
    moving(&[key(KeyCode::PageDown)], Step::PageDown, "page down"),
    moving(&[key(KeyCode::Home), ch('g')], Step::Top, "first"),
    moving(&[key(KeyCode::End), ch('G')], Step::Bottom, "last"),
    Binding {
        chords: &[key(KeyCode::Enter)],
        action: Action::Open,
        contexts: &[Panes, Alerts],
        label: "open",
        group: Group::Look,
        footer: Some(1),
    },
    Binding {
        chords: &[key(KeyCode::Enter)],
        action: Action::Open,
        contexts: &[Menu],
        label: "choose",
        group: Group::Act,
        footer: Some(1),
    },
    showing(&[ch('1')], Action::Overview, "Overview"),
    showing(&[ch('2')], Action::Show(Pane::Keys), "Keys"),
    showing(&[ch('3')], Action::Show(Pane::Subscriptions), "Subscriptions"),
    showing(&[ch('4')], Action::Show(Pane::Deliveries), "Deliveries"),
    showing(&[ch('5')], Action::Show(Pane::Events), "Events"),
    showing(&[ch('6')], Action::Show(Pane::Limits), "Limits"),
    showing(&[ch('7')], Action::Show(Pane::Trips), "Trips"),
    showing(&[ch('8')], Action::Show(Pane::Requests), "Requests"),
    showing(&[ch('9')], Action::Absent("Diagnose"), "Diagnose"),
    showing(&[ch('0')], Action::Absent("Escalate"), "Escalate"),
    Binding {
        chords: &[key(KeyCode::Tab), key(KeyCode::Right), ch('l')],
        action: Action::NextPane,
        contexts: PANES,
        label: "next pane",
        group: Group::Look,
        footer: Some(3),
    },
    showing(&[key(KeyCode::BackTab), key(KeyCode::Left), ch('h')], Action::PreviousPane, "previous pane"),
    Binding { footer: Some(6), ..showing(&[ch('f')], Action::FullScreen, "full") },
    Binding { footer: Some(4), ..showing(&[ch('a')], Action::Alerts, "alerts") },
    Binding { footer: Some(7), ..showing(&[ch('F')], Action::Follow, "follow") },
    Binding {
        chords: &[ch('x')],
        action: Action::Menu,
        contexts: &[Panes, Detail],
        label: "actions",
        group: Group::Act,
        footer: Some(2),
    },
    Binding {
        chords: &[ch('y')],
        action: Action::Yes,
        contexts: &[Confirm],
        label: "yes, do it",
        group: Group::Act,
        footer: Some(2),
    },
    Binding {
        chords: &[ch('n'), key(KeyCode::Enter)],
        action: Action::No,
        contexts: &[Confirm],
        label: "no",
        group: Group::Act,
        footer: Some(1),
    },
    Binding {
        chords: &[ch('p')],
        action: Action::Freeze,
        contexts: &[Panes, Detail],
        label: "freeze",
        group: Group::Console,
        footer: Some(5),
    },
    Binding {
        chords: &[key(KeyCode::Esc)],
        action: Action::Back,
        contexts: ANYWHERE,
        label: "back",
        group: Group::Look,
        footer: Some(0),
    },
    Binding {
        chords: &[ctrl('l')],
        action: Action::Redraw,
        contexts: ANYWHERE,
        label: "draw again",
        group: Group::Console,
        footer: None,
    },
    Binding {
        chords: &[ch('?')],
        action: Action::Help,
        contexts: ANYWHERE,
        label: "help",
        group: Group::Console,
        footer: None,
    },
    Binding {
        chords: &[ch('q')],
        action: Action::Close,
        contexts: PANES,
        label: "quit",
        group: Group::Console,
        footer: None,
    },
    Binding {
        chords: &[ch('q')],
        action: Action::Close,
        contexts: LAYERS,
        label: "close",
        group: Group::Console,
        footer: None,
    },
    Binding {
        chords: &[ctrl('c')],
        action: Action::Quit,
        contexts: ANYWHERE,
        label: "quit at once",
        group: Group::Console,
        footer: None,
    },
];
