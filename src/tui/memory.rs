//! What the console remembers of how it was arranged, per platform: a small file, read at the start and written soon after something changed. A
//! file that cannot be read is said and never stands in the way.

use super::app::App;
use super::copy::write_private;
use super::desk::{Direction, Filter, Hint, Times};
use super::panes::Pane;
use super::places::Item;
use crate::domain::query::field::Field;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The file's version; others are not read.
const VERSION: u32 = 1;

/// What stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remembered {
    version: u32,
    focus: String,
    #[serde(default)]
    window_seconds: Option<u64>,
    #[serde(default)]
    clock_times: bool,
    #[serde(default)]
    recent: Vec<String>,
    #[serde(default)]
    panes: BTreeMap<String, Arranged>,
    #[serde(default)]
    notes: Vec<(String, String)>,
    #[serde(default)]
    bundle: Vec<String>,
    /// Playbooks and run-books that ran, each as it is read by this version or left out.
    #[serde(default)]
    runs: Vec<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Arranged {
    filter: Option<String>,
    sort: Option<String>,
    reversed: bool,
    hidden: Vec<String>,
}

/// A pane's name in the file: its title without its key.
fn name(pane: Pane) -> String {
    pane.title().trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').to_lowercase()
}

fn named(text: &str) -> Option<Pane> {
    Pane::ALL.into_iter().find(|pane| name(*pane) == text)
}

impl App {
    /// How it is arranged now.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        let desk = &self.desk;
        let arranged = |pane: Pane| {
            let of = desk.of(pane);
            Arranged {
                filter: of.filter.as_ref().map(|filter| filter.text.clone()),
                sort: of.sort.map(|(field, _)| field.name().to_owned()),
                reversed: of.sort.is_some_and(|(_, direction)| direction == Direction::Down),
                hidden: of.hidden.clone(),
            }
        };
        let panes = Pane::ALL.into_iter().map(|pane| (name(pane), arranged(pane)));
        Remembered {
            version: VERSION,
            focus: name(self.focus),
            window_seconds: desk.window.map(|window| window.as_secs()),
            clock_times: desk.times == Times::Clock,
            recent: desk.recent.clone(),
            panes: panes.filter(|(_, of)| *of != Arranged::default()).collect(),
            notes: desk.notes.iter().map(|(item, note)| (item.to_string(), note.clone())).collect(),
            bundle: desk.bundle.iter().map(Item::to_string).collect(),
            runs: self.room.runs.iter().filter(|run| run.is_over()).flat_map(serde_json::to_value).collect(),
        }
    }

    /// Arranges it as it was. What is no longer understood is left out.
    pub fn recall(&mut self, was: &Remembered, now: Timestamp) {
        if let Some(pane) = named(&was.focus).filter(|pane| Pane::DASHBOARD.contains(pane)) {
            self.focus = pane;
        }
        self.desk.window = was.window_seconds.map(Duration::from_secs);
        self.desk.times = if was.clock_times { Times::Clock } else { Times::Ages };
        self.desk.recent.clone_from(&was.recent);
        for (pane, of) in was.panes.iter().filter_map(|(text, of)| Some((named(text)?, of))) {
            let filter = of.filter.as_deref().and_then(|text| Filter::read(text, pane).ok().flatten());
            let direction = if of.reversed { Direction::Down } else { Direction::Up };
            let sort = of.sort.as_deref().and_then(Field::named).map(|field| (field, direction));
            let known = |title: &&String| pane.columns().iter().any(|c| c.title == title.as_str() && c.rank > 0);
            let arrangement = self.desk.of_mut(pane);
            (arrangement.filter, arrangement.sort) = (filter, sort);
            arrangement.hidden = of.hidden.iter().filter(known).cloned().collect();
        }
        let item = |text: &String| Item::named(text);
        self.desk.notes = was.notes.iter().filter_map(|(text, note)| Some((item(text)?, note.clone()))).collect();
        self.desk.bundle = was.bundle.iter().filter_map(item).collect();
        self.room.runs = was.runs.iter().filter_map(|run| serde_json::from_value(run.clone()).ok()).collect();
        self.sift(now);
    }
}

/// How long after a change it is written down: whoever types a filter changes it often.
const SOON: Duration = Duration::from_secs(2);

/// Watches for changes of what is remembered.
#[derive(Debug)]
pub struct Watch {
    kept: Remembered,
    due: Option<Timestamp>,
}

impl Watch {
    /// Nothing changed yet.
    #[must_use]
    pub fn new(app: &App) -> Self {
        Self { kept: app.remembered(), due: None }
    }

    /// Something may have changed at `now`; what did is written soon.
    pub fn look(&mut self, app: &App, now: Timestamp) {
        if self.due.is_none() && app.remembered() != self.kept {
            self.due = Some(now.plus(SOON));
        }
    }

    /// When something is to be written, if anything is.
    #[must_use]
    pub const fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// What is to be written now.
    pub fn take(&mut self, app: &App) -> Remembered {
        self.due = None;
        self.kept = app.remembered();
        self.kept.clone()
    }
}

/// The file; none for a console that is to forget.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub Option<PathBuf>);

impl Memory {
    /// Arranges a console as the last one was; says what could not be read. Who is here for the first time gets a hint.
    ///
    /// # Errors
    /// One line that says what is wrong with the file.
    pub fn recall(&self, app: &mut App, now: Timestamp) -> Result<(), String> {
        let Some(file) = &self.0 else { return Ok(()) };
        let fault = |why: String| format!("what was remembered is left aside: {}: {why}", file.display());
        let text = match std::fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                app.desk.hint = Hint::Shown;
                return Ok(());
            }
            read => read.map_err(|error| fault(error.to_string()))?,
        };
        let was: Remembered = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
        if was.version != VERSION {
            return Err(fault(format!("it is of version {}, this is {VERSION}", was.version)));
        }
        app.recall(&was, now);
        Ok(())
    }

    /// Keeps how a console is arranged. What cannot be written is left to the log.
    pub fn keep(&self, arranged: &Remembered) {
        let Some(file) = &self.0 else { return };
        let written = serde_json::to_string_pretty(arranged).map_err(io::Error::other);
        if let Err(error) = written.and_then(|text| write_private(file, &text)) {
            tracing::warn!(%error, file = %file.display(), "what was arranged is not remembered");
        }
    }
}
