//! D3: what is kept is for its owner alone, the memory with the keys is written nowhere, and links are not followed.

use super::process::{Serving, crow, done, ended, listening, refused};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Returns the command with a umask of 0.
fn unmasked(inner: &Command) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Everything under a folder, with its mode.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let metadata = entry.metadata().expect("its mode");
        if metadata.is_dir() {
            found.extend(modes(&entry.path()));
        } else {
            found.push((entry.path(), metadata.permissions().mode() & 0o777));
        }
    }
    found
}

#[track_caller]
fn assert_private(folder: &Path, names: &[&str]) {
    let found = modes(folder);
    for (path, mode) in &found {
        assert!(mode & 0o077 == 0, "{} has mode {mode:o}", path.display());
    }
    for name in names {
        assert!(found.iter().any(|(path, _)| path.ends_with(name)), "{name} is not in {found:?}");
    }
}

/// Creates a folder that everyone can read.
fn open_folder(path: PathBuf) -> PathBuf {
    std::fs::create_dir(&path).expect("made");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("opened");
    path
}

#[tokio::test]
async fn d3_files_are_private_under_any_umask_and_in_a_readable_directory() {
    let home = TempDir::new().expect("a directory");
    let dir = open_folder(home.path().join("data"));
    let state = open_folder(home.path().join("state"));
    let out = open_folder(home.path().join("out"));
    let serving = Serving::with(&dir, |command| *command = unmasked(command));
    serving.company().await;
    assert_private(
        &dir,
        &["platform.db", "platform.db-wal", "platform.db-shm", "platform.key", "lock", "platform.ballast"],
    );
    let file = out.join("export.json");
    let token = dir.join("operator.token");
    let mut export = Command::new(env!("CARGO_BIN_EXE_crow"));
    export.arg("export").args(["--url", &serving.address, "--token-file"]).arg(&token).arg("--out").arg(&file);
    done(&mut unmasked(&export));
    done(&mut unmasked(&crow(&["db", "backup", &out.join("copy.db").to_string_lossy()], &dir)));
    assert_private(&out, &["export.json", "copy.db", "copy.db.key", "copy.db.mac"]);
    serving.stop();

    let mut listen = Command::new(env!("CARGO_BIN_EXE_crow"));
    listen.args(["listen", "--port", "0"]).env("XDG_STATE_HOME", &state).env("XDG_CONFIG_HOME", home.path());
    let (mut child, _) = listening(unmasked(&listen).stderr(Stdio::null())).expect("it listens");
    assert_private(&state, &["listen.db", "listen.db-wal"]);
    child.kill().and_then(|()| child.wait()).expect("it ends");
}

#[tokio::test]
async fn d3_files_readable_by_others_are_named_and_made_private_at_the_start() {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    Serving::start(&dir).stop();
    let open = |name: &str| std::fs::set_permissions(dir.join(name), PermissionsExt::from_mode(0o644)).expect("opened");
    open("platform.db");
    open("operator.token");
    let output = ended(&mut crow(&["db", "verify"], &dir));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for name in ["platform.db", "operator.token"] {
        assert!(said.contains(&format!("{name} can be read by others (mode 644)")), "{said}");
    }
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_crow"));
    doctor.arg("doctor").env("XDG_DATA_HOME", home.path()).env("XDG_STATE_HOME", home.path().join("state"));
    std::fs::create_dir_all(home.path().join("crow")).expect("made");
    symlink(&dir, home.path().join("crow/platform")).expect("linked");
    let said = String::from_utf8_lossy(&ended(&mut doctor).stdout).into_owned();
    assert!(said.contains("operator.token can be read by others"), "{said}");
    Serving::start(&dir).stop();
    assert_eq!(std::fs::metadata(dir.join("platform.db")).expect("there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn d3_symbolic_links_in_place_of_lock_and_reserve_are_not_followed() {
    let home = TempDir::new().expect("a directory");
    let (dir, precious) = (home.path().join("data"), home.path().join("precious"));
    Serving::start(&dir).stop();
    std::fs::write(&precious, "kept").expect("written");
    let link = |name: &str| {
        std::fs::remove_file(dir.join(name)).expect("removed");
        symlink(&precious, dir.join(name)).expect("linked");
    };
    link("platform.ballast");
    Serving::start(&dir).stop();
    assert_eq!(std::fs::read_to_string(&precious).expect("there"), "kept");
    link("lock");
    let why = refused(2, &mut crow(&["serve", "--bind", "127.0.0.1:0"], &dir));
    assert!(why.contains("lock"), "{why}");
    assert_eq!(std::fs::read_to_string(&precious).expect("there"), "kept");
}

#[test]
fn k5_a_lock_file_that_was_removed_lets_no_second_process_in() {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let serving = Serving::start(&dir);
    std::fs::remove_file(dir.join("lock")).expect("removed");
    for arguments in [&["serve", "--bind", "127.0.0.1:0"] as &[&str], &["db", "rekey"], &["operators", "reset"]] {
        let why = refused(2, &mut crow(arguments, &dir));
        assert!(why.contains("is in use by process"), "{why}");
    }
    serving.stop();
    Serving::start(&dir).stop();
}

/// Checks whether an aborting process leaves a core dump here with all limits lifted.
fn leaves_a_core(command: &Command, folder: &Path) -> bool {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited && exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    let mut child = shell.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its stdout");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("readable");
    let aborted = Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().expect("kill runs");
    let status = child.wait().expect("it ends");
    assert!(aborted.success() && status.signal() == Some(6), "{status:?}");
    status.core_dumped()
}

#[test]
fn d3_no_core_dump_with_the_key_is_written() {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let mut control = Command::new("sh");
    control.args(["-c", "echo ready; exec sleep 20"]);
    // Where the machine writes no cores at all, the limits alone can be looked at.
    let is_possible = leaves_a_core(&control, home.path());
    let serve = crow(&["serve", "--bind", "127.0.0.1:0"], &dir);
    assert!(!leaves_a_core(&serve, home.path()), "a core was written (possible here: {is_possible})");
    let serving = Serving::start(&dir);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.id())).expect("Linux");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

#[test]
fn too_few_file_descriptors_are_reported_at_the_start() {
    let home = TempDir::new().expect("a directory");
    let inner = crow(&["serve", "--bind", "127.0.0.1:0"], &home.path().join("data"));
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 20; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    let why = refused(2, &mut command);
    assert!(why.contains("limit of open files is 20") && why.contains("ulimit -n"), "{why}");
}
