//! State file of the console, one per platform: it is read at the start, and merged and written as soon as something
//! changed. Consoles on one platform share the file: each applies its own changes to the file's content, item by
//! item, under a lock. A file that cannot be read is set aside before anything is written, and never blocks the
//! console.

use crate::clock::RuntimeEnv;
use crate::domain::query::field::Field;
use crate::domain::time::Timestamp;
use crate::files::private;
use crate::files::private::FileLock;
use crate::tui::ids::{Pane, RowId};
use crate::tui::panes::rows_of;
use crate::tui::runtime::persisted_state::{
    MAX_STATE_BYTES, PersistedPane, PersistedUiState, StateChange, VERSION, run_key,
};
use crate::tui::state::app::App;
use crate::tui::state::diagnose::DiagnoseRun;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::view_state::{PaneFilter, SortDirection, TimeDisplay, WelcomeHint};
use crate::tui::update::filters;
use serde_json::{Map, Value};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Interval at which the file is checked for changes of another console.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// Time limit for taking the lock of the file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Interval at which a lock held by another console is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(10);

/// Name of a pane in the file: its title without its key.
fn name(pane: Pane) -> String {
    pane.title().trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').to_lowercase()
}

fn pane_named(text: &str) -> Option<Pane> {
    Pane::ALL.into_iter().find(|pane| name(*pane) == text)
}

/// Present state for the file. A filter that is still being typed is not included.
#[must_use]
pub fn persisted_state(app: &App) -> PersistedUiState {
    let desk = &app.view_state;
    let typing = app.overlays.iter().find_map(|layer| match layer {
        Overlay::Filter(line) => Some(line),
        _ => None,
    });
    let arranged = |pane: Pane| {
        let of = desk.pane(pane);
        let filter = match typing.filter(|line| line.pane == pane) {
            Some(line) => &line.before,
            None => &of.filter,
        };
        PersistedPane {
            filter: filter.as_ref().map(|filter| filter.text.clone()),
            sort: of.sort.map(|(field, _)| field.name().to_owned()),
            reversed: of.sort.is_some_and(|(_, direction)| direction == SortDirection::Descending),
            hidden: of.hidden_columns.clone(),
        }
    };
    let panes = Pane::ALL.into_iter().map(|pane| (name(pane), arranged(pane)));
    PersistedUiState {
        version: VERSION,
        focus: name(app.focus),
        window_seconds: desk.log_window.map(|window| window.as_secs()),
        clock_times: desk.time_display == TimeDisplay::Clock,
        recent: desk.recent_actions.clone(),
        panes: panes.filter(|(_, of)| *of != PersistedPane::default()).collect(),
        notes: desk.notes.iter().map(|(item, note)| (item.to_string(), note.clone())).collect(),
        bundle: desk.bundle.iter().map(RowId::to_string).collect(),
        marks: desk.marks.iter().map(RowId::to_string).collect(),
        runs: app.diagnose.runs.iter().filter(|run| run.is_over()).flat_map(serde_json::to_value).collect(),
        rest: Map::new(),
    }
}

/// Present state for the file; while an entry runs again, its previous result from `before` is kept.
fn persisted_state_since(app: &App, before: &PersistedUiState) -> PersistedUiState {
    let mut now = persisted_state(app);
    let running = app.diagnose.runs.iter().filter(|run| !run.is_over()).flat_map(serde_json::to_value);
    let running: Vec<String> = running.map(|run| run_key(&run)).collect();
    let kept = before.runs.iter().enumerate().filter(|(_, run)| running.contains(&run_key(run)));
    for (at, run) in kept {
        now.runs.insert(at.min(now.runs.len()), run.clone());
    }
    now
}

/// Restores filters, sort orders, columns, marks, notes, bundle and runs. Content that this version cannot read
/// is ignored.
pub fn restore_state(app: &mut App, was: &PersistedUiState, now: Timestamp) {
    // Whether the dashboard has the pane is known with the first overview.
    if let Some(pane) = pane_named(&was.focus) {
        app.focus = pane;
    }
    app.view_state.log_window = was.window_seconds.map(Duration::from_secs);
    app.view_state.time_display = if was.clock_times { TimeDisplay::Clock } else { TimeDisplay::Ages };
    app.view_state.recent_actions.clone_from(&was.recent);
    for (pane, of) in was.panes.iter().filter_map(|(text, of)| Some((pane_named(text)?, of))) {
        let filter =
            of.filter.as_deref().and_then(|text| PaneFilter::parse(text, rows_of(pane).fields()).ok().flatten());
        let direction = if of.reversed { SortDirection::Descending } else { SortDirection::Ascending };
        let sort = of.sort.as_deref().and_then(Field::named).map(|field| (field, direction));
        let known = |title: &&String| rows_of(pane).columns().iter().any(|c| c.title == title.as_str() && c.rank > 0);
        let arrangement = app.view_state.pane_mut(pane);
        (arrangement.filter, arrangement.sort) = (filter, sort);
        arrangement.hidden_columns = of.hidden.iter().filter(known).cloned().collect();
    }
    app.view_state.marks = was.marks.iter().filter_map(|text| RowId::parse(text)).collect();
    apply_shared_state(app, was);
    filters::apply_filters(app, now);
}

/// Takes over what all consoles on one platform share: notes, bundle and runs. Running entries of this console
/// stay.
fn apply_shared_state(app: &mut App, with: &PersistedUiState) {
    let item = |text: &String| RowId::parse(text);
    app.view_state.notes = with.notes.iter().filter_map(|(text, note)| Some((item(text)?, note.clone()))).collect();
    app.view_state.bundle = with.bundle.iter().filter_map(item).collect();
    let selected = app.diagnose.rows().get(app.diagnose.cursor_row).copied();
    let running: Vec<DiagnoseRun> = app.diagnose.runs.iter().filter(|run| !run.is_over()).cloned().collect();
    let runs = with.runs.iter().filter_map(|run| serde_json::from_value(run.clone()).ok());
    let is_running =
        |run: &DiagnoseRun| running.iter().any(|other| (other.entry, other.subject) == (run.entry, run.subject));
    app.diagnose.runs = runs.filter(|run| !is_running(run)).collect();
    app.diagnose.runs.extend(running);
    let n_too_many = app.diagnose.runs.len().saturating_sub(crate::tui::state::diagnose::MAX_RUNS_KEPT);
    app.diagnose.runs.drain(..n_too_many);
    if let Some(at) = selected.and_then(|place| app.diagnose.rows().iter().position(|row| *row == place)) {
        app.diagnose.cursor_row = at;
    }
}

/// Takes over the merged content of the file; `sent` is the state of this console when the merge began.
fn adopt_merged_state(app: &mut App, sent: &PersistedUiState, merged: &PersistedUiState) {
    let change = StateChange { before: sent.clone(), after: persisted_state_since(app, sent) };
    if change.before != *merged {
        apply_shared_state(app, &change.apply_to(merged));
    }
}

/// Inode, modification time and size of a state file, which change with every writer.
type FileStamp = (u64, i64, i64, u64);

fn stamp(of: &Metadata) -> FileStamp {
    (of.ino(), of.mtime(), of.mtime_nsec(), of.len())
}

/// Result of syncing with the state file.
#[derive(Debug, Default)]
pub struct StateSyncResult {
    /// Content of the file after the merge; `None` if neither side changed.
    merged: Option<PersistedUiState>,
    stamp: Option<FileStamp>,
    /// Message about a file that could not be read: its new name and the reason.
    set_aside: Option<String>,
}

/// Effect of a sync on the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateSyncEffect {
    /// Neither the file nor the console changed.
    Nothing,
    /// Console may show what another console wrote.
    Shared,
    /// Message for the operator, in one line.
    Message(String),
}

/// Keeps a console and its state file in sync.
#[derive(Debug)]
pub struct StateKeeper {
    state_file: StateFile,
    /// State of the console at its last sync.
    before: PersistedUiState,
    stamp: Option<FileStamp>,
    /// Change that is being applied to the file.
    in_flight: Option<StateChange>,
    due_at: Timestamp,
    /// Error of the last sync that was reported, so that the same error is not reported again.
    last_error: Option<String>,
}

impl StateKeeper {
    /// Creates a keeper after the state was restored, with the first sync due after two seconds.
    #[must_use]
    pub fn new(memory: StateFile, app: &App, now: Timestamp) -> Self {
        let before = persisted_state(app);
        Self {
            state_file: memory,
            before,
            stamp: None,
            in_flight: None,
            due_at: now.plus(REFRESH_INTERVAL),
            last_error: None,
        }
    }

    /// Checks for changes of the console at `now` and makes a sync due at once if there are any.
    pub fn check_for_changes(&mut self, app: &App, now: Timestamp) {
        if self.state_file.0.is_some() && self.due_at > now && persisted_state_since(app, &self.before) != self.before {
            self.due_at = now;
        }
    }

    /// Time of the next sync; `None` without a file and while a sync is in flight.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        (self.state_file.0.is_some() && self.in_flight.is_none()).then_some(self.due_at)
    }

    /// Starts a sync. The future's result is for [`Self::finish`].
    pub fn begin(
        &mut self,
        app: &App,
        ambient: &RuntimeEnv,
    ) -> impl Future<Output = io::Result<StateSyncResult>> + Send + 'static {
        let change = StateChange { before: self.before.clone(), after: persisted_state_since(app, &self.before) };
        self.in_flight = Some(change.clone());
        let (memory, stamp, ambient) = (self.state_file.clone(), self.stamp, ambient.clone());
        async move { memory.sync(change, stamp, &ambient).await }
    }

    /// Applies the result of a sync at `now`: adopts the merged content, or reports an error that was not reported
    /// yet.
    pub fn finish(&mut self, app: &mut App, came: io::Result<StateSyncResult>, now: Timestamp) -> StateSyncEffect {
        let Some(sent) = self.in_flight.take() else { return StateSyncEffect::Nothing };
        self.due_at = now.plus(REFRESH_INTERVAL);
        let synced = match came {
            Ok(synced) => synced,
            Err(error) => {
                tracing::warn!(%error, "the layout and notes could not be saved");
                let said = format!("notes and layout are not saved: {error}");
                let is_known = self.last_error.replace(said.clone()).as_ref() == Some(&said);
                return if is_known { StateSyncEffect::Nothing } else { StateSyncEffect::Message(said) };
            }
        };
        self.last_error = None;
        self.stamp = synced.stamp.or(self.stamp);
        let Some(merged) = synced.merged else { return StateSyncEffect::Nothing };
        adopt_merged_state(app, &sent.after, &merged);
        let understood =
            |run: &Value| serde_json::from_value::<DiagnoseRun>(run.clone()).and_then(serde_json::to_value).ok();
        // Items that this version cannot hold are left out: they would look removed at the next sync.
        self.before = PersistedUiState {
            notes: merged.notes.into_iter().filter(|(item, _)| RowId::parse(item).is_some()).collect(),
            bundle: merged.bundle.into_iter().filter(|item| RowId::parse(item).is_some()).collect(),
            runs: merged.runs.iter().filter_map(understood).collect(),
            ..sent.after
        };
        self.check_for_changes(app, now);
        synced.set_aside.map_or(StateSyncEffect::Shared, StateSyncEffect::Message)
    }

    /// Finishes the sync in flight and writes the remaining changes, at the end of a console.
    pub async fn close(mut self, under_way: Option<StateSyncTask>, app: &mut App, ambient: &RuntimeEnv) {
        if let Some(under_way) = under_way {
            let came = under_way.await.map_err(io::Error::other).flatten();
            self.finish(app, came, ambient.now());
        }
        if self.state_file.0.is_some() {
            let came = self.begin(app, ambient).await;
            self.finish(app, came, ambient.now());
        }
    }
}

/// Sync with the state file, running beside the loop.
pub type StateSyncTask = JoinHandle<io::Result<StateSyncResult>>;

/// Path of the state file; `None` for a console that keeps nothing.
#[derive(Debug, Clone, Default)]
pub struct StateFile(pub Option<PathBuf>);

impl StateFile {
    /// Restores the state of the last console. Without a file, which means a first start, the welcome hint is shown.
    ///
    /// # Errors
    /// A one-line reason why the file could not be read, and the name under which it was set aside. Where it could
    /// not be set aside, the console stops using the file, so that the file stays as it is.
    pub async fn recall(&mut self, app: &mut App, ambient: &RuntimeEnv) -> Result<(), String> {
        let Some(file) = self.0.clone() else { return Ok(()) };
        let mut read = read(&file);
        let mut aside = None;
        if read.is_err() {
            // Another console may be setting the file aside at this moment.
            let _lock = lock(&file, ambient).await;
            (read, aside) = match read_or_set_aside(&file) {
                Ok((read, aside)) => (Ok(read), aside),
                Err(why) => {
                    self.0 = None;
                    return Err(format!("{} is left unchanged and nothing is saved: {why}", short(&file)));
                }
            };
        }
        match read {
            Ok(Some(was)) => restore_state(app, &was, ambient.now()),
            _ if aside.is_none() => app.view_state.welcome_hint = WelcomeHint::Shown,
            _ => {}
        }
        aside.map_or(Ok(()), Err)
    }

    /// Merges a change into the file under its lock. Returns at once if neither this console nor the file changed;
    /// `known` is the stamp of the last sync.
    async fn sync(
        &self,
        change: StateChange,
        known: Option<FileStamp>,
        ambient: &RuntimeEnv,
    ) -> io::Result<StateSyncResult> {
        let Some(file) = self.0.clone() else { return Ok(StateSyncResult::default()) };
        let stamp_now = std::fs::metadata(&file).ok().map(|of| stamp(&of));
        if change.before == change.after && stamp_now.is_some() && stamp_now == known {
            return Ok(StateSyncResult::default());
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

/// Waits for the lock of a state file. On a file system without locks the result is `None`, and only the merge
/// protects the file.
async fn lock(file: &Path, ambient: &RuntimeEnv) -> io::Result<Option<FileLock>> {
    let beside = file.with_extension("json.lock");
    let taken = ambient.timeout(LOCK_TIMEOUT, async {
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

/// Reads the file, merges a change into it, and writes it if its content differs.
fn apply(file: &Path, change: &StateChange) -> io::Result<StateSyncResult> {
    let (theirs, aside) = read_or_set_aside(file).map_err(io::Error::other)?;
    // A missing file does not mean that its content was removed: the change is applied to the last known state.
    let merged = change.apply_to(theirs.as_ref().unwrap_or(&change.before));
    if theirs.as_ref() != Some(&merged) {
        private::replace(file, merged.clone().serialise()?.as_bytes())?;
    }
    let stamp = std::fs::metadata(file).ok().map(|of| stamp(&of));
    Ok(StateSyncResult { merged: Some(merged), stamp, set_aside: aside })
}

fn read(file: &Path) -> Result<Option<PersistedUiState>, String> {
    let text = crate::files::read_text_if_present(file, MAX_STATE_BYTES).map_err(|error| error.to_string())?;
    text.map(|text| PersistedUiState::read(&text)).transpose()
}

/// Reads the file while its lock is held. A file that cannot be read is set aside, and a message about that is
/// returned too.
fn read_or_set_aside(file: &Path) -> Result<(Option<PersistedUiState>, Option<String>), String> {
    let why = match read(file) {
        Ok(read) => return Ok((read, None)),
        Err(why) => why,
    };
    let aside =
        private::set_aside(file).map_err(|error| format!("it can be neither read ({why}) nor renamed ({error})"))?;
    tracing::warn!(file = %file.display(), aside = %aside.display(), why, "an unreadable state file was renamed");
    Ok((None, Some(format!("unreadable state file renamed to {}: {why}", short(&aside)))))
}

/// Name of a file without its folder.
fn short(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
