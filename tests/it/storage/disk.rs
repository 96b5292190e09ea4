//! A disk that loses what was not synced. A library between the binary and the file system writes down every change of a file; from that
//! record, what a loss of power at any moment may leave is put together again.

use crow::clock::RuntimeEnv;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A sector: what a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Preloaded library that records or fails changes of files, with its log.
pub(crate) struct Shim {
    home: PathBuf,
    watched: PathBuf,
}

impl Shim {
    /// Builds the library in `home` to watch the folder `watched` only.
    pub(crate) fn build(home: &Path, watched: &Path) -> Self {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/storage/shim.c");
        let shim = Self { home: home.to_owned(), watched: watched.to_owned() };
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(shim.library())
            .args([source, "-ldl", "-lpthread"])
            .status();
        assert!(built.expect("a C compiler").success(), "{source}");
        shim
    }

    fn library(&self) -> PathBuf {
        self.home.join("shim.so")
    }

    fn log(&self) -> PathBuf {
        self.home.join("changes")
    }

    fn fault(&self) -> PathBuf {
        self.home.join("fault")
    }

    /// Preloads the library into a command and records its changes.
    pub(crate) fn record(&self, command: &mut Command) {
        self.under(command);
        command.env("CROW_SHIM_LOG", self.log());
    }

    /// Preloads the library into a command that ends before its `n`th change as if it were killed.
    pub(crate) fn die_at(&self, command: &mut Command, n: usize) {
        self.under(command);
        command.env("CROW_SHIM_DIE", n.to_string());
    }

    /// Preloads the library into a command whose changes can be made to fail.
    pub(crate) fn under(&self, command: &mut Command) {
        command.env("LD_PRELOAD", self.library()).env("CROW_SHIM_DIR", &self.watched);
        command.env("CROW_SHIM_FAULT", self.fault()).env("CROW_SHIM_FAILED", self.home.join("failed"));
        command.env("CROW_SHIM_CLOCK", self.clock());
    }

    /// From now on changes fail: `ENOSPC`, `EIO`, `EROFS`, `TIGHT`, where only the platform's
    /// ballast can make room; or connections do: `ENETUNREACH` or `EMFILE`.
    pub(crate) fn fail(&self, how: &str) {
        let next = self.home.join("fault.next");
        std::fs::write(&next, how).and_then(|()| std::fs::rename(&next, self.fault())).expect("written");
    }

    /// From now on the wall clock is off by so many seconds.
    pub(crate) fn set_clock(&self, seconds: i64) {
        let next = self.home.join("clock.next");
        std::fs::write(&next, seconds.to_string())
            .and_then(|()| std::fs::rename(&next, self.clock()))
            .expect("written");
    }

    fn clock(&self) -> PathBuf {
        self.home.join("clock")
    }

    /// Returns the number of changes and connections that failed on request so far.
    pub(crate) fn n_failed(&self) -> usize {
        std::fs::metadata(self.home.join("failed")).map_or(0, |file| usize::try_from(file.len()).expect("small"))
    }

    /// From now on they do not.
    pub(crate) fn mend(&self) {
        std::fs::remove_file(self.fault()).expect("removed");
    }

    /// Returns the present end of the record. Everything acknowledged before was recorded before this position.
    pub(crate) fn position(&self) -> usize {
        usize::try_from(std::fs::metadata(self.log()).map_or(0, |log| log.len())).expect("small")
    }

    /// Returns the recorded changes so far.
    pub(crate) fn changes(&self) -> Vec<Change> {
        parse(&std::fs::read(self.log()).expect("a record"), &self.watched)
    }
}

/// Change of a file, and the end of its entry in the record.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) end: usize,
    file: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Created,
    Written(usize, Vec<u8>),
    Cut(usize),
    Synced,
    Removed,
    Renamed(String),
}

fn parse(mut log: &[u8], folder: &Path) -> Vec<Change> {
    let (total, folder) = (log.len(), folder.to_str().expect("text").to_owned());
    let inside = |name: &[u8]| {
        String::from_utf8_lossy(name).strip_prefix(&folder).expect("watched").trim_matches('/').to_owned()
    };
    let mut changes = Vec::new();
    while let Some((head, rest)) = log.split_first_chunk::<17>() {
        let number = |range: std::ops::Range<usize>| {
            head[range].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
        };
        let (n_name, n_data, offset) = (number(1..5), number(5..9), number(9..17));
        if rest.len() < n_name + n_data {
            break;
        }
        let (name, rest) = rest.split_at(n_name);
        let (data, rest) = rest.split_at(n_data);
        log = rest;
        let what = match head[0] {
            b'C' => What::Created,
            b'W' => What::Written(offset, data.to_vec()),
            b'T' => What::Cut(offset),
            b'S' => What::Synced,
            b'U' => What::Removed,
            b'R' => What::Renamed(inside(data)),
            other => panic!("{other} is no change"),
        };
        changes.push(Change { end: total - log.len(), file: inside(name), what });
    }
    changes
}

/// A file: what is on the disk for sure, and what is still on its way.
#[derive(Debug, Clone, Default)]
struct File {
    safe: Vec<u8>,
    waiting: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl File {
    fn take(&mut self, part: &Part) {
        match part {
            Part::Bytes(offset, bytes) => {
                self.safe.resize(self.safe.len().max(offset + bytes.len()), 0);
                self.safe[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Part::Length(length) => self.safe.resize(*length, 0),
        }
    }

    fn sync(&mut self) {
        for part in std::mem::take(&mut self.waiting) {
            self.take(&part);
        }
    }

    /// Simulates a power loss: of the changes that are not synced, some are applied, some are not, and some are applied
    /// in part, in any order.
    fn lose_power(&mut self, dice: &RuntimeEnv) {
        for part in std::mem::take(&mut self.waiting) {
            match (dice.random_below(3), part) {
                (0, _) => {}
                (1, Part::Bytes(offset, bytes)) => {
                    for (n, sector) in bytes.chunks(SECTOR).enumerate() {
                        if dice.random_below(2) == 0 {
                            self.take(&Part::Bytes(offset + n * SECTOR, sector.to_vec()));
                        }
                    }
                }
                (_, part) => self.take(&part),
            }
        }
    }
}

/// Names, and the files they stand for.
type Names = BTreeMap<String, usize>;

/// Puts into `to` what a loss of power after the record's byte `at` may leave. Names last when the folder was synced; of the later changes of
/// names the first ones may have arrived.
pub(crate) fn image(changes: &[Change], at: usize, to: &Path, dice: &RuntimeEnv) {
    let mut files: Vec<File> = Vec::new();
    let mut names = Names::new();
    // Every state of the names since the folder was synced.
    let mut states = vec![Names::new()];
    for Change { file, what, .. } in changes.iter().take_while(|change| change.end <= at) {
        match what {
            What::Synced if file.is_empty() => states = vec![names.clone()],
            What::Created => {
                names.insert(file.clone(), files.len());
                files.push(File::default());
                states.push(names.clone());
            }
            What::Removed => {
                names.remove(file);
                states.push(names.clone());
            }
            What::Renamed(new) => {
                if let Some(id) = names.remove(file) {
                    names.insert(new.clone(), id);
                }
                states.push(names.clone());
            }
            What::Synced | What::Written(..) | What::Cut(_) => {
                // A file without a name counts for no owner.
                let Some(file) = names.get(file).and_then(|id| files.get_mut(*id)) else { continue };
                match what {
                    What::Written(offset, bytes) => file.waiting.push(Part::Bytes(*offset, bytes.clone())),
                    What::Cut(length) => file.waiting.push(Part::Length(*length)),
                    _ => file.sync(),
                }
            }
        }
    }
    for file in &mut files {
        file.lose_power(dice);
    }
    let arrived = &states[dice.random_below(states.len())];
    for (name, id) in arrived {
        let path = to.join(name);
        std::fs::write(&path, &files[*id].safe).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
    }
}
