//! What the console remembers of how it was arranged, per platform: a small file, read at the start, merged and written as soon as something
//! changed. Consoles on one platform share it: each applies its own changes to what is in it, item by item, under a lock. A file that cannot be
//! read is set aside before anything is written, and never stands in the way.

use super::app::App;
use super::desk::{Direction, Filter, Hint, Times};
use super::merge::{merge, pick};
use super::overlay::Layer;
use super::panes::Pane;
use super::panes::diagnose::{self, Run};
use super::places::Item;
use crate::ambient::Ambient;
use crate::domain::query::field::Field;
use crate::domain::time::Timestamp;
use crate::monitor::files::{self, FileLock};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The file's version; others are not read.
const VERSION: u32 = 1;
/// Largest state file that is read or written, in bytes.
const MAX_STATE_BYTES: u64 = 16 * 1_024 * 1_024;
/// How often it is asked whether another console wrote the file.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);
/// How long the lock of the file is waited for.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a lock that is taken is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(10);

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
    #[serde(default)]
    marks: Vec<String>,
    /// Playbooks and run-books that ran. Those that this version cannot read stay in the file.
    #[serde(default)]
    runs: Vec<Value>,
    /// What this version does not know.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Arranged {
    filter: Option<String>,
    sort: Option<String>,
    reversed: bool,
    hidden: Vec<String>,
}

impl Remembered {
    /// Reads a file's text.
    fn read(text: &str) -> Result<Self, String> {
        let read: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match read.get("version").and_then(Value::as_u64) {
            Some(version) if version != u64::from(VERSION) => Err(format!("version {version} instead of {VERSION}")),
            _ => serde_json::from_value(read).map_err(|error| error.to_string()),
        }
    }

    /// Writes a file's text: the oldest runs go where it would be too large.
    fn written(mut self) -> io::Result<String> {
        loop {
            let text = serde_json::to_string_pretty(&self).map_err(io::Error::other)?;
            match (text.len() as u64 > MAX_STATE_BYTES, self.runs.is_empty()) {
                (false, _) => return Ok(text),
                (true, true) => return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too much to be kept")),
                (true, false) => drop(self.runs.remove(0)),
            }
        }
    }
}

/// What makes a run another one: what ran, and over what.
fn run_key(run: &Value) -> String {
    format!("{} over {}", run["entry"], run["subject"])
}

fn keyed<T: Clone, K, V>(list: &[T], split: impl Fn(T) -> (K, V)) -> Vec<(K, V)> {
    list.iter().cloned().map(split).collect()
}

/// Of two notes on one thing that were written at the same time, both remain.
fn both_notes(theirs: &String, ours: &String) -> String {
    match (theirs.contains(ours.as_str()), ours.contains(theirs.as_str())) {
        (true, _) => theirs.clone(),
        (_, true) => ours.clone(),
        _ => format!("{theirs} / {ours}"),
    }
}

/// What changed in a console since it last looked at the file.
#[derive(Debug, Clone)]
struct Change {
    before: Remembered,
    after: Remembered,
}

impl Change {
    /// What is in the file once the change is applied to what is in it.
    fn onto(&self, theirs: &Remembered) -> Remembered {
        let (before, after) = (&self.before, &self.after);
        let names = |list: &[String]| keyed(list, |name| (name, ()));
        let sets = |before, after, theirs| {
            let merged = merge(&names(before), &names(after), &names(theirs), |(), ()| ());
            merged.into_iter().map(|(name, ())| name).collect()
        };
        let runs = |list: &[Value]| keyed(list, |run| (run_key(&run), run));
        let panes = |of: &Remembered| of.panes.clone().into_iter().collect::<Vec<_>>();
        Remembered {
            version: VERSION,
            focus: pick(&before.focus, &after.focus, &theirs.focus),
            window_seconds: pick(&before.window_seconds, &after.window_seconds, &theirs.window_seconds),
            clock_times: pick(&before.clock_times, &after.clock_times, &theirs.clock_times),
            recent: pick(&before.recent, &after.recent, &theirs.recent),
            panes: merge(&panes(before), &panes(after), &panes(theirs), |_, ours| ours.clone()).into_iter().collect(),
            notes: merge(&before.notes, &after.notes, &theirs.notes, both_notes),
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

/// A pane's name in the file: its title without its key.
fn name(pane: Pane) -> String {
    pane.title().trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').to_lowercase()
}

fn named(text: &str) -> Option<Pane> {
    Pane::ALL.into_iter().find(|pane| name(*pane) == text)
}

impl App {
    /// How it is arranged now. A filter that is only being typed is not set yet.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        let desk = &self.desk;
        let typing = self.layers.iter().find_map(|layer| match layer {
            Layer::Filter(line) => Some(line),
            _ => None,
        });
        let arranged = |pane: Pane| {
            let of = desk.of(pane);
            let filter = match typing.filter(|line| line.pane == pane) {
                Some(line) => &line.before,
                None => &of.filter,
            };
            Arranged {
                filter: filter.as_ref().map(|filter| filter.text.clone()),
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
            marks: desk.marks.iter().map(Item::to_string).collect(),
            runs: self.room.runs.iter().filter(|run| run.is_over()).flat_map(serde_json::to_value).collect(),
            rest: Map::new(),
        }
    }

    /// The same beside what was remembered before: while something runs once more, its last result stays.
    fn remembered_since(&self, before: &Remembered) -> Remembered {
        let mut now = self.remembered();
        let running = self.room.runs.iter().filter(|run| !run.is_over()).flat_map(serde_json::to_value);
        let running: Vec<String> = running.map(|run| run_key(&run)).collect();
        let kept = before.runs.iter().enumerate().filter(|(_, run)| running.contains(&run_key(run)));
        for (at, run) in kept {
            now.runs.insert(at.min(now.runs.len()), run.clone());
        }
        now
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
        self.desk.marks = was.marks.iter().filter_map(|text| Item::named(text)).collect();
        self.share(was);
        self.sift(now);
    }

    /// Takes over what consoles on one platform share: notes, bundle, and what ran.
    fn share(&mut self, with: &Remembered) {
        let item = |text: &String| Item::named(text);
        self.desk.notes = with.notes.iter().filter_map(|(text, note)| Some((item(text)?, note.clone()))).collect();
        self.desk.bundle = with.bundle.iter().filter_map(item).collect();
        let selected = self.room.rows().get(self.room.at).copied();
        let running: Vec<Run> = self.room.runs.iter().filter(|run| !run.is_over()).cloned().collect();
        let runs = with.runs.iter().filter_map(|run| serde_json::from_value(run.clone()).ok());
        let is_running =
            |run: &Run| running.iter().any(|other| (other.entry, other.subject) == (run.entry, run.subject));
        self.room.runs = runs.filter(|run| !is_running(run)).collect();
        self.room.runs.extend(running);
        let n_too_many = self.room.runs.len().saturating_sub(diagnose::RUNS);
        self.room.runs.drain(..n_too_many);
        if let Some(at) = selected.and_then(|place| self.room.rows().iter().position(|row| *row == place)) {
            self.room.at = at;
        }
    }

    /// Takes over what is in the file by now; `sent` is how this console was arranged when the file was written.
    fn adopt(&mut self, sent: &Remembered, merged: &Remembered) {
        let change = Change { before: sent.clone(), after: self.remembered_since(sent) };
        if change.before != *merged {
            self.share(&change.onto(merged));
        }
    }
}

/// What a state file's metadata says of who wrote it: another writer makes another file of it.
type Stamp = (u64, i64, i64, u64);

fn stamp(of: &Metadata) -> Stamp {
    (of.ino(), of.mtime(), of.mtime_nsec(), of.len())
}

/// What came of looking at the file.
#[derive(Debug, Default)]
pub struct Synced {
    /// What is in it now; none if nothing changed on either side.
    merged: Option<Remembered>,
    stamp: Option<Stamp>,
    /// Under which name a file that could not be read was set aside, and why.
    aside: Option<String>,
}

/// What looking at the file did to the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effected {
    /// Nothing.
    Nothing,
    /// It may show what another console wrote.
    Shared,
    /// There is something to say, in one line.
    Said(String),
}

/// Keeps a console and its state file in step.
#[derive(Debug)]
pub struct StateKeeper {
    memory: Memory,
    /// How the console was arranged when it last looked at the file.
    before: Remembered,
    stamp: Option<Stamp>,
    /// What is being applied to the file.
    under_way: Option<Change>,
    due: Timestamp,
    /// What is wrong with the file, once it was said.
    trouble: Option<String>,
}

impl StateKeeper {
    /// Nothing changed yet; `before` is what was recalled.
    #[must_use]
    pub fn new(memory: Memory, app: &App, now: Timestamp) -> Self {
        let before = app.remembered();
        Self { memory, before, stamp: None, under_way: None, due: now.plus(REFRESH_INTERVAL), trouble: None }
    }

    /// Something may have changed at `now`; what did is written at once.
    pub fn look(&mut self, app: &App, now: Timestamp) {
        if self.memory.0.is_some() && self.due > now && app.remembered_since(&self.before) != self.before {
            self.due = now;
        }
    }

    /// When the file is to be looked at; never while it is.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        (self.memory.0.is_some() && self.under_way.is_none()).then_some(self.due)
    }

    /// Begins to apply to the file what changed. The answer is for [`Self::finish`].
    pub fn begin(&mut self, app: &App, ambient: &Ambient) -> impl Future<Output = io::Result<Synced>> + Send + 'static {
        let change = Change { before: self.before.clone(), after: app.remembered_since(&self.before) };
        self.under_way = Some(change.clone());
        let (memory, stamp, ambient) = (self.memory.clone(), self.stamp, ambient.clone());
        async move { memory.sync(change, stamp, &ambient).await }
    }

    /// Takes over what came of it at `now`.
    pub fn finish(&mut self, app: &mut App, came: io::Result<Synced>, now: Timestamp) -> Effected {
        let Some(sent) = self.under_way.take() else { return Effected::Nothing };
        self.due = now.plus(REFRESH_INTERVAL);
        let synced = match came {
            Ok(synced) => synced,
            Err(error) => {
                tracing::warn!(%error, "what was arranged is not remembered");
                let said = format!("notes and arrangement are not kept: {error}");
                let is_known = self.trouble.replace(said.clone()).as_ref() == Some(&said);
                return if is_known { Effected::Nothing } else { Effected::Said(said) };
            }
        };
        self.trouble = None;
        self.stamp = synced.stamp.or(self.stamp);
        let Some(merged) = synced.merged else { return Effected::Nothing };
        app.adopt(&sent.after, &merged);
        let understood = |run: &Value| serde_json::from_value::<Run>(run.clone()).and_then(serde_json::to_value).ok();
        self.before = Remembered {
            notes: merged.notes.into_iter().filter(|(item, _)| Item::named(item).is_some()).collect(),
            bundle: merged.bundle.into_iter().filter(|item| Item::named(item).is_some()).collect(),
            runs: merged.runs.iter().filter_map(understood).collect(),
            ..sent.after
        };
        self.look(app, now);
        synced.aside.map_or(Effected::Shared, Effected::Said)
    }

    /// Waits for what is under way and writes what is not written yet, at the end of a console.
    pub async fn close(mut self, under_way: Option<Syncing>, app: &mut App, ambient: &Ambient) {
        if let Some(under_way) = under_way {
            let came = under_way.await.map_err(io::Error::other).flatten();
            self.finish(app, came, ambient.now());
        }
        if self.memory.0.is_some() {
            let came = self.begin(app, ambient).await;
            self.finish(app, came, ambient.now());
        }
    }
}

/// The state file, being looked at beside the loop.
pub type Syncing = JoinHandle<io::Result<Synced>>;

/// The file; none for a console that is to forget.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub Option<PathBuf>);

impl Memory {
    /// Arranges a console as the last one was. Who is here for the first time gets a hint.
    ///
    /// # Errors
    /// One line that says why the file could not be read, and under which name it was set aside. Where it could not be set aside, the console
    /// forgets, so that the file stays as it is.
    pub async fn recall(&mut self, app: &mut App, ambient: &Ambient) -> Result<(), String> {
        let Some(file) = self.0.clone() else { return Ok(()) };
        let mut read = read(&file);
        let mut aside = None;
        if read.is_err() {
            // Another console may be setting it aside just now.
            let _lock = lock(&file, ambient).await;
            (read, aside) = match read_or_set_aside(&file) {
                Ok((read, aside)) => (Ok(read), aside),
                Err(why) => {
                    self.0 = None;
                    return Err(format!("{} is left as it is and nothing is kept: {why}", short(&file)));
                }
            };
        }
        match read {
            Ok(Some(was)) => app.recall(&was, ambient.now()),
            _ if aside.is_none() => app.desk.hint = Hint::Shown,
            _ => {}
        }
        aside.map_or(Ok(()), Err)
    }

    /// Applies a change to the file under its lock; reads it only where another console wrote it since `known`.
    async fn sync(&self, change: Change, known: Option<Stamp>, ambient: &Ambient) -> io::Result<Synced> {
        let Some(file) = self.0.clone() else { return Ok(Synced::default()) };
        let stamp_now = std::fs::metadata(&file).ok().map(|of| stamp(&of));
        if change.before == change.after && stamp_now.is_some() && stamp_now == known {
            return Ok(Synced::default());
        }
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
        let lock = lock(&file, ambient).await?;
        let applied = tokio::task::spawn_blocking(move || {
            let synced = apply(&file, &change);
            drop(lock);
            synced
        });
        applied.await.map_err(io::Error::other)?
    }
}

/// Waits for the lock of a state file. Where files cannot be locked there is none, and the merge alone has to do.
async fn lock(file: &Path, ambient: &Ambient) -> io::Result<Option<FileLock>> {
    let beside = file.with_extension("json.lock");
    let taken = ambient.within(LOCK_TIMEOUT, async {
        loop {
            match FileLock::try_take(&beside) {
                Ok(None) => ambient.sleep(LOCK_INTERVAL).await,
                Ok(lock) => return lock,
                Err(_) => return None,
            }
        }
    });
    taken.await.ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, format!("{} is locked", short(file))))
}

/// Reads the file, applies a change to what is in it, and writes it if that makes a difference.
fn apply(file: &Path, change: &Change) -> io::Result<Synced> {
    let (theirs, aside) = read_or_set_aside(file).map_err(io::Error::other)?;
    // A file that is gone takes nothing with it.
    let merged = change.onto(theirs.as_ref().unwrap_or(&change.before));
    if theirs.as_ref() != Some(&merged) {
        files::replace(file, merged.clone().written()?.as_bytes())?;
    }
    let stamp = std::fs::metadata(file).ok().map(|of| stamp(&of));
    Ok(Synced { merged: Some(merged), stamp, aside })
}

fn read(file: &Path) -> Result<Option<Remembered>, String> {
    let text = files::read_bounded(file, MAX_STATE_BYTES).map_err(|error| error.to_string())?;
    text.map(|text| Remembered::read(&text)).transpose()
}

/// Reads the file; one that cannot be read is set aside, and what is said of it comes along. Its lock is held.
fn read_or_set_aside(file: &Path) -> Result<(Option<Remembered>, Option<String>), String> {
    let why = match read(file) {
        Ok(read) => return Ok((read, None)),
        Err(why) => why,
    };
    let aside = files::set_aside(file).map_err(|error| format!("it cannot be read ({why}) nor renamed ({error})"))?;
    tracing::warn!(file = %file.display(), aside = %aside.display(), why, "a state file that cannot be read is set aside");
    Ok((None, Some(format!("kept aside as {}, as it cannot be read: {why}", short(&aside)))))
}

/// A file's name without its folder.
fn short(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
