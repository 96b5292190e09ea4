//! Colour palettes of the themes, and a check of their contrast.

use crate::domain::health_status::HealthStatus;
use ratatui::style::Color;

/// Style role: what a piece of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleRole {
    /// Ordinary text on the screen.
    Text,
    /// Secondary text, and headings of columns.
    Dim,
    /// Titles and emphasised text on the screen.
    Strong,
    /// Frame of a pane without the focus.
    Border,
    /// Frame of the focused pane, and names of keys.
    Accent,
    /// Selected row, on top of the row's own style.
    Selected,
    /// Warning in the header or banner.
    Warning,
    /// Error text and urgent banners.
    Trouble,
    /// Code of a health status.
    Word(HealthStatus),
    /// Mark of a health status.
    Mark(HealthStatus),
}

/// Nine colours of a theme that does not use the terminal's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThemePalette {
    /// Background of the whole screen.
    pub ground: Color,
    /// Background of the selected row.
    pub raised: Color,
    /// Ordinary text on the screen.
    pub text: Color,
    /// Secondary text, such as headings of columns.
    pub dim: Color,
    /// Frames of panes without the focus.
    pub border: Color,
    /// Frame of the focused pane, and names of keys.
    pub accent: Color,
    /// Health status warning, and other warnings.
    pub attention: Color,
    /// Health status failing, and errors.
    pub failing: Color,
    /// Health status tripped: the breaker disabled a subscription.
    pub tripped: Color,
}

/// Minimum contrast ratio of text to its background (WCAG 2, level AA).
pub const MIN_TEXT_CONTRAST: f64 = 4.5;

/// Minimum contrast ratio of marks and frames (WCAG 2, level AA).
pub const MIN_MARK_CONTRAST: f64 = 3.0;

const fn rgb(code: u32) -> Color {
    let [_, red, green, blue] = code.to_be_bytes();
    Color::Rgb(red, green, blue)
}

/// Light text on a dark background.
pub const DARK: ThemePalette = ThemePalette {
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

/// Dark text on a light background.
pub const LIGHT: ThemePalette = ThemePalette {
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

/// Colours distinguishable with any kind of colour vision, on a dark background.
pub const COLOUR_BLIND: ThemePalette = ThemePalette {
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

/// Parses a colour written as `#rrggbb`; `None` for any other text.
#[must_use]
pub fn colour(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|c| c.is_ascii_hexdigit())).map(rgb)
}

impl ThemePalette {
    /// Colour of a style role.
    #[must_use]
    pub const fn colour(&self, role: StyleRole) -> Color {
        match role {
            StyleRole::Text | StyleRole::Strong | StyleRole::Selected => self.text,
            StyleRole::Dim => self.dim,
            StyleRole::Border => self.border,
            StyleRole::Accent => self.accent,
            StyleRole::Warning => self.attention,
            StyleRole::Trouble => self.failing,
            StyleRole::Word(standing) | StyleRole::Mark(standing) => match standing {
                HealthStatus::Tripped => self.tripped,
                HealthStatus::Failing => self.failing,
                HealthStatus::Warning => self.attention,
                HealthStatus::Healthy => self.text,
                HealthStatus::Off | HealthStatus::Unknown => self.dim,
            },
        }
    }

    /// Contrast problems of the palette, one line each; empty if all text and frames are readable.
    #[must_use]
    pub fn contrast_problems(&self) -> Vec<String> {
        let texts = [
            ("text", self.text),
            ("dim", self.dim),
            ("accent", self.accent),
            ("attention", self.attention),
            ("failing", self.failing),
            ("tripped", self.tripped),
        ];
        let grounds = [("ground", self.ground), ("raised", self.raised)];
        let pairs = texts.into_iter().flat_map(|text| grounds.map(|ground| (text, ground, MIN_TEXT_CONTRAST)));
        let frame = (("border", self.border), ("ground", self.ground), MIN_MARK_CONTRAST);
        pairs
            .chain([frame])
            .filter_map(|((name, colour), (on, ground), needs)| {
                let ratio = contrast(colour, ground);
                (ratio < needs).then(|| format!("{name} on {on} has a contrast of {ratio:.1}, needs {needs}"))
            })
            .collect()
    }
}

fn luminance(colour: Color) -> f64 {
    // A palette has RGB colours only; any other colour counts as black.
    let Color::Rgb(red, green, blue) = colour else { return 0.0 };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_palettes_can_be_read_on_both_grounds_and_a_bad_one_is_told() {
        for palette in [DARK, LIGHT, COLOUR_BLIND] {
            assert_eq!(palette.contrast_problems(), Vec::<String>::new());
        }
        let grey = ThemePalette { dim: rgb(0x0040_4040), border: rgb(0x0020_2020), ..DARK };
        let faults = grey.contrast_problems();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].starts_with("dim on ground has a contrast of 1."), "{faults:?}");
        assert_eq!(contrast(rgb(0), rgb(0x00ff_ffff)).round(), 21.0);
    }

    #[test]
    fn colours_are_six_digits() {
        assert_eq!(colour("#14171c"), Some(DARK.ground));
        for wrong in ["14171c", "#1417", "#14171g", "#+4171c", "red", "#é171c"] {
            assert_eq!(colour(wrong), None, "{wrong}");
        }
    }
}
