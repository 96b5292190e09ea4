//! `crow serve` as a process of its own, with private targets permitted.

use crate::storage::process::listening;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::domain::secret::Secret;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// The real binary, ended when dropped.
pub(crate) struct Serving {
    child: Child,
    address: String,
    dir: TempDir,
}

impl Serving {
    /// Starts the platform with additional environment variables.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().expect("a directory");
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(["serve", "--allow-private-targets", "--bind", "127.0.0.1:0", "--data"]).arg(dir.path());
        let (child, address) =
            listening(command.envs(environment.iter().copied()).stderr(Stdio::null())).expect("it listens");
        Self { child, address, dir }
    }

    pub(crate) fn client(&self, credential: ClientCredential) -> PlatformClient {
        PlatformClient::new(&self.address, credential).expect("a client")
    }

    /// The first operator's client.
    pub(crate) fn operator(&self) -> PlatformClient {
        let token = std::fs::read_to_string(self.token_file()).expect("a token");
        self.client(ClientCredential::Operator(Secret::new(token.trim().to_owned())))
    }

    /// Returns the data directory of the platform.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Returns a command that connects to the platform with the first operator's token.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(arguments).args(["--url", &self.address, "--token-file"]).arg(self.token_file());
        command
            .env("XDG_CONFIG_HOME", self.dir.path().join("config"))
            .env("XDG_STATE_HOME", self.dir.path().join("state"));
        command.stdin(Stdio::null());
        command
    }

    /// Runs such a command and returns its output.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Returns the address of the platform.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The file with the first operator's token.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.dir.path().join("operator.token")
    }

    /// Returns the peak memory of the platform, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
