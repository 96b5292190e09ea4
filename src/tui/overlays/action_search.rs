//! Drawing of help and the palette: help groups all actions by purpose, the palette lists recent ones first. Both say
//! why the selected action is not possible now.

use crate::tui::keys::action::KeyContext;
use crate::tui::keys::keymap::ActiveBinding;
use crate::tui::overlays::availability;
use crate::tui::overlays::frame::padded;
use crate::tui::state::app::App;
use crate::tui::state::overlays::action_search::{ActionOrder, ActionSearch};
use crate::tui::widgets::format;
use crate::tui::widgets::paint::{self, FrameTitle};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::text_input::TextInput;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

impl ActionSearch {
    /// Creates a search with all actions listed, opened from the context `about`.
    #[must_use]
    pub fn new(app: &App, about: KeyContext, shelf: ActionOrder) -> Self {
        let mut finder =
            Self { context: about, order: shelf, entry: TextInput::default(), found: Vec::new(), selected: 0 };
        finder.search(&app.config.keymap, &app.view_state.recent_actions);
        finder
    }
}

/// Line of the list: a heading, or an action with its index.
enum ActionListLine<'a> {
    Heading(&'static str),
    Action(usize, &'a ActiveBinding),
}

fn listed<'a>(app: &'a App, finder: &ActionSearch) -> Vec<ActionListLine<'a>> {
    let is_grouped = finder.order == ActionOrder::Grouped && finder.entry.text().trim().is_empty();
    let mut lines = Vec::new();
    let mut group = None;
    for (at, name) in finder.found.iter().enumerate() {
        let Some(bound) = app.config.keymap.all().iter().find(|bound| bound.binding.name == *name) else { continue };
        if is_grouped && group != Some(bound.binding.group) {
            group = Some(bound.binding.group);
            lines.push(ActionListLine::Heading(bound.binding.group.title()));
        }
        lines.push(ActionListLine::Action(at, bound));
    }
    lines
}

/// Draws the search and its results over `area`.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, finder: &ActionSearch) {
    Clear.render(area, buffer);
    let theme = app.theme();
    let name = match finder.order {
        ActionOrder::Grouped => "Help",
        ActionOrder::Recent => "Actions",
    };
    let remark = format!("{} of {}", finder.found.len(), app.config.keymap.all().len());
    let title = FrameTitle { name, remark: &remark, edge: StyleRole::Accent };
    let inner = padded(paint::frame(buffer, area, &title, theme));
    let mut prompt = Line::from(Span::styled("search ", theme.style(StyleRole::Dim)));
    prompt.spans.extend(finder.entry.line(usize::from(inner.width).saturating_sub(7), theme).spans);
    paint::line(buffer, inner, 0, &prompt);
    let list = Rect { y: inner.y + 1.min(inner.height), height: inner.height.saturating_sub(1), ..inner };
    let lines = listed(app, finder);
    if lines.is_empty() {
        let text = "No matching action. Ctrl-U clears the search. Actions on a row, such as disabling a subscription, are in its menu (x).";
        let lines = format::wrap_words(text, usize::from(list.width)).into_iter();
        let lines: Vec<Line<'_>> = lines.map(|line| Line::styled(line, theme.style(StyleRole::Dim))).collect();
        return paint::lines(buffer, list, &lines);
    }
    let list = reason_below(buffer, list, app, finder);
    let height = usize::from(list.height);
    let at = lines
        .iter()
        .position(|line| matches!(line, ActionListLine::Action(at, _) if *at == finder.selected))
        .unwrap_or(0);
    let first = at.saturating_sub(height / 2).min(lines.len().saturating_sub(height));
    for (y, line) in (0..list.height).zip(&lines[first..]) {
        match line {
            ActionListLine::Heading(title) => {
                paint::line(buffer, list, y, &Line::styled(*title, theme.style(StyleRole::Strong)));
            }
            ActionListLine::Action(at, bound) => {
                paint::line(buffer, list, y, &action(app, finder, bound, usize::from(list.width)));
                if *at == finder.selected {
                    buffer.set_style(Rect { y: list.y + y, height: 1, ..list }, theme.style(StyleRole::Selected));
                }
            }
        }
    }
}

/// Width of the column with an action's keys; the labels and the reason follow.
const KEYS_WIDTH: usize = 16;

const LABEL_WIDTH: usize = 30;

const REASON_INDENT: usize = 2 + KEYS_WIDTH + 1 + LABEL_WIDTH + 2;

/// Writes the reason of the selected action beneath the list if it does not fit on the action's line. Returns the
/// area left for the list.
fn reason_below(buffer: &mut Buffer, list: Rect, app: &App, finder: &ActionSearch) -> Rect {
    let Some(why) = finder
        .selected(&app.config.keymap)
        .and_then(|bound| availability::check_enabled_in(app, bound.binding, finder.context).err())
    else {
        return list;
    };
    let room = usize::from(list.width);
    if format::width(&why) <= room.saturating_sub(REASON_INDENT) || list.height < 6 {
        return list;
    }
    let lines = format::wrap_words(&why, room.saturating_sub(2));
    let n = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(list.height / 2);
    let below = Rect { y: list.bottom() - n, height: n, ..list };
    for (y, line) in (0..n).zip(lines) {
        paint::line(buffer, below, y, &Line::styled(format!("  {line}"), app.theme().style(StyleRole::Dim)));
    }
    Rect { height: list.height - n, ..list }
}

fn action(app: &App, finder: &ActionSearch, bound: &ActiveBinding, room: usize) -> Line<'static> {
    let theme = app.theme();
    let why = availability::check_enabled_in(app, bound.binding, finder.context).err();
    let (keys_role, role) =
        if why.is_none() { (StyleRole::Accent, StyleRole::Text) } else { (StyleRole::Dim, StyleRole::Dim) };
    let keys = format::clip(&bound.keys(), KEYS_WIDTH);
    let mut line = Line::from(vec![
        Span::styled(format!("  {keys:<KEYS_WIDTH$} "), theme.style(keys_role)),
        Span::styled(format!("{:<LABEL_WIDTH$}", format::clip(bound.binding.label, LABEL_WIDTH)), theme.style(role)),
    ]);
    if let Some(why) = why {
        let why = format::clip(&why, room.saturating_sub(REASON_INDENT));
        line.push_span(Span::styled(format!("  {why}"), theme.style(StyleRole::Dim)));
    }
    line
}
