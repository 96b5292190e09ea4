//! Copying: what is put together from the rows.

use super::app::App;
use super::places::Item;
use crate::api::paths;

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Numbers.
    Id,
    /// What stands in the columns, with tabs between.
    Row,
    /// What was received.
    Json,
    /// A command that asks for it again; the token is left to a variable.
    Curl,
    /// The address under which the portal has it.
    Link,
}

impl Form {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::Id, Self::Row, Self::Json, Self::Curl, Self::Link];

    /// What the menu calls it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Row => "row, tabs between columns",
            Self::Json => "JSON, a line each",
            Self::Curl => "curl, token as $TOKEN",
            Self::Link => "link",
        }
    }
}

impl App {
    /// The text for things in a form, a line each; things that are not at hand are left out.
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
    // An address can only be written so because it was read as a URL: no quotation mark is in it.
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
