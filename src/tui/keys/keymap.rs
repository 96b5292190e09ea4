//! Key map: which action a key has in which context. Dispatch, footer and help use the registry in `bindings`.

use crate::tui::keys::action::{KeyAction, KeyBinding, KeyContext};
use crate::tui::keys::bindings::BINDINGS;
use crate::tui::keys::chord::KeyChord;

/// Key binding with the keys in force, after the operator's changes.
#[derive(Debug, Clone)]
pub struct ActiveBinding {
    /// Registered binding that the keys belong to.
    pub binding: &'static KeyBinding,
    /// Keys in force; the footer shows the first one.
    pub chords: Vec<KeyChord>,
}

impl ActiveBinding {
    /// Names of the keys, separated by spaces.
    #[must_use]
    pub fn keys(&self) -> String {
        self.chords.iter().map(|chord| chord.name()).collect::<Vec<_>>().join(" ")
    }

    /// Rank in the footer, `None` if the footer leaves it out.
    #[must_use]
    pub const fn rank(&self) -> Option<u8> {
        self.binding.footer
    }
}

/// Result of looking up a chord in a context.
#[derive(Debug, Clone, Copy)]
pub enum KeyLookup<'a> {
    /// Chord is bound in this context.
    Here(&'a ActiveBinding),
    /// Chord is bound, but not in this context.
    Elsewhere(&'a ActiveBinding),
    /// Chord is not bound in any context.
    Nothing,
}

/// All bindings with the keys in force.
#[derive(Debug, Clone)]
pub struct Keymap {
    bound: Vec<ActiveBinding>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bound = BINDINGS.iter().map(|binding| ActiveBinding { binding, chords: binding.chords.to_vec() });
        Self { bound: bound.collect() }
    }
}

impl Keymap {
    /// Applies changes of keys, each given as the name of a binding and the names of its keys. Returns the key map
    /// and a line for each change that was rejected: bindings that share a context never share a key, and the keys
    /// for quitting and going back are fixed.
    #[must_use]
    pub fn with_changes(changes: &[(String, Vec<String>)]) -> (Self, Vec<String>) {
        let mut keymap = Self::default();
        let mut faults = Vec::new();
        let mut wanted = Vec::new();
        for (name, keys) in changes {
            let at = keymap.bound.iter().position(|bound| bound.binding.name == name);
            let chords: Result<Vec<KeyChord>, String> = keys.iter().map(|key| KeyChord::parse(key)).collect();
            match (at, chords) {
                (None, _) => faults.push(format!("{name} is not an action")),
                (Some(at), _) if matches!(keymap.bound[at].binding.action, KeyAction::Quit | KeyAction::Back) => {
                    faults.push(format!("{name} cannot be rebound: a way out must remain"));
                }
                (Some(_), Ok(chords)) if chords.is_empty() => faults.push(format!("{name} needs a key")),
                (Some(at), Ok(chords)) => wanted.push((at, chords)),
                (Some(_), Err(why)) => faults.push(format!("{name}: {why}")),
            }
        }
        // All changes are applied at once, so that two bindings can swap keys; conflicting changes are reverted
        // afterwards.
        let before = keymap.bound.clone();
        for (at, chords) in &wanted {
            keymap.bound[*at].chords.clone_from(chords);
        }
        while let Some((at, other, chord)) = keymap.conflict(&wanted) {
            let (name, other) = (keymap.bound[at].binding.name, keymap.bound[other].binding.name);
            faults.push(format!("{name}: {} is bound to {other}; {name} keeps its keys", chord.name()));
            keymap.bound[at].chords.clone_from(&before[at].chords);
            wanted.retain(|(wanted, _)| *wanted != at);
        }
        (keymap, faults)
    }

    /// Finds a changed binding that shares a key with another binding in a common context.
    fn conflict(&self, changed: &[(usize, Vec<KeyChord>)]) -> Option<(usize, usize, KeyChord)> {
        changed.iter().rev().find_map(|(at, chords)| {
            let mine = self.bound[*at].binding.contexts;
            let meets = |other: &ActiveBinding| other.binding.contexts.iter().any(|context| mine.contains(context));
            self.bound.iter().enumerate().filter(|(other, bound)| other != at && meets(bound)).find_map(
                |(other, bound)| {
                    chords.iter().find(|chord| bound.chords.contains(chord)).map(|chord| (*at, other, *chord))
                },
            )
        })
    }

    /// Looks up the binding of a chord in a context.
    #[must_use]
    pub fn lookup(&self, chord: KeyChord, context: KeyContext) -> KeyLookup<'_> {
        let mut bound = self.bound.iter().filter(|bound| bound.chords.contains(&chord));
        let first = bound.clone().next();
        match (bound.find(|bound| bound.binding.contexts.contains(&context)), first) {
            (Some(bound), _) => KeyLookup::Here(bound),
            (None, Some(bound)) => KeyLookup::Elsewhere(bound),
            (None, None) => KeyLookup::Nothing,
        }
    }

    /// All bindings, in the order of the registry.
    #[must_use]
    pub fn all(&self) -> &[ActiveBinding] {
        &self.bound
    }

    /// Bindings that work in a context, in the order of the registry.
    pub fn in_context(&self, context: KeyContext) -> impl Iterator<Item = &ActiveBinding> {
        self.bound.iter().filter(move |bound| bound.binding.contexts.contains(&context))
    }

    /// Name of an action's first key, for messages; empty if it has none.
    #[must_use]
    pub fn key(&self, action: KeyAction) -> String {
        let bound = self.bound.iter().find(|bound| bound.binding.action == action);
        bound.and_then(|bound| bound.chords.first()).map_or_else(String::new, |chord| chord.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::bindings::ALL_CONTEXTS;
    use crate::tui::keys::chord::ctrl;

    #[test]
    fn no_two_bindings_of_a_context_share_a_key_and_none_share_a_name() {
        let keymap = Keymap::default();
        for context in ALL_CONTEXTS {
            let mut seen: Vec<KeyChord> = Vec::new();
            for chord in keymap.in_context(*context).flat_map(|bound| bound.chords.clone()) {
                assert!(!seen.contains(&chord), "{} is bound twice in {context:?}", chord.name());
                seen.push(chord);
            }
        }
        let names: std::collections::BTreeSet<&str> = BINDINGS.iter().map(|binding| binding.name).collect();
        assert_eq!(names.len(), BINDINGS.len());
    }

    #[test]
    fn every_binding_can_be_reached_and_the_way_out_is_everywhere() {
        assert!(BINDINGS.iter().all(|binding| !binding.contexts.is_empty() && !binding.chords.is_empty()));
        let keymap = Keymap::default();
        for context in ALL_CONTEXTS {
            for action in [KeyAction::Back, KeyAction::Quit, KeyAction::Redraw] {
                assert!(
                    keymap.in_context(*context).any(|bound| bound.binding.action == action),
                    "{action:?} in {context:?}"
                );
            }
            let has = |action| keymap.in_context(*context).any(|bound| bound.binding.action == action);
            assert!(context.takes_text() || (has(KeyAction::Close) && has(KeyAction::Help)), "{context:?}");
        }
    }

    #[test]
    fn terminals_own_keys_are_left_alone() {
        let keymap = Keymap::default();
        for taken in "sqabg".chars() {
            assert!(matches!(keymap.lookup(ctrl(taken), KeyContext::Panes), KeyLookup::Nothing));
        }
    }

    #[test]
    fn keys_can_be_changed_and_what_cannot_be_is_said() {
        let change = |name: &str, key: &str| (name.to_owned(), vec![key.to_owned()]);
        let (keymap, faults) = Keymap::with_changes(&[change("freeze", "Ctrl-F"), change("alerts", "p")]);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!([keymap.key(KeyAction::Freeze), keymap.key(KeyAction::Alerts)], ["Ctrl-F", "p"]);
        let (keymap, faults) = Keymap::with_changes(&[
            change("freeze", "a"),
            change("nothing", "x"),
            change("alerts", "Ctrl-S"),
            change("quit-at-once", "Z"),
            ("full".to_owned(), Vec::new()),
        ]);
        assert_eq!(keymap.key(KeyAction::Freeze), "p");
        assert_eq!(
            faults,
            [
                "nothing is not an action",
                "alerts: Ctrl-S is reserved by terminals and multiplexers",
                "quit-at-once cannot be rebound: a way out must remain",
                "full needs a key",
                "freeze: a is bound to alerts; freeze keeps its keys",
            ]
        );
    }
}
