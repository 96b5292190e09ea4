//! Playbook for subscriptions that a tool manages: who owns them, what may be changed, and where the rest is changed.

use super::{any_refused, cause, code, detail, grouped, refused, told, weight};
use crate::api::report::{DiagnosisSubject, PlaybookTopic};
use crate::api::requests::RequestRow;
use crate::diagnose::dossier::Dossier;
use crate::diagnose::playbook::{Answer, Playbook, Question, Source, Weighed, When};
use crate::text::count;

/// Checks, in order: owners, refused with 403, refused changes.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::ManagedSubscription,
    needs: &[Source::Keys, Source::Subscriptions, Source::Refused, Source::Served],
    questions: &[
        Question { id: "managed-by", text: "Are the managed subscriptions known?", when: When::Always, ask: owners },
        Question {
            id: "refused-403",
            text: "Were all calls permitted?",
            when: When::Always,
            ask: |of| any_refused(of, 403),
        },
        Question {
            id: "change-refused",
            text: "Did only the managing tool change or delete its subscriptions?",
            when: When::Failed("refused-403"),
            ask: changes,
        },
    ],
};

fn owners(dossier: &Dossier) -> Answer {
    match dossier.subscriptions.get() {
        Err(why) => Answer::unknown(why),
        Ok(rows) if rows.is_empty() => Answer::unknown("no subscription exists"),
        // For one key, only the number of managed subscriptions is relevant.
        Ok(rows) if matches!(dossier.wish.subject, DiagnosisSubject::Key(_)) => {
            let n = rows.iter().filter(|row| row.subscription.managed_by.is_some()).count();
            let what = "managed subscriptions of the company";
            Answer::pass(vec![dossier.subscriptions.evidence(what, n.to_string(), None)])
        }
        Ok(rows) => {
            let managed = rows.iter().filter_map(|row| {
                let of = &row.subscription;
                let owner = of.managed_by.as_ref()?;
                let what = format!("subscription {} of company {}: managed by", of.id, of.company_id);
                Some(dossier.subscriptions.evidence(&what, owner.clone(), None))
            });
            Answer::pass(managed.collect())
        }
    }
}

fn changes(dossier: &Dossier) -> Answer {
    let rows = match refused(dossier, 403) {
        Ok(rows) => rows.into_iter().filter(|row| code(row) == "managed_subscription").collect::<Vec<_>>(),
        Err(unknown) => return unknown,
    };
    let n = dossier.refused.evidence("changes rejected as managed_subscription", rows.len().to_string(), Some("0"));
    let groups = grouped(rows, |row| detail(row).to_owned());
    let causes = groups.iter().map(|(said, rows)| cause_of(dossier, said, rows)).collect();
    Answer::of_read(&dossier.refused, causes, vec![n])
}

/// Creates the cause behind refused changes of a managed subscription.
pub(super) fn cause_of(dossier: &Dossier, said: &str, rows: &[&RequestRow]) -> Weighed {
    let tool = ["Zapier", "n8n", "Make"].into_iter().find(|tool| said.contains(tool)).unwrap_or("tool");
    let mut evidence = told(dossier, rows);
    evidence.push(dossier.refused.evidence("rejected caller", dossier.caller(rows[0]), None));
    let title = format!(
        "the subscription is managed by {tool}, but another key tried to change it ({})",
        count(rows.len(), "call")
    );
    cause(
        weight(2_000, rows.len()),
        format!("managed-{}", tool.to_lowercase()),
        title,
        evidence,
        "Only isEnabled can be changed here. Change the target or event types, or delete the subscription, in the tool that manages it: \
         the tool replaces this subscription with a new one.",
    )
}
