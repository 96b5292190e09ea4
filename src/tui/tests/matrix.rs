//! Screens of every size in every theme in one picture: the text once, what each column looks like as runs, and what the runs' names mean in
//! each theme.

use super::fixture::{TestConsole, text};
use crate::tui::widgets::theme::ThemeName;
use ratatui::style::{Color, Modifier, Style};
use std::fmt::Write as _;

const THEMES: [(&str, ThemeName); 5] = [
    ("terminal", ThemeName::Terminal),
    ("dark", ThemeName::Dark),
    ("light", ThemeName::Light),
    ("colour-blind", ThemeName::ColourBlind),
    ("mono", ThemeName::Mono),
];

/// A look in all themes.
type ThemedStyles = [Style; THEMES.len()];

/// A picture being put together.
#[derive(Default)]
pub(super) struct ThemeMatrix {
    sheets: String,
    looks: Vec<ThemedStyles>,
}

impl ThemeMatrix {
    /// Adds a screen: its text, which is the same in all themes, and the runs of each line.
    pub(super) fn add(&mut self, mut bench: TestConsole) {
        let frames = THEMES.map(|(_, theme)| {
            bench.app.config.look.theme = theme;
            bench.frame()
        });
        let words = text(&frames[0]);
        for (frame, (name, _)) in frames.iter().zip(THEMES) {
            assert_eq!(text(frame), words, "{name} says something else");
        }
        let area = frames[0].buffer().area;
        let _ = writeln!(self.sheets, "== {}x{}\n{words}\n", area.width, area.height);
        let mut before = (String::new(), 0);
        for y in 0..area.height {
            let mut runs: Vec<(usize, u16)> = Vec::new();
            for x in 0..area.width {
                let look = self.look(frames.each_ref().map(|frame| frame.buffer()[(x, y)].style()));
                match runs.last_mut() {
                    Some((last, n)) if *last == look => *n += 1,
                    _ => runs.push((look, 1)),
                }
            }
            let line: String = runs.iter().map(|(look, n)| format!("{}{n} ", name(*look))).collect();
            if before.0 != line {
                self.close(&before, y);
                before = (line, y);
            }
        }
        self.close(&before, area.height);
        self.sheets.push('\n');
    }

    /// Writes lines down that look the same, from the one that is told to the one before `end`.
    fn close(&mut self, (line, from): &(String, u16), end: u16) {
        if !line.is_empty() {
            let _ = writeln!(self.sheets, "{:>2}-{:<2} {}", from + 1, end, line.trim_end());
        }
    }

    fn look(&mut self, looks: ThemedStyles) -> usize {
        self.looks.iter().position(|known| *known == looks).unwrap_or_else(|| {
            self.looks.push(looks);
            self.looks.len() - 1
        })
    }

    /// The picture.
    pub(super) fn told(self) -> String {
        let mut told = self.sheets;
        told.push_str("== looks\n");
        for (at, looks) in self.looks.iter().enumerate() {
            let each = looks.iter().zip(THEMES).map(|(style, (theme, _))| format!("{theme} {}", look(*style)));
            let _ = writeln!(told, "{:<2} {}", name(at), each.collect::<Vec<_>>().join("   "));
        }
        told
    }
}

/// `a` to `z`, then `A` and on.
fn name(at: usize) -> char {
    ('a'..='z').chain('A'..='Z').nth(at).expect("fewer looks than letters")
}

/// Colour, ground and emphasis in a few characters.
fn look(style: Style) -> String {
    let colour = |colour: Option<Color>| match colour {
        None | Some(Color::Reset) => "-".to_owned(),
        Some(Color::Rgb(r, g, b)) => format!("{r:02x}{g:02x}{b:02x}"),
        Some(named) => format!("{named:?}"),
    };
    let marks = [(Modifier::BOLD, 'b'), (Modifier::DIM, 'd'), (Modifier::UNDERLINED, 'u'), (Modifier::REVERSED, 'r')];
    let marks: String = marks
        .into_iter()
        .filter(|(modifier, _)| style.add_modifier.contains(*modifier))
        .map(|(_, mark)| mark)
        .collect();
    let marks = if marks.is_empty() { String::new() } else { format!(" {marks}") };
    format!("{}/{}{marks}", colour(style.fg), colour(style.bg))
}
