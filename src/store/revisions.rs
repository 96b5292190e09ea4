//! Earlier configurations of subscriptions: table `subscription_revisions`, written by triggers with every change.

use super::subscriptions::{SPEC_COLUMNS, read_spec};
use super::{Error, small_count, time};
use crate::domain::ids::SubscriptionId;
use crate::domain::subscription::SubscriptionRevision;
use rusqlite::{Connection, Row};

/// Lists all revisions of a subscription, latest first.
pub(crate) fn list(connection: &Connection, id: SubscriptionId) -> Result<Vec<SubscriptionRevision>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT number, at, {SPEC_COLUMNS} FROM subscription_revisions WHERE subscription_id = ?1 ORDER BY number DESC"
    ))?;
    Ok(statement.query_map([id.0], read)?.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<SubscriptionRevision> {
    Ok(SubscriptionRevision { number: small_count(row, 0)?, at: time(row, 1)?, spec: read_spec(row, 2)? })
}
