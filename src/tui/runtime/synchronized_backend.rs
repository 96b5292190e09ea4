//! Terminal backend that writes only changes: a frame without a changed cell writes nothing, any other frame goes out
//! in one synchronised write.

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use std::io;
use std::io::Write;

/// Terminal size assumed where the terminal does not report one.
const FALLBACK_SIZE: Size = Size { width: 80, height: 24 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CursorVisibility {
    Unknown,
    Hidden,
    Shown,
}

/// Backend that collects a frame and writes it to `out` when the frame is complete.
#[derive(Debug)]
pub struct SynchronizedBackend<W: Write> {
    out: W,
    frame: Vec<u8>,
    cursor: CursorVisibility,
    cursor_position: Position,
}

impl<W: Write> SynchronizedBackend<W> {
    /// Creates a backend that writes to `out`.
    #[must_use]
    pub const fn new(out: W) -> Self {
        Self { out, frame: Vec::new(), cursor: CursorVisibility::Unknown, cursor_position: Position::ORIGIN }
    }

    /// Writer that frames are written to.
    #[must_use]
    pub const fn out(&self) -> &W {
        &self.out
    }

    /// Buffer of the current frame, which begins with the start of a synchronised update.
    fn frame(&mut self) -> io::Result<&mut Vec<u8>> {
        if self.frame.is_empty() {
            queue!(self.frame, BeginSynchronizedUpdate)?;
        }
        Ok(&mut self.frame)
    }
}

impl<W: Write> Backend for SynchronizedBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        CrosstermBackend::new(self.frame()?).draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor != CursorVisibility::Hidden {
            self.cursor = CursorVisibility::Hidden;
            queue!(self.frame()?, Hide)?;
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor != CursorVisibility::Shown {
            self.cursor = CursorVisibility::Shown;
            queue!(self.frame()?, Show)?;
        }
        Ok(())
    }

    /// Returns the position set last. The terminal is never queried, because its answer would arrive as input.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor_position)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if position != self.cursor_position {
            self.cursor_position = position;
            queue!(self.frame()?, MoveTo(position.x, position.y))?;
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        use crossterm::terminal::ClearType as Region;
        let region = match clear_type {
            ClearType::All => Region::All,
            ClearType::AfterCursor => Region::FromCursorDown,
            ClearType::BeforeCursor => Region::FromCursorUp,
            ClearType::CurrentLine => Region::CurrentLine,
            ClearType::UntilNewLine => Region::UntilNewLine,
        };
        queue!(self.frame()?, Clear(region))
    }

    fn size(&self) -> io::Result<Size> {
        let size = crossterm::terminal::window_size()?;
        let size = Size { width: size.columns, height: size.rows };
        Ok(if size.width == 0 || size.height == 0 { FALLBACK_SIZE } else { size })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        queue!(self.frame, EndSynchronizedUpdate)?;
        let written = self.out.write_all(&self.frame).and_then(|()| self.out.flush());
        self.frame.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    #[derive(Debug, Default)]
    struct RecordedWrites(Vec<Vec<u8>>);

    impl Write for RecordedWrites {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_frame_is_one_synchronised_write_and_an_unchanged_one_is_none() {
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 20, 3)) };
        let mut terminal =
            Terminal::with_options(SynchronizedBackend::new(RecordedWrites::default()), options).expect("a terminal");
        for text in ["one", "one", "two", "two"] {
            terminal
                .draw(|frame| {
                    frame.buffer_mut().set_string(0, 0, text, ratatui::style::Style::new());
                })
                .expect("a frame");
        }
        let writes = &terminal.backend().out().0;
        assert_eq!(writes.len(), 2);
        for write in writes {
            assert!(write.starts_with(b"\x1b[?2026h") && write.ends_with(b"\x1b[?2026l"));
        }
        assert!(writes[0].windows(6).any(|bytes| bytes == b"\x1b[?25l"), "the cursor is hidden once");
        assert!(!writes[1].windows(6).any(|bytes| bytes == b"\x1b[?25l"));
    }
}
