//! Review as a document: Markdown, and HTML without external resources.

mod chart;
pub mod html;
pub mod markdown;
#[cfg(test)]
mod tests;

use crate::diagnose::review::{KeyAge, LOW_SUCCESS_PERCENT, PlatformReview, ROTATION_DAYS};
use crate::domain::health_status::DORMANT_DAYS;
use crate::domain::text::Untrusted;
use crate::text::or_unknown;

/// Section of a review: a title, advice and a table.
struct ReviewSection {
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
fn sections(review: &PlatformReview) -> Vec<ReviewSection> {
    let head = vec!["Key", "Name", "Ends in", "Company", "Last used", "Days"];
    vec![
        disabled_section(review),
        low_success_section(review),
        trips_section(review),
        ReviewSection {
            title: "Unused keys",
            calm: format!("Every active key was used or created within {DORMANT_DAYS} days."),
            advice: "Ask the owner, then run crow keys revoke KEY: it shows the callers and asks before it revokes.",
            head: head.clone(),
            rows: keys(&review.unused),
        },
        ReviewSection {
            title: "Scopes never used",
            calm: "Every key uses all of its scopes.".to_owned(),
            advice: "Scopes cannot be changed: replace the key with one that has fewer (crow runbook key-rotation).",
            head: vec!["Key", "Name", "Never used"],
            rows: review
                .idle_scopes
                .iter()
                .map(|of| vec![text(of.id), of.name.clone(), text(of.scopes.join(" "))])
                .collect(),
        },
        ReviewSection {
            title: "Keys due for rotation",
            calm: format!("No active key is older than {ROTATION_DAYS} days."),
            advice: "Rotate them one by one: crow runbook key-rotation --key NAME.",
            head,
            rows: keys(&review.due_keys),
        },
        ReviewSection {
            title: "Signing secrets due for rotation",
            calm: format!("No signing secret is older than {ROTATION_DAYS} days."),
            advice: "A new secret needs a new subscription: crow runbook lost-secret --subscription ID.",
            head: vec!["Subscription", "Target", "Days"],
            rows: review.due_secrets().map(|of| vec![text(of.id), of.target_url.clone(), text(of.days)]).collect(),
        },
        ReviewSection {
            title: "Changes",
            calm: "No changes in the period.".to_owned(),
            advice: "The audit trail shows who did what, and when.",
            head: vec!["Action", "Times"],
            rows: review.acted.iter().map(|of| vec![of.action.clone(), text(of.n)]).collect(),
        },
    ]
}

/// Lists the subscriptions that are disabled.
fn disabled_section(review: &PlatformReview) -> ReviewSection {
    ReviewSection {
        title: "Disabled subscriptions",
        calm: "Every subscription is enabled.".to_owned(),
        advice: "If the breaker tripped, find the cause (crow diagnose breaker), fix the endpoint and test it. Then enable the subscription, with or without a replay. Delete subscriptions that are no longer needed.",
        head: vec!["Subscription", "Target", "Company", "Reason", "Since", "Missed events"],
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
                    text(or_unknown(of.n_skipped)),
                ]
            })
            .collect(),
    }
}

/// Lists the subscriptions with low success.
fn low_success_section(review: &PlatformReview) -> ReviewSection {
    ReviewSection {
        title: "Low success",
        calm: format!("No subscription was below {LOW_SUCCESS_PERCENT} %."),
        advice: "List the failures: crow deliveries attempts --filter 'sub:N outcome:failure'.",
        head: vec!["Subscription", "Target", "Company", "Succeeded", "Failed", "Success"],
        rows: review
            .low_success()
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
fn trips_section(review: &PlatformReview) -> ReviewSection {
    ReviewSection {
        title: "Breaker trips",
        calm: "No breaker tripped.".to_owned(),
        advice: "A tripped subscription misses events. One that trips repeatedly needs a more reliable endpoint, or an owner.",
        head: vec!["When", "Subscription", "Target", "Causes (last 20)", "Re-enabled", "Missed events"],
        rows: review
            .trips
            .iter()
            .map(|of| {
                let causes = of.causes.iter().flatten().map(|cause| format!("{} \u{d7}{}", cause.cause.raw(), cause.n));
                let causes = causes.collect::<Vec<_>>().join(", ");
                let enabled = of.enabled_utc.map_or_else(|| "no".to_owned(), |at| at.format("%Y-%m-%d %H:%M"));
                let when = of.tripped_utc.format("%Y-%m-%d %H:%M");
                vec![
                    text(when),
                    text(of.subscription_id),
                    of.target_url.clone(),
                    text(causes),
                    text(enabled),
                    text(or_unknown(of.n_missed)),
                ]
            })
            .collect(),
    }
}

/// Returns the numbers at the top: label and count.
fn summary(review: &PlatformReview) -> Vec<(&'static str, u64)> {
    vec![
        ("active keys", review.n_keys),
        ("subscriptions", review.n_subscriptions),
        ("off", review.off.len() as u64),
        ("low success", review.low_success().count() as u64),
        ("trips", review.trips.len() as u64),
        ("unused keys", review.unused.len() as u64),
        ("keys due", review.due_keys.len() as u64),
        ("secrets due", review.due_secrets().count() as u64),
    ]
}

/// Returns the line below the title.
fn heading(review: &PlatformReview) -> String {
    let frame = &review.frame;
    let day = |at: crate::domain::time::Timestamp| at.format("%Y-%m-%d");
    format!("{} to {}, {}", day(frame.since_utc), frame.until_utc.format("%Y-%m-%d %H:%M UTC"), frame.platform)
}
