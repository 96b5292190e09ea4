//! Lines of the banner between header and body, at most two: link not live, dispatch paused, private targets permitted.

use crate::domain::text::Untrusted;
use crate::sync::link::LinkState;
use crate::tui::state::app::App;
use crate::tui::widgets::format;
use crate::tui::widgets::size_class::SizeClass;

/// Maximum number of lines of the banner.
const MAX_BANNER_LINES: usize = 2;

/// Whether the header has room to say that private targets are permitted; if not, the banner says it.
#[must_use]
pub fn private_targets_in_header(app: &App) -> bool {
    app.screen_size.class >= SizeClass::Normal && permits_private(app)
}

fn permits_private(app: &App) -> bool {
    app.snapshot
        .overview
        .as_ref()
        .and_then(|overview| overview.platform.as_ref())
        .is_some_and(|status| status.private_targets)
}

/// Lines of the banner; empty when there is nothing to warn about.
#[must_use]
pub fn lines(app: &App) -> Vec<String> {
    let parts: Vec<String> = [link(app), paused(app), private(app)].into_iter().flatten().collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let room = usize::from(app.screen_size.area.width.saturating_sub(2));
    let mut lines = format::wrap_words(&parts.join("   "), room);
    if lines.len() > MAX_BANNER_LINES {
        let rest = lines.split_off(MAX_BANNER_LINES - 1).join(" ");
        lines.push(format::clip(&rest, room));
    }
    lines
}

fn link(app: &App) -> Option<String> {
    let picture = &app.snapshot;
    let heard = picture
        .heard_at
        .map_or_else(|| "no data yet".to_owned(), |at| format!("updated {} ago", format::age(app.clock.since(at))));
    match &picture.link {
        LinkState::Connecting | LinkState::Live | LinkState::Lagging => None,
        LinkState::Stale => Some(format!("STALE  {heard}: the data may have changed since")),
        LinkState::Waiting { why, until } => {
            let left = until.since(app.clock).as_millis().div_ceil(1_000);
            Some(format!("WAITING  {heard}  next call in {left} s  {}", Untrusted::new(why.clone()).sanitized()))
        }
        LinkState::Offline { why, retry_at, .. } => {
            let left = retry_at.since(app.clock).as_millis().div_ceil(1_000);
            let next = if left == 0 { "retrying now".to_owned() } else { format!("retry in {left} s") };
            Some(format!("OFFLINE  {heard}  {next}  {}", Untrusted::new(why.clone()).sanitized()))
        }
    }
}

fn paused(app: &App) -> Option<String> {
    let why = app.snapshot.overview.as_ref()?.platform.as_ref()?.dispatch_paused.clone()?;
    Some(format!("DISPATCH PAUSED  {}", Untrusted::new(why).sanitized()))
}

fn private(app: &App) -> Option<String> {
    (permits_private(app) && !private_targets_in_header(app))
        .then(|| "PRIVATE TARGETS  http and private addresses are allowed".to_owned())
}
