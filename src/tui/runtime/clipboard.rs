//! Clipboard of the operator: tries the routes out of this terminal one after the other until one accepts the text,
//! and reports which one did, without claiming more than is known.

use crate::clock::RuntimeEnv;
use crate::domain::outbound::OutboundText;
use crate::files::private;
use crate::text;
use crate::tui::effect::CopyOutcome;
use crate::tui::state::issued_secret::IssuedSecret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use zeroize::Zeroizing;

/// Terminal multiplexer between crow and the terminal, through which escape sequences must be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TerminalMultiplexer {
    /// No terminal multiplexer in between.
    #[default]
    None,
    /// tmux, with its passthrough sequence.
    Tmux,
    /// GNU screen, with its passthrough sequence.
    Screen,
}

/// One way in which a text can reach a clipboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClipboardRoute {
    /// Program that reads the text from standard input: its command line, and the name of the place where the text
    /// then is.
    Program(&'static [&'static str], &'static str),
    /// Clipboard of the terminal (OSC 52), which sends no answer.
    Terminal(TerminalMultiplexer),
}

/// Routes inside tmux: `load-buffer -w` passes the text on to the terminal where tmux is set to; older versions keep
/// it in tmux only.
pub const TMUX_ROUTES: [ClipboardRoute; 3] = [
    ClipboardRoute::Program(
        &["tmux", "load-buffer", "-w", "-"],
        "the tmux buffer (tmux passes it to the terminal if set-clipboard is on)",
    ),
    ClipboardRoute::Program(&["tmux", "load-buffer", "-"], "the tmux buffer"),
    ClipboardRoute::Terminal(TerminalMultiplexer::Tmux),
];

/// Maximum size of a text sent by OSC 52, in bytes; known terminals accept no more.
pub const MAX_OSC52_BYTES: usize = 74_994;

/// Maximum number of bytes that GNU screen passes on in one sequence.
const SCREEN_CHUNK_BYTES: usize = 240;

/// Time limit for a clipboard program to take the text.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(1);

/// Interval at which a clipboard program is polled for its end.
const PROGRAM_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Escape sequence that puts a text into the terminal's clipboard (OSC 52). For tmux the sequence is there twice:
/// tmux takes the plain one itself where `set-clipboard` is on, and passes the wrapped one on where
/// `allow-passthrough` is on.
#[must_use]
pub fn osc52_sequence(text: &str, wrap: TerminalMultiplexer) -> Vec<u8> {
    let plain = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    match wrap {
        TerminalMultiplexer::None => plain.into_bytes(),
        TerminalMultiplexer::Tmux => {
            format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")).into_bytes()
        }
        TerminalMultiplexer::Screen => {
            let chunks = plain.as_bytes().chunks(SCREEN_CHUNK_BYTES);
            chunks.flat_map(|chunk| [b"\x1bP", chunk, b"\x1b\\"].concat()).collect()
        }
    }
}

/// Destination of copied text: routes in order of preference, with a file as the last resort.
pub struct Clipboard {
    terminal: Box<dyn Write + Send>,
    routes: Vec<ClipboardRoute>,
    /// Fallback file for a text that no route takes.
    file: Option<PathBuf>,
}

impl std::fmt::Debug for Clipboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clipboard").field("routes", &self.routes).field("file", &self.file).finish_non_exhaustive()
    }
}

impl Clipboard {
    /// Creates a clipboard that tries `routes` in order and writes OSC 52 sequences to `terminal`. A text that no
    /// route takes goes into `file`, readable by its owner alone.
    #[must_use]
    pub fn new(terminal: Box<dyn Write + Send>, routes: Vec<ClipboardRoute>, file: Option<PathBuf>) -> Self {
        Self { terminal, routes, file }
    }

    /// Copies a text and reports where it went.
    ///
    /// # Errors
    /// A one-line reason when no route took the text.
    pub async fn put(&mut self, text: &OutboundText, ambient: &RuntimeEnv) -> Result<CopyOutcome, String> {
        self.send(text.as_str(), ambient).await
    }

    /// Copies a secret, at the request of the operator who is shown it.
    ///
    /// # Errors
    /// A one-line reason when no route took the secret.
    pub async fn put_secret(&mut self, issued: &IssuedSecret, ambient: &RuntimeEnv) -> Result<CopyOutcome, String> {
        self.send(issued.secret().reveal(), ambient).await
    }

    async fn send(&mut self, text: &str, ambient: &RuntimeEnv) -> Result<CopyOutcome, String> {
        let size = text::count(text.len(), "byte");
        let mut why = "no clipboard accepted it".to_owned();
        for route in self.routes.clone() {
            match route {
                ClipboardRoute::Program(command, place) => {
                    if pipe_to_program(command, text, ambient).await {
                        return Ok(CopyOutcome::Kept(format!("{size} copied to {place}")));
                    }
                }
                ClipboardRoute::Terminal(wrap) if text.len() <= MAX_OSC52_BYTES => {
                    match self.terminal.write_all(&osc52_sequence(text, wrap)).and_then(|()| self.terminal.flush()) {
                        Ok(()) => {
                            let line = format!("{size} sent to the terminal, which does not confirm copies");
                            return Ok(CopyOutcome::Unconfirmed(line));
                        }
                        Err(error) => why = error.to_string(),
                    }
                }
                ClipboardRoute::Terminal(_) => why = "too large for a terminal".to_owned(),
            }
        }
        let Some(file) = &self.file else { return Err(format!("could not copy: {why}")) };
        match write_private(file, text) {
            Ok(()) => Ok(CopyOutcome::Kept(format!("{size} saved to {}, readable only by you: {why}", file.display()))),
            Err(error) => Err(format!("could not copy: {}: {error}", file.display())),
        }
    }
}

/// Whether a program took the text and exited successfully within [`PROGRAM_TIMEOUT`].
async fn pipe_to_program(command: &[&str], text: &str, ambient: &RuntimeEnv) -> bool {
    let Some((name, arguments)) = command.split_first() else { return false };
    let started =
        Command::new(name).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else { return false };
    let Some(mut input) = child.stdin.take() else { return false };
    let text = Zeroizing::new(text.to_owned());
    // A program that reads nothing would block the writer forever, so the write runs outside of the loop until the
    // program is gone.
    tokio::task::spawn_blocking(move || input.write_all(text.as_bytes()));
    let ended = ambient.timeout(PROGRAM_TIMEOUT, wait_for_exit(&mut child, ambient)).await;
    if ended.is_none() {
        let _ = child.kill().and_then(|()| child.wait());
    }
    ended == Some(true)
}

/// Waits for a program to exit; returns whether it succeeded.
async fn wait_for_exit(child: &mut Child, ambient: &RuntimeEnv) -> bool {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => ambient.sleep(PROGRAM_POLL_INTERVAL).await,
            Err(_) => return false,
        }
    }
}

/// Writes a file that its owner alone can read, atomically: the whole text or nothing.
///
/// # Errors
/// [`io::Error`] when the folder or the file cannot be written.
pub fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).ok_or(io::ErrorKind::NotFound)?;
    std::fs::create_dir_all(dir)?;
    private::replace(file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct SharedOutput(Arc<Mutex<Vec<u8>>>);

    impl Write for SharedOutput {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_multiplexers_hand_on_is_the_plain_sequence() {
        let text = "x".repeat(500);
        let plain = osc52_sequence(&text, TerminalMultiplexer::None);
        assert!(plain.starts_with(b"\x1b]52;c;eHh4") && plain.ends_with(b"\x07"));
        let tmux = String::from_utf8(osc52_sequence(&text, TerminalMultiplexer::Tmux)).expect("text");
        let wrapped = tmux.strip_prefix(std::str::from_utf8(&plain).expect("text")).expect("the plain one first");
        let inside = wrapped.strip_prefix("\x1bPtmux;").and_then(|rest| rest.strip_suffix("\x1b\\")).expect("wrapped");
        assert_eq!(inside.replace("\x1b\x1b", "\x1b").as_bytes(), plain);
        let screen = String::from_utf8(osc52_sequence(&text, TerminalMultiplexer::Screen)).expect("text");
        let parts = screen.split("\x1b\\").filter(|part| !part.is_empty());
        let joined: String = parts.map(|part| part.strip_prefix("\x1bP").expect("wrapped")).collect();
        assert_eq!(joined.as_bytes(), plain);
    }

    #[tokio::test]
    async fn the_first_way_that_takes_a_text_is_said_and_no_more() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("deep/copied.txt");
        let ambient = RuntimeEnv::real();
        let takes = ClipboardRoute::Program(&["sh", "-c", "cat > /dev/null"], "its buffer");
        let refuses = ClipboardRoute::Program(&["false"], "nowhere");
        let missing = ClipboardRoute::Program(&["/no/such/program"], "nowhere");
        let hangs = ClipboardRoute::Program(&["sleep", "60"], "nowhere");
        let terminal = ClipboardRoute::Terminal(TerminalMultiplexer::None);
        let long = "x".repeat(MAX_OSC52_BYTES + 1);
        for (routes, text, said, n_bytes) in [
            (vec![takes.clone(), terminal.clone()], "17", "2 bytes copied to its buffer", 0),
            (vec![missing.clone(), takes.clone()], "1", "1 byte copied to its buffer", 0),
            (
                vec![refuses.clone(), terminal.clone()],
                "17",
                "2 bytes sent to the terminal, which does not confirm copies",
                12,
            ),
            (vec![hangs, terminal.clone()], "17", "2 bytes sent to the terminal, ", 12),
            (vec![terminal.clone(), takes.clone()], &long, "74,995 bytes copied to its buffer", 0),
            (vec![terminal.clone()], &long, "74,995 bytes saved to ", 0),
            (vec![refuses, missing], "17", "2 bytes saved to ", 0),
        ] {
            let out = SharedOutput::default();
            let mut clipboard = Clipboard::new(Box::new(out.clone()), routes, Some(file.clone()));
            let copied = clipboard.send(text, &ambient).await.expect("it goes somewhere");
            assert!(copied.line().starts_with(said), "{copied:?}");
            assert_eq!(matches!(copied, CopyOutcome::Unconfirmed(_)), n_bytes > 0, "{copied:?}");
            assert_eq!(out.0.lock().expect("not poisoned").len(), n_bytes, "{said}");
        }
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), "17");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("a file").permissions());
        assert_eq!(mode & 0o777, 0o600);
        let mut nowhere = Clipboard::new(Box::new(SharedOutput::default()), vec![terminal], None);
        let said = nowhere.send(&long, &ambient).await.expect_err("it goes nowhere");
        assert!(said.starts_with("could not copy: too large"), "{said}");
    }
}
