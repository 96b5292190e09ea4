//! Receivers: how an endpoint answers, as a list of rules. The first rule that holds decides; otherwise it accepts.

use crow::domain::ids::EventId;
use crow::domain::time::Timestamp;
use crow::wire::signature_check::{SignatureCause, SignatureCheck, SignatureFit, SignatureReport};

/// One POST, as a receiver sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivered<'a> {
    pub(crate) at: Timestamp,
    pub(crate) kind: &'a str,
    pub(crate) size: u64,
    pub(crate) event: Option<EventId>,
    /// Number of the attempt, from 1.
    pub(crate) number: u32,
    /// Node that the name resolved to, 0 to 2.
    pub(crate) node: u64,
    /// Number of deliveries to this receiver so far.
    pub(crate) serial: u64,
    /// A number by which a receiver may answer at random.
    pub(crate) luck: u64,
}

/// How a receiver answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: Option<u16>,
    pub(crate) cause: Option<&'static str>,
    pub(crate) error: Option<&'static str>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) elapsed_ms: u64,
    /// Seconds by which the receiver's clock is ahead of the true time, if it sends a Date header.
    pub(crate) date: Option<i64>,
    /// What the signature debugger says of the answer.
    pub(crate) check: Option<SignatureCheck>,
}

impl Reply {
    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self {
            status: Some(status),
            cause: None,
            error: None,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_owned(),
            elapsed_ms: 40,
            date: None,
            check: None,
        }
    }

    pub(crate) fn html(status: u16, server: &str, body: &str) -> Self {
        let headers = vec![("content-type", "text/html; charset=utf-8".to_owned()), ("server", server.to_owned())];
        Self { headers, ..Self::status(status, body) }
    }

    pub(crate) fn failed(cause: &'static str, error: &'static str) -> Self {
        Self { status: None, cause: Some(cause), error: Some(error), headers: Vec::new(), ..Self::status(0, "") }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn after(self, elapsed_ms: u64) -> Self {
        Self { elapsed_ms, ..self }
    }

    pub(crate) fn dated(self, ahead: i64) -> Self {
        Self { date: Some(ahead), ..self }
    }

    /// A refusal that the signature debugger explains by a mistake.
    pub(crate) fn mistaken(self, id: &str) -> Self {
        let fault = crow::domain::signature_debugger::signature_fault::SignatureFault::from_id(id).expect("a fault");
        let cause = SignatureCause {
            id: id.to_owned(),
            title: fault.title().to_owned(),
            difference: "as generated".into(),
            excerpt: None,
            resolution: fault.resolution().to_owned(),
        };
        let lab = SignatureReport { fit: SignatureFit::Explained, causes: vec![cause], n_tried: None };
        let check = SignatureCheck { lab, computed: Some("sha256=aa".into()), clock_ahead_seconds: None };
        Self { check: Some(check), ..self }
    }

    /// A refusal with a computed signature that no mistake explains.
    pub(crate) fn unexplained(self) -> Self {
        let lab = SignatureReport { fit: SignatureFit::Unexplained, causes: Vec::new(), n_tried: Some(2_493) };
        let check = SignatureCheck { lab, computed: Some("sha256=bb".into()), clock_ahead_seconds: None };
        Self { check: Some(check), ..self }
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

pub(crate) type Condition = Box<dyn Fn(&Delivered<'_>) -> bool + Send + Sync>;

/// Rule of a receiver.
pub(crate) struct Rule {
    pub(crate) holds: Condition,
    pub(crate) reply: Reply,
    /// Whether the rule is the fault that the world is about, whose rows are counted.
    pub(crate) is_fault: bool,
}

/// Endpoint of a subscription.
#[derive(Default)]
pub(crate) struct ReceiverModel {
    pub(crate) rules: Vec<Rule>,
    pub(crate) latency_ms: u64,
    /// Seconds by which the clock is ahead of the true time, if it sends a Date header.
    pub(crate) date: Option<i64>,
}

impl ReceiverModel {
    pub(crate) fn answer(&self, to: &Delivered<'_>) -> (Reply, bool) {
        for rule in &self.rules {
            if (rule.holds)(to) {
                return (rule.reply.clone(), rule.is_fault);
            }
        }
        let jitter = to.luck % 30;
        let accepted = Reply::status(200, r#"{"received":true}"#).after(self.latency_ms + jitter);
        (Reply { date: self.date, ..accepted }, false)
    }
}
