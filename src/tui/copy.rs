//! Copying: what is put together from the rows, and how it gets out of the terminal. It says where it went and never claims more than it knows.

use super::app::App;
use super::places::Item;
use crate::api::paths;
use crate::monitor::files;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, Write};
use std::path::PathBuf;

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Numbers.
    Id,
    /// What stands in the columns, with tabs between.
    Row,
    /// What was received.
    Json,
    /// A command that asks for it again; the token is left to a variable.
    Curl,
    /// The address under which the portal has it.
    Link,
}

impl Form {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::Id, Self::Row, Self::Json, Self::Curl, Self::Link];

    /// What the menu calls it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Row => "row, tabs between columns",
            Self::Json => "JSON, a line each",
            Self::Curl => "curl, token as $TOKEN",
            Self::Link => "link",
        }
    }
}

impl App {
    /// The text for things in a form, a line each; things that are not at hand are left out.
    #[must_use]
    pub fn copied(&self, items: &[Item], form: Form) -> String {
        let Some(view) = self.view() else { return String::new() };
        let line = |item: &Item| match form {
            Form::Id => Some(item.number().to_string()),
            Form::Row => view.row_text(*item),
            Form::Json => view.json(*item),
            Form::Curl => Some(curl(&self.setting.identity.address, *item)),
            Form::Link => Some(link(&self.setting.identity.address, *item)),
        };
        items.iter().filter_map(line).collect::<Vec<_>>().join("\n")
    }
}

fn curl(address: &str, item: Item) -> String {
    // An address can only be written so because it was read as a URL: no quotation mark is in it.
    format!("curl -s '{}' -H \"Authorization: Bearer $TOKEN\"", link(address, item))
}

fn link(address: &str, item: Item) -> String {
    let id = item.number().to_string();
    let path = match item {
        Item::Subscription(_) => paths::PORTAL_SUBSCRIPTION.replace("{id}", &id),
        Item::Attempt(_) => paths::ATTEMPT.replace("{id}", &id),
        Item::Event(_) => paths::PORTAL_EVENT.replace("{id}", &id),
        Item::Key(_) => paths::KEYS.to_owned(),
        Item::Window(..) => paths::LIMITS.to_owned(),
        Item::Trip(_) => paths::TRIPS.to_owned(),
        Item::Request(_) => paths::REQUESTS.to_owned(),
    };
    format!("{}{path}", address.trim_end_matches('/'))
}

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

/// Bytes that terminals take at most, as far as is known of them.
pub const LONGEST: usize = 74_994;
/// Bytes that GNU screen hands on at once.
const CHUNK: usize = 240;

/// The sequence that puts a text into the terminal's clipboard (OSC 52).
#[must_use]
pub fn sequence(text: &str, wrap: Wrap) -> Vec<u8> {
    let plain = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    match wrap {
        Wrap::Plain => plain.into_bytes(),
        Wrap::Tmux => format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")).into_bytes(),
        Wrap::Screen => {
            let chunks = plain.as_bytes().chunks(CHUNK);
            chunks.flat_map(|chunk| [b"\x1bP", chunk, b"\x1b\\"].concat()).collect()
        }
    }
}

/// Where copied text goes.
pub struct Clipboard {
    terminal: Box<dyn Write + Send>,
    wrap: Wrap,
    /// For what is too long for a terminal.
    file: Option<PathBuf>,
}

impl std::fmt::Debug for Clipboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clipboard").field("wrap", &self.wrap).field("file", &self.file).finish_non_exhaustive()
    }
}

impl Clipboard {
    /// Sends to `terminal`; what is too long goes into `file`, readable by its owner alone.
    #[must_use]
    pub fn new(terminal: Box<dyn Write + Send>, wrap: Wrap, file: Option<PathBuf>) -> Self {
        Self { terminal, wrap, file }
    }

    /// Sends a text on its way; says where it went.
    ///
    /// # Errors
    /// One line that says why it went nowhere.
    pub fn put(&mut self, text: &str) -> Result<String, String> {
        let size = super::format::plural(text.len() as u64, "byte");
        if text.len() <= LONGEST {
            let sent = self.terminal.write_all(&sequence(text, self.wrap)).and_then(|()| self.terminal.flush());
            return match sent {
                Ok(()) => Ok(format!("{size} sent to the terminal; whether it keeps them it does not say")),
                Err(error) => Err(format!("could not copy: {error}")),
            };
        }
        let Some(file) = &self.file else { return Err(format!("could not copy: {size} are too many for a terminal")) };
        match write_private(file, text) {
            Ok(()) => Ok(format!("{size} are too many for a terminal; written to {}", file.display())),
            Err(error) => Err(format!("could not copy: {}: {error}", file.display())),
        }
    }
}

/// Writes a file that its owner alone can read, whole or not at all.
pub fn write_private(file: &std::path::Path, text: &str) -> io::Result<()> {
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
        let inside = tmux.strip_prefix("\x1bPtmux;").and_then(|rest| rest.strip_suffix("\x1b\\")).expect("wrapped");
        assert_eq!(inside.replace("\x1b\x1b", "\x1b").as_bytes(), plain);
        let screen = String::from_utf8(sequence(&text, Wrap::Screen)).expect("text");
        let parts = screen.split("\x1b\\").filter(|part| !part.is_empty());
        let joined: String = parts.map(|part| part.strip_prefix("\x1bP").expect("wrapped")).collect();
        assert_eq!(joined.as_bytes(), plain);
    }

    #[test]
    fn it_says_where_a_text_went_and_no_more() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("deep/copied.txt");
        let out = Out::default();
        let mut clipboard = Clipboard::new(Box::new(out.clone()), Wrap::Plain, Some(file.clone()));
        let said = clipboard.put("17").expect("it is sent");
        assert!(said.starts_with("2 bytes sent to the terminal;"), "{said}");
        assert_eq!(*out.0.lock().expect("not poisoned"), sequence("17", Wrap::Plain));
        let said = clipboard.put(&"x".repeat(LONGEST + 1)).expect("it is written");
        assert!(said.contains("too many for a terminal; written to"), "{said}");
        assert_eq!(std::fs::read_to_string(&file).expect("a file").len(), LONGEST + 1);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("a file").permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(Clipboard::new(Box::new(out), Wrap::Plain, None).put(&"x".repeat(LONGEST + 1)).is_err());
    }
}
