//! Content of the state file, and how changes of several consoles are merged, item by item.

use crate::tui::runtime::merge::{merge, pick};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;

/// Version of the file format; files of another version are not read.
pub(super) const VERSION: u32 = 1;

/// Maximum size of a state file that is read or written, in bytes.
pub(super) const MAX_STATE_BYTES: u64 = 16 * 1_024 * 1_024;

/// Content of the state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersistedUiState {
    pub(super) version: u32,
    pub(super) focus: String,
    #[serde(default)]
    pub(super) window_seconds: Option<u64>,
    #[serde(default)]
    pub(super) clock_times: bool,
    #[serde(default)]
    pub(super) recent: Vec<String>,
    #[serde(default)]
    pub(super) panes: BTreeMap<String, PersistedPane>,
    #[serde(default)]
    pub(super) notes: Vec<(String, String)>,
    #[serde(default)]
    pub(super) bundle: Vec<String>,
    #[serde(default)]
    pub(super) marks: Vec<String>,
    /// Playbooks and runbooks that ran. Runs that this version cannot read stay in the file.
    #[serde(default)]
    pub(super) runs: Vec<Value>,
    /// Members written by another version, which are kept.
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PersistedPane {
    pub(super) filter: Option<String>,
    pub(super) sort: Option<String>,
    pub(super) reversed: bool,
    pub(super) hidden: Vec<String>,
}

impl PersistedUiState {
    /// Parses the text of a state file.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let read: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match read.get("version").and_then(Value::as_u64) {
            Some(version) if version != u64::from(VERSION) => Err(format!("version {version}, expected {VERSION}")),
            _ => serde_json::from_value(read).map_err(|error| error.to_string()),
        }
    }

    /// Serialises the state. The oldest runs are dropped while the text exceeds [`MAX_STATE_BYTES`].
    pub(super) fn serialise(mut self) -> io::Result<String> {
        loop {
            let text = serde_json::to_string_pretty(&self).map_err(io::Error::other)?;
            match (text.len() as u64 > MAX_STATE_BYTES, self.runs.is_empty()) {
                (false, _) => return Ok(text),
                (true, true) => return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large to save")),
                (true, false) => drop(self.runs.remove(0)),
            }
        }
    }
}

/// Identity of a run for merging: its entry and its subject.
pub(super) fn run_key(run: &Value) -> String {
    format!("{} over {}", run["entry"], run["subject"])
}

pub(super) fn keyed<T: Clone, K, V>(list: &[T], split: impl Fn(T) -> (K, V)) -> Vec<(K, V)> {
    list.iter().cloned().map(split).collect()
}

/// Merges two notes on one item that were written at the same time: both texts are kept.
pub(super) fn merge_notes(theirs: &String, ours: &String) -> String {
    match (theirs.contains(ours.as_str()), ours.contains(theirs.as_str())) {
        (true, _) => theirs.clone(),
        (_, true) => ours.clone(),
        _ => format!("{theirs} / {ours}"),
    }
}

/// State of this console before and after its own changes, relative to the file.
#[derive(Debug, Clone)]
pub(super) struct StateChange {
    pub(super) before: PersistedUiState,
    pub(super) after: PersistedUiState,
}

impl StateChange {
    /// Applies the change to the content `theirs` of the file.
    pub(super) fn apply_to(&self, theirs: &PersistedUiState) -> PersistedUiState {
        let (before, after) = (&self.before, &self.after);
        let names = |list: &[String]| keyed(list, |name| (name, ()));
        let sets = |before, after, theirs| {
            let merged = merge(&names(before), &names(after), &names(theirs), |(), ()| ());
            merged.into_iter().map(|(name, ())| name).collect()
        };
        let runs = |list: &[Value]| keyed(list, |run| (run_key(&run), run));
        let panes = |of: &PersistedUiState| of.panes.clone().into_iter().collect::<Vec<_>>();
        PersistedUiState {
            version: VERSION,
            focus: pick(&before.focus, &after.focus, &theirs.focus),
            window_seconds: pick(&before.window_seconds, &after.window_seconds, &theirs.window_seconds),
            clock_times: pick(&before.clock_times, &after.clock_times, &theirs.clock_times),
            recent: pick(&before.recent, &after.recent, &theirs.recent),
            panes: merge(&panes(before), &panes(after), &panes(theirs), |_, ours| ours.clone()).into_iter().collect(),
            notes: merge(&before.notes, &after.notes, &theirs.notes, merge_notes),
            bundle: sets(&before.bundle, &after.bundle, &theirs.bundle),
            marks: sets(&before.marks, &after.marks, &theirs.marks),
            runs: merge(&runs(&before.runs), &runs(&after.runs), &runs(&theirs.runs), |_, ours| ours.clone())
                .into_iter()
                .map(|(_, run)| run)
                .collect(),
            rest: theirs.rest.clone(),
        }
    }
}
