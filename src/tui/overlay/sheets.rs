//! Lists that only tell: what the console said, and what was put into the bundle.

use super::super::app::App;
use super::super::theme::Role;
use crate::domain::text::Untrusted;
use ratatui::text::{Line, Span};

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// What the console said, the latest first.
    Log,
    /// What was collected, in that order, with its notes.
    Bundle,
}

/// A list, with the first line in sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sheet {
    /// Which one.
    pub told: Told,
    /// The first line in sight.
    pub top: usize,
}

impl Told {
    /// What stands on its edge.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Log => "What the console said",
            Self::Bundle => "Bundle",
        }
    }
}

/// Its lines.
#[must_use]
pub fn lines(app: &App, told: Told) -> Vec<Line<'static>> {
    let theme = app.theme();
    let (text, dim) = (theme.style(Role::Text), theme.style(Role::Dim));
    let lines: Vec<Line<'static>> = match told {
        Told::Log => app
            .desk
            .said
            .iter()
            .rev()
            .map(|(at, said)| {
                let at = Span::styled(at.format("%H:%M:%S UTC  "), dim);
                Line::from(vec![at, Span::styled(Untrusted::new(said.as_str()).inert(), text)])
            })
            .collect(),
        Told::Bundle => app
            .desk
            .bundle
            .iter()
            .map(|item| {
                let name = app.view().and_then(|view| view.judged(*item));
                let name = name.map_or_else(|| "not in the picture".to_owned(), |(name, _)| name);
                let mut line = Line::from(vec![Span::styled(format!("{item:<22}  "), text), Span::styled(name, dim)]);
                if let Some(note) = app.desk.note(*item) {
                    line.push_span(Span::styled(format!("  note: {}", Untrusted::new(note).inert()), text));
                }
                line
            })
            .collect(),
    };
    if lines.is_empty() {
        let nothing = match told {
            Told::Log => {
                "Nothing was said yet. Here stands what the console remarked, refused and reported, the latest first."
            }
            Told::Bundle => {
                "The bundle is empty. b on a row, a detail or marked rows puts them in; b again takes them out."
            }
        };
        return vec![Line::styled(nothing, dim)];
    }
    lines
}
