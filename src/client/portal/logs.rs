//! Pages of the platform's logs, newest rows first, in both directions (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::wire::log::LogRoute;
use serde_json::Value;

impl PlatformClient {
    /// Reads a page of a log, from `cursor` on or beginning with the newest row.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn log_page<Q: LogRoute>(&self, query: &Q, cursor: Option<&str>, limit: u32) -> Result<Q::Page, Error> {
        let unusable = |why: String| Error::Unusable(format!("cannot encode the query: {why}"));
        let filters = match serde_json::to_value(query) {
            Ok(Value::Object(filters)) => filters,
            Ok(other) => return Err(unusable(format!("{other} has no names"))),
            Err(error) => return Err(unusable(error.to_string())),
        };
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let mut pairs: Vec<(&str, String)> =
            filters.iter().filter_map(|(name, value)| Some((name.as_str(), text(value)?))).collect();
        pairs.push(("limit", limit.to_string()));
        pairs.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        self.rows(Q::PATH, &mut pairs).await.map(|(page, _)| page)
    }
}
