//! Formats in which rows are copied, and the text for each.

use super::app::App;
use super::selection::RowId;
use crate::wire::paths;

/// Format in which rows are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// Number of the item alone.
    Id,
    /// Cells of the row, separated by tabs.
    Row,
    /// Row as JSON, as it was received.
    Json,
    /// `curl` command that requests the item; the token is the variable `$TOKEN`.
    Curl,
    /// URL of the item in the Portal API.
    Link,
}

impl CopyFormat {
    /// All formats, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::Id, Self::Row, Self::Json, Self::Curl, Self::Link];

    /// Label of the format in the menu.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Row => "row, tab-separated",
            Self::Json => "JSON, one line per row",
            Self::Curl => "curl, token as $TOKEN",
            Self::Link => "link",
        }
    }
}

impl App {
    /// Text for items in a format, one line each; items that are not loaded are left out.
    #[must_use]
    pub fn copy_text(&self, items: &[RowId], form: CopyFormat) -> String {
        let Some(view) = self.view() else { return String::new() };
        let line = |item: &RowId| match form {
            CopyFormat::Id => Some(item.number().to_string()),
            CopyFormat::Row => view.row_text(*item),
            CopyFormat::Json => view.json(*item),
            CopyFormat::Curl => Some(curl(&self.config.identity.address, *item)),
            CopyFormat::Link => Some(link(&self.config.identity.address, *item)),
        };
        items.iter().filter_map(line).collect::<Vec<_>>().join("\n")
    }
}

fn curl(address: &str, item: RowId) -> String {
    // No quotation mark can be in the address: it was parsed as a URL.
    format!("curl -s '{}' -H \"Authorization: Bearer $TOKEN\"", link(address, item))
}

fn link(address: &str, item: RowId) -> String {
    let id = item.number().to_string();
    let path = match item {
        RowId::Subscription(_) => paths::PORTAL_SUBSCRIPTION.replace("{id}", &id),
        RowId::Attempt(_) => paths::ATTEMPT.replace("{id}", &id),
        RowId::Event(_) => paths::PORTAL_EVENT.replace("{id}", &id),
        RowId::Key(_) => paths::KEYS.to_owned(),
        RowId::Window(..) => paths::LIMITS.to_owned(),
        RowId::Trip(_) => paths::TRIPS.to_owned(),
        RowId::Request(_) => paths::REQUESTS.to_owned(),
    };
    format!("{}{path}", address.trim_end_matches('/'))
}
