//! Review as a document: Markdown, and HTML without external resources.

mod chart;
pub mod html;
pub mod markdown;
#[cfg(test)]
mod tests;

use crate::api::review::{KeyAge, LOW, ROTATION_DAYS, Review};
use crate::domain::standing::DORMANT_DAYS;
use crate::domain::text::Untrusted;

/// Section of a review: a title, advice and a table.
struct Section {
    title: &'static str,
    /// Text for an empty table.
    calm: String,
    /// Advice that is shown below the rows.
    advice: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<Untrusted>>,
}

#[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike, made where they are used")]
fn text(text: impl ToString) -> Untrusted {
    Untrusted::new(text.to_string())
}

fn keys(keys: &[KeyAge]) -> Vec<Vec<Untrusted>> {
    let row = |key: &KeyAge| {
        let used = key.last_used_utc.map_or_else(|| "never".to_owned(), |at| at.format("%Y-%m-%d"));
        vec![text(key.id), key.name.clone(), key.last4.clone(), text(key.company_id), text(used), text(key.days)]
    };
    keys.iter().map(row).collect()
}

/// Returns the sections, in the order of urgency.
fn sections(review: &Review) -> Vec<Section> {
    let head = vec!["Key", "Name", "Ends in", "Company", "Last used", "Days"];
    vec![
        off(review),
        low(review),
        trips(review),
        Section {
            title: "Unused keys",
            calm: format!("Every active key was used or created within {DORMANT_DAYS} days."),
            advice: "Ask the owner; then crow keys revoke KEY shows who would be cut off, before anything is done.",
            head: head.clone(),
            rows: keys(&review.unused),
        },
        Section {
            title: "Scopes never used",
            calm: "Every key uses all that it was given.".to_owned(),
            advice: "Scopes never change: replace the key with one that may do less (crow runbook key-rotation).",
            head: vec!["Key", "Name", "Never used"],
            rows: review
                .idle_scopes
                .iter()
                .map(|of| vec![text(of.id), of.name.clone(), text(of.scopes.join(" "))])
                .collect(),
        },
        Section {
            title: "Keys due to be replaced",
            calm: format!("No active key is older than {ROTATION_DAYS} days."),
            advice: "Replace them one by one: crow runbook key-rotation --key NAME.",
            head,
            rows: keys(&review.due_keys),
        },
        Section {
            title: "Signing secrets due to be replaced",
            calm: format!("No signing secret is older than {ROTATION_DAYS} days."),
            advice: "A secret is replaced with its subscription: crow runbook lost-secret --subscription ID.",
            head: vec!["Subscription", "Target", "Days"],
            rows: review.due_secrets().map(|of| vec![text(of.id), of.target_url.clone(), text(of.days)]).collect(),
        },
        Section {
            title: "What was changed",
            calm: "Nothing was changed in the period.".to_owned(),
            advice: "The audit trail says who did what, and when.",
            head: vec!["Action", "Times"],
            rows: review.acted.iter().map(|of| vec![of.action.clone(), text(of.n)]).collect(),
        },
    ]
}

/// Lists the subscriptions that are disabled.
fn off(review: &Review) -> Section {
    Section {
        title: "Subscriptions that are off",
        calm: "Every subscription is enabled.".to_owned(),
        advice: "Find out why (crow diagnose breaker), mend the endpoint, test it, then enable it with or without a replay. Delete what nobody needs.",
        head: vec!["Subscription", "Target", "Company", "Reason", "Since", "Events that passed by"],
        rows: review
            .off
            .iter()
            .map(|of| {
                let since = of.since_utc.map_or_else(|| "unknown".to_owned(), |at| at.format("%Y-%m-%d %H:%M"));
                vec![
                    text(of.id),
                    of.target_url.clone(),
                    text(of.company_id),
                    match &of.note {
                        Some(note) => Untrusted::new(format!("{}: {}", of.reason, note.raw())),
                        None => text(&of.reason),
                    },
                    text(since),
                    text(of.n_skipped),
                ]
            })
            .collect(),
    }
}

/// Lists the subscriptions with low success.
fn low(review: &Review) -> Section {
    Section {
        title: "Low success",
        calm: format!("No subscription was below {LOW} %."),
        advice: "Look at the causes with crow deliveries attempts --filter 'sub:N outcome:failure'.",
        head: vec!["Subscription", "Target", "Company", "Succeeded", "Failed", "Success"],
        rows: review
            .low()
            .map(|of| {
                let percent = of.percent.map_or_else(String::new, |percent| format!("{percent} %"));
                vec![
                    text(of.id),
                    of.target_url.clone(),
                    text(of.company_id),
                    text(of.n_ok),
                    text(of.n_failed),
                    text(percent),
                ]
            })
            .collect(),
    }
}

/// Lists the trips of the circuit breaker.
fn trips(review: &Review) -> Section {
    Section {
        title: "Trips of the breaker",
        calm: "The breaker did not trip.".to_owned(),
        advice: "A trip means that events passed by. A subscription that trips again and again needs another endpoint, or an owner.",
        head: vec!["When", "Subscription", "Target", "Causes of the last 20", "Enabled again", "Events that passed by"],
        rows: review
            .trips
            .iter()
            .map(|of| {
                let causes = of.causes.iter().map(|cause| format!("{} x {}", cause.n, cause.cause.raw()));
                let causes = causes.collect::<Vec<_>>().join(", ");
                let enabled = of.enabled_utc.map_or_else(|| "no".to_owned(), |at| at.format("%Y-%m-%d %H:%M"));
                let when = of.tripped_utc.format("%Y-%m-%d %H:%M");
                vec![
                    text(when),
                    text(of.subscription_id),
                    of.target_url.clone(),
                    text(causes),
                    text(enabled),
                    text(of.n_missed),
                ]
            })
            .collect(),
    }
}

/// Returns the numbers at the top: label and count.
fn summary(review: &Review) -> Vec<(&'static str, u64)> {
    vec![
        ("active keys", review.n_keys),
        ("subscriptions", review.n_subscriptions),
        ("off", review.off.len() as u64),
        ("low success", review.low().count() as u64),
        ("trips", review.trips.len() as u64),
        ("unused keys", review.unused.len() as u64),
        ("keys due", review.due_keys.len() as u64),
        ("secrets due", review.due_secrets().count() as u64),
    ]
}

/// Returns the line below the title.
fn heading(review: &Review) -> String {
    let frame = &review.frame;
    let day = |at: crate::domain::time::Timestamp| at.format("%Y-%m-%d");
    format!("{} to {}, {}", day(frame.since_utc), frame.until_utc.format("%Y-%m-%d %H:%M UTC"), frame.platform)
}
