//! The real binary in a pseudo-terminal, with a terminal parser on the other side.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Maximum time until a text appears before a test fails.
const LIMIT: Duration = Duration::from_secs(30);

/// Pseudo-terminal that runs the binary.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    seen: Arc<Seen>,
}

struct Seen {
    parser: Mutex<vt100::Parser>,
    changed: Condvar,
}

impl Terminal {
    /// Starts the binary with these arguments in a terminal of this size.
    pub(crate) fn run(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::run_program(columns, rows, env!("CARGO_BIN_EXE_crow"), arguments)
    }

    /// Starts a program with these arguments in a terminal of this size.
    pub(crate) fn run_program(columns: u16, rows: u16, program: &str, arguments: &[&str]) -> Self {
        Self::run_with(columns, rows, program, arguments, &[])
    }

    /// Starts the binary in a terminal with additional environment variables.
    pub(crate) fn run_with(
        columns: u16,
        rows: u16,
        program: &str,
        arguments: &[&str],
        variables: &[(&str, &Path)],
    ) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        for (name, value) in [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8"), ("NO_COLOR", "")] {
            command.env(name, value);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("the binary starts");
        let mut output = pair.master.try_clone_reader().expect("its output");
        let keyboard = pair.master.take_writer().expect("its input");
        let seen = Arc::new(Seen {
            parser: Mutex::new(vt100::Parser::new(whole(rows), whole(columns), 0)),
            changed: Condvar::new(),
        });
        std::thread::spawn({
            let seen = Arc::clone(&seen);
            move || {
                let mut bytes = [0; 4_096];
                while let Ok(n @ 1..) = output.read(&mut bytes) {
                    seen.parser.lock().expect("not poisoned").process(&bytes[..n]);
                    seen.changed.notify_all();
                }
            }
        });
        Self { child, keyboard, master: pair.master, seen }
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).expect("the terminal takes keys");
    }

    /// Changes the size of the window.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.seen.parser.lock().expect("not poisoned").screen_mut().set_size(whole(rows), whole(columns));
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).expect("the terminal can be resized");
    }

    /// Sends the process a signal: `TERM`, `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.process_id().expect("it runs").to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill runs").success());
    }

    /// Kills the process at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it is killed");
    }

    /// Waits until something holds of the screen.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let parser = self.seen.parser.lock().expect("not poisoned");
        let (parser, waited) = self
            .seen
            .changed
            .wait_timeout_while(parser, LIMIT, |parser| !holds(parser.screen()))
            .expect("not poisoned");
        assert!(!waited.timed_out(), "waited too long: {what}\n{}", parser.screen().contents());
    }

    /// Waits until a text is on the screen.
    pub(crate) fn shows(&self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until a text has left the screen.
    pub(crate) fn lost(&self, text: &str) {
        self.until(text, |screen| !screen.contents().contains(text));
    }

    /// Waits for the end, asserts that the terminal is restored, and returns the exit code.
    pub(crate) fn ended(&mut self) -> u32 {
        let status = self.child.wait().expect("an exit status");
        self.until("the terminal is given back", |screen| {
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        });
        let tty: PathBuf = self.master.tty_name().expect("a name");
        let modes = Command::new("stty").arg("-F").arg(tty).arg("-a").output().expect("stty runs");
        let modes = String::from_utf8_lossy(&modes.stdout).into_owned();
        assert!(!modes.contains("-icanon") && !modes.contains("-echo "), "raw mode is off: {modes}");
        status.exit_code()
    }
}

/// A size that is not nothing.
fn whole(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("a size")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
