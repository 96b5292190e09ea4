//! Reading files that other programs or users may have written: with a size limit everywhere, regular files only where
//! a file is meant, and a time limit where a pipe may take the place of one.

pub mod private;

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use zeroize::Zeroizing;

/// Maximum size of a settings file: configuration, profiles, themes, tables of keys.
pub const MAX_SETTINGS_BYTES: u64 = 1024 * 1024;
/// Maximum size of a file with a key, a token or a secret.
pub const MAX_SECRET_BYTES: u64 = 4_096;
/// Maximum size of a state file that one run leaves for the next: sent notifications, findings, reviews.
pub const MAX_STATE_BYTES: u64 = 8 * 1024 * 1024;
/// Maximum time to read a pipe to its end.
pub const PIPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a regular file without blocking; opening a FIFO without a writer would block forever.
///
/// # Errors
/// [`io::Error`] of the file system; [`ErrorKind::InvalidInput`] for a device, a pipe, a socket or a folder.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Opening a FIFO without a writer would block; with O_NONBLOCK it returns, and the file type is checked below.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    let what = if kind.is_dir() { "a folder" } else { "a device, a pipe or a socket" };
    Err(io::Error::new(ErrorKind::InvalidInput, format!("{what}, not a regular file")))
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// [`io::Error`] of [`open_regular`]; [`ErrorKind::FileTooLarge`] beyond the limit.
pub fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_to_limit(open_regular(path)?, limit)
}

/// Reads a regular file of UTF-8 text of at most `limit` bytes.
///
/// # Errors
/// [`io::Error`] of [`read_limited`]; [`ErrorKind::InvalidData`] for text that is not UTF-8.
pub fn read_text_limited(path: &Path, limit: u64) -> io::Result<String> {
    into_text(read_limited(path, limit)?)
}

/// Reads a text file like [`read_text_limited`]; `None` if it does not exist.
///
/// # Errors
/// [`io::Error`] of [`read_text_limited`].
pub fn read_text_if_present(path: &Path, limit: u64) -> io::Result<Option<String>> {
    match read_text_limited(path, limit) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Reads at most `limit` bytes from a path given by the user: a regular file, or a pipe that a shell puts in its place.
/// `-` is standard input, which has no time limit because a user may be typing.
///
/// # Errors
/// [`io::Error`] of the file system; [`ErrorKind::FileTooLarge`] beyond the limit, [`ErrorKind::TimedOut`] after
/// [`PIPE_TIMEOUT`].
pub fn read_named(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    if path == Path::new("-") {
        return read_to_limit(io::stdin().lock(), limit).map(Zeroizing::new);
    }
    let (sender, receiver) = mpsc::channel();
    let named = path.to_owned();
    // A blocked read of a pipe cannot be cancelled; the thread ends with the process.
    thread::spawn(move || {
        sender.send(File::open(named).and_then(|file| read_to_limit(file, limit)).map(Zeroizing::new))
    });
    receiver.recv_timeout(PIPE_TIMEOUT).unwrap_or_else(|error| {
        let seconds = PIPE_TIMEOUT.as_secs();
        Err(match error {
            RecvTimeoutError::Timeout => {
                io::Error::new(ErrorKind::TimedOut, format!("no end of it within {seconds} s"))
            }
            RecvTimeoutError::Disconnected => io::Error::other("reading it broke off"),
        })
    })
}

/// Reads everything from a reader, up to a limit.
///
/// # Errors
/// [`io::Error`] of the reader; [`ErrorKind::FileTooLarge`] beyond the limit.
pub fn read_to_limit(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("larger than {}, the limit", format_size(limit))));
    }
    Ok(bytes)
}

/// Converts bytes to UTF-8 text.
///
/// # Errors
/// [`ErrorKind::InvalidData`] for bytes that are not UTF-8.
pub fn into_text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "not UTF-8 text"))
}

/// Formats a size in bytes: `4 KiB`, `8 MiB`.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l4_only_regular_files_within_the_limit_are_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        std::fs::write(&file, "x".repeat(4_096)).expect("written");
        let why = |path: &Path| read_limited(path, 4_095).expect_err("refused").to_string();
        assert_eq!(read_limited(&file, 4_096).expect("read").len(), 4_096);
        assert_eq!(why(&file), "larger than 3 KiB, the limit");
        assert_eq!(why(Path::new("/dev/zero")), "a device, a pipe or a socket, not a regular file");
        assert_eq!(why(dir.path()), "a folder, not a regular file");
        let fifo = dir.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
        assert!(made.success());
        // A pipe without a writer is refused at once instead of waited for.
        assert_eq!(why(&fifo), "a device, a pipe or a socket, not a regular file");
        assert_eq!(read_named(Path::new("/dev/zero"), 100).expect_err("refused").kind(), ErrorKind::FileTooLarge);
    }
}
