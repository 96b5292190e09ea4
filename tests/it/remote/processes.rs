//! The real binary on a platform that has no Portal: over TLS, twice at once, with a token that is good for nothing.

use super::{ALL, RuntimeEnv, StandIn, TempDir, until};
use crate::support::faults::certificates::{Authority, Kind};
use crate::support::lines::Lines;
use crate::support::wire::Wire;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A home of its own with a key in a file.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        std::fs::write(dir.path().join("key"), format!("{ALL}\n")).expect("written");
        std::fs::write(dir.path().join("token"), "wlop_abcdefghijklmnopqrstuvwxyz0123456789-ABCDEF\n")
            .expect("written");
        for name in ["key", "token"] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(dir.path().join(name), mode).expect("ours alone");
        }
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn crow(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(arguments).stdin(Stdio::null());
        for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")] {
            command.env(name, self.path(folder));
        }
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.path("no-bus").display()));
        command
    }

    /// Runs a command while the stand-in answers. Returns its output.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = self.crow(arguments);
        let ended = tokio::task::spawn_blocking(move || command.output()).await;
        ended.expect("no panic").expect("the binary runs")
    }

    /// The files that hold the key, and the logs that there are.
    fn searched(&self) -> (Vec<PathBuf>, usize) {
        let (mut found, mut n_logs, mut folders) = (Vec::new(), 0, vec![self.0.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                n_logs += usize::from(path.ends_with("crow.log"));
                if String::from_utf8_lossy(&std::fs::read(&path).expect("bytes")).contains(&ALL[14..]) {
                    found.push(path);
                }
            }
        }
        found.sort();
        (found, n_logs)
    }
}

fn arguments<'a>(url: &'a str, key: &'a Path) -> [&'a str; 6] {
    ["console", "--plain", "--url", url, "--key-file", key.to_str().expect("text")]
}

#[tokio::test]
async fn a_bad_certificate_and_a_cut_connection_are_reported_and_no_key_is_in_any_log() {
    let ambient = RuntimeEnv::real();
    let platform = StandIn::start(&ambient).await;
    platform.allows(6_000);
    let authority = Authority::named("test authority");
    let good = || Some(authority.server(Kind::Good));
    let mut wire = Wire::to(&platform.address, good()).await;
    let home = Home::new();
    let url = format!("https://localhost:{}", wire.port);
    let mut command = home.crow(&arguments(&url, &home.path("key")));
    let console = Lines::start(command.env("SSL_CERT_FILE", authority.file()).env("RUST_LOG", "trace"));
    console.tells(1, "LIVE").await;
    for (n, kind) in [Kind::Expired, Kind::WrongHost, Kind::UnknownAuthority].into_iter().enumerate() {
        wire.cut().await;
        wire.mend(Some(authority.server(kind))).await;
        console.tells(n + 1, "ertificate").await;
        wire.cut().await;
        wire.mend(good()).await;
        console.tells(n + 2, "LIVE").await;
    }
    let n_offline = console.n_with("OFFLINE");
    wire.cut().await;
    console.tells(n_offline + 1, "OFFLINE").await;
    wire.mend(good()).await;
    console.tells(5, "LIVE").await;
    assert!(console.told().iter().all(|line| !line.contains(&ALL[14..])), "no key is told");
    console.signal("TERM");
    assert_eq!(console.ended(), Some(143));
    let (found, n_logs) = home.searched();
    assert_eq!(
        (found, n_logs),
        (vec![home.path("key")], 1),
        "the key stands in its own file alone, and there is a log"
    );
}

#[tokio::test]
async fn two_processes_on_one_profile_share_polls_and_one_outlives_the_other() {
    let ambient = RuntimeEnv::real();
    let platform = StandIn::start(&ambient).await;
    platform.allows(6_000);
    let home = Home::new();
    let key = home.path("key");
    let added = home
        .ask(&[
            "profile",
            "add",
            "partner",
            "--url",
            &platform.address,
            "--key",
            "Zapier",
            "--key-file",
            key.to_str().expect("text"),
            "--keep",
            "file",
        ])
        .await;
    assert!(added.status.success(), "{added:?}");
    let watch = ambient.stopwatch();
    let open = || Lines::start(&mut home.crow(&["console", "--plain", "--profile", "partner"]));
    let (first, second) = (open(), open());
    first.tells(1, "LIVE").await;
    second.tells(1, "LIVE").await;
    let lists = || platform.calls(ALL).iter().filter(|(call, _)| call == "GET /api/v1/webhooks/subscriptions").count();
    until("the list came round", async || lists() >= 2).await;
    let (n_lists, seconds) = (lists() as u64, watch.elapsed().as_secs());
    assert!(n_lists <= seconds / 10 + 2, "together no more than one alone: {n_lists} lists in {seconds} s");
    let n_probes = platform.calls(ALL).iter().filter(|(call, _)| call.starts_with("POST")).count();
    assert_eq!(n_probes, 2, "each scope is asked after once: {:?}", platform.calls(ALL));
    first.signal("KILL");
    assert_eq!(first.ended(), None);
    let before = lists();
    until("the other goes on", async || lists() > before).await;
    assert_eq!(second.n_with("OFFLINE"), 0, "{:?}", second.told());
    platform.switch(17, false);
    until("it was seen", async || second.n_with("example.com/17") >= 1).await;
    second.signal("TERM");
    assert_eq!(second.ended(), Some(143));
    let check = rusqlite::Connection::open(home.path("state/crow/profile partner.db")).expect("the history");
    let whole: String = check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(whole, "ok");
}

#[tokio::test]
async fn a_token_is_reported_useless_without_a_portal_and_keys_are_used_instead() {
    let ambient = RuntimeEnv::real();
    let platform = StandIn::start(&ambient).await;
    let home = Home::new();
    let (key, token) = (home.path("key"), home.path("token"));
    let (key, token) = (key.to_str().expect("text"), token.to_str().expect("text"));
    let refused = home.ask(&["console", "--plain", "--url", &platform.address, "--token-file", token]).await;
    let line = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!((refused.status.code(), line.trim_end().lines().count()), (Some(2), 1), "{line}");
    assert!(line.contains("has no Portal API") && line.contains("crow profile key"), "{line}");
    let url = platform.address.as_str();
    for arguments in [
        ["profile", "add", "partner", "--url", url, "--token-file", token, "--keep", "file"].as_slice(),
        &["profile", "key", "partner", "Zapier", "--key-file", key, "--keep", "file"],
    ] {
        let done = home.ask(arguments).await;
        assert!(done.status.success(), "{done:?}");
    }
    let console = Lines::start(&mut home.crow(&["console", "--plain", "--profile", "partner"]));
    console.tells(1, "LIVE").await;
    assert!(platform.calls(ALL).iter().any(|(call, status)| call == "GET /api/v1/events" && *status == 200));
}
