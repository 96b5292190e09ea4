//! Formats in which rows are copied, and the text for each.

use super::app::App;
use super::places::Item;
use crate::api::paths;

/// Format in which rows are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
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

impl Form {
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
    pub fn copied(&self, items: &[Item], form: Form) -> String {
        let Some(view) = self.view() else { return String::new() };
        let line = |item: &Item| match form {
            Form::Id => Some(item.number().to_string()),
            Form::Row => view.row_text(*item),
            Form::Json => view.json(*item),
            Form::Curl => Some(curl(&self.setting.identity.address, *item)),
            Form::Link => Some(link(&self.setting.identity.address, *item)),
        };
        items.iter().filter_map(line).collect::<Vec<_>>().join("\n")
    }
}

fn curl(address: &str, item: Item) -> String {
    // No quotation mark can be in the address: it was parsed as a URL.
    format!("curl -s '{}' -H \"Authorization: Bearer $TOKEN\"", link(address, item))
}

fn link(address: &str, item: Item) -> String {
    let id = item.number().to_string();
    let path = match item {
        Item::Subscription(_) => paths::PORTAL_SUBSCRIPTION.replace("{id}", &id),
        Item::Attempt(_) => paths::ATTEMPT.replace("{id}", &id),
        Item::Event(_) => paths::PORTAL_EVENT.replace("{id}", &id),
        Item::Key(_) => paths::KEYS.to_owned(),
        Item::Window(..) => paths::LIMITS.to_owned(),
        Item::Trip(_) => paths::TRIPS.to_owned(),
        Item::Request(_) => paths::REQUESTS.to_owned(),
    };
    format!("{}{path}", address.trim_end_matches('/'))
}
