//! What a listener finds of a receiver's refusal: its subject, and the fault of a signature check. The answer itself is
//! not kept.

use super::signature_check::{RouteSecret, SignatureChecker, SignedParts};
use crate::domain::answer_topic::{AnswerParts, AnswerTopic};
use crate::domain::text::Untrusted;
use crate::wire::receipts::DeliveryReceipt;
use axum::body::Bytes;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, SERVER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName};
use std::sync::Arc;

/// Maximum number of bytes of a refusal that are read.
const MAX_REFUSAL_BYTES: usize = 4 << 10;
/// Header of answers that pass Cloudflare.
const CF_RAY: &str = "cf-ray";

/// Head of a refusal, as far as it tells who speaks.
#[derive(Debug)]
struct RefusalHead {
    status: u16,
    texts: [String; 3],
    has_challenge: bool,
    is_cloudflare: bool,
    /// Whether the body is compressed, so that its bytes are no text.
    is_encoded: bool,
}

/// Reader of a receiver's refusal.
pub(super) struct RefusalReader {
    checker: Arc<SignatureChecker>,
    secrets: Arc<Vec<RouteSecret>>,
    /// Position of the secret that the signature matches, from 1; `None` if it was not checked.
    secret_number: Option<u32>,
    signature: String,
    timestamp: String,
    /// Body of the delivery.
    sent: Bytes,
    /// Head of the answer, if that is a refusal, and the beginning of its body.
    refusal: Option<(RefusalHead, Vec<u8>)>,
}

impl RefusalReader {
    pub(super) fn new(
        (checker, secrets): (Arc<SignatureChecker>, Arc<Vec<RouteSecret>>),
        secret_number: Option<u32>,
        headers: &HeaderMap,
        sent: &Bytes,
    ) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Self {
            checker,
            secrets,
            secret_number,
            signature: text("x-wlcro-signature"),
            timestamp: text("x-wlcro-timestamp"),
            sent: sent.clone(),
            refusal: None,
        }
    }

    /// Notes the head of an answer.
    pub(super) fn see_head(&mut self, status: u16, headers: &HeaderMap) {
        if status < 300 {
            return;
        }
        let text = |name: HeaderName| {
            let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            value.unwrap_or_default()
        };
        let head = RefusalHead {
            status,
            texts: [SERVER, LOCATION, CONTENT_TYPE].map(text),
            has_challenge: headers.contains_key(WWW_AUTHENTICATE),
            is_cloudflare: headers.contains_key(CF_RAY),
            is_encoded: headers.contains_key(CONTENT_ENCODING),
        };
        self.refusal = Some((head, Vec::new()));
    }

    /// Sees a piece of the answer's body.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        if let Some((head, body)) = &mut self.refusal
            && !head.is_encoded
        {
            let room = MAX_REFUSAL_BYTES.saturating_sub(body.len());
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// Writes what was found into the receipt.
    pub(super) fn finish(self, receipt: &mut DeliveryReceipt) {
        let Some((head, body)) = &self.refusal else { return };
        let body = String::from_utf8_lossy(body);
        let [server, location, content_type] = &head.texts;
        let parts = AnswerParts {
            status: head.status,
            body: &body,
            server,
            location,
            content_type,
            has_challenge: head.has_challenge,
            is_cloudflare: head.is_cloudflare,
        };
        let topic = parts.topic();
        receipt.answer_topic = Some(Untrusted::new(topic.name()));
        if matches!(topic, AnswerTopic::Signature | AnswerTopic::Other)
            && let Some(number) = self.secret_number
        {
            let of = SignedParts { signature: &self.signature, timestamp: &self.timestamp, body: &self.sent };
            let fault = self.checker.explain_refusal((&self.secrets, number), of, &body);
            receipt.signature_fault = fault.map(Untrusted::new);
        }
    }
}
