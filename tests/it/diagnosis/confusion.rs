//! The confusion matrix over scopes: each scenario beside a healthy company, looked at as a whole and by each company,
//! subscription and key. The true cause comes first, and no subject has a cause that is not there. `--nocapture` prints
//! it. `cargo test` tries one scenario in six; with `CROW_PAIRS` in the environment it tries all, also alone.

use super::matrix::{asked, played};
use crate::support::platform::Platform;
use crow::demo::scenario::library;
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::evidence_set::DiagnosisScope;
use crow::diagnose::run::run_all;
use crow::domain::cause::CauseState;
use crow::domain::ids::CompanyId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Number of scenarios of which `cargo test` tries one.
const ONE_IN: usize = 6;
/// Causes of calls without a readable key, or with one that names a company that is not there: they belong to no
/// company and no key.
const UNATTRIBUTED: [&str; 4] = ["key-truncated", "key-spaces", "key-wrong-header", "key-wrong-company"];

/// Ids of the causes that act, over all playbooks.
async fn acting(platform: &Platform, subject: DiagnosisSubject) -> Vec<String> {
    let scope = DiagnosisScope::last_hour_of(subject);
    let all = run_all(&platform.operator(), &platform.ambient, scope).await;
    all.causes.into_iter().filter(|cause| cause.occurrence.state != CauseState::Over).map(|cause| cause.id).collect()
}

/// Subjects of a platform with their companies.
async fn subjects(platform: &Platform) -> Vec<(&'static str, DiagnosisSubject, CompanyId)> {
    let client = platform.operator();
    let rows = client.subscription_rows().await.expect("subscriptions").items;
    let keys = client.keys().await.expect("keys").items;
    let of_keys = keys.iter().map(|key| ("key", DiagnosisSubject::Key(key.id), key.company_id));
    let of_rows = rows.iter().map(|row| &row.subscription);
    let of_rows = of_rows.map(|of| ("subscription", DiagnosisSubject::Subscription(of.id), of.company_id));
    let mut subjects: Vec<_> = of_keys.chain(of_rows).collect();
    let companies: BTreeSet<CompanyId> = subjects.iter().map(|(_, _, company)| *company).collect();
    subjects.extend(companies.into_iter().map(|id| ("company", DiagnosisSubject::Company(id), id)));
    subjects
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the matrix is there to be read")]
async fn all_playbooks_together_put_the_true_cause_first_and_no_subject_has_a_false_one() {
    let all = library::parse_written().expect("well formed");
    let healthy = all.iter().find(|script| script.name == "healthy").expect("a scenario");
    let (mut table, mut wrong) = (String::new(), Vec::new());
    let noises = if asked().is_some() { vec![true, false] } else { vec![true] };
    for (position, script) in all.iter().enumerate() {
        let is_tried = asked().is_some() || position % ONE_IN == 1;
        let Some(cause) = script.cause.as_deref().filter(|_| is_tried) else { continue };
        // A poller that lacks a scope is one cause, whichever playbook finds it.
        let cause = if cause == "events-no-scope" { "scope-missing" } else { cause };
        for is_noisy in &noises {
            let platform = Platform::start().await;
            let scripts = if *is_noisy { vec![healthy, script] } else { vec![script] };
            let played = played(&platform, &scripts).await;
            let well = is_noisy.then(|| played[0].company);
            let whole = acting(&platform, DiagnosisSubject::All).await;
            if whole.first().map(String::as_str) != Some(cause) {
                wrong.push(format!("{}: whole: {whole:?}", script.name));
            }
            let mut first: BTreeMap<&str, usize> = BTreeMap::new();
            for (kind, subject, company) in subjects(&platform).await {
                let found = acting(&platform, subject).await;
                if well == Some(company) && !found.is_empty() || found.iter().any(|id| !whole.contains(id)) {
                    wrong.push(format!("{}: {subject}: {found:?}, whole: {whole:?}", script.name));
                }
                *first.entry(kind).or_default() += usize::from(found.first().is_some_and(|id| id == cause));
            }
            if !UNATTRIBUTED.contains(&cause) && first.values().sum::<usize>() == 0 {
                wrong.push(format!("{}: no subject has it first", script.name));
            }
            let noise = if *is_noisy { "noise" } else { "alone" };
            let _ = writeln!(table, "{:<22} {noise} whole: {:<40} first of: {first:?}", script.name, whole.join(", "));
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{table}\n{}", wrong.join("\n"));
}
