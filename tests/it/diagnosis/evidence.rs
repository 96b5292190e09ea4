//! Evidence of every scenario: a number beside a query is what the query gives, and no check passes beside a number that
//! it does not allow.

use super::matrix::played;
use crate::support::platform::Platform;
use crow::client::connection::PlatformClient;
use crow::demo::scenario::library;
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::evidence_set::DiagnosisScope;
use crow::diagnose::report::{CheckVerdict, CombinedDiagnosis, Evidence};
use crow::diagnose::run::run_all;
use serde_json::Value;
use std::collections::BTreeMap;

/// Logs whose pages have the rows that a number counts.
const LOGS: [&str; 4] = ["/portal/v1/requests", "/portal/v1/attempts", "/portal/v1/events", "/portal/v1/deliveries"];

/// Number at the beginning of a value that is a count of rows: `12`, or `12, the last at …`.
fn counted(value: &str) -> Option<u64> {
    value.split_once(", the last at ").map_or(value, |(n, _)| n).parse().ok()
}

/// Queries of an evidence that name a log; none for other evidence.
fn queries(of: &Evidence) -> Vec<(String, Vec<(String, String)>)> {
    let Some((_, call)) = of.query.split_once("GET /") else { return Vec::new() };
    let call = call.split(" (incomplete").next().unwrap_or(call);
    let mut parts = call.split(", and with ");
    let first = parts.next().unwrap_or_default();
    let (path, query) = first.split_once('?').unwrap_or((first, ""));
    let path = format!("/{path}");
    if !LOGS.contains(&path.as_str()) {
        return Vec::new();
    }
    let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let base: Vec<(String, String)> = query.split('&').filter_map(pair).collect();
    let others = parts.flat_map(|more| more.split(" and ")).filter_map(pair).map(|(name, value)| {
        let rest = base.iter().filter(|(other, _)| *other != name).cloned();
        rest.chain([(name.clone(), value)]).collect()
    });
    [base.clone()].into_iter().chain(others).map(|query| (path.clone(), query)).collect()
}

/// Number of rows that a query gives, over all pages.
async fn run(client: &PlatformClient, path: &str, query: &[(String, String)]) -> u64 {
    let (mut n, mut cursor) = (0, None::<String>);
    loop {
        let mut pairs: Vec<(&str, String)> = query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        pairs.push(("limit", "200".to_owned()));
        pairs.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page: Value =
            client.get_any(path, &pairs).await.unwrap_or_else(|error| panic!("{path} {pairs:?}: {error}"));
        n += page["items"].as_array().expect("items").len() as u64;
        match (page["hasMore"].as_bool(), page["nextCursor"].as_str()) {
            (Some(true), Some(next)) => cursor = Some(next.to_owned()),
            _ => return n,
        }
    }
}

fn evidence(all: &CombinedDiagnosis) -> impl Iterator<Item = &Evidence> {
    let of_steps = all.reports.iter().flat_map(|report| &report.steps).flat_map(|step| &step.evidence);
    let of_causes = all.causes.iter().flat_map(|cause| &cause.evidence);
    of_steps.chain(of_causes).chain(all.remarks.iter().flat_map(|remark| &remark.evidence))
}

/// Checks that pass beside a number of which none is allowed.
fn contradictions(all: &CombinedDiagnosis) -> Vec<String> {
    let steps = all.reports.iter().flat_map(|report| report.steps.iter().map(move |step| (report.topic, step)));
    let passed = steps.filter(|(_, step)| step.verdict == CheckVerdict::Pass);
    let is_wrong = |of: &Evidence| {
        let n = of.value.raw().split([' ', ',']).next().and_then(|n| n.parse::<u64>().ok());
        of.limit.as_deref() == Some("0") && n.is_some_and(|n| n > 0)
    };
    let wrong = passed.flat_map(|(topic, step)| {
        step.evidence.iter().filter(|of| is_wrong(of)).map(move |of| format!("{topic}/{}: {of:?}", step.id))
    });
    wrong.collect()
}

#[tokio::test]
async fn every_number_is_what_its_query_gives_and_no_check_contradicts_it() {
    let (mut wrong, mut n_exact, mut n_among) = (Vec::new(), 0, 0);
    for script in library::parse_written().expect("well formed") {
        let platform = Platform::start().await;
        let played = played(&platform, &[&script]).await;
        let client = platform.operator();
        let mut known: BTreeMap<String, u64> = BTreeMap::new();
        for subject in [DiagnosisSubject::All, DiagnosisSubject::Company(played[0].company)] {
            let all = run_all(&client, &platform.ambient, DiagnosisScope::last_hour_of(subject)).await;
            wrong.extend(contradictions(&all).into_iter().map(|why| format!("{} {subject}: {why}", script.name)));
            for of in evidence(&all) {
                let Some(n) = counted(of.value.raw()) else { continue };
                let asked = queries(of);
                if asked.is_empty() {
                    continue;
                }
                let mut given = 0;
                for (path, query) in asked {
                    let name = format!("{path} {query:?}");
                    if !known.contains_key(&name) {
                        known.insert(name.clone(), run(&client, &path, &query).await);
                    }
                    given += known[&name];
                }
                let is_among = of.query.contains("among GET ");
                *(if is_among { &mut n_among } else { &mut n_exact }) += 1;
                if n > given || n < given && !is_among {
                    wrong.push(format!("{} {subject}: {given} rows, not {n}: {}", script.name, of.query));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(n_exact > 500 && n_among > 0, "{n_exact} exact, {n_among} among others");
}
