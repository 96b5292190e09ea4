//! Traffic of the simulated company: one endless task per actor, each an ordinary client of the platform.

use super::calls::Calls;
use super::cast;
use super::people;
use super::plan::{Agenda, Allowance, Care, Caretaker, Pace, Seen, Turn, between};
use super::receiver::Receiver;
use super::seed::{Placed, happening};
use super::temper::Temper;
use crate::ambient::RuntimeEnv;
use crate::api::events::TestEvent;
use crate::client::connection::Client;
use crate::domain::event::EventType;
use crate::domain::health_status::DisabledReason;
use crate::domain::ids::{CompanyId, SubscriptionId};
use std::time::Duration;
use tokio::task::JoinSet;

/// Clients, speed and call statistics of the generated traffic.
#[derive(Debug, Clone)]
pub struct Life {
    /// Number of the simulated company.
    pub company: CompanyId,
    /// Clock and random source of all actors.
    pub ambient: RuntimeEnv,
    /// Speed factor of the traffic.
    pub pace: Pace,
    /// Statistics of all generated calls.
    pub calls: Calls,
    /// Client with an admin token that acts as the CRM.
    pub operator: Client,
    /// Client of the Zapier integration, which polls events.
    pub zapier: Client,
    /// Read limit of the poller in calls per minute.
    pub read_limit: u32,
    /// Client of the n8n integration, which creates leads steadily.
    pub n8n: Client,
    /// Client of the website forms, which create leads in bursts.
    pub forms: Client,
    /// Client of the back office, which publishes test events.
    pub office: Client,
}

const fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Minimum number of calls that the poller leaves in its window; at random one more.
const RESERVE: u32 = 3;

impl Life {
    /// Starts all actors as tasks of `tasks`.
    pub fn begin(self, placed: &[Placed], tasks: &mut JoinSet<()>) {
        for part in placed.iter().filter(|placed| placed.part.temper == Temper::Failing) {
            let (life, placed) = (self.clone(), part.clone());
            tasks.spawn(async move { life.care(placed.subscription, &placed.receiver).await });
        }
        let [crm, poller, workflows, forms, office] = [(); 5].map(|()| self.clone());
        tasks.spawn(async move { crm.crm().await });
        tasks.spawn(async move { poller.poll().await });
        tasks.spawn(async move { workflows.workflows().await });
        tasks.spawn(async move { forms.website().await });
        tasks.spawn(async move { office.back_office().await });
    }

    /// Sleeps between `low` and `high` milliseconds, scaled by the speed factor.
    async fn pause(&self, low: u64, high: u64) {
        let wait = between(millis(low), millis(high), self.ambient.random_unit());
        self.ambient.sleep(self.pace.of(wait)).await;
    }

    /// Emits CRM events such as invoices, payments, agreements and documents.
    async fn crm(self) {
        let mut agenda = Agenda::new(&cast::CRM, self.ambient.now(), self.pace);
        while let Some(at) = agenda.next_at() {
            self.ambient.sleep_until(at).await;
            if let Some(kind) = agenda.take(self.ambient.now(), self.ambient.random_unit()) {
                self.calls.note(self.operator.emit(&happening(self.company, kind)).await);
            }
        }
    }

    /// Polls events fast until the read window is nearly used, then waits for the next window.
    async fn poll(self) {
        let mut allowance = Allowance::new(self.read_limit);
        let mut cursor: Option<String> = None;
        loop {
            let reserve = RESERVE + if self.ambient.random_unit().0 < 0.5 { 0 } else { 1 };
            match allowance.turn(self.ambient.now(), reserve) {
                Turn::WaitUntil(time) => self.ambient.sleep_until(time).await,
                Turn::Call => {
                    let page = self.calls.note(self.zapier.events(cursor.as_deref(), 50).await);
                    cursor = page.and_then(|page| page.next_cursor).or(cursor);
                    let wait = between(millis(60), millis(140), self.ambient.random_unit());
                    self.ambient.sleep(wait).await;
                }
            }
        }
    }

    /// Creates a lead every few seconds.
    async fn workflows(self) {
        self.pause(100, 400).await;
        loop {
            self.calls.note(self.n8n.create_lead(&people::lead(&self.ambient, "n8n")).await);
            self.pause(2_000, 4_000).await;
        }
    }

    /// Creates a burst of leads now and then.
    async fn website(self) {
        self.pause(300, 900).await;
        loop {
            for _ in 0..3 + self.ambient.random_below(4) {
                self.calls.note(self.forms.create_lead(&people::lead(&self.ambient, "website")).await);
                self.pause(150, 400).await;
            }
            self.pause(25_000, 45_000).await;
        }
    }

    /// Publishes a test event now and then.
    async fn back_office(self) {
        self.pause(5_000, 10_000).await;
        loop {
            let kinds = [EventType::ClientCreated, EventType::PaymentSucceeded, EventType::DocumentUploaded];
            let event = TestEvent { event_type: kinds[self.ambient.random_below(kinds.len())], payload: None };
            self.calls.note(self.office.publish_test(&event).await);
            self.pause(30_000, 60_000).await;
        }
    }

    /// Watches a subscription and repairs its receiver some time after the breaker tripped.
    async fn care(self, id: SubscriptionId, receiver: &Receiver) {
        let mut caretaker = Caretaker::default();
        loop {
            self.ambient.sleep(millis(2_000)).await;
            let Some(row) = self.calls.note(self.operator.subscription(id).await) else { continue };
            let seen = match row.subscription.disabled_reason {
                Some(DisabledReason::Breaker) => Seen::Tripped,
                Some(DisabledReason::Manual) | None => Seen::On,
            };
            if caretaker.note(seen, self.ambient.now()) == Care::Repairs {
                receiver.mend();
                return;
            }
        }
    }
}
