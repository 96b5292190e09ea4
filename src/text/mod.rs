//! Wording of values for people: one sentence per reason, the same on screen, in the shell, in tickets and in alerts.

pub mod cause;
pub mod health;
pub mod key;

use crate::domain::delivery::DeliveryState;

/// Number with thousands separators: `4,812`.
#[must_use]
pub fn number(n: impl TryInto<i128>) -> String {
    let n: i128 = n.try_into().unwrap_or_default();
    let digits = n.unsigned_abs().to_string();
    let mut text = String::from(if n < 0 { "-" } else { "" });
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Count with a regular plural: `1 event`, `2,000 events`.
#[must_use]
pub fn count(n: impl TryInto<i128>, noun: &str) -> String {
    several(n, noun, &format!("{noun}s"))
}

/// Count with an irregular plural: `1 delivery`, `2,000 deliveries`.
#[must_use]
pub fn several(n: impl TryInto<i128>, one: &str, many: &str) -> String {
    let n: i128 = n.try_into().unwrap_or_default();
    format!("{} {}", number(n), if n == 1 { one } else { many })
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

/// Formats a count of things that may not be known, such as "an unknown number of events".
#[must_use]
pub fn maybe_several(n: Option<u64>, one: &str, many: &str) -> String {
    n.map_or_else(|| format!("an unknown number of {many}"), |n| several(n, one, many))
}

/// Formats a value that may not be known.
#[must_use]
pub fn or_unknown(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
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
        assert_eq!(several(20_000_u32, "delivery", "deliveries"), "20,000 deliveries");
        let numbers = [number(0), number(999), number(4_812), number(45_678_123), number(-1_000)];
        assert_eq!(numbers, ["0", "999", "4,812", "45,678,123", "-1,000"]);
    }
}
