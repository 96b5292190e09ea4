//! Configuration of a console: identity, access, appearance and keys.

use crate::tui::keys::keymap::Keymap;
use crate::tui::widgets::theme::ConsoleAppearance;
use ratatui::style::Color;

/// Kind of platform that the console is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleMode {
    /// Demo platform with the simulated company.
    Demo,
    /// Standalone platform inside this process.
    Standalone,
    /// Remote platform, reached over the network.
    Remote,
}

/// Whether the console may change anything on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleAccess {
    /// Read-only: every change is refused.
    ReadOnly,
    /// Changes are allowed, after confirmation.
    Act,
}

/// Environment of the platform, which decides how changes are confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetEnvironment {
    /// Ordinary platform: a single change is confirmed with y.
    #[default]
    Ordinary,
    /// Production platform: every change is confirmed by typing its count.
    Production,
}

/// Identity of the console, shown in the header.
#[derive(Debug, Clone)]
pub struct ConsoleIdentity {
    /// Kind of platform that the console is connected to.
    pub mode: ConsoleMode,
    /// Name of the profile in use.
    pub profile: String,
    /// Base URL of the platform, such as `http://127.0.0.1:PORT`.
    pub address: String,
    /// Environment of the platform: ordinary or production.
    pub environment: TargetEnvironment,
    /// Background colour of the mode in the header, if the profile sets one.
    pub colour: Option<Color>,
}

/// Configuration the console was started with.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// Profile, platform and mode shown in the header.
    pub identity: ConsoleIdentity,
    /// Whether changes on the platform are allowed.
    pub access: ConsoleAccess,
    /// Theme, character set, mouse use and forced layout.
    pub look: ConsoleAppearance,
    /// Key bindings, with the operator's changes applied.
    pub keymap: Keymap,
}
