//! Configuration file, `$XDG_CONFIG_HOME/crow/config.toml`. Faults in its key bindings are shown when the console
//! opens and do not stop it.

use super::profile::profile_store::ProfileStore;
use super::{alerting, settings};
use crate::domain::text::Untrusted;
use crate::files;
use crate::tui::keys::keymap::Keymap;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml_edit::DocumentMut;

/// Configuration file, reduced to its `[keys]` table.
#[derive(Debug, Default, Deserialize)]
struct KeymapConfigFile {
    #[serde(default)]
    keys: BTreeMap<String, BoundKeys>,
}

/// Keys bound to an action: a single key or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum BoundKeys {
    One(String),
    Several(Vec<String>),
}

/// Reads the key bindings, and describes what is wrong with them, if anything.
pub(super) fn keymap() -> (Keymap, Option<String>) {
    settings::config_file().map_or_else(|| (Keymap::default(), None), |file| read_keymap(&file))
}

/// Names allowed at the top level of the file. Each one is validated by the module that reads it.
const TOP_LEVEL_NAMES: [&str; 4] = ["keys", "alerts", "profile", "profiles"];

/// Lists the faults of the configuration: of the file `named`, or of the one in effect. Runs every reader of the
/// file, and reports top-level names that no reader knows.
pub(super) fn config_faults(named: Option<&Path>) -> Vec<String> {
    let Some(file) = named.map(Path::to_owned).or_else(settings::config_file) else { return Vec::new() };
    let (_, keys) = read_keymap(&file);
    let alerts = alerting::read_channels(&file).err().map(|failure| failure.to_string());
    let profiles =
        ProfileStore::read(file.clone()).and_then(|shelf| shelf.check()).err().map(|failure| failure.to_string());
    let document =
        files::read_text_limited(&file, files::MAX_SETTINGS_BYTES).ok().map(|text| text.parse::<DocumentMut>());
    // A file that is not TOML gives every reader the same error; only the first is reported.
    let n_reported = if matches!(document, Some(Err(_))) { 1 } else { usize::MAX };
    let document = document.and_then(Result::ok);
    let unknown: Vec<String> =
        document.iter().flat_map(|document| document.iter().map(|(name, _)| name.to_owned())).collect();
    let unknown = unknown
        .into_iter()
        .filter(|name| !TOP_LEVEL_NAMES.contains(&name.as_str()))
        .map(|name| format!("{}: unknown setting {name:?}; known: {}", file.display(), TOP_LEVEL_NAMES.join(", ")));
    let faults = [keys, alerts, profiles].into_iter().flatten().chain(unknown).take(n_reported);
    faults.map(|fault| Untrusted::new(fault).sanitized()).collect()
}

fn read_keymap(file: &Path) -> (Keymap, Option<String>) {
    let fault = |why: &str| Some(format!("{}: {why}; key bindings are unchanged", file.display()));
    let text = match files::read_text_limited(file, files::MAX_SETTINGS_BYTES) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Keymap::default(), None),
        Err(error) => return (Keymap::default(), fault(&error.to_string())),
        Ok(text) => text,
    };
    let file: KeymapConfigFile = match toml_edit::de::from_str(&text) {
        Ok(file) => file,
        Err(error) => {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            return (Keymap::default(), fault(&format!("line {line}: {}", error.message())));
        }
    };
    let changes: Vec<(String, Vec<String>)> = file
        .keys
        .into_iter()
        .map(|(name, keys)| match keys {
            BoundKeys::One(key) => (name, vec![key]),
            BoundKeys::Several(keys) => (name, keys),
        })
        .collect();
    let (keymap, faults) = Keymap::with_changes(&changes);
    (keymap, (!faults.is_empty()).then(|| format!("[keys]: {}", faults.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::action::KeyAction;

    #[test]
    fn keys_are_read_and_what_is_wrong_is_said_with_its_line() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("config.toml");
        let read = |text: &str| {
            std::fs::write(&file, text).expect("written");
            read_keymap(&file)
        };
        let (keymap, fault) = read("[keys]\nfilter = [\"Ctrl-F\", \"/\"]\nfreeze = \"z\"\n[other]\nx = 1\n");
        assert_eq!(
            (keymap.key(KeyAction::Filter), keymap.key(KeyAction::Freeze)),
            ("Ctrl-F".to_owned(), "z".to_owned())
        );
        assert_eq!(fault, None);
        let (keymap, fault) = read("[keys]\nfreeze = \"a\"\n");
        assert_eq!(keymap.key(KeyAction::Freeze), "p");
        assert_eq!(fault.as_deref(), Some("[keys]: freeze: a is bound to alerts; freeze keeps its keys"));
        let (_, fault) = read("[keys]\n\nfreeze = 5\n");
        assert!(fault.as_ref().is_some_and(|why| why.contains("line 3")), "{fault:?}");
        let (_, fault) = super::read_keymap(&dir.path().join("none.toml"));
        assert_eq!(fault, None);
    }
}
