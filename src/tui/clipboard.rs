//! The clipboard: the ways out of this terminal, tried one after the other until one says that it has the text. It says which way a text went
//! and never claims more.

use super::format;
use super::once::Issued;
use crate::ambient::Ambient;
use crate::domain::outbound::Outbound;
use crate::monitor::files;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use zeroize::Zeroizing;

/// Whether a multiplexer stands between us and the terminal, and must be told to hand it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wrap {
    /// None.
    #[default]
    Plain,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

/// A way on which a text can leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A program that takes the text from its standard input, with its arguments; how the place is called where the text then is.
    Program(&'static [&'static str], &'static str),
    /// The terminal's own clipboard (OSC 52), of which no answer comes.
    Terminal(Wrap),
}

/// The tmux client, which hands a text on to the terminal where tmux is set to; older ones keep it only.
pub const TMUX: [Route; 3] = [
    Route::Program(
        &["tmux", "load-buffer", "-w", "-"],
        "tmux's buffer, which tmux hands on to the terminal if set-clipboard is on",
    ),
    Route::Program(&["tmux", "load-buffer", "-"], "tmux's buffer"),
    Route::Terminal(Wrap::Tmux),
];

/// Bytes that terminals take at most, as far as is known of them.
pub const LONGEST: usize = 74_994;
/// Bytes that GNU screen hands on at once.
const CHUNK: usize = 240;
/// How long a program may take to take a text.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a program is asked whether it has ended.
const PROGRAM_INTERVAL: Duration = Duration::from_millis(5);

/// The sequence that puts a text into the terminal's clipboard (OSC 52). For tmux it is there twice: tmux takes the plain one itself where
/// `set-clipboard` is on, and hands the wrapped one on where `allow-passthrough` is.
#[must_use]
pub fn sequence(text: &str, wrap: Wrap) -> Vec<u8> {
    let plain = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    match wrap {
        Wrap::Plain => plain.into_bytes(),
        Wrap::Tmux => format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")).into_bytes(),
        Wrap::Screen => {
            let chunks = plain.as_bytes().chunks(CHUNK);
            chunks.flat_map(|chunk| [b"\x1bP", chunk, b"\x1b\\"].concat()).collect()
        }
    }
}

/// What became of a text that was sent on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// It is there, in one line.
    Kept(String),
    /// It was sent where no answer comes from, in one line.
    Sent(String),
}

impl Copied {
    /// The line.
    #[must_use]
    pub fn line(&self) -> &str {
        match self {
            Self::Kept(line) | Self::Sent(line) => line,
        }
    }
}

/// Where copied text goes.
pub struct Clipboard {
    terminal: Box<dyn Write + Send>,
    routes: Vec<Route>,
    /// For what is too long for a terminal.
    file: Option<PathBuf>,
}

impl std::fmt::Debug for Clipboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clipboard").field("routes", &self.routes).field("file", &self.file).finish_non_exhaustive()
    }
}

impl Clipboard {
    /// Tries `routes` in their order, `terminal` where one of them says so; what takes none of them goes into `file`, readable by its owner
    /// alone.
    #[must_use]
    pub fn new(terminal: Box<dyn Write + Send>, routes: Vec<Route>, file: Option<PathBuf>) -> Self {
        Self { terminal, routes, file }
    }

    /// Sends a text on its way; says where it went.
    ///
    /// # Errors
    /// One line that says why it went nowhere.
    pub async fn put(&mut self, text: &Outbound, ambient: &Ambient) -> Result<Copied, String> {
        self.send(text.as_str(), ambient).await
    }

    /// Sends a secret that was asked for by the person who was just shown it.
    ///
    /// # Errors
    /// One line that says why it went nowhere.
    pub async fn put_secret(&mut self, issued: &Issued, ambient: &Ambient) -> Result<Copied, String> {
        self.send(issued.secret().reveal(), ambient).await
    }

    async fn send(&mut self, text: &str, ambient: &Ambient) -> Result<Copied, String> {
        let size = format::plural(text.len() as u64, "byte");
        let mut why = "no other way takes them".to_owned();
        for route in self.routes.clone() {
            match route {
                Route::Program(command, place) => {
                    if taken(command, text, ambient).await {
                        return Ok(Copied::Kept(format!("{size} copied into {place}")));
                    }
                }
                Route::Terminal(wrap) if text.len() <= LONGEST => {
                    match self.terminal.write_all(&sequence(text, wrap)).and_then(|()| self.terminal.flush()) {
                        Ok(()) => {
                            let line = format!("{size} sent to the terminal; whether it keeps them it does not say");
                            return Ok(Copied::Sent(line));
                        }
                        Err(error) => why = error.to_string(),
                    }
                }
                Route::Terminal(_) => why = "they are too many for a terminal".to_owned(),
            }
        }
        let Some(file) = &self.file else { return Err(format!("could not copy: {why}")) };
        match write_private(file, text) {
            Ok(()) => Ok(Copied::Kept(format!("{size} written to {}, for you alone: {why}", file.display()))),
            Err(error) => Err(format!("could not copy: {}: {error}", file.display())),
        }
    }
}

/// Whether a program took a text and ended well in time.
async fn taken(command: &[&str], text: &str, ambient: &Ambient) -> bool {
    let Some((name, arguments)) = command.split_first() else { return false };
    let started =
        Command::new(name).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else { return false };
    let Some(mut input) = child.stdin.take() else { return false };
    let text = Zeroizing::new(text.to_owned());
    // A program that reads nothing would hold the writer for ever: beside the loop it may, until the program is gone.
    tokio::task::spawn_blocking(move || input.write_all(text.as_bytes()));
    let ended = ambient.within(PROGRAM_TIMEOUT, ended(&mut child, ambient)).await;
    if ended.is_none() {
        let _ = child.kill().and_then(|()| child.wait());
    }
    ended == Some(true)
}

/// Waits for the end of a program; whether it ended well.
async fn ended(child: &mut Child, ambient: &Ambient) -> bool {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => ambient.sleep(PROGRAM_INTERVAL).await,
            Err(_) => return false,
        }
    }
}

/// Writes a file that its owner alone can read, whole or not at all.
///
/// # Errors
/// Those of the file system.
pub fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).ok_or(io::ErrorKind::NotFound)?;
    std::fs::create_dir_all(dir)?;
    files::replace(file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl Write for Out {
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
        let plain = sequence(&text, Wrap::Plain);
        assert!(plain.starts_with(b"\x1b]52;c;eHh4") && plain.ends_with(b"\x07"));
        let tmux = String::from_utf8(sequence(&text, Wrap::Tmux)).expect("text");
        let wrapped = tmux.strip_prefix(std::str::from_utf8(&plain).expect("text")).expect("the plain one first");
        let inside = wrapped.strip_prefix("\x1bPtmux;").and_then(|rest| rest.strip_suffix("\x1b\\")).expect("wrapped");
        assert_eq!(inside.replace("\x1b\x1b", "\x1b").as_bytes(), plain);
        let screen = String::from_utf8(sequence(&text, Wrap::Screen)).expect("text");
        let parts = screen.split("\x1b\\").filter(|part| !part.is_empty());
        let joined: String = parts.map(|part| part.strip_prefix("\x1bP").expect("wrapped")).collect();
        assert_eq!(joined.as_bytes(), plain);
    }

    #[tokio::test]
    async fn the_first_way_that_takes_a_text_is_said_and_no_more() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("deep/copied.txt");
        let ambient = Ambient::real();
        let takes = Route::Program(&["sh", "-c", "cat > /dev/null"], "its buffer");
        let refuses = Route::Program(&["false"], "nowhere");
        let missing = Route::Program(&["/no/such/program"], "nowhere");
        let hangs = Route::Program(&["sleep", "60"], "nowhere");
        let terminal = Route::Terminal(Wrap::Plain);
        let long = "x".repeat(LONGEST + 1);
        for (routes, text, said, n_bytes) in [
            (vec![takes.clone(), terminal.clone()], "17", "2 bytes copied into its buffer", 0),
            (vec![missing.clone(), takes.clone()], "1", "1 byte copied into its buffer", 0),
            (
                vec![refuses.clone(), terminal.clone()],
                "17",
                "2 bytes sent to the terminal; whether it keeps them it does not say",
                12,
            ),
            (vec![hangs, terminal.clone()], "17", "2 bytes sent to the terminal; ", 12),
            (vec![terminal.clone(), takes.clone()], &long, "74,995 bytes copied into its buffer", 0),
            (vec![terminal.clone()], &long, "74,995 bytes written to ", 0),
            (vec![refuses, missing], "17", "2 bytes written to ", 0),
        ] {
            let out = Out::default();
            let mut clipboard = Clipboard::new(Box::new(out.clone()), routes, Some(file.clone()));
            let copied = clipboard.send(text, &ambient).await.expect("it goes somewhere");
            assert!(copied.line().starts_with(said), "{copied:?}");
            assert_eq!(matches!(copied, Copied::Sent(_)), n_bytes > 0, "{copied:?}");
            assert_eq!(out.0.lock().expect("not poisoned").len(), n_bytes, "{said}");
        }
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), "17");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("a file").permissions());
        assert_eq!(mode & 0o777, 0o600);
        let mut nowhere = Clipboard::new(Box::new(Out::default()), vec![terminal], None);
        let said = nowhere.send(&long, &ambient).await.expect_err("it goes nowhere");
        assert!(said.starts_with("could not copy: they are too many"), "{said}");
    }
}
