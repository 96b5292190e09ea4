//! Tickets of generated worlds: each names its subject, symptom, since when, impact, evidence, what was tried, the last
//! change and its reader, and has nothing of another company, key or subscription.

use crate::faults::{Phase, Truth};
use crate::matrix::{Generated, expected, generate, is_shown};
use crate::model::World;
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::incident::{IncidentEvidence, IncidentScope, collect_evidence};
use crow::diagnose::reporter::{ReporterStatement, TicketReader};
use crow::domain::cause::CauseState;
use crow::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crow::domain::outbound::SecretGate;
use crow::domain::time::Timestamp;
use crow::export::bundle::{TicketBundle, build_bundle};
use crow::export::bundle_documents::SupportTicket;
use crow::export::ticket::ResponseBodies;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Kinds of faults whose tickets are read, at least.
const MIN_WORLDS: usize = 20;
/// Worlds that are generated to find them.
const SEEDS: u64 = 400;
/// Name of the operator who acts in every world; no partner reads it.
const OPERATOR: &str = "operator 3 (Internal Imogen)";

/// Subject of a fault: a subscription or a key of one company.
fn subject_of(truth: &Truth) -> Option<(DiagnosisSubject, CompanyId)> {
    let subject = match (truth.subscription, truth.key) {
        (Some(id), _) => DiagnosisSubject::Subscription(id),
        (None, Some(id)) => DiagnosisSubject::Key(id),
        (None, None) => return None,
    };
    Some((subject, truth.company?))
}

/// Start of the period: earlier than an hour ago for a subscription that is off or fails since before.
fn period_start(world: &World, subject: DiagnosisSubject) -> Timestamp {
    let hour = Duration::from_secs(3_600);
    let row = world
        .deliveries
        .subscriptions
        .iter()
        .find(|row| matches!(subject, DiagnosisSubject::Subscription(id) if id == row.subscription.id));
    let off = row.and_then(|row| Some(row.subscription.disabled_utc?.minus(hour)));
    let streak = row.and_then(|row| row.health?.streak_began_utc);
    [off, streak].into_iter().flatten().fold(world.plan.at.minus(hour), Timestamp::min)
}

/// Failures of the subject in the period: their number and the time of the first.
fn failures(world: &World, subject: DiagnosisSubject, since: Timestamp) -> (usize, Option<Timestamp>) {
    let times: Vec<Timestamp> = match subject {
        DiagnosisSubject::Subscription(id) => world
            .deliveries
            .attempts
            .iter()
            .filter(|of| of.row.subscription_id == Some(id) && of.row.started_utc >= since)
            .filter(|of| !of.row.status_code.is_some_and(|status| (200..300).contains(&status)))
            .map(|of| of.row.started_utc)
            .collect(),
        DiagnosisSubject::Key(id) => {
            let key = world.plan.keys.iter().find(|key| key.id == id).expect("a key");
            let is_mine = |call: &&crate::calls::ModelCall| {
                let row = &call.row;
                let is_claimed = || {
                    let last4 = row.claimed_last4.as_ref();
                    row.claimed_company_id == Some(key.company_id)
                        && last4.is_some_and(|last4| last4.raw().eq_ignore_ascii_case(key.last4.raw()))
                };
                row.key_id == Some(id) || row.key_id.is_none() && is_claimed()
            };
            let calls = world.calls.iter().filter(is_mine);
            calls.filter(|call| call.row.utc >= since && !call.row.is_served()).map(|call| call.row.utc).collect()
        }
        _ => Vec::new(),
    };
    (times.len(), times.into_iter().min())
}

fn collect(runtime: &Runtime, world: &World, subject: DiagnosisSubject, reader: TicketReader) -> IncidentEvidence {
    let reporter = ReporterStatement { tried: vec!["a restart of the host".to_owned()], ..Default::default() };
    let scope = IncidentScope { reporter, reader, ..IncidentScope::last_hour_of(vec![subject]) };
    runtime.block_on(collect_evidence(world, &scope))
}

fn build(case: &IncidentEvidence) -> TicketBundle {
    build_bundle(case, ResponseBodies::Included, &SecretGate::default()).expect("no secret")
}

fn text(bundle: &TicketBundle) -> String {
    bundle.files().iter().map(|file| file.text.as_str()).collect()
}

/// Whether a text has a word, and not only as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word)
        .any(|(at, _)| is_edge(text[..at].chars().next_back()) && is_edge(text[at + word.len()..].chars().next()))
}

/// Names of everything that belongs to others, where no cause names two subjects itself.
fn foreign(world: &World, subject: DiagnosisSubject, company: CompanyId, cause: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for other in world.plan.companies.iter().filter(|of| of.row.id != company) {
        names.insert(format!("company {}", other.row.id));
        names.insert(format!("Harbor Credit {}", other.row.id));
        names.insert(format!("partner-{}", other.row.id));
    }
    for key in &world.plan.keys {
        let is_mine = match subject {
            DiagnosisSubject::Key(id) => id == key.id,
            _ => key.company_id == company,
        };
        // Another key of the company takes the place of one that lacks a scope.
        if !is_mine && (key.company_id != company || cause != "scope-missing") {
            names.insert(key.name.raw().to_owned());
            names.insert(format!("`{}`", key.last4.raw()));
        }
    }
    let names_others = matches!(cause, "subscription-duplicate" | "subscription-replaced" | "subscription-deleted");
    for row in &world.deliveries.subscriptions {
        let of = &row.subscription;
        let is_mine = match subject {
            DiagnosisSubject::Subscription(id) => id == of.id || names_others && of.company_id == company,
            _ => of.company_id == company,
        };
        if !is_mine {
            names.insert(format!("subscription {}", of.id));
            names.insert(of.target_url.raw().to_owned());
        }
    }
    names
}

/// Request ids of calls that are not the subject's.
fn foreign_requests(world: &World, ticket: &SupportTicket, company: CompanyId) -> Vec<String> {
    let owner: BTreeMap<&str, Option<CompanyId>> = world
        .calls
        .iter()
        .filter_map(|call| {
            Some((call.row.request_id.as_ref()?.raw(), call.row.company_id.or(call.row.claimed_company_id)))
        })
        .collect();
    let ids = ticket.requests.iter().map(|of| &of.request_id);
    let ids = ids.chain(ticket.call_groups.iter().flat_map(|of| &of.request_ids));
    ids.filter(|id| owner.get(id.as_str()).is_none_or(|of| *of != Some(company))).cloned().collect()
}

/// What a ticket of a world lacks, or has of others.
struct Gaps<'g> {
    name: &'g str,
    list: Vec<String>,
}

impl Gaps<'_> {
    fn check(&mut self, is_right: bool, what: impl FnOnce() -> String) {
        if !is_right {
            self.list.push(format!("{}: {}", self.name, what()));
        }
    }
}

/// Adds a change before the first failure and a repair after it to the audit trail, and one of another company.
fn add_acts(world: &mut World, subject: DiagnosisSubject, first: Timestamp) -> (Timestamp, Timestamp) {
    let before = first.minus(Duration::from_secs(5));
    let after = first.plus(Duration::from_millis(1));
    let texts = || [None, None, Some("as agreed by telephone".to_owned())];
    // Neither of them is the cause of any fault.
    world.plan.note(before, OPERATOR, "mark subscription as intended", subject.to_string(), texts());
    world.plan.note(after, OPERATOR, "replay subscription", subject.to_string(), texts());
    let other = match subject {
        DiagnosisSubject::Subscription(id) => DiagnosisSubject::Subscription(SubscriptionId(id.0 + 1_000)),
        _ => DiagnosisSubject::Key(KeyId(1_000)),
    };
    world.plan.note(after, OPERATOR, "replay subscription", other.to_string(), texts());
    (before, after)
}

/// Title of a cause with the target of the subscription that it begins with.
fn with_target(world: &World, title: &str) -> String {
    let rows = world.deliveries.subscriptions.iter().map(|row| &row.subscription);
    let named = rows.filter_map(|of| Some((of, title.strip_prefix(&format!("subscription {}: ", of.id))?))).next();
    named.map_or_else(
        || title.to_owned(),
        |(of, rest)| format!("subscription {} ({}): {rest}", of.id, of.target_url.raw()),
    )
}

fn check_support(
    gaps: &mut Gaps<'_>,
    world: &World,
    case: &IncidentEvidence,
    truth: &Truth,
    acts: (Timestamp, Timestamp),
) {
    let (subject, company) = subject_of(truth).expect("a subject");
    let bundle = build(case);
    let (ticket, all) = (bundle.ticket(), text(&bundle));
    let (n, first) = failures(world, subject, period_start(world, subject));
    gaps.check(ticket.subjects == [subject] && all.contains(&format!("# Ticket about {subject}")), || {
        "subject".to_owned()
    });
    let cause = case.causes.iter().find(|cause| cause.occurrence.state != CauseState::Over);
    let is_named = cause
        .is_some_and(|cause| cause.id == expected(world, truth) && with_target(world, &cause.title) == ticket.symptom);
    gaps.check(is_named, || format!("symptom: {}", ticket.symptom));
    gaps.check(ticket.impact.since_utc == first, || format!("since: {:?}, not {first:?}", ticket.impact.since_utc));
    let counted = ticket.impact.n_failed_attempts + ticket.impact.n_calls;
    let is_counted = counted == n as u64 || ticket.impact.is_at_least && counted < n as u64;
    gaps.check(is_counted, || format!("impact: {counted} of {n}"));
    for group in &ticket.failure_groups {
        let find = |id: i64| ticket.failures.iter().find(|of| of.attempt_id == id);
        let has_answer = |id: i64| {
            find(id).is_some_and(|of| {
                of.body.is_some() || of.error.is_some() || !of.headers.is_empty() || of.outcome.len() == 3
            })
        };
        gaps.check(has_answer(group.first_attempt_id) && has_answer(group.last_attempt_id), || {
            format!("evidence: {group:?}")
        });
    }
    for group in &ticket.call_groups {
        let has = |at: Timestamp| ticket.requests.iter().any(|of| of.utc == at && of.call == group.call);
        gaps.check(has(group.first_utc) && has(group.last_utc), || format!("first and last call: {group:?}"));
    }
    gaps.check(!ticket.failure_groups.is_empty() || !ticket.call_groups.is_empty(), || "evidence".to_owned());
    for of in &ticket.requests {
        let is_full =
            of.problem.as_ref().is_some_and(|problem| problem.contains_key("status") && problem.contains_key("code"));
        gaps.check(is_full && !of.request_id.is_empty(), || format!("problem: {of:?}"));
    }
    let is_tried = ticket.acts.iter().any(|act| act.utc == acts.1 && act.by.as_deref() == Some(OPERATOR));
    gaps.check(is_tried && ticket.reporter.tried.len() == 1, || format!("tried: {:?}", ticket.acts));
    let change = ticket.last_change.as_ref();
    gaps.check(change.is_some_and(|of| of.utc == acts.0), || format!("last change: {change:?}"));
    gaps.check(ticket.reader == TicketReader::Support && ticket.responsible.is_some(), || "reader".to_owned());
    gaps.check(!ticket.reasons.is_empty(), || "reasons".to_owned());
    for name in foreign(world, subject, company, truth.id).iter().filter(|name| has_word(&all, name)) {
        let line = all.lines().find(|line| line.contains(name.as_str())).unwrap_or_default();
        gaps.check(false, || format!("{name} is another's: {line}"));
    }
    let requests = foreign_requests(world, ticket, company);
    gaps.check(requests.is_empty(), || format!("requests of others: {requests:?}"));
}

fn check_partner(gaps: &mut Gaps<'_>, case: &IncidentEvidence) {
    let bundle = build(case);
    let all = text(&bundle);
    for internal in ["Imogen", "as agreed by telephone", "/portal/", "OPERATOR_TOKEN"] {
        gaps.check(!all.contains(internal), || format!("{internal} is internal"));
    }
    gaps.check(all.contains("- For: the partner") && all.contains("What to do: "), || {
        "what the partner does".to_owned()
    });
    gaps.check(bundle.ticket().reasons.is_empty(), || "reasons of a partner".to_owned());
}

#[test]
fn a_ticket_of_every_kind_of_world_has_its_parts_and_nothing_of_others() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut seen: BTreeSet<&'static str> = BTreeSet::new();
    let mut gaps = Vec::new();
    for seed in 0..SEEDS {
        let Generated { mut world, truths, names } = generate(seed);
        let [truth] = truths.as_slice() else { continue };
        let Some((subject, _)) = subject_of(truth) else { continue };
        let since = period_start(&world, subject);
        let is_fit = truth.phase == Phase::Ongoing && is_shown(&world, truth);
        let (n, Some(first)) = failures(&world, subject, since) else { continue };
        // Fewer failures than a page, so that every number is exact.
        if !is_fit || n > 900 || seen.contains(names[0]) {
            continue;
        }
        seen.insert(names[0]);
        let acts = add_acts(&mut world, subject, first);
        let mut of = Gaps { name: names[0], list: Vec::new() };
        check_support(&mut of, &world, &collect(&runtime, &world, subject, TicketReader::Support), truth, acts);
        check_partner(&mut of, &collect(&runtime, &world, subject, TicketReader::Partner));
        gaps.extend(of.list.into_iter().map(|gap| format!("seed {seed} {gap}")));
    }
    assert!(seen.len() >= MIN_WORLDS, "{seen:?}");
    assert!(gaps.is_empty(), "{} of {} worlds:\n{}", gaps.len(), seen.len(), gaps.join("\n"));
}
