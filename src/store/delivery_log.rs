//! Delivery log queries: filtered pages of deliveries and events, and the deliveries of one event.

use super::paging::{PagedQuery, add_condition};
use super::{Error, count, optional_time, small_count, time, unreadable};
use crate::domain::delivery::{AttemptKind, DeliveryState};
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::log::{DeliveryFilter, DeliverySummary, EventSummary, PageSpec, RowPage};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row};

/// Columns of a delivery summary; a leased delivery has the state `in_flight`.
const DELIVERY_COLUMNS: &str = "id, event_id, subscription_id, company_id, kind, n_attempts, due_at, created_at,
    CASE WHEN EXISTS (SELECT 1 FROM leases l WHERE l.delivery_id = deliveries.id) THEN 'in_flight' ELSE state END AS state";
/// Column with the event type of a delivery.
const EVENT_TYPE_COLUMN: &str = ", (SELECT e.kind FROM events e WHERE e.id = event_id) AS event_type";

/// Returns a page of deliveries that match a filter, newest first.
pub(crate) fn deliveries(
    connection: &Connection,
    of: &DeliveryFilter,
    span: &PageSpec,
) -> Result<RowPage<DeliverySummary>, Error> {
    let (mut seek, mut sift) = (Vec::new(), Vec::new());
    let subscription = of.subscription.map(|id| id.0);
    add_condition(&mut seek, "event_id = ?", of.event.map(|id| id.0));
    add_condition(if of.event.is_some() { &mut sift } else { &mut seek }, "subscription_id = ?", subscription);
    let table = match (of.event, of.subscription) {
        (Some(_), _) => "deliveries INDEXED BY deliveries_event",
        (None, Some(_)) => "deliveries INDEXED BY deliveries_subscription",
        (None, None) => "deliveries",
    };
    add_condition(&mut sift, "company_id = ?", of.company.map(|id| id.0));
    add_condition(&mut sift, "state = ?", of.state.map(|state| state.name().to_owned()));
    let kind: Option<Value> = of.event_type.map(|kind| kind.name().to_owned().into());
    add_condition(&mut sift, "(SELECT e.kind FROM events e WHERE e.id = event_id) = ?", kind);
    let log = PagedQuery {
        table,
        columns: DELIVERY_COLUMNS,
        computed: EVENT_TYPE_COLUMN,
        time: "created_at",
        index_conditions: seek,
        row_conditions: sift,
    };
    log.page(connection, span, read_delivery, |delivery| delivery.id.0)
}

/// Returns the summary of one delivery.
pub(crate) fn delivery(connection: &Connection, id: DeliveryId) -> Result<Option<DeliverySummary>, Error> {
    let sql = format!("SELECT {DELIVERY_COLUMNS}{EVENT_TYPE_COLUMN} FROM deliveries WHERE id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([id.0], read_delivery).optional()?)
}

/// Lists the deliveries of an event, oldest first.
pub(crate) fn deliveries_of(connection: &Connection, event: EventId) -> Result<Vec<DeliverySummary>, Error> {
    let sql = format!("SELECT {DELIVERY_COLUMNS}{EVENT_TYPE_COLUMN} FROM deliveries WHERE event_id = ?1 ORDER BY id");
    Ok(connection.prepare_cached(&sql)?.query_map([event.0], read_delivery)?.collect::<Result<_, _>>()?)
}

/// Returns a page of events of one company or of all, newest first.
pub(crate) fn events(
    connection: &Connection,
    company: Option<CompanyId>,
    kind: Option<EventType>,
    span: &PageSpec,
) -> Result<RowPage<EventSummary>, Error> {
    let (mut seek, mut sift) = (Vec::new(), Vec::new());
    add_condition(&mut seek, "company_id = ?", company.map(|id| id.0));
    add_condition(&mut sift, "kind = ?", kind.map(|kind| kind.name().to_owned()));
    let log = PagedQuery {
        table: if company.is_some() { "events INDEXED BY events_company" } else { "events" },
        columns: "id, company_id, kind, created_at, length(body) AS n_bytes",
        computed: ", (SELECT count(*) FROM deliveries d WHERE d.event_id = looked_at.id) AS n_deliveries",
        time: "created_at",
        index_conditions: seek,
        row_conditions: sift,
    };
    log.page(connection, span, read_event, |event| event.id.0)
}

fn read_delivery(row: &Row<'_>) -> rusqlite::Result<DeliverySummary> {
    Ok(DeliverySummary {
        id: DeliveryId(row.get("id")?),
        event: EventId(row.get("event_id")?),
        event_type: event_type(row, "event_type")?,
        subscription: SubscriptionId(row.get("subscription_id")?),
        company: CompanyId(row.get("company_id")?),
        kind: AttemptKind::named(&row.get::<_, String>("kind")?).ok_or_else(|| unreadable("kind"))?,
        state: DeliveryState::named(&row.get::<_, String>("state")?).ok_or_else(|| unreadable("state"))?,
        n_attempts: small_count(row, "n_attempts")?,
        due_at: optional_time(row, "due_at")?,
        created_at: time(row, "created_at")?,
    })
}

fn read_event(row: &Row<'_>) -> rusqlite::Result<EventSummary> {
    Ok(EventSummary {
        id: EventId(row.get("id")?),
        company: CompanyId(row.get("company_id")?),
        kind: event_type(row, "kind")?,
        created_at: time(row, "created_at")?,
        n_bytes: count(row, "n_bytes")?,
        n_deliveries: small_count(row, "n_deliveries")?,
    })
}

fn event_type(row: &Row<'_>, column: &str) -> rusqlite::Result<EventType> {
    EventType::named(&row.get::<_, String>(column)?).ok_or_else(|| unreadable(column))
}
