//! Traffic of the simulated company: one endless task per actor, each an ordinary client of the platform.

use super::behaviour::ReceiverBehaviour;
use super::calls::CallStats;
use super::fake_leads;
use super::fixtures;
use super::receiver::WebhookReceiver;
use super::schedule::{
    AutoRepair, ClientRateWindow, EventSchedule, ObservedState, PollDecision, RepairDecision, SpeedFactor, interpolate,
};
use super::seed::{InstalledReceiver, crm_event};
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::wire::changes;
use crate::wire::events::TestEvent;
use std::time::Duration;
use tokio::task::JoinSet;

/// Clients, speed and call statistics of the generated traffic.
#[derive(Debug, Clone)]
pub struct TrafficGenerator {
    /// Number of the simulated company.
    pub company: CompanyId,
    /// Clock and random source of all actors.
    pub ambient: RuntimeEnv,
    /// Speed factor of the traffic.
    pub speed: SpeedFactor,
    /// Statistics of all generated calls.
    pub calls: CallStats,
    /// Client with an admin token that acts as the CRM.
    pub operator: PlatformClient,
    /// Client of the Zapier integration, which polls events.
    pub zapier: PlatformClient,
    /// Read limit of the poller in calls per minute.
    pub read_limit: u32,
    /// Client of the n8n integration, which creates leads steadily.
    pub n8n: PlatformClient,
    /// Client of the website forms, which create leads in bursts.
    pub forms: PlatformClient,
    /// Client of the back office, which publishes test events.
    pub office: PlatformClient,
}

const fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Minimum number of calls that the poller leaves in its window; at random one more.
const MIN_CALLS_LEFT: u32 = 3;

impl TrafficGenerator {
    /// Starts all actors as tasks of `tasks`.
    pub fn start(self, placed: &[InstalledReceiver], tasks: &mut JoinSet<()>) {
        for part in placed.iter().filter(|placed| placed.spec.behaviour == ReceiverBehaviour::Failing) {
            let (life, placed) = (self.clone(), part.clone());
            tasks.spawn(async move { life.auto_repair(placed.subscription, &placed.receiver).await });
        }
        let [crm, poller, workflows, forms, office] = [(); 5].map(|()| self.clone());
        tasks.spawn(async move { crm.emit_crm_events().await });
        tasks.spawn(async move { poller.poll_events().await });
        tasks.spawn(async move { workflows.create_leads_steadily().await });
        tasks.spawn(async move { forms.create_lead_bursts().await });
        tasks.spawn(async move { office.publish_test_events().await });
    }

    /// Sleeps between `low` and `high` milliseconds, scaled by the speed factor.
    async fn pause(&self, low: u64, high: u64) {
        let wait = interpolate(millis(low), millis(high), self.ambient.random_unit());
        self.ambient.sleep(self.speed.scale(wait)).await;
    }

    /// Emits CRM events such as invoices, payments, agreements and documents.
    async fn emit_crm_events(self) {
        let mut agenda = EventSchedule::new(&fixtures::CRM_RATES, self.ambient.now(), self.speed);
        while let Some(at) = agenda.next_at() {
            self.ambient.sleep_until(at).await;
            if let Some(kind) = agenda.take(self.ambient.now(), self.ambient.random_unit()) {
                self.calls.record(self.operator.change(&changes::EMIT_EVENT, &crm_event(self.company, kind)).await);
            }
        }
    }

    /// Polls events fast until the read window is nearly used, then waits for the next window.
    async fn poll_events(self) {
        let mut allowance = ClientRateWindow::new(self.read_limit);
        let mut cursor: Option<String> = None;
        loop {
            let reserve = MIN_CALLS_LEFT + if self.ambient.random_unit().0 < 0.5 { 0 } else { 1 };
            match allowance.next_call(self.ambient.now(), reserve) {
                PollDecision::WaitUntil(time) => self.ambient.sleep_until(time).await,
                PollDecision::Call => {
                    let page = self.calls.record(self.zapier.events(cursor.as_deref(), 50).await);
                    cursor = page.and_then(|page| page.next_cursor).or(cursor);
                    let wait = interpolate(millis(60), millis(140), self.ambient.random_unit());
                    self.ambient.sleep(wait).await;
                }
            }
        }
    }

    /// Creates a lead every few seconds.
    async fn create_leads_steadily(self) {
        self.pause(100, 400).await;
        loop {
            self.calls.record(self.n8n.create_lead(&fake_leads::lead(&self.ambient, "n8n")).await);
            self.pause(2_000, 4_000).await;
        }
    }

    /// Creates a burst of leads now and then.
    async fn create_lead_bursts(self) {
        self.pause(300, 900).await;
        loop {
            for _ in 0..3 + self.ambient.random_below(4) {
                self.calls.record(self.forms.create_lead(&fake_leads::lead(&self.ambient, "website")).await);
                self.pause(150, 400).await;
            }
            self.pause(25_000, 45_000).await;
        }
    }

    /// Publishes a test event now and then.
    async fn publish_test_events(self) {
        self.pause(5_000, 10_000).await;
        loop {
            let kinds = [EventType::ClientCreated, EventType::PaymentSucceeded, EventType::DocumentUploaded];
            let event = TestEvent { event_type: kinds[self.ambient.random_below(kinds.len())], payload: None };
            self.calls.record(self.office.publish_test(&event).await);
            self.pause(30_000, 60_000).await;
        }
    }

    /// Watches a subscription and repairs its receiver some time after the breaker tripped.
    async fn auto_repair(self, id: SubscriptionId, receiver: &WebhookReceiver) {
        let mut caretaker = AutoRepair::default();
        loop {
            self.ambient.sleep(millis(2_000)).await;
            let Some(row) = self.calls.record(self.operator.subscription(id).await) else { continue };
            let seen = match row.subscription.disabled_reason {
                Some(DisabledReason::Breaker) => ObservedState::Tripped,
                Some(DisabledReason::Manual) | None => ObservedState::On,
            };
            if caretaker.observe(seen, self.ambient.now()) == RepairDecision::Repair {
                receiver.repair();
                return;
            }
        }
    }
}
