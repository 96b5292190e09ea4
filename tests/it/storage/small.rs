//! A small disk of its own: a tmpfs in a mount namespace that only the processes see that enter it, and this one under `/proc`.

use super::process::{ANY, Serving, serve};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Small disk, unmounted when it is dropped.
pub(crate) struct SmallDisk {
    /// Lives for as long as the namespace must.
    keeper: Child,
    home: TempDir,
}

/// Whether this process may mount; otherwise the disk is mounted in a user namespace.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").expect("Linux").uid() == 0
}

impl SmallDisk {
    /// A disk of so many MiB.
    pub(crate) fn new(mib: u32) -> Self {
        let home = TempDir::new().expect("a directory");
        let mut unshare = Command::new("unshare");
        unshare.args(if is_root() { &["--mount"][..] } else { &["--mount", "--map-root-user"][..] });
        let script = format!("mount -t tmpfs -o size={mib}m crow \"$0\" && echo mounted && read -r _");
        unshare.args(["sh", "-c", &script]).arg(home.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = unshare.spawn().expect("unshare, of util-linux");
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().expect("its stdout")).read_line(&mut said).expect("readable");
        assert_eq!(said, "mounted\n", "a disk could not be mounted");
        Self { keeper, home }
    }

    /// Returns the path of the disk inside its namespace.
    pub(crate) fn inside(&self) -> &Path {
        self.home.path()
    }

    /// Returns the path of the disk for this process.
    pub(crate) fn seen(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.keeper.id(), self.inside().display()))
    }

    /// Returns the command as it runs inside the namespace of the disk.
    pub(crate) fn enter(&self, command: &Command) -> Command {
        let mut entering = Command::new("nsenter");
        entering.args(["--mount", "--target", &self.keeper.id().to_string()]);
        if !is_root() {
            entering.args(["--user", "--preserve-credentials"]);
        }
        entering.arg("--").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            entering.env(name, value.unwrap_or(OsStr::new("")));
            if value.is_none() {
                entering.env_remove(name);
            }
        }
        entering
    }

    /// Starts a platform in the folder `data` of the disk, on any port; returns its output if it does not start.
    pub(crate) fn serve(&self) -> Result<Serving, String> {
        self.serve_at(ANY)
    }

    /// Starts a platform in the folder `data` of the disk on an address; returns its output if it does not start.
    pub(crate) fn serve_at(&self, bind: &str) -> Result<Serving, String> {
        Serving::begin(&self.seen().join("data"), self.enter(&serve(&self.inside().join("data"), bind)))
    }

    /// Fills the disk to the last byte.
    pub(crate) fn fill(&self) {
        let mut file = File::options().append(true).create(true).open(self.filler()).expect("a file");
        for block in [1 << 20, 1 << 12, 1] {
            let bytes = vec![0; block];
            let refused = loop {
                if let Err(error) = file.write_all(&bytes) {
                    break error;
                }
            };
            assert_eq!(refused.kind(), ErrorKind::StorageFull, "{refused}");
        }
    }

    /// Makes room again.
    pub(crate) fn clear(&self) {
        std::fs::remove_file(self.filler()).expect("removed");
    }

    fn filler(&self) -> PathBuf {
        self.seen().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill().and_then(|()| self.keeper.wait());
    }
}
