//! Confirmation texts for replays and for changes that only admins may make: keys, companies, limits, operators.

use crate::domain::ids::{OperatorId, ReplayId};
use crate::domain::replay::{DEFAULT_REPLAY_RATE, ReplayState};
use crate::domain::text::Untrusted;
use crate::domain::window::RateBucket;
use crate::text;
use crate::tui::state::app::App;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::confirm::{ConfirmParts, ConfirmPrecondition};
use crate::wire::keys::{KeyRow, NewCompany, NewKey, RequestedLimits};
use crate::wire::operators::NewOperator;
use crate::wire::replays::NewReplay;
use crate::wire::subscriptions::SubscriptionRow;

pub(in crate::tui) fn replay(row: &SubscriptionRow, wish: &NewReplay, n: u64) -> ConfirmParts {
    let of = &row.subscription;
    let pace = wish.rate_per_second.unwrap_or(DEFAULT_REPLAY_RATE);
    let off = if of.is_enabled { "" } else { " Sending starts when the subscription is enabled." };
    let effect = format!(
        "Sends {} again, each once, at up to {pace} per second. Replays do not count towards the breaker or the success rate.{off}",
        text::several(n, "delivery", "deliveries")
    );
    (of.target_url.clone(), ConfirmPrecondition::Subscription(of.id, of.target_url.clone(), of.is_enabled), effect)
}

pub(in crate::tui) fn replay_state(id: ReplayId, wanted: ReplayState) -> ConfirmParts {
    let effect = match wanted {
        ReplayState::Paused => "Takes no further deliveries until resumed. Deliveries already taken are completed.",
        ReplayState::Running => "Continues where it stopped.",
        ReplayState::Cancelled | ReplayState::Finished => {
            "Deliveries not taken yet stay as they are; those already taken are completed. A cancelled replay cannot be resumed."
        }
    };
    (Untrusted::new(format!("replay {id}")), ConfirmPrecondition::None, effect.to_owned())
}

pub(in crate::tui) fn company(new: &NewCompany) -> ConfirmParts {
    (Untrusted::new(new.name.as_str()), ConfirmPrecondition::None, "Companies cannot be deleted.".to_owned())
}

pub(in crate::tui) fn key(new: &NewKey) -> ConfirmParts {
    let scopes = new.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
    let effect = format!(
        "Grants {scopes} for company {}, effective immediately. The key is shown once, after this step.",
        new.company_id
    );
    (Untrusted::new(new.name.as_str()), ConfirmPrecondition::None, effect)
}

pub(in crate::tui) fn operator(new: &NewOperator) -> ConfirmParts {
    let effect = "The token is shown once, after this step. Anyone who has it can use the portal.";
    (Untrusted::new(new.name.as_str()), ConfirmPrecondition::None, effect.to_owned())
}

pub(in crate::tui) fn revoked_operator(app: &App, id: OperatorId) -> ConfirmParts {
    let name = operator_name(app, id).unwrap_or_else(|| Untrusted::new(format!("operator {id}")));
    let effect = "Calls with the token fail immediately, and this cannot be undone. The last admin cannot be revoked.";
    (name, ConfirmPrecondition::None, effect.to_owned())
}

/// Describes every limit that changes, with its old and its new value.
pub(in crate::tui) fn limit_changes(row: &KeyRow, wish: &RequestedLimits) -> String {
    let Some(limits) = row.limits else { return "The current limits are unknown.".to_owned() };
    let changes: Vec<String> = [
        (RateBucket::Read, limits.read, wish.read),
        (RateBucket::Write, limits.write, wish.write),
        (RateBucket::Admin, limits.admin, wish.admin),
    ]
    .into_iter()
    .map(|(bucket, is, wanted)| (bucket, is, wanted.unwrap_or_else(|| bucket.default_limit())))
    .filter(|(_, is, wanted)| is != wanted)
    .map(|(bucket, is, wanted)| format!("{bucket} from {is} to {wanted}"))
    .collect();
    if changes.is_empty() {
        return "The limits stay as they are.".to_owned();
    }
    format!("Calls per minute: {}. Takes effect with the next call.", changes.join(", "))
}

/// Name of an operator, from the open list.
fn operator_name(app: &App, id: OperatorId) -> Option<Untrusted> {
    app.overlays.iter().rev().find_map(|layer| match layer {
        Overlay::Operators(list) => list.selected().filter(|row| row.id == id).map(|row| row.name.clone()),
        _ => None,
    })
}
