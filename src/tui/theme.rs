//! Themes: what a role looks like. States have a mark and a word before they have a colour.

use super::layout::Class;
use super::palette::{self, Palette};
use crate::domain::standing::Standing;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// Which colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeName {
    /// The user's own 16 colours and background.
    #[default]
    Terminal,
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// Colours that are told apart with any kind of colour vision, on dark.
    ColourBlind,
    /// No colour at all: bold, dim, underline and reverse.
    Mono,
    /// Somebody's own colours.
    Own(Palette),
}

/// Which characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// Lines, blocks and marks.
    #[default]
    Unicode,
    /// The same, with curves in braille patterns: two values in a column.
    Braille,
    /// Every byte below 0x80.
    Ascii,
}

/// Whether the mouse belongs to the console or to the terminal, which can select text with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mouse {
    /// To the terminal.
    #[default]
    Terminal,
    /// To the console: tabs, rows and the footer can be clicked.
    Console,
}

/// How the console looks, and what it listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Which colours.
    pub theme: ThemeName,
    /// Which characters.
    pub charset: Charset,
    /// Whose the mouse is.
    pub mouse: Mouse,
    /// The class that the screen is laid out in, if it is not to be what fits.
    pub layout: Option<Class>,
}

/// What a piece of the screen is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Secondary text, headings of columns.
    Dim,
    /// Titles, and what is emphasised.
    Strong,
    /// The frame of a pane.
    Border,
    /// The frame of the pane that has the focus, and names of keys.
    Accent,
    /// The selected row, laid over its own style.
    Selected,
    /// Needs to be seen: warnings in header and banner.
    Warning,
    /// Trouble: banners, errors.
    Trouble,
    /// A state's word.
    Word(Standing),
    /// A state's mark.
    Mark(Standing),
}

/// A theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme(pub ThemeName);

impl Theme {
    const fn palette(self) -> Option<Palette> {
        match self.0 {
            ThemeName::Dark => Some(palette::DARK),
            ThemeName::Light => Some(palette::LIGHT),
            ThemeName::ColourBlind => Some(palette::COLOUR_BLIND),
            ThemeName::Own(palette) => Some(palette),
            ThemeName::Terminal | ThemeName::Mono => None,
        }
    }

    /// What the whole screen is filled with first.
    #[must_use]
    pub fn ground(self) -> Style {
        self.palette().map_or_else(Style::new, |palette| Style::new().fg(palette.text).bg(palette.ground))
    }

    /// What a role looks like.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let emphasis = Style::new().add_modifier(modifiers(role));
        match (self.0, self.palette()) {
            (_, Some(palette)) if role == Role::Selected => emphasis.bg(palette.raised),
            (_, Some(palette)) => emphasis.fg(palette.colour(role)),
            // Reversed as a whole: cells with colours of their own would make patches.
            (_, None) if role == Role::Selected => emphasis.fg(Color::Reset).add_modifier(Modifier::REVERSED),
            (ThemeName::Mono, None) => emphasis.add_modifier(mono(role)),
            (_, None) => emphasis.fg(sixteen(role)),
        }
    }

    /// How a word is drawn that stands out by a colour of its own: black or white on it, whichever can be read; reversed where there are no
    /// colours.
    #[must_use]
    pub fn painted(self, colour: Color) -> Style {
        let strong = Style::new().add_modifier(Modifier::BOLD);
        match (self.0, colour) {
            (ThemeName::Mono, _) => strong.add_modifier(Modifier::REVERSED),
            (_, Color::Red | Color::Blue | Color::Magenta) => strong.fg(Color::White).bg(colour),
            _ => strong.fg(Color::Black).bg(colour),
        }
    }
}

fn sixteen(role: Role) -> Color {
    match role {
        Role::Text | Role::Strong | Role::Selected => Color::Reset,
        Role::Dim | Role::Border => Color::DarkGray,
        Role::Accent => Color::Cyan,
        Role::Warning => Color::Yellow,
        Role::Trouble => Color::Red,
        Role::Word(standing) | Role::Mark(standing) => match standing {
            Standing::Tripped => Color::Magenta,
            Standing::Failing => Color::Red,
            Standing::Attention => Color::Yellow,
            Standing::Healthy => Color::Reset,
            Standing::Off | Standing::Unknown => Color::DarkGray,
        },
    }
}

fn modifiers(role: Role) -> Modifier {
    match role {
        Role::Strong | Role::Accent | Role::Warning | Role::Trouble => Modifier::BOLD,
        Role::Mark(Standing::Failing) => Modifier::BOLD | Modifier::REVERSED,
        Role::Word(Standing::Tripped | Standing::Failing | Standing::Attention)
        | Role::Mark(Standing::Tripped | Standing::Attention) => Modifier::BOLD,
        _ => Modifier::empty(),
    }
}

fn mono(role: Role) -> Modifier {
    match role {
        Role::Dim | Role::Word(Standing::Off | Standing::Unknown) | Role::Mark(Standing::Off | Standing::Unknown) => {
            Modifier::DIM
        }
        Role::Word(Standing::Failing) | Role::Trouble => Modifier::REVERSED,
        Role::Word(Standing::Tripped) | Role::Mark(Standing::Tripped) => Modifier::UNDERLINED,
        _ => Modifier::empty(),
    }
}

/// A state's mark.
#[must_use]
pub const fn mark(standing: Standing) -> char {
    match standing {
        Standing::Healthy => '●',
        Standing::Attention => '▲',
        Standing::Failing => '✖',
        Standing::Tripped => '#',
        Standing::Off => '-',
        Standing::Unknown => '?',
    }
}

/// A state's word.
#[must_use]
pub const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Healthy => "OK",
        Standing::Attention => "WRN",
        Standing::Failing => "ERR",
        Standing::Tripped => "TRP",
        Standing::Off => "OFF",
        Standing::Unknown => "UNK",
    }
}

/// Makes a finished picture fit for [`Charset::Ascii`]: what the console draws has a twin of the same width, all else becomes `?`.
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

    const STANDINGS: [Standing; 6] = [
        Standing::Tripped,
        Standing::Failing,
        Standing::Attention,
        Standing::Unknown,
        Standing::Healthy,
        Standing::Off,
    ];

    #[test]
    fn states_differ_by_mark_and_word_without_any_colour() {
        let mut seen = std::collections::BTreeSet::new();
        for standing in STANDINGS {
            assert!(seen.insert((mark(standing), word(standing))));
        }
        let mono = Theme(ThemeName::Mono);
        for standing in STANDINGS {
            assert_eq!(mono.style(Role::Word(standing)).fg, None);
        }
    }
}
