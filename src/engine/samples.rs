//! Realistic payloads for the ten event types, different every time.

use crate::ambient::Ambient;
use crate::domain::company::{CLIENT_ACTIVE, LEAD_NEW};
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;
use serde_json::{Map, Value, json};
use std::time::Duration;

const FIRST_NAMES: [&str; 12] =
    ["Maria", "James", "Aisha", "Daniel", "Sofia", "Wei", "Olivia", "Mateo", "Priya", "Noah", "Elena", "Samuel"];
const LAST_NAMES: [&str; 12] = [
    "Nguyen", "Garcia", "Johnson", "Kowalski", "Okafor", "Patel", "Schmidt", "Silva", "Brown", "Kim", "Rossi", "Haddad",
];
const SOURCES: [&str; 4] = ["Website", "Referral", "Facebook Ads", "Landing Page"];
const METHODS: [&str; 3] = ["Credit Card", "ACH", "Check"];
const FAILURES: [&str; 3] = ["Card declined", "Insufficient funds", "Card expired"];
const DOCUMENTS: [(&str, &str); 3] = [
    ("credit-report.pdf", "Credit Report"),
    ("drivers-license.jpg", "Identification"),
    ("dispute-letter.pdf", "Dispute Letter"),
];
const AGREEMENTS: [&str; 3] = ["Service Agreement", "Limited Power of Attorney", "Payment Authorization"];

/// A sample payload as a JSON object.
pub(super) fn payload(kind: EventType, ambient: &Ambient) -> String {
    let sample = Sample { ambient, now: ambient.now() };
    let value = match kind {
        EventType::ClientCreated => sample.client(CLIENT_ACTIVE.name, CLIENT_ACTIVE.id),
        EventType::LeadCreated => sample.lead(),
        EventType::ClientStatusChanged => json!({
            "client_id": sample.id(), "previous_status": LEAD_NEW.name, "new_status": CLIENT_ACTIVE.name, "changed_date": sample.date(0),
            "changed_by_employee_id": sample.small(40), "status_note": "Signed up after consultation",
        }),
        EventType::InvoiceCreated => json!({
            "invoice_id": sample.id(), "client_id": sample.id(), "amount": sample.money(), "due_date": sample.date(14),
            "description": "Monthly service", "invoice_status": "Unpaid",
        }),
        EventType::InvoiceStatusChanged => sample.settled_invoice(),
        EventType::PaymentSucceeded => json!({
            "payment_id": sample.id(), "invoice_id": sample.id(), "client_id": sample.id(), "payment_amount": sample.money(),
            "payment_method": sample.one(&METHODS), "date_paid": sample.date(0), "transaction_id": format!("txn_{}", sample.id()),
        }),
        EventType::PaymentFailed => json!({
            "payment_id": sample.id(), "invoice_id": sample.id(), "client_id": sample.id(), "amount_attempted": sample.money(),
            "failure_reason": sample.one(&FAILURES),
        }),
        EventType::AffiliateCreated => {
            let (first, last) = sample.name();
            json!({
                "employee_id": sample.small(900), "full_name": format!("{first} {last}"), "email": sample.email(first, last),
                "phone": sample.phone(), "is_approved_affiliate": false, "created_date": sample.date(0),
            })
        }
        EventType::DocumentUploaded => {
            let (file, kind) = sample.one(&DOCUMENTS);
            json!({
                "document_id": sample.id(), "client_id": sample.id(), "file_name": file, "document_type": kind,
                "uploaded_by_employee_id": sample.small(40), "uploaded_date": sample.date(0),
            })
        }
        EventType::AgreementSigned => {
            let (first, last) = sample.name();
            json!({
                "agreement_id": sample.id(), "client_id": sample.id(), "agreement_name": sample.one(&AGREEMENTS),
                "signer_name": format!("{first} {last}"), "signer_email": sample.email(first, last), "signed_date": sample.date(0),
            })
        }
    };
    value.to_string()
}

struct Sample<'a> {
    ambient: &'a Ambient,
    now: Timestamp,
}

impl Sample<'_> {
    fn one<T: Copy>(&self, of: &[T]) -> T {
        of[self.ambient.pick(of.len())]
    }

    fn id(&self) -> usize {
        10_000 + self.ambient.pick(90_000)
    }

    fn small(&self, below: usize) -> usize {
        1 + self.ambient.pick(below)
    }

    fn name(&self) -> (&'static str, &'static str) {
        (self.one(&FIRST_NAMES), self.one(&LAST_NAMES))
    }

    fn email(&self, first: &str, last: &str) -> String {
        format!("{}.{}{}@example.com", first.to_lowercase(), last.to_lowercase(), self.small(99))
    }

    fn phone(&self) -> String {
        format!("+1 555 01{:02} {:04}", self.ambient.pick(100), self.ambient.pick(10_000))
    }

    fn date(&self, days_ahead: u64) -> String {
        self.now.plus(Duration::from_secs(days_ahead * 86_400)).to_rfc3339_seconds()
    }

    /// An amount with exactly two decimals, as a JSON number.
    fn money(&self) -> Value {
        two_decimals(4_900 + 100 * self.ambient.pick(300) + self.one(&[0, 50, 95, 99]))
    }

    fn settled_invoice(&self) -> Value {
        let cents = 9_900 + 100 * self.ambient.pick(200);
        json!({
            "invoice_id": self.id(), "client_id": self.id(), "previous_status": "Unpaid", "new_status": "Paid",
            "changed_date": self.date(0), "total_paid": two_decimals(cents), "balance": two_decimals(0),
        })
    }

    fn client(&self, status: &str, status_id: i64) -> Value {
        let (first, last) = self.name();
        json!({
            "client_id": self.id(), "first_name": first, "last_name": last, "email": self.email(first, last), "phone": self.phone(),
            "status": status, "status_id": status_id, "employee_id": self.small(40), "employee_name": "Jordan Blake",
            "affiliate_id": Value::Null, "created_date": self.date(0),
        })
    }

    fn lead(&self) -> Value {
        let mut lead = self.client(LEAD_NEW.name, LEAD_NEW.id);
        let object: &mut Map<String, Value> = match &mut lead {
            Value::Object(object) => object,
            _ => return lead,
        };
        for field in ["employee_id", "employee_name", "affiliate_id"] {
            object.remove(field);
        }
        object.insert("source".to_owned(), self.one(&SOURCES).into());
        lead
    }
}

/// A number of cents as a JSON number with two decimals: `49.90`, where a float would lose the zero.
fn two_decimals(cents: usize) -> Value {
    serde_json::from_str(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_type_has_a_sample_that_differs_and_is_an_object() {
        let ambient = Ambient::scripted(Timestamp::from_millis(0), 3);
        for kind in EventType::ALL {
            let samples: HashSet<String> = (0..20).map(|_| payload(kind, &ambient)).collect();
            assert!(samples.len() > 10, "{kind}");
            for sample in samples {
                assert!(
                    serde_json::from_str::<Map<String, Value>>(&sample).is_ok_and(|object| object.len() >= 5),
                    "{sample}"
                );
            }
        }
    }

    #[test]
    fn money_keeps_its_second_decimal() {
        let ambient = Ambient::scripted(Timestamp::from_millis(0), 3);
        for _ in 0..50 {
            let sample = payload(EventType::InvoiceStatusChanged, &ambient);
            assert!(sample.contains(r#""balance":0.00"#), "{sample}");
        }
    }
}
