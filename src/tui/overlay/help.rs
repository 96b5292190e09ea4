//! Help: every binding from the registry, with the reason where one does nothing now.

use super::super::app::App;
use super::super::bindings::BINDINGS;
use super::super::keymap::{Context, Group};
use super::super::theme::Role;
use ratatui::text::{Line, Span};

/// The help on top of some context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Help {
    /// Where it was asked for.
    pub about: Context,
    /// The first line in sight.
    pub top: usize,
}

impl From<Context> for Help {
    fn from(about: Context) -> Self {
        Self { about, top: 0 }
    }
}

/// All bindings, grouped; those that do nothing where help was asked for are dim.
#[must_use]
pub fn lines(app: &App, help: &Help) -> Vec<Line<'static>> {
    const KEYS: usize = 18;
    let theme = app.theme();
    let mut lines = Vec::new();
    for group in Group::ALL {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(group.title(), theme.style(Role::Strong)));
        for binding in BINDINGS.iter().filter(|binding| binding.group == group) {
            let keys = binding.chords.iter().map(|chord| chord.name()).collect::<Vec<_>>().join(" ");
            let here = binding.contexts.contains(&help.about);
            let why =
                if here { app.permits(binding.action).err() } else { Some(format!("in {}", places(binding.contexts))) };
            let (keys_role, role) =
                if here && why.is_none() { (Role::Accent, Role::Text) } else { (Role::Dim, Role::Dim) };
            let mut line = Line::from(vec![
                Span::styled(format!("  {keys:<KEYS$}"), theme.style(keys_role)),
                Span::styled(format!("{:<16}", binding.label), theme.style(role)),
            ]);
            if let Some(why) = why {
                line.push_span(Span::styled(format!("  {why}"), theme.style(Role::Dim)));
            }
            lines.push(line);
        }
    }
    lines
}

fn places(contexts: &[Context]) -> String {
    let names = contexts.iter().map(|context| match context {
        Context::Panes => "panes",
        Context::Detail => "details",
        Context::Menu => "the action menu",
        Context::Confirm => "a question",
        Context::Help => "help",
        Context::Alerts => "alerts",
    });
    names.collect::<Vec<_>>().join(", ")
}
