//! Themes from files: nine colours each, rejected if the palette is not readable.

use super::failure::CommandFailure;
use crate::files;
use crate::tui::widgets::palette::{ThemePalette, colour};
use crate::tui::widgets::theme::ThemeName;
use ratatui::style::Color;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Theme file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    ground: String,
    raised: String,
    text: String,
    dim: String,
    border: String,
    accent: String,
    attention: String,
    failing: String,
    tripped: String,
}

/// Returns the theme of that name: a built-in one, a file, or `NAME.toml` in the themes folder.
pub(super) fn load_theme(name: &str, directory: Option<PathBuf>) -> Result<ThemeName, CommandFailure> {
    let file = match name {
        "terminal" => return Ok(ThemeName::Terminal),
        "dark" => return Ok(ThemeName::Dark),
        "light" => return Ok(ThemeName::Light),
        "colour-blind" => return Ok(ThemeName::ColourBlind),
        "mono" => return Ok(ThemeName::Mono),
        path if path.contains('/') || path.contains(".toml") => PathBuf::from(path),
        name => directory.unwrap_or_default().join(format!("{name}.toml")),
    };
    let refused = |why: String| {
        let remedy = "themes are terminal, dark, light, colour-blind, mono, or a file like assets/themes/dark.toml";
        CommandFailure::usage(format!("theme {name}: {}: {why}", file.display()), remedy)
    };
    read_theme(&file).map(ThemeName::Own).map_err(refused)
}

fn read_theme(file: &Path) -> Result<ThemePalette, String> {
    let text = files::read_text_limited(file, files::MAX_SETTINGS_BYTES).map_err(|error| error.to_string())?;
    let file: ThemeFile = toml_edit::de::from_str(&text).map_err(|error| error.message().to_owned())?;
    let one = |name: &str, text: &str| -> Result<Color, String> {
        colour(text).ok_or_else(|| format!("{name} is {text}, but must be like #14171c"))
    };
    let palette = ThemePalette {
        ground: one("ground", &file.ground)?,
        raised: one("raised", &file.raised)?,
        text: one("text", &file.text)?,
        dim: one("dim", &file.dim)?,
        border: one("border", &file.border)?,
        accent: one("accent", &file.accent)?,
        attention: one("attention", &file.attention)?,
        failing: one("failing", &file.failing)?,
        tripped: one("tripped", &file.tripped)?,
    };
    let faults = palette.contrast_problems();
    if faults.is_empty() { Ok(palette) } else { Err(faults.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::widgets::palette::{DARK, LIGHT};

    #[test]
    fn themes_that_come_along_can_be_read_and_are_what_they_say() {
        let themes = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/themes");
        assert_eq!(read_theme(&themes.join("dark.toml")), Ok(DARK));
        assert_eq!(read_theme(&themes.join("light.toml")), Ok(LIGHT));
        for file in std::fs::read_dir(&themes).expect("themes") {
            let file = file.expect("a file").path();
            assert!(read_theme(&file).is_ok(), "{}: {:?}", file.display(), read_theme(&file));
        }
        assert!(matches!(load_theme("high-contrast", Some(themes)), Ok(ThemeName::Own(_))));
    }

    #[test]
    fn what_is_wrong_with_a_theme_is_said() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("mine.toml");
        let dark = include_str!("../../assets/themes/dark.toml");
        for (from, to, said) in [
            ("#a3adba", "#303030", "dim on ground has a contrast"),
            ("#a3adba", "grey", "dim is grey, but must be like #14171c"),
            ("dim =", "dimm =", "unknown field `dimm`"),
        ] {
            std::fs::write(&file, dark.replace(from, to)).expect("written");
            let why = read_theme(&file).expect_err(said);
            assert!(why.contains(said), "{why}");
        }
        assert!(read_theme(&dir.path().join("none.toml")).is_err());
    }
}
