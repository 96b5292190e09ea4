//! A generated world as a platform that answers the queries of a diagnosis: filtered, in pages, newest first.

use crate::calls::{self, ModelCall};
use crate::dice::Dice;
use crate::plan::Plan;
use crate::simulation::{Deliveries, ModelAttempt, deliver};
use crow::diagnose::evidence_portal::{EvidencePortal, PageRequest};
use crow::diagnose::evidence_set::QueryOutcome;
use crow::domain::delivery::AttemptKind;
use crow::domain::ids::{AttemptId, SubscriptionId};
use crow::domain::time::{MINUTE_MS, Timestamp};
use crow::domain::window::RateBucket;
use crow::wire::attempts::{AttemptDetail, AttemptRow, CapturedBody, PhaseTimes};
use crow::wire::audit::AuditRow;
use crow::wire::deliveries::{DeliveryRow, EventRow};
use crow::wire::keys::{CompanyRow, KeyRow};
use crow::wire::limits::{LimitDetail, LimitRow};
use crow::wire::log::{AttemptQuery, DeliveryQuery, EventQuery, LogPage, RequestQuery, TripQuery};
use crow::wire::overview::{PipelineCounts, PlatformOverview, PlatformStatus};
use crow::wire::page::Page;
use crow::wire::readable::UnreadableRows;
use crow::wire::requests::RequestRow;
use crow::wire::signature_check::{SignatureCheck, SignatureFit, SignatureReport};
use crow::wire::stats::AttemptPoint;
use crow::wire::subscriptions::{RevisionRow, SubscriptionRow};
use crow::wire::trips::TripRow;
use std::time::Duration;

/// A world that happened.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) deliveries: Deliveries,
    pub(crate) calls: Vec<ModelCall>,
}

impl World {
    pub(crate) fn happen(plan: Plan, seed: u64) -> Self {
        let deliveries = deliver(&plan, Dice::new(seed ^ 0xd1));
        let calls = calls::answer(&plan, &deliveries.events, Dice::new(seed ^ 0xca));
        Self { plan, deliveries, calls }
    }

    fn detail(&self, of: &ModelAttempt) -> AttemptDetail {
        let body = of.reply.body.as_bytes();
        AttemptDetail {
            row: of.row.clone(),
            request_headers: Vec::new(),
            request_body: CapturedBody { n_bytes: of.size, ..CapturedBody::new(b"{}", 2) },
            response_headers: of
                .reply
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()).into())
                .collect(),
            response_body: CapturedBody::new(body, body.len() as u64),
            peer: Some(of.peer.as_str().into()),
            phases: PhaseTimes::default(),
            shed_utc: None,
            answer_topic: None,
            redacted: false,
        }
    }

    fn window(&self, key: &KeyRow, bucket: RateBucket) -> LimitDetail {
        let limit = key.limits.expect("limits").for_bucket(bucket);
        let window_utc = self.plan.at.floor_to(MINUTE_MS);
        LimitDetail {
            row: LimitRow {
                key_id: key.id,
                company_id: key.company_id,
                key_name: key.name.clone(),
                last4: key.last4.clone(),
                bucket,
                limit,
                used: Some(0),
                remaining: Some(limit),
                n_refused: Some(0),
                window_utc,
                reset_utc: window_utc.plus(Duration::from_secs(60)),
                history: vec![Some(0); 60],
                week: None,
                own_use: None,
            },
            top_routes: Some(Vec::new()),
            callers: Some(Vec::new()),
        }
    }
}

fn page<'r, T: Clone + 'r>(rows: impl Iterator<Item = &'r T>, page: &PageRequest) -> LogPage<T> {
    let skip: usize = page.cursor.as_ref().map_or(0, |cursor| cursor.parse().expect("a cursor of this list"));
    let limit = page.limit as usize;
    let mut items: Vec<T> = rows.skip(skip).take(limit + 1).cloned().collect();
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = has_more.then(|| (skip + limit).to_string());
    LogPage { items, next_cursor, previous_cursor: None, has_more, unreadable: UnreadableRows::default() }
}

fn fits<T: PartialEq + Copy>(wanted: Option<T>, of: T) -> bool {
    wanted.is_none_or(|wanted| wanted == of)
}

fn within(since: Option<Timestamp>, until: Option<Timestamp>, at: Timestamp) -> bool {
    since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until)
}

impl EvidencePortal for World {
    fn now(&self) -> Timestamp {
        let ahead = self.plan.ours_ahead - self.plan.platform_ahead;
        Timestamp::from_millis(self.plan.at.millis() + ahead * 1_000)
    }

    async fn overview(&self) -> QueryOutcome<PlatformOverview> {
        let waiting = self.deliveries.deliveries.iter().filter(|of| of.due_utc.is_some()).count();
        Ok(PlatformOverview {
            server_utc: self.plan.at,
            platform: Some(PlatformStatus {
                version: "1.0.0".to_owned(),
                private_targets: false,
                dispatch_paused: self.plan.paused.map(|(_, why)| why.to_owned()).filter(|why| !why.is_empty()),
            }),
            pipeline: PipelineCounts {
                n_pending: Some(waiting as u64),
                oldest_due_utc: self.deliveries.oldest_due,
                ..PipelineCounts::default()
            },
            ..PlatformOverview::default()
        })
    }

    async fn readiness(&self) -> QueryOutcome<()> {
        self.plan.not_ready.map_or(Ok(()), |why| Err(why.to_owned()))
    }

    async fn companies(&self) -> QueryOutcome<Page<CompanyRow>> {
        Ok(Page::complete(self.plan.companies.iter().map(|company| company.row.clone()).collect()))
    }

    async fn keys(&self) -> QueryOutcome<Page<KeyRow>> {
        Ok(Page::complete(self.plan.keys.clone()))
    }

    async fn subscriptions(&self) -> QueryOutcome<Page<SubscriptionRow>> {
        Ok(Page::complete(self.deliveries.subscriptions.clone()))
    }

    async fn limits(&self) -> QueryOutcome<Page<LimitDetail>> {
        let windows = self.plan.keys.iter().filter(|key| key.is_active == Some(true));
        Ok(Page::complete(windows.flat_map(|key| RateBucket::ALL.map(|bucket| self.window(key, bucket))).collect()))
    }

    async fn trips(&self, of: &TripQuery, asked: &PageRequest) -> QueryOutcome<LogPage<TripRow>> {
        let mine = |row: &&TripRow| fits(of.company, row.company_id.0) && fits(of.subscription, row.subscription_id.0);
        Ok(page(self.deliveries.trips.iter().rev().filter(mine), asked))
    }

    async fn audit(&self, asked: &PageRequest) -> QueryOutcome<LogPage<AuditRow>> {
        let mut rows: Vec<&AuditRow> = self.plan.audit.iter().collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.utc, row.id)));
        Ok(page(rows.into_iter(), asked))
    }

    async fn requests(&self, of: &RequestQuery, asked: &PageRequest) -> QueryOutcome<LogPage<RequestRow>> {
        let class: Option<u16> = of.class.as_ref().map(|class| class[..1].parse().expect("a class"));
        let mine = |row: &&RequestRow| {
            (of.key.is_none() || row.key_id.map(|id| id.0) == of.key)
                && (of.company.is_none() || row.company_id.map(|id| id.0) == of.company)
                && (of.status.is_none() || row.status == of.status)
                && (class.is_none() || row.status.map(|status| status / 100) == class)
                && of.code.as_ref().is_none_or(|code| row.code.as_ref().is_some_and(|own| own.raw() == code))
                && of.caller.as_ref().is_none_or(|caller| row.address.as_ref().is_some_and(|own| own.raw() == caller))
                && within(of.since, of.until, row.utc)
        };
        Ok(page(self.calls.iter().rev().map(|call| &call.row).filter(mine), asked))
    }

    async fn attempts(&self, of: &AttemptQuery, asked: &PageRequest) -> QueryOutcome<LogPage<AttemptRow>> {
        let succeeded = of.outcome.as_ref().map(|outcome| outcome == "success");
        let mine = |row: &&AttemptRow| {
            (of.company.is_none() || row.company_id.map(|id| id.0) == of.company)
                && (of.subscription.is_none() || row.subscription_id.map(|id| id.0) == of.subscription)
                && fits(succeeded, row.outcome().is_success())
                && (of.status.is_none() || row.status_code == of.status)
                && of.kind.as_ref().is_none_or(|kind| row.event_type.raw() == kind)
                && within(of.since, of.until, row.started_utc)
        };
        Ok(page(self.deliveries.attempts.iter().rev().map(|of| &of.row).filter(mine), asked))
    }

    async fn deliveries(&self, of: &DeliveryQuery, asked: &PageRequest) -> QueryOutcome<LogPage<DeliveryRow>> {
        let mine = |row: &&DeliveryRow| {
            fits(of.company, row.company_id.0)
                && fits(of.subscription, row.subscription_id.0)
                && of.state.as_ref().is_none_or(|state| row.state.name() == state)
                && within(of.since, of.until, row.created_utc)
        };
        Ok(page(self.deliveries.deliveries.iter().rev().filter(mine), asked))
    }

    async fn events(&self, of: &EventQuery, asked: &PageRequest) -> QueryOutcome<LogPage<EventRow>> {
        let mine = |row: &&EventRow| {
            fits(of.company, row.company_id.0)
                && of.kind.as_ref().is_none_or(|kind| row.kind.raw() == kind)
                && within(of.since, of.until, row.created_utc)
        };
        Ok(page(self.deliveries.events.iter().rev().filter(mine), asked))
    }

    async fn attempt(&self, id: AttemptId) -> QueryOutcome<AttemptDetail> {
        let position = usize::try_from(id.0 - 1).expect("an id");
        self.deliveries.attempts.get(position).map(|of| self.detail(of)).ok_or_else(|| "404 not_found".to_owned())
    }

    async fn signature(&self, id: AttemptId) -> QueryOutcome<SignatureCheck> {
        let position = usize::try_from(id.0 - 1).expect("an id");
        let of = self.deliveries.attempts.get(position).ok_or_else(|| "404 not_found".to_owned())?;
        let genuine = || SignatureCheck {
            lab: SignatureReport { fit: SignatureFit::Genuine, causes: Vec::new(), n_tried: None },
            computed: None,
            clock_ahead_seconds: None,
        };
        Ok(of.reply.check.clone().unwrap_or_else(genuine))
    }

    async fn minutes(&self, id: SubscriptionId, since: Timestamp) -> QueryOutcome<Vec<AttemptPoint>> {
        let first = since.floor_to(MINUTE_MS);
        let n = usize::try_from((self.plan.at.millis() - first.millis()) / MINUTE_MS + 1).expect("a period");
        let point = |n: usize| AttemptPoint {
            utc: first.plus(Duration::from_millis(n as u64 * MINUTE_MS.unsigned_abs())),
            n_ok: 0,
            n_failed: 0,
            p50_ms: None,
            p95_ms: None,
            p99_ms: None,
        };
        let mut points: Vec<AttemptPoint> = (0..n).map(point).collect();
        let mine = self.deliveries.attempts.iter().filter(|of| {
            of.row.subscription_id == Some(id)
                && of.row.kind == Some(AttemptKind::Scheduled)
                && of.row.started_utc >= first
        });
        for of in mine {
            let position = usize::try_from((of.row.started_utc.millis() - first.millis()) / MINUTE_MS).expect("inside");
            if of.reply.is_success() { points[position].n_ok += 1 } else { points[position].n_failed += 1 }
        }
        Ok(points)
    }

    async fn revisions(&self, id: SubscriptionId) -> QueryOutcome<Page<RevisionRow>> {
        let mut rows = self.deliveries.revisions.get(&id).cloned().ok_or_else(|| "404 not_found".to_owned())?;
        rows.reverse();
        Ok(Page::complete(rows))
    }
}
