//! Pager for the terminal without a platform behind it: a scrolling page with a title and a line of keys.

use super::calm::Calm;
use super::chord::Chord;
use super::console::{Ending, Error, ending, heard};
use super::format;
use super::keymap::{Action, Context, Keymap, Meaning};
use super::paint::{self, Title};
use super::press::scrolled;
use super::terminal::{Guard, suspend};
use super::theme::{self, Charset, Look, Role, Theme};
use crate::ambient::RuntimeEnv;
use crate::tui::app::Msg;
use crossterm::event::{Event, EventStream, KeyEvent};
use futures_util::{Stream, StreamExt as _};
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use std::fmt;
use std::io;
use std::pin::pin;

/// Function that lays out a page in a number of columns with a theme.
pub type Lines = Box<dyn Fn(usize, Theme) -> Vec<Line<'static>>>;

/// Pager with its page and scroll position.
pub struct Reader {
    title: String,
    lines: Lines,
    look: Look,
    keymap: Keymap,
    area: Rect,
    top: usize,
    says: String,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("title", &self.title).field("top", &self.top).finish_non_exhaustive()
    }
}

/// What the loop does after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Continue to show the page.
    Stay,
    /// Draw every cell of the screen again.
    Repaint,
    /// Give the terminal back until the process is resumed.
    Suspend,
    /// End the pager, because the operator closed it.
    Leave,
}

impl Reader {
    /// Creates a pager at the beginning of a page.
    #[must_use]
    pub fn new(title: String, lines: Lines, look: Look, keymap: Keymap) -> Self {
        Self { title, lines, look, keymap, area: Rect::ZERO, top: 0, says: String::new() }
    }

    fn page(&self) -> Vec<Line<'static>> {
        (self.lines)(usize::from(self.area.width.saturating_sub(4)), Theme(self.look.theme))
    }

    fn height(&self) -> usize {
        usize::from(self.area.height.saturating_sub(3))
    }

    /// Handles a key press: scrolls, or says what the loop does next.
    pub fn press(&mut self, key: &KeyEvent) -> Next {
        self.says.clear();
        let Some(chord) = Chord::of(key) else { return Next::Stay };
        let action = match self.keymap.meaning(chord, Context::Log) {
            Meaning::Here(bound) => Some(bound.binding.action),
            Meaning::Elsewhere(_) | Meaning::Nothing => None,
        };
        match action {
            Some(Action::Move(step)) => self.top = scrolled(step, self.top, self.page().len(), self.height()),
            Some(Action::Close | Action::Back | Action::Quit) => return Next::Leave,
            Some(Action::Redraw) => return Next::Repaint,
            Some(Action::Suspend) => return Next::Suspend,
            _ => self.says = format!("{} is not available here; arrows and pages scroll, q closes", chord.name()),
        }
        Next::Stay
    }

    /// Draws the page and its key line.
    pub fn draw(&mut self, buffer: &mut Buffer) {
        self.area = buffer.area;
        let theme = Theme(self.look.theme);
        buffer.set_style(buffer.area, theme.ground());
        let lines = self.page();
        self.top = self.top.min(lines.len().saturating_sub(self.height()));
        let end = (self.top + self.height()).min(lines.len());
        let remark = format!("lines {}-{end} of {}", (self.top + 1).min(end), lines.len());
        let frame = Rect { height: self.area.height.saturating_sub(1), ..self.area };
        let title = Title { name: &self.title, remark: &remark, edge: Role::Accent };
        let inner = paint::frame(buffer, frame, &title, theme);
        let inner = Rect { x: inner.x + 1.min(inner.width), width: inner.width.saturating_sub(2), ..inner };
        paint::lines(buffer, inner, lines.get(self.top..end).unwrap_or_default());
        let keys = "Up Down PgUp PgDn g G scroll   q close";
        let (text, role) = if self.says.is_empty() { (keys, Role::Dim) } else { (self.says.as_str(), Role::Strong) };
        let room = usize::from(self.area.width.saturating_sub(2));
        paint::text(
            buffer,
            self.area,
            (1, self.area.height.saturating_sub(1)),
            &format::clip(text, room),
            theme.style(role),
        );
        if self.look.charset == Charset::Ascii {
            theme::flatten(buffer);
        }
    }
}

/// Shows a page on the real terminal, and restores the terminal before returning.
///
/// # Errors
/// [`Error`] when the terminal cannot be set up or written to.
pub async fn read(reader: Reader, ambient: RuntimeEnv) -> Result<Ending, Error> {
    let ending = ending(ambient)?;
    let guard = Guard::take(reader.look.mouse)?;
    let mut terminal = Terminal::new(Calm::new(io::stdout()))?;
    let ended = turn(&mut terminal, EventStream::new(), reader, ending).await;
    drop(guard);
    match ended {
        Err(_) if crossterm::terminal::window_size().is_err() => Ok(Ending::Hangup),
        ended => Ok(ended?),
    }
}

/// Runs the pager's loop over any terminal and any input.
///
/// # Errors
/// Error of the terminal's backend when drawing fails.
pub async fn turn<B: Backend>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = io::Result<Event>>,
    mut reader: Reader,
    ending: impl Future<Output = Ending>,
) -> Result<Ending, B::Error> {
    let (mut input, mut ending) = (pin!(input), pin!(ending));
    loop {
        terminal.draw(|frame| reader.draw(frame.buffer_mut()))?;
        let event = tokio::select! {
            biased;
            ended = &mut ending => return Ok(ended),
            event = input.next() => event,
        };
        let next = match event {
            Some(Ok(event)) => match heard(&event) {
                Some(Msg::Key(key)) => reader.press(&key),
                Some(Msg::Scrolled(step)) => {
                    reader.top = scrolled(step, reader.top, reader.page().len(), reader.height());
                    Next::Stay
                }
                Some(Msg::Resized(..) | Msg::Exposed) => Next::Repaint,
                _ => Next::Stay,
            },
            Some(Err(_)) | None => return Ok(Ending::Hangup),
        };
        match next {
            Next::Stay => {}
            Next::Repaint => {
                terminal.autoresize()?;
                terminal.clear()?;
            }
            Next::Suspend => {
                // A terminal that cannot be taken again is gone, and the next frame reports that.
                let _ = suspend(reader.look.mouse);
                terminal.clear()?;
            }
            Next::Leave => return Ok(Ending::Quit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::{KeyCode, KeyModifiers};
    use futures_util::{FutureExt as _, stream};
    use ratatui::backend::TestBackend;

    fn reader() -> Reader {
        let lines: Lines = Box::new(|width, _| (0..100).map(|n| Line::raw(format!("line {n} of {width}"))).collect());
        Reader::new("A page".to_owned(), lines, Look::default(), Keymap::default())
    }

    fn key(code: KeyCode) -> io::Result<Event> {
        Ok(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    #[test]
    fn a_page_scrolls_and_ends_with_q() {
        let mut terminal = Terminal::new(TestBackend::new(60, 15)).expect("a terminal");
        let keys = [KeyCode::Char('G'), KeyCode::Char('z'), KeyCode::Up];
        let input = stream::iter(keys.map(key)).chain(stream::pending());
        let shown = turn(&mut terminal, input, reader(), std::future::pending());
        assert!(shown.now_or_never().is_none(), "it goes on");
        let text = format!("{}", terminal.backend());
        assert!(text.contains("line 98 of 56") && text.contains("lines 88-99 of 100"), "{text}");
        let input = stream::iter([key(KeyCode::Char('z'))]).chain(stream::pending());
        let shown = turn(&mut terminal, input, reader(), std::future::pending());
        assert!(shown.now_or_never().is_none(), "it goes on");
        assert!(format!("{}", terminal.backend()).contains("z is not available here"));
        let input = stream::iter([key(KeyCode::Char('q'))]);
        let ended = turn(&mut terminal, input, reader(), std::future::pending()).now_or_never();
        assert_eq!(ended.expect("it ends").expect("a frame"), Ending::Quit);
    }

    #[test]
    fn a_page_is_drawn_in_any_size() {
        for (width, height) in [(1, 1), (3, 2), (40, 8), (200, 60)] {
            let mut reader = reader();
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
            reader.draw(&mut buffer);
            reader.press(&KeyEvent::new(KeyCode::PageDown, KeyModifiers::NONE));
            reader.draw(&mut buffer);
        }
    }
}
