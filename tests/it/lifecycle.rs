//! T3: however the console ends, the terminal is as it was; who stops it gets it back; and a terminal that went away leaves no process behind.

use crate::support::terminal::Terminal;
use crow::tui::runtime::terminal::{TerminalGuard, install_panic_hook};
use crow::tui::widgets::theme::MouseOwner;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Whether this process is the test binary, started by a test of this file to run one rehearsal.
fn is_rehearsal() -> bool {
    std::env::args().any(|argument| argument == "--exact")
}

fn this_binary() -> String {
    std::env::current_exe().expect("a test has a binary").to_string_lossy().into_owned()
}

/// A program of another build to test (`.ci/ways-to-die`).
#[expect(clippy::disallowed_methods, reason = "which build is tried is said from outside")]
fn other_build(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The binary, of this build unless another one is tried.
fn binary() -> String {
    other_build("CROW_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_crow").to_owned())
}

/// Runs one rehearsal of this file in a process and a terminal of its own; for another build, its twin in
/// `examples/die.rs`.
fn rehearse(name: &str) -> Terminal {
    if let Some(program) = other_build("CROW_DIE") {
        return Terminal::run_program(80, 24, &program, &[name]);
    }
    let name = format!("lifecycle::{name}");
    Terminal::run_program(80, 24, &this_binary(), &["--exact", &name, "--nocapture", "--test-threads=1"])
}

fn standalone(dir: &TempDir) -> Terminal {
    Terminal::run_program(80, 24, &binary(), &["--data", &dir.path().join("data").to_string_lossy()])
}

#[test]
fn t3_the_terminal_is_restored_after_seven_kinds_of_exit() {
    for (way, code) in [("qy", 0), ("\x03\x03", 0), ("TERM", 143), ("HUP", 129)] {
        let dir = TempDir::new().expect("a directory");
        let mut terminal = standalone(&dir);
        terminal.shows("LIVE");
        if code > 0 {
            terminal.signal(way);
        } else {
            terminal.press(way);
        }
        assert_eq!(terminal.ended(), code, "{way:?}");
    }
    for (rehearsal, code, message) in [
        ("rehearsal_of_a_panic_in_the_loop", 101, "the loop lost its way"),
        ("rehearsal_of_a_panic_in_another_thread", 101, "a thread lost its way"),
        ("rehearsal_of_an_error", 0, "an error came up"),
    ] {
        let mut terminal = rehearse(rehearsal);
        terminal.shows(message);
        assert_eq!(terminal.ended(), code, "{rehearsal}");
    }
}

/// Takes the terminal as the console does, and writes something that must not stay.
fn take() -> TerminalGuard {
    install_panic_hook();
    let guard = TerminalGuard::set_up(MouseOwner::Console).expect("a terminal");
    let mut out = std::io::stdout();
    out.write_all(b"\x1b[2J\x1b[?2026hhalf a frame").and_then(|()| out.flush()).expect("written");
    guard
}

#[test]
fn rehearsal_of_a_panic_in_the_loop() {
    if is_rehearsal() {
        let _guard = take();
        panic!("the loop lost its way");
    }
}

#[test]
fn rehearsal_of_a_panic_in_another_thread() {
    if is_rehearsal() {
        let _guard = take();
        let thread = std::thread::spawn(|| panic!("a thread lost its way"));
        let _ = thread.join();
        std::process::exit(1);
    }
}

#[test]
fn rehearsal_of_an_error() {
    if is_rehearsal() {
        let failed: Result<(), &str> = {
            let _guard = take();
            Err("an error came up")
        };
        std::io::stdout().write_all(failed.expect_err("it failed").as_bytes()).expect("written");
        std::process::exit(0);
    }
}

/// Holds a terminal with a program until this process is killed, which closes the terminal.
#[test]
fn rehearsal_of_a_host_of_a_terminal() {
    if !is_rehearsal() {
        return;
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a command");
    let pair = native_pty_system()
        .openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 })
        .expect("a pseudo-terminal");
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", line.trim()]);
    command.env("TERM", "xterm-256color");
    command.env("LC_ALL", "C.UTF-8");
    let child = pair.slave.spawn_command(command).expect("it starts");
    drop(pair.slave);
    let mut output = pair.master.try_clone_reader().expect("its output");
    let (mut bytes, mut seen) = ([0; 4_096], String::new());
    let mut said = None;
    while let Ok(n @ 1..) = output.read(&mut bytes) {
        seen.push_str(&String::from_utf8_lossy(&bytes[..n]));
        if said.is_none() && seen.contains("LIVE") {
            said = child.process_id();
            let line = format!("running {}\n", said.unwrap_or_default());
            std::io::stdout().write_all(line.as_bytes()).expect("the parent reads");
        }
    }
}

#[test]
fn a_terminal_that_went_away_leaves_no_process_also_with_hangups_ignored() {
    for hangups in ["", "trap '' HUP; "] {
        let dir = TempDir::new().expect("a directory");
        let mut host = Command::new(this_binary())
            .args(["--exact", "lifecycle::rehearsal_of_a_host_of_a_terminal", "--nocapture", "--test-threads=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the host starts");
        let command = format!("{hangups}exec '{}' --data '{}'\n", binary(), dir.path().join("data").display());
        host.stdin.take().expect("its input").write_all(command.as_bytes()).expect("it listens");
        let lines = BufReader::new(host.stdout.take().expect("its output")).lines();
        let pid = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("running ").map(|(_, pid)| pid.trim().to_owned()))
            .expect("the console runs");
        host.kill().and_then(|()| host.wait()).expect("the host is killed");
        // A second for the console, and some for a machine under load. Who is dead and not buried is gone too.
        let lives = format!("grep -qs '^State:[[:space:]]*[^ZX]' /proc/{pid}/status");
        let script = format!("while {lives}; do sleep 0.05; done");
        let waited = Command::new("timeout").args(["4", "sh", "-c", &script]).status();
        assert!(waited.expect("timeout runs").success(), "process {pid} outlives its terminal ({hangups:?})");
    }
}

#[test]
fn suspended_and_resumed_a_hundred_times_the_shell_and_the_console_both_get_the_terminal() {
    let dir = TempDir::new().expect("a directory");
    let mut terminal = Terminal::run_program(80, 24, "bash", &["--norc", "--noprofile", "--noediting", "-i"]);
    let data = dir.path().join("data");
    terminal.press(&format!("PS1='ready> '; '{}' --data '{}'\n", binary(), data.display()));
    terminal.shows("LIVE");
    for round in 0..100 {
        terminal.press("\x1a");
        terminal.until(&format!("round {round}: the shell has it"), |screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
        terminal.until("the prompt", |screen| screen.contents().trim_end().ends_with("ready>"));
        terminal.press("clear; fg\n");
        terminal.until(&format!("round {round}: the console has it"), |screen| {
            screen.alternate_screen() && screen.hide_cursor() && screen.contents().contains("LIVE")
        });
    }
    terminal.press("qy");
    terminal
        .until("the prompt", |screen| !screen.alternate_screen() && screen.contents().trim_end().ends_with("ready>"));
    terminal.press("exit $?\n");
    assert_eq!(terminal.ended(), 0);
}
