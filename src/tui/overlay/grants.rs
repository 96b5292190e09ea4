//! The questions before replays, and before what admins do: keys, companies, limits, operators.

use super::super::app::App;
use super::super::effect::Act;
use super::super::format;
use super::Layer;
use super::confirm::{Question, Was};
use super::offers::{key, subscription};
use crate::api::keys::{KeyRow, LimitsWish};
use crate::domain::replay::{PACE, Phase};
use crate::domain::text::Untrusted;
use crate::domain::window::Bucket;

/// The question before an act; the console may act.
///
/// # Errors
/// Says why the act makes no sense.
pub(super) fn question(app: &App, act: Act) -> Result<Question, String> {
    let (name, was, effect) = match &act {
        Act::Replay(id, wish, n) => {
            let row = subscription(app, *id)?;
            let pace = wish.rate_per_second.unwrap_or(PACE);
            let off = if row.subscription.is_enabled { "" } else { " It waits until the subscription is enabled." };
            let effect = format!(
                "{} are delivered again, each once, at most {pace} a second. It counts for nothing: neither breaker nor success rate.{off}",
                format::several(*n, "delivery", "deliveries")
            );
            let was = Was::Subscription(*id, row.subscription.target_url.clone(), row.subscription.is_enabled);
            (row.subscription.target_url.clone(), was, effect)
        }
        Act::Turn(id, wanted) => {
            let effect = match wanted {
                Phase::Paused => "It takes no further delivery until it is let go on; what it has taken is delivered.",
                Phase::Running => "It goes on where it stopped.",
                Phase::Cancelled | Phase::Finished => {
                    "What it has not taken stays as it is, and it cannot be begun again; what it has taken is delivered."
                }
            };
            (Untrusted::new(format!("replay {id}")), Was::Past, effect.to_owned())
        }
        Act::Limit(id, wish) => {
            let row = key(app, *id)?;
            if row.revoked_utc.is_some() {
                return Err("it is revoked".to_owned());
            }
            (row.name.clone(), Was::ActiveKey(*id), limited(row, wish))
        }
        Act::CreateCompany(new) => {
            (Untrusted::new(new.name.as_str()), Was::Past, "Companies cannot be removed.".to_owned())
        }
        Act::CreateKey(new) => {
            let scopes = new.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
            let effect =
                format!("It may {scopes} for company {}, at once. It is shown once, after this.", new.company_id);
            (Untrusted::new(new.name.as_str()), Was::Past, effect)
        }
        Act::CreateOperator(new) => {
            let effect = "Its token is shown once, after this; whoever holds it can use the portal.";
            (Untrusted::new(new.name.as_str()), Was::Past, effect.to_owned())
        }
        Act::RevokeOperator(id) => {
            let effect = "Its token is refused from the next call on, and it cannot be undone. The last admin stays.";
            (
                operator(app, id.0).unwrap_or_else(|| Untrusted::new(format!("operator {id}"))),
                Was::Past,
                effect.to_owned(),
            )
        }
        _ => return Err("it is not asked about here".to_owned()),
    };
    Ok(Question { act, name, was, effect })
}

/// Every limit that changes, as it is and as it will be.
fn limited(row: &KeyRow, wish: &LimitsWish) -> String {
    let changes: Vec<String> = [
        (Bucket::Read, row.limits.read, wish.read),
        (Bucket::Write, row.limits.write, wish.write),
        (Bucket::Admin, row.limits.admin, wish.admin),
    ]
    .into_iter()
    .map(|(bucket, is, wanted)| (bucket, is, wanted.unwrap_or_else(|| bucket.default_limit())))
    .filter(|(_, is, wanted)| is != wanted)
    .map(|(bucket, is, wanted)| format!("{bucket} from {is} to {wanted}"))
    .collect();
    if changes.is_empty() {
        return "Its limits stay as they are.".to_owned();
    }
    format!("Calls a minute: {}. It acts on the next request.", changes.join(", "))
}

/// An operator's name, from the list that is open.
fn operator(app: &App, id: i64) -> Option<Untrusted> {
    app.layers.iter().rev().find_map(|layer| match layer {
        Layer::Operators(list) => list.selected().filter(|row| row.id.0 == id).map(|row| row.name.clone()),
        _ => None,
    })
}
