//! Sample payloads of the ten event types, realistic and random.

use crate::clock::RuntimeEnv;
use crate::domain::company::{CLIENT_ACTIVE, ClientStatus, LEAD_NEW};
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;
use std::fmt::Write as _;
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

/// Generates the same sample on every call, for documentation.
#[must_use]
pub fn fixed_payload(kind: EventType) -> String {
    random_payload(kind, &RuntimeEnv::scripted(Timestamp::from_millis(FIXED_MS), 1))
}

/// Time of fixed samples: 2026-01-15T12:00:00Z.
const FIXED_MS: i64 = 1_768_478_400_000;

/// Generates a sample payload as a JSON object, fields in the documented order.
pub(super) fn random_payload(kind: EventType, ambient: &RuntimeEnv) -> String {
    let sample = SampleSource { ambient, now: ambient.now() };
    match kind {
        EventType::ClientCreated => sample.client(CLIENT_ACTIVE).finish(),
        EventType::LeadCreated => sample.client(LEAD_NEW).finish(),
        EventType::ClientStatusChanged => PayloadWriter::open()
            .number("client_id", sample.id())
            .text("previous_status", LEAD_NEW.name)
            .text("new_status", CLIENT_ACTIVE.name)
            .text("changed_date", &sample.date(0))
            .number("changed_by_employee_id", sample.small_number(40))
            .text("status_note", "Signed up after consultation")
            .finish(),
        EventType::InvoiceCreated => PayloadWriter::open()
            .number("invoice_id", sample.id())
            .number("client_id", sample.id())
            .money("amount", sample.cents())
            .text("due_date", &sample.date(14))
            .text("description", "Monthly service")
            .text("invoice_status", "Unpaid")
            .finish(),
        EventType::InvoiceStatusChanged => PayloadWriter::open()
            .number("invoice_id", sample.id())
            .number("client_id", sample.id())
            .text("previous_status", "Unpaid")
            .text("new_status", "Paid")
            .text("changed_date", &sample.date(0))
            .money("total_paid", sample.cents())
            .money("balance", 0)
            .finish(),
        EventType::PaymentSucceeded => sample.payment(),
        EventType::PaymentFailed => PayloadWriter::open()
            .number("payment_id", sample.id())
            .number("invoice_id", sample.id())
            .number("client_id", sample.id())
            .money("amount_attempted", sample.cents())
            .text("failure_reason", sample.pick_from(&FAILURES))
            .finish(),
        EventType::AffiliateCreated => sample.affiliate(),
        EventType::DocumentUploaded => sample.document(),
        EventType::AgreementSigned => sample.agreement(),
    }
}

/// Writer of a JSON object that keeps two decimals in amounts.
struct PayloadWriter(String);

impl PayloadWriter {
    fn open() -> Self {
        Self("{".to_owned())
    }

    fn raw(mut self, name: &str, value: &str) -> Self {
        let comma = if self.0.len() > 1 { "," } else { "" };
        let _ = write!(self.0, "{comma}\"{name}\":{value}");
        self
    }

    fn text(self, name: &str, text: &str) -> Self {
        self.raw(name, &serde_json::Value::from(text).to_string())
    }

    fn number(self, name: &str, number: usize) -> Self {
        self.raw(name, &number.to_string())
    }

    fn money(self, name: &str, cents: usize) -> Self {
        self.raw(name, &format!("{}.{:02}", cents / 100, cents % 100))
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

struct SampleSource<'a> {
    ambient: &'a RuntimeEnv,
    now: Timestamp,
}

impl SampleSource<'_> {
    fn pick_from<T: Copy>(&self, of: &[T]) -> T {
        of[self.ambient.random_below(of.len())]
    }

    fn id(&self) -> usize {
        10_000 + self.ambient.random_below(90_000)
    }

    fn small_number(&self, below: usize) -> usize {
        1 + self.ambient.random_below(below)
    }

    fn name(&self) -> (&'static str, &'static str) {
        (self.pick_from(&FIRST_NAMES), self.pick_from(&LAST_NAMES))
    }

    fn email(&self, first: &str, last: &str) -> String {
        format!("{}.{}{}@example.com", first.to_lowercase(), last.to_lowercase(), self.small_number(99))
    }

    fn phone(&self) -> String {
        format!("+1 555 01{:02} {:04}", self.ambient.random_below(100), self.ambient.random_below(10_000))
    }

    fn date(&self, days_ahead: u64) -> String {
        self.now.plus(Duration::from_secs(days_ahead * 86_400)).to_rfc3339_seconds()
    }

    fn cents(&self) -> usize {
        4_900 + 100 * self.ambient.random_below(300) + self.pick_from(&[0, 50, 95, 99])
    }

    fn client(&self, status: ClientStatus) -> PayloadWriter {
        let (first, last) = self.name();
        let object = PayloadWriter::open()
            .number("client_id", self.id())
            .text("first_name", first)
            .text("last_name", last)
            .text("email", &self.email(first, last))
            .text("phone", &self.phone())
            .text("status", status.name)
            .raw("status_id", &status.id.to_string());
        let object = if status.is_lead() {
            object.text("source", self.pick_from(&SOURCES))
        } else {
            object
                .number("employee_id", self.small_number(40))
                .text("employee_name", "Jordan Blake")
                .raw("affiliate_id", "null")
        };
        object.text("created_date", &self.date(0))
    }

    fn payment(&self) -> String {
        PayloadWriter::open()
            .number("payment_id", self.id())
            .number("invoice_id", self.id())
            .number("client_id", self.id())
            .money("payment_amount", self.cents())
            .text("payment_method", self.pick_from(&METHODS))
            .text("date_paid", &self.date(0))
            .text("transaction_id", &format!("txn_{}", self.id()))
            .finish()
    }

    fn affiliate(&self) -> String {
        let (first, last) = self.name();
        PayloadWriter::open()
            .number("employee_id", self.small_number(900))
            .text("full_name", &format!("{first} {last}"))
            .text("email", &self.email(first, last))
            .text("phone", &self.phone())
            .raw("is_approved_affiliate", "false")
            .text("created_date", &self.date(0))
            .finish()
    }

    fn document(&self) -> String {
        let (file, kind) = self.pick_from(&DOCUMENTS);
        PayloadWriter::open()
            .number("document_id", self.id())
            .number("client_id", self.id())
            .text("file_name", file)
            .text("document_type", kind)
            .number("uploaded_by_employee_id", self.small_number(40))
            .text("uploaded_date", &self.date(0))
            .finish()
    }

    fn agreement(&self) -> String {
        let (first, last) = self.name();
        PayloadWriter::open()
            .number("agreement_id", self.id())
            .number("client_id", self.id())
            .text("agreement_name", self.pick_from(&AGREEMENTS))
            .text("signer_name", &format!("{first} {last}"))
            .text("signer_email", &self.email(first, last))
            .text("signed_date", &self.date(0))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value};
    use std::collections::HashSet;

    #[test]
    fn every_type_has_a_sample_that_differs_and_is_an_object() {
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(0), 3);
        for kind in EventType::ALL {
            let samples: HashSet<String> = (0..20).map(|_| random_payload(kind, &ambient)).collect();
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
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(0), 3);
        for _ in 0..50 {
            let sample = random_payload(EventType::InvoiceStatusChanged, &ambient);
            assert!(sample.contains(r#""balance":0.00"#), "{sample}");
        }
    }
}
