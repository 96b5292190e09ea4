//! Wording of values for people: one sentence per reason, the same on screen, in the shell, in tickets and in alerts.

pub mod health;
pub mod key;

use crate::domain::delivery::DeliveryState;
use std::fmt::Display;

/// Count with a regular plural: `1 event`, `2 events`.
#[must_use]
pub fn count<N: Display + Copy + PartialEq + From<u8>>(n: N, noun: &str) -> String {
    let ending = if n == N::from(1) { "" } else { "s" };
    format!("{n} {noun}{ending}")
}

/// Count with an irregular plural: `1 delivery`, `2 deliveries`.
#[must_use]
pub fn several<N: Display + Copy + PartialEq + From<u8>>(n: N, one: &str, many: &str) -> String {
    let noun = if n == N::from(1) { one } else { many };
    format!("{n} {noun}")
}

/// Word for the state of a delivery.
#[must_use]
pub const fn delivery(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "pending",
        DeliveryState::InFlight => "in flight",
        DeliveryState::Succeeded => "succeeded",
        DeliveryState::Exhausted => "exhausted",
        DeliveryState::Missed => "missed",
        DeliveryState::OnHold => "on hold",
        DeliveryState::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_everything_else_plural() {
        assert_eq!(
            [count(0_u64, "event"), count(1_u64, "event"), count(2_u64, "event")],
            ["0 events", "1 event", "2 events"]
        );
        assert_eq!(several(1_usize, "delivery", "deliveries"), "1 delivery");
        assert_eq!(several(20_u32, "delivery", "deliveries"), "20 deliveries");
    }
}
