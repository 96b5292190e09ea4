//! The terminal, borrowed: taken with a guard, given back on every way out, also on a panic in any thread.

use super::theme::Mouse;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::terminal::{
    Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, is_raw_mode_enabled,
};
use rustix::termios::{LocalModes, tcgetattr};
use std::io::{self, Write};

/// What a process ends with after a panic.
const PANICKED: i32 = 101;

/// Holds the terminal; dropping it gives the terminal back.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, no cursor, and the mouse if it is the console's.
    ///
    /// # Errors
    /// When it is not a terminal, or has gone; then it is as it was.
    pub fn take(mouse: Mouse) -> io::Result<Self> {
        enable_raw_mode()?;
        let guard = Self(());
        enter(mouse)?;
        Ok(guard)
    }
}

/// Presses and the wheel, not every movement, with coordinates that fit any screen.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
/// Neither any more; harmless where they were not on.
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// Sets the modes that are not the line's.
fn enter(mouse: Mouse) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(&modes(mouse)?)?;
    out.flush()
}

/// Alternate screen, empty, bracketed paste, no cursor, and perhaps the mouse.
fn modes(mouse: Mouse) -> io::Result<Vec<u8>> {
    let mut modes = Vec::new();
    // Not every terminal has another screen, as the console of Linux has none: what stood there is taken away, or it would shine through.
    queue!(modes, EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste, Hide)?;
    if mouse == Mouse::Console {
        modes.extend(MOUSE_ON);
    }
    Ok(modes)
}

/// Gives the terminal back and stops this process until the shell resumes it; then takes the terminal again.
///
/// # Errors
/// When the terminal cannot be taken again.
pub fn suspend(mouse: Mouse) -> io::Result<()> {
    restore();
    // Where nobody can resume it, the signal is ignored and it goes on at once.
    signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)?;
    enable_raw_mode()?;
    enter(mouse)
}

/// Takes the terminal again after the process was stopped and resumed from outside: the shell may have changed its modes.
///
/// # Errors
/// When the terminal has gone.
pub fn retake(mouse: Mouse) -> io::Result<()> {
    // Only if they are the shell's: between one mode and the other a key would be the shell's too, and Ctrl-Z would stop the console unprepared.
    if is_cooked() {
        disable_raw_mode()?;
        enable_raw_mode()?;
    }
    enter(mouse)
}

/// Whether the terminal collects lines, as a shell wants it; so it is where that cannot be known.
fn is_cooked() -> bool {
    tcgetattr(io::stdin()).map_or(true, |modes| modes.local_modes.contains(LocalModes::ICANON))
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back: all modes off, cursor shown. Does nothing if it was not taken. What fails is left: there may be no terminal.
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

/// Ends the process with `code` although the terminal takes nothing more: raw mode is taken off, which needs no writing.
pub fn abandon(code: i32) -> ! {
    let _ = disable_raw_mode();
    std::process::exit(code);
}

/// From now on a panic in any thread gives the terminal back before its message is printed. While the console holds the terminal it also
/// ends the process with 101: a console that lost a part of itself must not look alive.
pub fn install_panic_hook() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let held = is_raw_mode_enabled().unwrap_or(false);
        restore();
        print(info);
        if held {
            std::process::exit(PANICKED);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_on_a_terminal_without_another_screen_is_taken_away() {
        let modes = String::from_utf8(modes(Mouse::Terminal).expect("bytes")).expect("text");
        let (enter, clear) = (modes.find("\x1b[?1049h"), modes.find("\x1b[2J"));
        assert!(enter.is_some() && clear > enter, "{modes:?}");
    }
}
