//! Formats in which rows are copied, and the text for each.

use crate::tui::ids::RowId;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::overlays::choice::CopyFormat;

/// Text for items in a format, one line each; items that are not loaded are left out.
#[must_use]
pub fn copy_text(app: &App, items: &[RowId], form: CopyFormat) -> String {
    let Some(view) = app.view() else { return String::new() };
    let line = |item: &RowId| match form {
        CopyFormat::Id => Some(item.number().to_string()),
        CopyFormat::Row => rows_of((*item).pane()).row_text(&view, *item),
        CopyFormat::Json => rows_of((*item).pane()).json(&view, *item),
        CopyFormat::Curl => Some(curl(&app.config.identity.address, *item)),
        CopyFormat::Link => Some(link(&app.config.identity.address, *item)),
    };
    items.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

fn curl(address: &str, item: RowId) -> String {
    // No quotation mark can be in the address: it was parsed as a URL.
    format!("curl -s '{}' -H \"Authorization: Bearer $TOKEN\"", link(address, item))
}

fn link(address: &str, item: RowId) -> String {
    let path = rows_of(item.pane()).path(item);
    format!("{}{path}", address.trim_end_matches('/'))
}
