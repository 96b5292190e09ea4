//! Number of deliveries per subscription and state: table `delivery_counts`. Every change of a delivery's state goes
//! through [`super::deliveries`], [`super::resends`] or [`super::replays`], which record it here; deleted deliveries are
//! counted by a trigger. A trigger on changed states would open a savepoint for every attempt, on the path that limits
//! deliveries.

use super::{Error, unreadable};
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::{DeliveryId, SubscriptionId};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeMap;

/// Changes of the counters by one transaction; [`Self::commit`] writes each counter once.
#[derive(Debug, Clone, Default)]
#[must_use = "the counters stay behind until `commit`"]
pub(crate) struct CountChanges(BTreeMap<(SubscriptionId, DeliveryState), i64>);

/// Change of one delivery's state.
#[derive(Debug)]
#[must_use = "the counters stay behind until a `CountChanges` with it is committed"]
pub(crate) struct StateChange {
    pub(super) of: SubscriptionId,
    pub(super) from: DeliveryState,
    pub(super) to: DeliveryState,
}

impl CountChanges {
    /// Adds the change of one delivery.
    pub(crate) fn record(&mut self, change: &StateChange) {
        self.transfer(change.of, (change.from, change.to), 1);
    }

    /// Adds `n` deliveries of a subscription in a state; a negative number removes them.
    pub(super) fn add(&mut self, of: SubscriptionId, state: DeliveryState, n: i64) {
        *self.0.entry((of, state)).or_default() += n;
    }

    /// Moves `n` deliveries of a subscription from one state to another.
    pub(super) fn transfer(&mut self, of: SubscriptionId, (from, to): (DeliveryState, DeliveryState), n: usize) {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        self.add(of, from, -n);
        self.add(of, to, n);
    }

    /// Writes the counters that change.
    pub(crate) fn commit(self, connection: &Connection) -> Result<(), Error> {
        let mut add = connection.prepare_cached(
            "INSERT INTO delivery_counts (subscription_id, state, n) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?;
        for ((of, state), n) in self.0.into_iter().filter(|(_, n)| *n != 0) {
            add.execute(params![of.0, state.name(), n])?;
        }
        Ok(())
    }
}

/// Subscription and state of a delivery before a change.
pub(super) fn counted_as(
    connection: &Connection,
    id: DeliveryId,
) -> Result<Option<(SubscriptionId, DeliveryState)>, Error> {
    let mut statement = connection.prepare_cached("SELECT subscription_id, state FROM deliveries WHERE id = ?1")?;
    let read = |row: &rusqlite::Row<'_>| {
        let state = DeliveryState::named(row.get_ref(1)?.as_str()?).ok_or_else(|| unreadable("state"))?;
        Ok((SubscriptionId(row.get(0)?), state))
    };
    Ok(statement.query_row([id.0], read).optional()?)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Connection;

    /// Counter by subscription and state.
    pub(crate) type Counter = (i64, String, i64);

    /// The counters other than 0, and what a scan of the deliveries counts.
    pub(crate) fn counters_and_scan(connection: &Connection) -> [Vec<Counter>; 2] {
        [
            "SELECT subscription_id, state, n FROM delivery_counts WHERE n <> 0 ORDER BY 1, 2",
            "SELECT subscription_id, state, count(*) FROM deliveries GROUP BY 1, 2 ORDER BY 1, 2",
        ]
        .map(|sql| {
            let mut statement = connection.prepare(sql).expect("a statement");
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
            rows.collect::<Result<_, _>>().expect("counters")
        })
    }
}
