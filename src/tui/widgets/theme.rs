//! Themes: how a style role looks. A health status has a mark and a code in addition to its colour.

use crate::domain::health_status::HealthStatus;
use crate::tui::widgets::palette::{self, StyleRole, ThemePalette};
use crate::tui::widgets::size_class::SizeClass;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// Set of colours used by the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeName {
    /// 16 colours and background of the operator's terminal.
    #[default]
    Terminal,
    /// Light text on a dark background.
    Dark,
    /// Dark text on a light background.
    Light,
    /// Colours distinguishable with any kind of colour vision, on a dark background.
    ColourBlind,
    /// No colours: bold, dim, underlined and reversed text only.
    Mono,
    /// Palette from the operator's configuration.
    Own(ThemePalette),
}

/// Set of characters used for drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CharacterSet {
    /// Unicode lines, blocks and marks.
    #[default]
    Unicode,
    /// Unicode with charts in braille patterns, two values per column.
    Braille,
    /// ASCII only: every byte is below 0x80.
    Ascii,
}

/// Owner of the mouse: the console, or the terminal, which can select text with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MouseOwner {
    /// Terminal, which selects text with the mouse.
    #[default]
    Terminal,
    /// Console, in which tabs, rows and the footer can be clicked.
    Console,
}

/// Appearance of the console, and its mouse use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConsoleAppearance {
    /// Set of colours used by the console.
    pub theme: ThemeName,
    /// Set of characters used for drawing.
    pub charset: CharacterSet,
    /// Owner of the mouse events.
    pub mouse: MouseOwner,
    /// Layout class forced by the configuration; `None` uses the class that fits.
    pub layout: Option<SizeClass>,
}

/// Theme that gives every style role its look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme(pub ThemeName);

impl Theme {
    const fn palette(self) -> Option<ThemePalette> {
        match self.0 {
            ThemeName::Dark => Some(palette::DARK),
            ThemeName::Light => Some(palette::LIGHT),
            ThemeName::ColourBlind => Some(palette::COLOUR_BLIND),
            ThemeName::Own(palette) => Some(palette),
            ThemeName::Terminal | ThemeName::Mono => None,
        }
    }

    /// Style that the whole screen is filled with first.
    #[must_use]
    pub fn ground(self) -> Style {
        self.palette().map_or_else(Style::new, |palette| Style::new().fg(palette.text).bg(palette.ground))
    }

    /// Style of a role in this theme.
    #[must_use]
    pub fn style(self, role: StyleRole) -> Style {
        let emphasis = Style::new().add_modifier(modifiers(role));
        match (self.0, self.palette()) {
            (_, Some(palette)) if role == StyleRole::Selected => emphasis.bg(palette.raised),
            (_, Some(palette)) => emphasis.fg(palette.colour(role)),
            // Colours are reset before reversing: coloured cells would appear as patches in the selected row.
            (_, None) if role == StyleRole::Selected => emphasis.fg(Color::Reset).add_modifier(Modifier::REVERSED),
            (ThemeName::Mono, None) => emphasis.add_modifier(mono(role)),
            (_, None) => emphasis.fg(sixteen(role)),
        }
    }

    /// Style for a word on a background of its own colour, in black or white, whichever is readable; reversed text in
    /// a theme without colours.
    #[must_use]
    pub fn on_colour(self, colour: Color) -> Style {
        let strong = Style::new().add_modifier(Modifier::BOLD);
        match (self.0, colour) {
            (ThemeName::Mono, _) => strong.add_modifier(Modifier::REVERSED),
            (_, Color::Red | Color::Blue | Color::Magenta) => strong.fg(Color::White).bg(colour),
            _ => strong.fg(Color::Black).bg(colour),
        }
    }
}

fn sixteen(role: StyleRole) -> Color {
    match role {
        StyleRole::Text | StyleRole::Strong | StyleRole::Selected => Color::Reset,
        StyleRole::Dim | StyleRole::Border => Color::DarkGray,
        StyleRole::Accent => Color::Cyan,
        StyleRole::Warning => Color::Yellow,
        StyleRole::Trouble => Color::Red,
        StyleRole::Word(standing) | StyleRole::Mark(standing) => match standing {
            HealthStatus::Tripped => Color::Magenta,
            HealthStatus::Failing => Color::Red,
            HealthStatus::Warning => Color::Yellow,
            HealthStatus::Healthy => Color::Reset,
            HealthStatus::Off | HealthStatus::Unknown => Color::DarkGray,
        },
    }
}

fn modifiers(role: StyleRole) -> Modifier {
    match role {
        StyleRole::Strong | StyleRole::Accent | StyleRole::Warning | StyleRole::Trouble => Modifier::BOLD,
        StyleRole::Mark(HealthStatus::Failing) => Modifier::BOLD | Modifier::REVERSED,
        StyleRole::Word(HealthStatus::Tripped | HealthStatus::Failing | HealthStatus::Warning)
        | StyleRole::Mark(HealthStatus::Tripped | HealthStatus::Warning) => Modifier::BOLD,
        _ => Modifier::empty(),
    }
}

fn mono(role: StyleRole) -> Modifier {
    match role {
        StyleRole::Dim
        | StyleRole::Word(HealthStatus::Off | HealthStatus::Unknown)
        | StyleRole::Mark(HealthStatus::Off | HealthStatus::Unknown) => Modifier::DIM,
        StyleRole::Word(HealthStatus::Failing) | StyleRole::Trouble => Modifier::REVERSED,
        StyleRole::Word(HealthStatus::Tripped) | StyleRole::Mark(HealthStatus::Tripped) => Modifier::UNDERLINED,
        _ => Modifier::empty(),
    }
}

/// Mark of a health status, one column wide.
#[must_use]
pub const fn mark(standing: HealthStatus) -> char {
    match standing {
        HealthStatus::Healthy => '●',
        HealthStatus::Warning => '▲',
        HealthStatus::Failing => '✖',
        HealthStatus::Tripped => '#',
        HealthStatus::Off => '-',
        HealthStatus::Unknown => '?',
    }
}

/// Code of a health status, such as `WRN`.
#[must_use]
pub const fn status_code(standing: HealthStatus) -> &'static str {
    match standing {
        HealthStatus::Healthy => "OK",
        HealthStatus::Warning => "WRN",
        HealthStatus::Failing => "ERR",
        HealthStatus::Tripped => "TRP",
        HealthStatus::Off => "OFF",
        HealthStatus::Unknown => "UNK",
    }
}

/// Replaces every non-ASCII symbol in a finished frame, for [`CharacterSet::Ascii`]. Characters the console draws have a
/// counterpart of the same width; any other becomes `?`.
pub fn flatten(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let twin = ascii(cell.symbol());
            cell.set_char(twin);
        }
    }
}

fn ascii(symbol: &str) -> char {
    match symbol {
        "●" => '+',
        "▲" => '!',
        "✖" => 'x',
        "─" => '-',
        "│" => '|',
        "┌" | "┐" | "└" | "┘" | "├" => '+',
        "×" => 'x',
        "█" => '#',
        "░" => '-',
        "▁" => '_',
        "▂" => '.',
        "▃" => ':',
        "▄" => '-',
        "▅" => '=',
        "▆" => '+',
        "▇" => '*',
        "…" => '~',
        "·" => '.',
        "›" | "→" => '>',
        "≤" => '<',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDINGS: [HealthStatus; 6] = [
        HealthStatus::Tripped,
        HealthStatus::Failing,
        HealthStatus::Warning,
        HealthStatus::Unknown,
        HealthStatus::Healthy,
        HealthStatus::Off,
    ];

    #[test]
    fn states_differ_by_mark_and_word_without_any_colour() {
        let mut seen = std::collections::BTreeSet::new();
        for standing in STANDINGS {
            assert!(seen.insert((mark(standing), status_code(standing))));
        }
        let mono = Theme(ThemeName::Mono);
        for standing in STANDINGS {
            assert_eq!(mono.style(StyleRole::Word(standing)).fg, None);
        }
    }
}
