//! A terminal in memory that can be looked at while a console draws on it, and that says when a frame is complete. Tests and benchmarks share it.

use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// A terminal in memory that can be looked at from outside.
#[derive(Clone)]
pub(crate) struct Screen {
    inner: Arc<Mutex<TestBackend>>,
    frames: watch::Sender<u64>,
}

impl Screen {
    /// A terminal of this size, and how many frames were completed.
    pub(crate) fn new(columns: u16, rows: u16) -> (Self, watch::Receiver<u64>) {
        let (frames, drawn) = watch::channel(0);
        (Self { inner: Arc::new(Mutex::new(TestBackend::new(columns, rows))), frames }, drawn)
    }

    /// Calls `work` with the terminal's screen.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut TestBackend) -> T) -> T {
        work(&mut self.inner.lock().expect("not poisoned"))
    }
}

impl Backend for Screen {
    type Error = Infallible;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> Result<(), Infallible> {
        self.with(|screen| screen.draw(content))
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.with(Backend::hide_cursor)
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.with(Backend::show_cursor)
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        self.with(Backend::get_cursor_position)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.with(|screen| screen.set_cursor_position(position))
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.with(Backend::clear)
    }

    fn clear_region(&mut self, region: ClearType) -> Result<(), Infallible> {
        self.with(|screen| screen.clear_region(region))
    }

    fn size(&self) -> Result<Size, Infallible> {
        self.with(|screen| screen.size())
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        self.with(Backend::window_size)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.frames.send_modify(|n| *n += 1);
        self.with(Backend::flush)
    }
}
