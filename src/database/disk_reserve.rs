//! Disk reserve: a file that holds disk space and releases it step by step when the disk is full, so that outcomes and
//! revocations can still be written.

use crate::files::private;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Size of the complete reserve in bytes: more than all attempts in flight can add to the database and its log.
const RESERVE_BYTES: u64 = 16 << 20;
/// Number of bytes released at once: not all, because other programs fill the disk too.
const RELEASE_STEP_BYTES: u64 = 4 << 20;
/// Number of bytes released only for opening a database, which needs space for its shared-memory index before anything
/// can be read.
const OPENING_BYTES: u64 = 1 << 20;

/// Purpose for which reserved space is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservePurpose {
    /// Writing facts that already hold.
    Writing,
    /// Opening the platform's database file.
    Opening,
}

/// Reserve file on disk with the space it holds.
#[derive(Debug)]
pub struct DiskReserve {
    path: PathBuf,
    held_bytes: AtomicU64,
    /// Serializes changes of the file.
    change: Mutex<()>,
}

impl DiskReserve {
    /// Finds the reserve at `path` with the space that an earlier process left in it. Allocates nothing; see
    /// [`DiskReserve::refill`].
    #[must_use]
    pub fn find(path: PathBuf) -> Self {
        let is_file = |found: &std::fs::Metadata| found.is_file();
        let held =
            std::fs::symlink_metadata(&path).ok().filter(is_file).map_or(0, |file| file.len().min(RESERVE_BYTES));
        Self { path, held_bytes: AtomicU64::new(held), change: Mutex::default() }
    }

    /// Returns whether the reserve is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.held_bytes.load(Ordering::Acquire) == RESERVE_BYTES
    }

    /// Refills the reserve and returns whether it is complete; on a full disk, allocates as much as is available.
    /// Blocks for as long as the file system takes.
    pub fn refill(&self) -> bool {
        let _change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.held_bytes.load(Ordering::Acquire);
        // The full size first, then halves: a smaller reserve is better than none.
        let sizes = std::iter::successors(Some(RESERVE_BYTES), |size| (size / 2 >= OPENING_BYTES).then_some(size / 2));
        let taken = sizes
            .take_while(|size| *size > held)
            .find(|size| self.open().and_then(|file| allocate(file, held, *size)).is_ok());
        if let Some(size) = taken {
            self.held_bytes.store(size, Ordering::Release);
        }
        self.is_complete()
    }

    /// Releases one step of the reserve. Returns whether any space could be released for that purpose.
    pub fn release_step(&self, need: ReservePurpose) -> bool {
        let _change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.held_bytes.load(Ordering::Acquire);
        // The last part is kept for opening the database after a restart on a full disk.
        let kept = if need == ReservePurpose::Opening { 0 } else { OPENING_BYTES };
        let left = held.saturating_sub(RELEASE_STEP_BYTES).max(kept);
        let is_cut = held > left && self.open().and_then(|file| file.set_len(left)).is_ok();
        if is_cut {
            self.held_bytes.store(left, Ordering::Release);
        }
        is_cut
    }

    /// Opens the file, never through a symbolic link, whose target would be truncated.
    fn open(&self) -> io::Result<File> {
        private::private_options().write(true).create(true).truncate(false).open(&self.path)
    }
}

/// Extends the file from `held` to `size` bytes by allocation, or with zeros where the file system cannot allocate. On
/// failure the file keeps its size.
fn allocate(mut file: File, held: u64, size: u64) -> io::Result<()> {
    let taken = match fallocate(&file, FallocateFlags::empty(), 0, size) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => extend_with_zeros(&mut file, held, size),
        taken => taken.map_err(io::Error::from),
    };
    if taken.is_err() {
        let _ = file.set_len(held);
    }
    taken
}

/// Extends the file with zeros and syncs it.
fn extend_with_zeros(file: &mut File, held: u64, size: u64) -> io::Result<()> {
    let zeros = [0; 1 << 16];
    let mut at = file.seek(SeekFrom::Start(held))?;
    while at < size {
        let n = zeros.len().min(usize::try_from(size - at).unwrap_or(zeros.len()));
        file.write_all(&zeros[..n])?;
        at += n as u64;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_held_given_up_in_steps_and_held_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ballast");
        let len = || std::fs::metadata(&path).unwrap().len();
        let ballast = DiskReserve::find(path.clone());
        assert!(!ballast.is_complete() && !ballast.release_step(ReservePurpose::Opening) && ballast.refill());
        assert_eq!(len(), RESERVE_BYTES);
        assert!(ballast.release_step(ReservePurpose::Writing) && !ballast.is_complete());
        assert_eq!(len(), RESERVE_BYTES - RELEASE_STEP_BYTES);
        let later = DiskReserve::find(path.clone());
        assert_eq!(
            std::iter::from_fn(|| later.release_step(ReservePurpose::Writing).then_some(())).count() as u64,
            RESERVE_BYTES / RELEASE_STEP_BYTES - 1
        );
        assert_eq!(len(), OPENING_BYTES, "what opening needs is left");
        assert!(
            later.release_step(ReservePurpose::Opening) && !later.release_step(ReservePurpose::Opening) && len() == 0
        );
        assert!(later.refill() && len() == RESERVE_BYTES && DiskReserve::find(path.clone()).is_complete());
    }

    #[test]
    fn where_no_file_can_be_there_is_no_room_and_a_link_is_left_alone() {
        let nowhere = DiskReserve::find("/nowhere/ballast".into());
        assert!(!nowhere.refill() && !nowhere.release_step(ReservePurpose::Opening));
        let dir = tempfile::tempdir().unwrap();
        let (mine, link) = (dir.path().join("mine"), dir.path().join("ballast"));
        std::fs::write(&mine, "mine").unwrap();
        std::os::unix::fs::symlink(&mine, &link).unwrap();
        let linked = DiskReserve::find(link);
        assert!(!linked.refill() && !linked.release_step(ReservePurpose::Opening));
        assert_eq!(std::fs::read(&mine).unwrap(), b"mine");
    }
}
