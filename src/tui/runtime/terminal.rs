//! Terminal setup with a guard that restores the terminal on every exit, also on a panic in any thread.

use crate::tui::widgets::theme::MouseOwner;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::terminal::{
    Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, is_raw_mode_enabled,
};
use rustix::termios::{LocalModes, tcgetattr};
use std::io;
use std::io::Write;

/// Exit code of the process after a panic.
const PANIC_EXIT_CODE: i32 = 101;

/// Guard of the terminal's modes; dropping it restores the terminal.
#[derive(Debug)]
pub struct TerminalGuard(());

impl TerminalGuard {
    /// Sets up the terminal: raw mode, alternate screen, bracketed paste, hidden cursor, and mouse reports if the
    /// mouse belongs to the console.
    ///
    /// # Errors
    /// [`io::Error`] when standard output is not a terminal or has closed; the terminal is then unchanged.
    pub fn set_up(mouse: MouseOwner) -> io::Result<Self> {
        enable_raw_mode()?;
        let guard = Self(());
        enter(mouse)?;
        Ok(guard)
    }
}

/// Enables reports of mouse presses and the wheel, without movements, with coordinates for any screen size.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";

/// Disables all mouse reports; harmless where they are off.
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// Sets every mode except raw mode.
fn enter(mouse: MouseOwner) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(&modes(mouse)?)?;
    out.flush()
}

/// Escape sequences for the alternate screen, bracketed paste, the hidden cursor, and the mouse if wanted.
fn modes(mouse: MouseOwner) -> io::Result<Vec<u8>> {
    let mut modes = Vec::new();
    // Some terminals, such as the Linux console, have no alternate screen; without clearing, the old content would
    // remain visible.
    queue!(modes, EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste, Hide)?;
    if mouse == MouseOwner::Console {
        modes.extend(MOUSE_ON);
    }
    Ok(modes)
}

/// Restores the terminal and stops this process until the shell resumes it, then sets the terminal up again.
///
/// # Errors
/// [`io::Error`] when the terminal cannot be set up again.
pub fn suspend(mouse: MouseOwner) -> io::Result<()> {
    restore();
    // Without a shell that could resume the process, the signal is ignored and the process continues at once.
    signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)?;
    enable_raw_mode()?;
    enter(mouse)
}

/// Sets the terminal up again after the process was stopped and resumed from outside, because the shell may have
/// changed its modes.
///
/// # Errors
/// [`io::Error`] when the terminal has closed.
pub fn resume(mouse: MouseOwner) -> io::Result<()> {
    // Raw mode is renewed only if the shell has ended it: switching would leave a gap in which Ctrl-Z stops the
    // console without restoring the terminal.
    if is_line_mode() {
        disable_raw_mode()?;
        enable_raw_mode()?;
    }
    enter(mouse)
}

/// Whether the terminal is in line mode, as a shell needs it; assumed where the mode cannot be read.
fn is_line_mode() -> bool {
    tcgetattr(io::stdin()).map_or(true, |modes| modes.local_modes.contains(LocalModes::ICANON))
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal: all modes off, cursor shown. Does nothing if the terminal was not set up. Errors are
/// ignored, because the terminal may be gone.
pub fn restore() {
    if !is_raw_mode_enabled().unwrap_or(false) {
        return;
    }
    let mut modes = MOUSE_OFF.to_vec();
    let _ = queue!(modes, EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let mut out = io::stdout();
    let _ = out.write_all(&modes).and_then(|()| out.flush());
    let _ = disable_raw_mode();
}

/// Exits the process with `code` although the terminal blocks every write: leaving raw mode needs no write.
pub fn abandon(code: i32) -> ! {
    let _ = disable_raw_mode();
    std::process::exit(code);
}

/// Installs a panic hook that restores the terminal before the message is printed. While the console holds the
/// terminal, a panic in any thread also exits the process with code 101, so that a console that lost a thread does
/// not appear alive.
pub fn install_panic_hook() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let held = is_raw_mode_enabled().unwrap_or(false);
        restore();
        print(info);
        if held {
            std::process::exit(PANIC_EXIT_CODE);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_on_a_terminal_without_another_screen_is_taken_away() {
        let modes = String::from_utf8(modes(MouseOwner::Terminal).expect("bytes")).expect("text");
        let (enter, clear) = (modes.find("\x1b[?1049h"), modes.find("\x1b[2J"));
        assert!(enter.is_some() && clear > enter, "{modes:?}");
    }
}
