//! Plan of a world: who takes part, and what happens when.

use crate::calls::CallerPlan;
use crate::dice::Dice;
use crate::receivers::ReceiverModel;
use crow::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crow::domain::scope::KeyScope;
use crow::domain::time::Timestamp;
use crow::wire::audit::AuditRow;
use crow::wire::keys::{CompanyRow, KeyRow, RateLimits, RecentKeyUsage};
use crow::wire::subscriptions::Subscription;
use std::time::Duration;

/// The ten types.
pub(crate) const TYPES: [&str; 10] = [
    "client.created",
    "client.status_changed",
    "lead.created",
    "invoice.created",
    "invoice.status_changed",
    "payment.succeeded",
    "payment.failed",
    "affiliate.created",
    "document.uploaded",
    "agreement.signed",
];

/// Change of a subscription at a time.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Disable(Option<&'static str>),
    Enable { replay: bool },
    Target(String),
    Types(Vec<&'static str>),
    Delete,
    Test,
}

/// A subscription with its endpoint and what is done to it.
pub(crate) struct SubscriptionPlan {
    pub(crate) row: Subscription,
    pub(crate) receiver: ReceiverModel,
    pub(crate) changes: Vec<(Timestamp, Change)>,
}

/// A company with the events that happen in it.
pub(crate) struct CompanyPlan {
    pub(crate) row: CompanyRow,
    pub(crate) per_hour: i64,
    pub(crate) kinds: Vec<&'static str>,
    /// Times between which nothing happens.
    pub(crate) quiet: Option<(Timestamp, Timestamp)>,
}

/// A time in which the platform itself fails.
#[derive(Debug, Clone)]
pub(crate) struct Outage {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    /// Route that fails, with its method; all writes if `None`.
    pub(crate) route: Option<(&'static str, &'static str)>,
    /// Percent of the calls that fail.
    pub(crate) percent: u64,
}

/// Plan of a world.
pub(crate) struct Plan {
    pub(crate) at: Timestamp,
    pub(crate) since: Timestamp,
    pub(crate) companies: Vec<CompanyPlan>,
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) subscriptions: Vec<SubscriptionPlan>,
    pub(crate) callers: Vec<CallerPlan>,
    pub(crate) audit: Vec<AuditRow>,
    pub(crate) outages: Vec<Outage>,
    /// Reason and beginning of a pause of all deliveries.
    pub(crate) paused: Option<(Timestamp, &'static str)>,
    /// Seconds by which the platform's clock, and so every time in this plan, is ahead of the true one.
    pub(crate) platform_ahead: i64,
    /// Seconds by which the clock of the machine that diagnoses is ahead of the true one.
    pub(crate) ours_ahead: i64,
    pub(crate) not_ready: Option<&'static str>,
    /// A key whose read limit was lowered: when, and what it was before.
    pub(crate) lowered: Option<(KeyId, Timestamp, u32)>,
}

const NAMES: [&str; 12] = [
    "Zapier Production",
    "CRM Backoffice",
    "Website Forms",
    "n8n Workflows",
    "Reporting Job",
    "Lead Import",
    "ERP Sync",
    "Mailing Tool",
    "Data Warehouse",
    "Support Desk",
    "Billing Bridge",
    "HubSpot Sync",
];

impl Plan {
    pub(crate) fn ago(&self, seconds: i64) -> Timestamp {
        self.at.minus(Duration::from_secs(seconds.unsigned_abs()))
    }

    pub(crate) fn add_company(&mut self, dice: &mut Dice) -> CompanyId {
        let id = CompanyId(self.companies.len() as i64 * 7 + 1);
        let created_utc = self.ago(90 * 86_400);
        let name = Some(format!("Harbor Credit {id}").into());
        let row = CompanyRow { id, name, created_utc: Some(created_utc) };
        let mut kinds = TYPES.to_vec();
        let n = usize::try_from(dice.between(3, 7)).expect("small");
        while kinds.len() > n {
            kinds.remove(usize::try_from(dice.below(kinds.len() as u64)).expect("an index"));
        }
        let per_hour = dice.between(25, 90);
        self.companies.push(CompanyPlan { row, per_hour, kinds, quiet: None });
        id
    }

    pub(crate) fn company(&mut self, id: CompanyId) -> &mut CompanyPlan {
        self.companies.iter_mut().find(|company| company.row.id == id).expect("a company")
    }

    pub(crate) fn add_key(&mut self, company: CompanyId, scopes: &[KeyScope], dice: &mut Dice) -> KeyId {
        let id = KeyId(self.keys.len() as i64 + 1);
        const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
        let mut last4: String = (0..3).map(|_| char::from(*dice.pick(ALPHABET))).collect();
        // No two keys end alike, whatever the case.
        last4.push_str(&format!("{}", id.0 % 10));
        let name = format!("{} {id}", dice.pick(&NAMES));
        self.keys.push(KeyRow {
            id,
            company_id: company,
            name: name.into(),
            last4: last4.into(),
            scopes: scopes.to_vec(),
            is_active: Some(true),
            missing_scopes: None,
            refusal: None,
            created_utc: Some(self.ago(60 * 86_400)),
            last_used_utc: Some(self.ago(60)),
            revoked_utc: None,
            limits: Some(RateLimits { read: 60, write: 100, admin: 200 }),
            usage: Some(RecentKeyUsage::default()),
        });
        id
    }

    pub(crate) fn key(&mut self, id: KeyId) -> &mut KeyRow {
        self.keys.iter_mut().find(|key| key.id == id).expect("a key")
    }

    pub(crate) fn add_subscription(&mut self, company: CompanyId, dice: &mut Dice) -> SubscriptionId {
        let id = SubscriptionId(self.subscriptions.len() as i64 + 1);
        let host = dice.pick(&["hooks", "api", "in", "crm", "erp"]);
        let url = format!("https://{host}{id}.partner-{company}.example.com/webhooks/in");
        let kinds = self.company(company).kinds.clone();
        let n = usize::try_from(dice.between(2, kinds.len() as i64)).expect("small");
        let created = self.ago(30 * 86_400);
        let mut row = Subscription::new(id, company, url.into(), created);
        row.event_types = kinds.iter().take(n).map(|kind| (*kind).into()).collect();
        // Subscriptions worked before the world began.
        row.last_success_utc = Some(self.since.minus(Duration::from_secs(600)));
        row.last_attempt_utc = row.last_success_utc;
        let receiver = ReceiverModel {
            rules: Vec::new(),
            latency_ms: dice.between(20, 900).unsigned_abs(),
            date: dice.chance(70).then_some(0),
        };
        self.subscriptions.push(SubscriptionPlan { row, receiver, changes: Vec::new() });
        id
    }

    pub(crate) fn subscription(&mut self, id: SubscriptionId) -> &mut SubscriptionPlan {
        self.subscriptions.iter_mut().find(|of| of.row.id == id).expect("a subscription")
    }

    pub(crate) fn note(
        &mut self,
        at: Timestamp,
        actor: &str,
        action: &str,
        subject: String,
        texts: [Option<String>; 3],
    ) {
        let [before, after, reason] = texts.map(|text| text.map(Into::into));
        let id = self.audit.len() as i64 + 1;
        let (actor, action) = (actor.into(), action.into());
        let row = AuditRow {
            id,
            utc: at,
            actor,
            action,
            subject: subject.into(),
            before,
            after,
            reason,
            request_id: None,
            hash: String::new(),
        };
        self.audit.push(row);
    }
}
