//! Themes: what a role looks like. States have a mark and a word before they have a colour.

use super::layout::Class;
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
}

/// Which characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// Lines, blocks and marks.
    #[default]
    Unicode,
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

/// The colours of a theme that brings its own.
#[derive(Debug, Clone, Copy)]
struct Palette {
    ground: Color,
    raised: Color,
    text: Color,
    dim: Color,
    border: Color,
    accent: Color,
    attention: Color,
    failing: Color,
    tripped: Color,
}

const fn rgb(code: u32) -> Color {
    let [_, red, green, blue] = code.to_be_bytes();
    Color::Rgb(red, green, blue)
}

const DARK: Palette = Palette {
    ground: rgb(0x0014_171c),
    raised: rgb(0x002b_3442),
    text: rgb(0x00d8_dee6),
    dim: rgb(0x00a3_adba),
    border: rgb(0x006b_7685),
    accent: rgb(0x006c_c7f0),
    attention: rgb(0x00f2_c14e),
    failing: rgb(0x00ff_8f87),
    tripped: rgb(0x00e2_9bf0),
};

const LIGHT: Palette = Palette {
    ground: rgb(0x00fb_fbf8),
    raised: rgb(0x00dd_e6f0),
    text: rgb(0x001d_2228),
    dim: rgb(0x0051_5a64),
    border: rgb(0x0080_8890),
    accent: rgb(0x0000_5a8c),
    attention: rgb(0x0075_5000),
    failing: rgb(0x00a8_1c1c),
    tripped: rgb(0x0080_2090),
};

const COLOUR_BLIND: Palette = Palette {
    ground: rgb(0x0012_1418),
    raised: rgb(0x0028_3440),
    text: rgb(0x00e0_e0e0),
    dim: rgb(0x00a8_b0b8),
    border: rgb(0x0070_7880),
    accent: rgb(0x0056_b4e9),
    attention: rgb(0x00f0_e442),
    failing: rgb(0x00f5_9a4a),
    tripped: rgb(0x00e6_a0c8),
};

/// A theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme(pub ThemeName);

impl Theme {
    fn palette(self) -> Option<&'static Palette> {
        match self.0 {
            ThemeName::Dark => Some(&DARK),
            ThemeName::Light => Some(&LIGHT),
            ThemeName::ColourBlind => Some(&COLOUR_BLIND),
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
}

impl Palette {
    fn colour(&self, role: Role) -> Color {
        match role {
            Role::Text | Role::Strong | Role::Selected => self.text,
            Role::Dim => self.dim,
            Role::Border => self.border,
            Role::Accent => self.accent,
            Role::Warning => self.attention,
            Role::Trouble => self.failing,
            Role::Word(standing) | Role::Mark(standing) => match standing {
                Standing::Tripped => self.tripped,
                Standing::Failing => self.failing,
                Standing::Attention => self.attention,
                Standing::Healthy => self.text,
                Standing::Off | Standing::Unknown => self.dim,
            },
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
        "┌" | "┐" | "└" | "┘" => '+',
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

    fn luminance(colour: Color) -> f64 {
        let Color::Rgb(red, green, blue) = colour else { panic!("not a colour of our own: {colour}") };
        let linear = |part: u8| {
            let share = f64::from(part) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_of_own_palettes_is_readable_on_both_grounds() {
        for palette in [DARK, LIGHT, COLOUR_BLIND] {
            let roles = [Role::Text, Role::Dim, Role::Accent, Role::Warning, Role::Trouble];
            for role in roles.into_iter().chain(STANDINGS.map(Role::Word)) {
                for ground in [palette.ground, palette.raised] {
                    let ratio = contrast(palette.colour(role), ground);
                    assert!(ratio >= 4.5, "{role:?} on {ground}: {ratio:.2}");
                }
            }
            assert!(contrast(palette.border, palette.ground) >= 3.0);
        }
    }

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
