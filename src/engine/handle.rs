//! Handle of the platform, which every operation extends, and the state that clones of the handle share.

use super::caller::{Actor, Caller};
use super::credentials::{ApiKeyCache, OperatorTokenCache, new_token};
use super::dispatch_notices::DispatchNotices;
use super::error::Error;
use super::flight_board::FlightBoard;
use super::pending_revocations::PendingRevocations;
use super::rate_limiter::RateLimiter;
use super::request_log;
use super::sender::Sender;
use super::settings::EngineSettings;
use super::vault::Vault;
use super::work_gate;
use crate::clock::RuntimeEnv;
use crate::domain::ids::{OperatorId, SubscriptionId};
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::poll_watch::PollWatch;
use crate::domain::secret::Secret;
use crate::store::PlatformStore;
use crate::store::publication_rows::DueDelivery;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// Handle of the platform; clones share one state.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) shared: Arc<EngineInner>,
}

#[derive(Debug)]
pub(super) struct EngineInner {
    pub(super) settings: EngineSettings,
    pub(super) ambient: RuntimeEnv,
    pub(super) store: PlatformStore,
    /// Handle of the same database with the lower write priority of partner calls.
    pub(super) partner_store: PlatformStore,
    pub(super) vault: Vault,
    pub(super) api_keys: ApiKeyCache,
    pub(super) operator_tokens: OperatorTokenCache,
    pub(super) rate_limiter: RateLimiter,
    pub(super) pending_revocations: PendingRevocations,
    pub(super) request_log: request_log::RequestLog,
    pub(super) poll_watch: Mutex<PollWatch>,
    pub(super) sender: Sender,
    pub(super) flight_board: Arc<FlightBoard>,
    pub(super) work_gate: work_gate::WorkGate,
    pub(super) dispatch_notices: DispatchNotices,
    /// Wakes the replayer when a replay may continue.
    pub(super) replayer_wakeup: Notify,
    pub(super) changes: watch::Sender<u64>,
    pub(super) status: Mutex<EngineStatus>,
}

/// State of the background tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineStatus {
    /// Whether the dispatcher task is running.
    pub is_dispatching: bool,
    /// Reason why dispatch is paused; absent while deliveries are sent.
    pub pause_reason: Option<String>,
    /// Reason of the last failed write, until a write succeeds. Dispatch is paused meanwhile.
    pub write_fault: Option<String>,
}

impl Engine {
    /// Clock and random source of the platform.
    #[must_use]
    pub fn ambient(&self) -> &RuntimeEnv {
        &self.shared.ambient
    }

    /// Configuration that the platform was opened with.
    #[must_use]
    pub fn settings(&self) -> &EngineSettings {
        &self.shared.settings
    }

    /// Subscribes to a counter that grows with every change an overview could show.
    #[must_use]
    pub fn subscribe_changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// State of the background tasks, with the current write fault.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        let status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let write_fault = self.shared.store.write_fault().map(|fault| fault.to_string());
        EngineStatus { pause_reason: write_fault.clone().or(status.pause_reason), write_fault, ..status }
    }

    /// Creates an admin token that exists only in the memory of this process.
    #[must_use]
    pub fn mint_operator(&self, name: &str) -> Secret {
        let token = new_token(&self.shared.ambient);
        let operator = OperatorAccount { id: OperatorId(0), name: name.to_owned(), role: OperatorRole::Admin };
        self.shared.operator_tokens.add(self.shared.vault.hash(token.reveal()), operator);
        token
    }

    /// Database handle with the write priority of the caller: partner or operator.
    pub(super) fn store_for(&self, caller: &Caller) -> &PlatformStore {
        match caller.actor {
            Actor::Key(_) => &self.shared.partner_store,
            Actor::Operator(_) => &self.shared.store,
        }
    }

    pub(super) fn set_status(&self, change: impl FnOnce(&mut EngineStatus)) {
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        let before = status.clone();
        change(&mut status);
        if *status != before {
            drop(status);
            self.mark_changed();
        }
    }

    /// Notifies the dispatcher of deliveries that became due.
    pub(super) fn notify_due(&self, deliveries: &[DueDelivery]) {
        self.shared.dispatch_notices.add_due(deliveries);
    }

    /// Notifies the dispatcher that the queue of a subscription changed, by a resend, a replay or otherwise.
    pub(super) fn notify_queue_changed(&self, of: SubscriptionId) {
        self.shared.dispatch_notices.add_unread(of);
        self.mark_changed();
    }

    /// Notifies the dispatcher that a subscription was changed, enabled, disabled or deleted: what was claimed before is
    /// not sent, unless its attempt began already.
    pub(super) fn notify_subscription_changed(&self, of: SubscriptionId) {
        self.shared.dispatch_notices.add_changed(of);
        self.mark_changed();
    }

    pub(super) fn mark_changed(&self) {
        self.shared.changes.send_modify(|cursor| *cursor += 1);
    }
}

impl Engine {
    /// Runs a CPU-heavy job on a blocking thread as soon as a permit is free: one job at a time for each operator, two in
    /// all.
    ///
    /// # Errors
    /// [`Error::Contended`] when no permit is free within 2 s, or when the job panics.
    pub async fn in_turn<T: Send + 'static>(
        &self,
        operator: OperatorId,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.shared.work_gate.acquire(operator, &self.shared.ambient).await?.run(job).await
    }
}
