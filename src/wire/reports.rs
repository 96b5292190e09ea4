//! What reports of `crow listen` and `crow relay` have in common. A report may be repeated: every item carries an id
//! that its reporter chose, and an item whose id is known is not stored again.

use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// Maximum number of items in a report.
pub const MAX_REPORT_ITEMS: usize = 500;
/// Maximum size of a report in bytes, as JSON, unless a single item is larger.
pub const MAX_REPORT_BYTES: usize = 512 * 1024;
/// Maximum number of bytes of a delivery's body in a report.
pub const MAX_REPORTED_BODY_BYTES: usize = 256 * 1024;

/// Response to a report: what was done with its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReportReceived {
    /// Number of items that were stored.
    pub n_stored: u64,
    /// Number of items that were known by their ids and not stored again.
    pub n_known: u64,
}

/// Period in which a reporter could not record everything: its disk was full, or its outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnrecordedPeriod {
    /// ID of the item, chosen by the reporter.
    pub id: Untrusted,
    /// Time of the first item that was not recorded.
    pub since_utc: Timestamp,
    /// Time of the last item that was not recorded.
    pub until_utc: Timestamp,
    /// Number of items that were not recorded.
    pub n: u64,
}

/// Bytes that travel as Base64 text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Base64Bytes(pub Arc<[u8]>);

impl Serialize for Base64Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(|bytes| Self(bytes.into())).map_err(|_| D::Error::custom("must be Base64"))
    }
}
