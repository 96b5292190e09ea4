//! Pager for the terminal without a platform behind it: a scrolling page with a title and a line of keys, and its loop.

use crate::clock::RuntimeEnv;
use crate::tui::effect::Msg;
use crate::tui::keys::action::{KeyAction, KeyContext, moved_scroll};
use crate::tui::keys::chord::KeyChord;
use crate::tui::keys::keymap::{KeyLookup, Keymap};
use crate::tui::runtime::console::{ExitReason, TerminalError, exit_signal, to_message};
use crate::tui::runtime::synchronized_backend::SynchronizedBackend;
use crate::tui::runtime::terminal::{TerminalGuard, suspend};
use crate::tui::widgets::format;
use crate::tui::widgets::paint::{self, FrameTitle};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::{self, CharacterSet, ConsoleAppearance, Theme};
use crossterm::event::{Event, EventStream, KeyEvent};
use futures_util::Stream;
use futures_util::StreamExt as _;
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use std::pin::pin;
use std::{fmt, io};

/// Function that lays out a page in a number of columns with a theme.
pub type PageLayout = Box<dyn Fn(usize, Theme) -> Vec<Line<'static>>>;

/// Pager with its page and scroll position.
pub struct TextPager {
    title: String,
    lines: PageLayout,
    look: ConsoleAppearance,
    keymap: Keymap,
    area: Rect,
    top: usize,
    message: String,
}

impl fmt::Debug for TextPager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextPager").field("title", &self.title).field("top", &self.top).finish_non_exhaustive()
    }
}

/// Next step of the pager's loop after a key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagerStep {
    /// Continue to show the page.
    Stay,
    /// Draw every cell of the screen again.
    Repaint,
    /// Give the terminal back until the process is resumed.
    Suspend,
    /// End the pager, because the operator closed it.
    Leave,
}

impl TextPager {
    /// Creates a pager at the beginning of a page.
    #[must_use]
    pub fn new(title: String, lines: PageLayout, look: ConsoleAppearance, keymap: Keymap) -> Self {
        Self { title, lines, look, keymap, area: Rect::ZERO, top: 0, message: String::new() }
    }

    fn page(&self) -> Vec<Line<'static>> {
        (self.lines)(usize::from(self.area.width.saturating_sub(4)), Theme(self.look.theme))
    }

    fn height(&self) -> usize {
        usize::from(self.area.height.saturating_sub(3))
    }

    /// Handles a key press: scrolls the page, and returns the next step of the loop.
    pub fn press(&mut self, key: &KeyEvent) -> PagerStep {
        self.message.clear();
        let Some(chord) = KeyChord::of(key) else { return PagerStep::Stay };
        let action = match self.keymap.lookup(chord, KeyContext::TextList) {
            KeyLookup::Here(bound) => Some(bound.binding.action),
            KeyLookup::Elsewhere(_) | KeyLookup::Nothing => None,
        };
        match action {
            Some(KeyAction::Move(step)) => self.top = moved_scroll(step, self.top, self.page().len(), self.height()),
            Some(KeyAction::Close | KeyAction::Back | KeyAction::Quit) => return PagerStep::Leave,
            Some(KeyAction::Redraw) => return PagerStep::Repaint,
            Some(KeyAction::Suspend) => return PagerStep::Suspend,
            _ => self.message = format!("{} is not available here; arrows and pages scroll, q closes", chord.name()),
        }
        PagerStep::Stay
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
        let title = FrameTitle { name: &self.title, remark: &remark, edge: StyleRole::Accent };
        let inner = paint::frame(buffer, frame, &title, theme);
        let inner = Rect { x: inner.x + 1.min(inner.width), width: inner.width.saturating_sub(2), ..inner };
        paint::lines(buffer, inner, lines.get(self.top..end).unwrap_or_default());
        let keys = "Up Down PgUp PgDn g G scroll   q close";
        let (text, role) =
            if self.message.is_empty() { (keys, StyleRole::Dim) } else { (self.message.as_str(), StyleRole::Strong) };
        let room = usize::from(self.area.width.saturating_sub(2));
        paint::text(
            buffer,
            self.area,
            (1, self.area.height.saturating_sub(1)),
            &format::clip(text, room),
            theme.style(role),
        );
        if self.look.charset == CharacterSet::Ascii {
            theme::flatten(buffer);
        }
    }
}

/// Shows a page on the real terminal, and restores the terminal before returning.
///
/// # Errors
/// [`TerminalError`] when the terminal cannot be set up or written to.
pub async fn read(reader: TextPager, ambient: RuntimeEnv) -> Result<ExitReason, TerminalError> {
    let ending = exit_signal(ambient)?;
    let guard = TerminalGuard::set_up(reader.look.mouse)?;
    let mut terminal = Terminal::new(SynchronizedBackend::new(io::stdout()))?;
    let ended = run_loop(&mut terminal, EventStream::new(), reader, ending).await;
    drop(guard);
    match ended {
        Err(_) if crossterm::terminal::window_size().is_err() => Ok(ExitReason::Hangup),
        ended => Ok(ended?),
    }
}

/// Runs the pager's loop over any terminal and any input.
///
/// # Errors
/// Error of the terminal's backend when drawing fails.
pub async fn run_loop<B: Backend>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = io::Result<Event>>,
    mut reader: TextPager,
    ending: impl Future<Output = ExitReason>,
) -> Result<ExitReason, B::Error> {
    let (mut input, mut ending) = (pin!(input), pin!(ending));
    loop {
        terminal.draw(|frame| reader.draw(frame.buffer_mut()))?;
        let event = tokio::select! {
            biased;
            ended = &mut ending => return Ok(ended),
            event = input.next() => event,
        };
        let next = match event {
            Some(Ok(event)) => match to_message(&event) {
                Some(Msg::Key(key)) => reader.press(&key),
                Some(Msg::Scrolled(step)) => {
                    reader.top = moved_scroll(step, reader.top, reader.page().len(), reader.height());
                    PagerStep::Stay
                }
                Some(Msg::Resized(..) | Msg::RepaintNeeded) => PagerStep::Repaint,
                _ => PagerStep::Stay,
            },
            Some(Err(_)) | None => return Ok(ExitReason::Hangup),
        };
        match next {
            PagerStep::Stay => {}
            PagerStep::Repaint => {
                terminal.autoresize()?;
                terminal.clear()?;
            }
            PagerStep::Suspend => {
                // A terminal that cannot be taken again is gone, and the next frame reports that.
                let _ = suspend(reader.look.mouse);
                terminal.clear()?;
            }
            PagerStep::Leave => return Ok(ExitReason::Quit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::{KeyCode, KeyModifiers};
    use futures_util::{FutureExt as _, stream};
    use ratatui::backend::TestBackend;

    fn reader() -> TextPager {
        let lines: PageLayout =
            Box::new(|width, _| (0..100).map(|n| Line::raw(format!("line {n} of {width}"))).collect());
        TextPager::new("A page".to_owned(), lines, ConsoleAppearance::default(), Keymap::default())
    }

    fn key(code: KeyCode) -> io::Result<Event> {
        Ok(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    #[test]
    fn a_page_scrolls_and_ends_with_q() {
        let mut terminal = Terminal::new(TestBackend::new(60, 15)).expect("a terminal");
        let keys = [KeyCode::Char('G'), KeyCode::Char('z'), KeyCode::Up];
        let input = stream::iter(keys.map(key)).chain(stream::pending());
        let shown = run_loop(&mut terminal, input, reader(), std::future::pending());
        assert!(shown.now_or_never().is_none(), "it goes on");
        let text = format!("{}", terminal.backend());
        assert!(text.contains("line 98 of 56") && text.contains("lines 88-99 of 100"), "{text}");
        let input = stream::iter([key(KeyCode::Char('z'))]).chain(stream::pending());
        let shown = run_loop(&mut terminal, input, reader(), std::future::pending());
        assert!(shown.now_or_never().is_none(), "it goes on");
        assert!(format!("{}", terminal.backend()).contains("z is not available here"));
        let input = stream::iter([key(KeyCode::Char('q'))]);
        let ended = run_loop(&mut terminal, input, reader(), std::future::pending()).now_or_never();
        assert_eq!(ended.expect("it ends").expect("a frame"), ExitReason::Quit);
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
