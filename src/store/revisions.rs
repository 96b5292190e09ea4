//! Earlier configurations of subscriptions: table `subscription_revisions`, written by triggers with every change.

use super::{Error, small_count, time, unreadable};
use crate::domain::event::EventType;
use crate::domain::ids::SubscriptionId;
use crate::domain::subscription::SubscriptionSpec;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, Row, named_params};

/// A configuration that a subscription has or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRevision {
    /// Number of the revision, 1 for the first.
    pub number: u32,
    /// Time from which the configuration applied.
    pub at: Timestamp,
    /// Target, event types, description and owner.
    pub spec: SubscriptionSpec,
}

/// Lists all revisions of a subscription, latest first.
pub(crate) fn list(connection: &Connection, id: SubscriptionId) -> Result<Vec<SubscriptionRevision>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM subscription_revisions WHERE subscription_id = ?1 ORDER BY number DESC")?;
    Ok(statement.query_map([id.0], read)?.collect::<Result<_, _>>()?)
}

/// Sets the configuration of a subscription.
pub(crate) fn apply(
    connection: &Connection,
    id: SubscriptionId,
    wish: &SubscriptionSpec,
    now: Timestamp,
) -> Result<(), Error> {
    let types: Vec<&str> = wish.event_types.iter().map(|kind| kind.name()).collect();
    connection
        .prepare_cached(
            "UPDATE subscriptions SET target_url = :url, event_types = :types, description = :description, managed_by = :managed_by,
                 updated_at = :now WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": id.0, ":url": wish.target_url, ":types": types.join(","), ":description": wish.description,
            ":managed_by": wish.managed_by, ":now": now.millis(),
        })?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<SubscriptionRevision> {
    let types: String = row.get("event_types")?;
    let event_types: Option<Vec<EventType>> = types.split(',').map(EventType::named).collect();
    Ok(SubscriptionRevision {
        number: small_count(row, "number")?,
        at: time(row, "at")?,
        spec: SubscriptionSpec {
            target_url: row.get("target_url")?,
            event_types: event_types.ok_or_else(|| unreadable("event_types"))?,
            description: row.get("description")?,
            managed_by: row.get("managed_by")?,
        },
    })
}
