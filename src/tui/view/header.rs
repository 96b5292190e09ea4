//! First line of the screen: mode, profile, access, alerts, and how current the data is.

use crate::sync::link::LinkState;
use crate::text;
use crate::tui::state::app::App;
use crate::tui::state::config::{ConsoleAccess, ConsoleMode, TargetEnvironment};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::{format, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// Word of the header. When there is no room, the greatest rank is dropped first; rank 0 is never dropped.
struct HeaderWord {
    text: String,
    style: Style,
    rank: u8,
}

/// Draws the header line of the screen.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    let room = usize::from(area.width);
    let (mut left, mut right) = (left(app), right(app));
    let total = |left: &[HeaderWord], right: &[HeaderWord]| {
        left.iter().chain(right).map(|word| format::width(&word.text) + 2).sum::<usize>()
    };
    while total(&left, &right) > room {
        let Some(rank) = left.iter().chain(&right).map(|word| word.rank).max().filter(|rank| *rank > 0) else { break };
        left.retain(|word| word.rank != rank);
        right.retain(|word| word.rank != rank);
    }
    let mut x = 1;
    for word in &left {
        x = paint::text(buffer, area, (x, 0), &word.text, word.style) + 2;
    }
    let wide = total(&[], &right).saturating_sub(1);
    let mut x = x.max(u16::try_from(room.saturating_sub(wide)).unwrap_or(0));
    for word in &right {
        x = paint::text(buffer, area, (x, 0), &word.text, word.style) + 2;
    }
}

fn left(app: &App) -> Vec<HeaderWord> {
    let theme = app.theme();
    let identity = &app.config.identity;
    let word = |text: &str, role, rank| HeaderWord { text: text.to_owned(), style: theme.style(role), rank };
    let mode = match identity.mode {
        ConsoleMode::Demo => "DEMO",
        ConsoleMode::Standalone => "STANDALONE",
        ConsoleMode::Remote => "REMOTE",
    };
    let (access, role) = match app.config.access {
        ConsoleAccess::ReadOnly => ("READ-ONLY", StyleRole::Text),
        ConsoleAccess::Act => ("ACT", StyleRole::Warning),
    };
    let own = identity.colour.map_or_else(|| theme.style(StyleRole::Strong), |colour| theme.on_colour(colour));
    let mode = if identity.colour.is_some() { format!(" {mode} ") } else { mode.to_owned() };
    let mut words = vec![
        word("crow", StyleRole::Strong, 6),
        HeaderWord { text: mode, style: own, rank: 0 },
        word(&identity.profile, StyleRole::Text, 4),
        match app.company {
            None => word("all companies", StyleRole::Dim, 8),
            Some(id) => word(&format!("company {id}"), StyleRole::Warning, 0),
        },
        word(access, role, 0),
        word(&identity.address, StyleRole::Dim, 7),
    ];
    if identity.environment == TargetEnvironment::Production {
        words.insert(2, HeaderWord { text: " PRODUCTION ".to_owned(), style: theme.on_colour(Color::Red), rank: 0 });
    }
    if crate::tui::state::banner::private_targets_in_header(app) {
        words.push(word("PRIVATE TARGETS", StyleRole::Warning, 0));
    }
    words
}

fn right(app: &App) -> Vec<HeaderWord> {
    let theme = app.theme();
    let word = |text: String, role, rank| HeaderWord { text, style: theme.style(role), rank };
    let mut words = Vec::new();
    if app.snapshot.overview.is_some() {
        let alerts = app.visible_snapshot().alerts();
        let n_looked_after = alerts.iter().filter(|alert| alert.acknowledged.is_some()).count();
        let n = alerts.len() - n_looked_after;
        let role = if n == 0 { StyleRole::Dim } else { StyleRole::Warning };
        let text = if n == 1 { "1 ALERT".to_owned() } else { format!("{n} ALERTS") };
        words.push(word(text, role, u8::from(n == 0) * 3));
        if n_looked_after > 0 {
            words.push(word(format!("{n_looked_after} ACKNOWLEDGED"), StyleRole::Dim, 4));
        }
    }
    if let Some(frozen) = &app.frozen {
        let waiting = text::count(frozen.n_missed_snapshots, "update");
        words.push(word("PAUSED".to_owned(), StyleRole::Warning, 0));
        words.push(word(format!("{waiting} waiting"), StyleRole::Warning, 3));
    }
    let n_passed = app.logs.n_unseen();
    if n_passed > 0 {
        words.push(word(format!("{} NOT SHOWN", text::number(n_passed)), StyleRole::Warning, 2));
    }
    let (link, role) = match &app.snapshot.link {
        LinkState::Connecting => ("CONNECTING", StyleRole::Dim),
        LinkState::Live => ("LIVE", StyleRole::Text),
        LinkState::Lagging => ("LAGGING", StyleRole::Warning),
        LinkState::Stale => ("STALE", StyleRole::Warning),
        LinkState::Waiting { .. } => ("WAITING", StyleRole::Warning),
        LinkState::Offline { .. } => ("OFFLINE", StyleRole::Trouble),
    };
    if app.frozen.is_none() || !app.snapshot.link.is_live() {
        words.push(word(link.to_owned(), role, 0));
    }
    if let Some(at) = app.visible_snapshot().changed_at {
        words.push(word(format!("last change {} UTC", at.format("%H:%M:%S")), StyleRole::Dim, 5));
    }
    words
}
