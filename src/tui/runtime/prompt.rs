//! Prompt on the terminal that hides what is typed, for commands that need a secret.

use crate::domain::secret::Secret;
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use std::io;
use zeroize::Zeroizing;

/// Prompts for a secret called `name`; `None` if the operator cancels. Blocks the calling thread.
///
/// # Errors
/// [`io::Error`] when the terminal cannot be read.
pub fn secret(name: &str) -> io::Result<Option<Secret>> {
    // The terminal echoes what arrives before raw mode, so the question comes after.
    enable_raw_mode()?;
    say(&format!("{name} (not shown): "));
    let typed = typed();
    disable_raw_mode()?;
    say("\n");
    typed
}

#[expect(clippy::print_stderr, reason = "a question is no output")]
fn say(text: &str) {
    eprint!("{text}");
}

fn typed() -> io::Result<Option<Secret>> {
    let mut text = Zeroizing::new(String::new());
    loop {
        match read()? {
            Event::Paste(pasted) => text.push_str(&pasted),
            Event::Key(key) if key.kind == KeyEventKind::Release => {}
            Event::Key(key) => match key.code {
                KeyCode::Enter => return Ok(Some(Secret::new(text.to_string()))),
                KeyCode::Esc => return Ok(None),
                KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(None),
                KeyCode::Char(character) => text.push(character),
                KeyCode::Backspace => {
                    text.pop();
                }
                _ => {}
            },
            _ => {}
        }
    }
}
