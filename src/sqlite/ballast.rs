//! Ballast: room on the disk that is held by a file, and given up when the disk is full, so that what must be written down still can be.

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes held: more than all that can be under way at once leaves in the database and in its log.
const SIZE: u64 = 16 << 20;

/// The file, and whether it is there.
#[derive(Debug)]
pub struct Ballast {
    path: PathBuf,
    is_whole: AtomicBool,
}

impl Ballast {
    /// Holds the room at `path` from now on, if there is any.
    #[must_use]
    pub fn take(path: PathBuf) -> Self {
        let ballast = Self { path, is_whole: AtomicBool::new(false) };
        ballast.restore();
        ballast
    }

    /// Whether the room is held.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Acquire)
    }

    /// Whether the room is held, taken again now if it was given up.
    pub fn restore(&self) -> bool {
        if !self.is_whole() && self.hold().is_ok() {
            self.is_whole.store(true, Ordering::Release);
        }
        self.is_whole()
    }

    fn hold(&self) -> io::Result<()> {
        let taken = File::create(&self.path).and_then(reserve);
        if taken.is_err() {
            // A part of it would be in the way of what it is for.
            let _ = std::fs::remove_file(&self.path);
        }
        taken
    }

    /// Gives the room up. Whether there was any to give.
    pub fn release(&self) -> bool {
        self.is_whole.swap(false, Ordering::AcqRel) && std::fs::remove_file(&self.path).is_ok()
    }
}

/// Takes the room without writing it, where the file system can; else with zeros.
fn reserve(mut file: File) -> io::Result<()> {
    match fallocate(&file, FallocateFlags::empty(), 0, SIZE) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let zeros = [0; 1 << 16];
            for _ in 0..SIZE / zeros.len() as u64 {
                file.write_all(&zeros)?;
            }
            file.sync_all()
        }
        taken => Ok(taken?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_held_given_up_once_and_held_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ballast");
        let ballast = Ballast::take(path.clone());
        assert!(ballast.restore());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), SIZE);
        assert!(ballast.release() && !ballast.release() && !path.exists());
        assert!(ballast.restore() && path.exists());
    }

    #[test]
    fn where_no_file_can_be_there_is_no_room() {
        let ballast = Ballast::take("/nowhere/ballast".into());
        assert!(!ballast.restore() && !ballast.release());
    }
}
