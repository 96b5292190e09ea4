//! Outbox of notifications: one file per notification and channel, so that none is lost when a channel is blocked,
//! the process ends, or two processes write. Notifications of one channel keep their order.

use super::notice::AlertNotification;
use crate::domain::time::Timestamp;
use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Delay after a first failure; it doubles with each further failure, up to [`MAX_RETRY_DELAY`].
const INITIAL_RETRY_DELAY: Duration = Duration::from_secs(2);
/// Maximum delay between two tries, unless the receiver asks for a longer one.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(900);
/// Maximum number of queued notifications; more are refused.
const MAX_QUEUED: usize = 10_000;

/// Folder that holds the queued notifications.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
}

/// Queued notification for one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedNotification {
    /// Notification that is to be sent.
    pub notice: AlertNotification,
    /// Name of the channel, such as `webhook`.
    pub channel: String,
    /// Number of tries so far.
    pub n_tries: u32,
    next_at: Timestamp,
    file: PathBuf,
}

/// Queued notification as its file stores it.
#[derive(Debug, Serialize, Deserialize)]
struct StoredNotification {
    notice: AlertNotification,
    way: String,
    n_tries: u32,
    next_at: Timestamp,
}

impl Outbox {
    /// Opens the outbox in a folder, which is created if it is missing.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the folder cannot be created.
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Queues a notification, once for each channel.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when a file cannot be written, or the outbox is full.
    pub fn enqueue(&self, notice: &AlertNotification, ways: &[&str]) -> io::Result<()> {
        if self.files()?.len() >= MAX_QUEUED {
            return Err(io::Error::other(format!("{MAX_QUEUED} notifications are pending already")));
        }
        for way in ways {
            let stored = StoredNotification {
                notice: notice.clone(),
                way: (*way).to_owned(),
                n_tries: 0,
                next_at: notice.at_utc,
            };
            let mut number = 0_u32;
            // Notifications of the same millisecond get different numbers, also when two processes write them.
            loop {
                let name = format!("{:015}-{number:06}-{way}.json", notice.at_utc.millis());
                match self
                    .write(&stored)
                    .and_then(|fresh| fresh.persist_noclobber(self.folder.join(name)).map_err(|error| error.error))
                {
                    Ok(_) => break,
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn write(&self, stored: &StoredNotification) -> io::Result<tempfile::NamedTempFile> {
        let mut fresh = tempfile::Builder::new().prefix(".fresh-").tempfile_in(&self.folder)?;
        fresh.write_all(&serde_json::to_vec(stored)?)?;
        fresh.as_file().sync_all()?;
        Ok(fresh)
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Returns the notifications to send at `now`: the oldest of each channel, if it is due. A file that cannot be
    /// read is skipped.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the folder cannot be read.
    pub fn due(&self, now: Timestamp) -> io::Result<Vec<QueuedNotification>> {
        let mut ways = HashSet::new();
        let mut due = Vec::new();
        for file in self.files()? {
            let Ok(stored) = files::read_limited(&file, files::MAX_STATE_BYTES)
                .and_then(|bytes| Ok(serde_json::from_slice::<StoredNotification>(&bytes)?))
            else {
                tracing::warn!(file = %file.display(), "a pending notification cannot be read");
                continue;
            };
            let StoredNotification { notice, way, n_tries, next_at } = stored;
            // Only the oldest notification of a channel can be due, which keeps the channel's order.
            if ways.insert(way.clone()) && next_at <= now {
                due.push(QueuedNotification { notice, channel: way, n_tries, next_at, file });
            }
        }
        Ok(due)
    }

    /// Returns the number of queued notifications.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the folder cannot be read.
    pub fn n_queued(&self) -> io::Result<usize> {
        Ok(self.files()?.len())
    }

    /// Removes a notification that was delivered, or that never can be.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the file cannot be removed.
    pub fn remove(&self, letter: &QueuedNotification) -> io::Result<()> {
        std::fs::remove_file(&letter.file)
    }

    /// Schedules the next try of a notification that failed at `now`, with exponential backoff. `at_least` is the
    /// delay the receiver asked for, honoured up to an hour.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the file cannot be written.
    pub fn reschedule(
        &self,
        letter: &QueuedNotification,
        now: Timestamp,
        at_least: Option<Duration>,
    ) -> io::Result<()> {
        let wait = INITIAL_RETRY_DELAY
            .saturating_mul(1 << letter.n_tries.min(10))
            .min(MAX_RETRY_DELAY)
            .max(at_least.unwrap_or_default());
        let QueuedNotification { notice, channel: way, n_tries, file, .. } = letter.clone();
        let stored =
            StoredNotification { notice, way, n_tries: n_tries + 1, next_at: now.plus(wait.min(MAX_RETRY_DELAY * 4)) };
        self.write(&stored)?.persist(file).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::notice::AlertTransition;

    fn notice(at: i64, subject: &str) -> AlertNotification {
        let at_utc = Timestamp::from_millis(at);
        AlertNotification {
            turn: AlertTransition::Raised,
            key: subject.to_owned(),
            subject: subject.to_owned(),
            name: "n".into(),
            state: "err".to_owned(),
            why: "w".into(),
            since_utc: at_utc,
            at_utc,
            platform: "p".to_owned(),
        }
    }

    #[test]
    fn ways_keep_their_order_and_block_only_themselves_and_nothing_is_forgotten() {
        let dir = tempfile::tempdir().expect("a directory");
        let outbox = Outbox::open(&dir.path().join("out")).expect("a folder");
        outbox.enqueue(&notice(1_000, "a"), &["webhook", "command"]).expect("put");
        outbox.enqueue(&notice(1_000, "b"), &["webhook"]).expect("put");
        let due = |now: i64| -> Vec<(String, String)> {
            let outbox = Outbox::open(&dir.path().join("out")).expect("opened anew");
            outbox
                .due(Timestamp::from_millis(now))
                .expect("due")
                .into_iter()
                .map(|of| (of.channel, of.notice.subject))
                .collect()
        };
        let pair = |way: &str, subject: &str| (way.to_owned(), subject.to_owned());
        assert_eq!(due(999), []);
        assert_eq!(due(1_000), [pair("command", "a"), pair("webhook", "a")]);
        let letters = outbox.due(Timestamp::from_millis(1_000)).expect("due");
        outbox.reschedule(&letters[1], Timestamp::from_millis(1_000), None).expect("written");
        assert_eq!(due(2_999), [pair("command", "a")], "b waits behind a");
        outbox.remove(&letters[0]).expect("removed");
        let again = outbox.due(Timestamp::from_millis(3_000)).expect("due");
        assert_eq!((again.len(), again[0].n_tries, again[0].notice.subject.as_str()), (1, 1, "a"));
        outbox.reschedule(&again[0], Timestamp::from_millis(3_000), Some(Duration::from_secs(60))).expect("written");
        assert_eq!(due(62_999), []);
        outbox.remove(&outbox.due(Timestamp::from_millis(63_000)).expect("due")[0]).expect("removed");
        assert_eq!((due(63_000), outbox.n_queued().expect("counted")), (vec![pair("webhook", "b")], 1));
    }
}
