//! Calls that read and trace events (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::ids::EventId;
use crate::wire::deliveries::{EventDeliveryTrace, EventDetail};
use crate::wire::paths;

/// Maximum number of pages of a trace that one call joins.
const MAX_TRACE_PAGES: usize = 8;

impl PlatformClient {
    /// Reads one event with its envelope (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn event(&self, id: EventId) -> Result<EventDetail, Error> {
        self.get(&paths::with_value(paths::PORTAL_EVENT, id), &[]).await
    }

    /// Reads the trace of an event: every subscription of its company and why it has a delivery or none (Portal API).
    /// Joins at most eight pages; [`EventDeliveryTrace::has_more`] tells whether more exist.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn trace(&self, id: EventId) -> Result<EventDeliveryTrace, Error> {
        let path = paths::with_value(paths::PORTAL_EVENT_TRACE, id);
        let mut trace: EventDeliveryTrace = self.get(&path, &[]).await?;
        for _ in 1..MAX_TRACE_PAGES {
            let Some(cursor) = trace.next_cursor.take().filter(|_| trace.has_more) else { break };
            let more: EventDeliveryTrace = self.get(&path, &[("cursor", cursor)]).await?;
            trace.subscriptions.extend(more.subscriptions);
            (trace.next_cursor, trace.has_more) = (more.next_cursor, more.has_more);
        }
        Ok(trace)
    }
}
