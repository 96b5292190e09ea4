//! Check of a delivery's signature against the secrets of its path. Everything it relies on is signed.

use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::secret::Secret;
use crate::domain::signature::SigningKey;
use crate::domain::signature_debugger;
use crate::domain::signature_debugger::sample::{SearchBudget, SignatureSample};
use crate::domain::text::Untrusted;
use crate::domain::token_bucket::{TokenBucket, TokenRate};
use crate::wire::receipts::{RefusalReason, SignatureResult};
use crate::wire::signature_check::SignatureReport;
use axum::http::HeaderMap;
use serde::Deserialize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// Maximum number of secrets of one path.
pub const MAX_SECRETS: usize = 8;
/// Maximum difference between a timestamp and this machine's clock.
const MAX_SIGNATURE_AGE: Duration = Duration::from_secs(300);
/// Maximum size of a body, in bytes, that the signature debugger looks at. A larger one with a wrong signature could
/// come from any sender and would cost time.
const MAX_DEBUGGED_BYTES: usize = 16 * 1024;
/// Rate at which the signature debugger looks for the cause of a mismatch.
const DEBUG_RATE: TokenRate = TokenRate { burst: 10, interval: Duration::from_secs(6) };
/// Headers that a signature depends on.
const SIGNED_HEADERS: [&str; 2] = ["x-wlcro-signature", "x-wlcro-timestamp"];

/// Secret of a path, ready to check signatures.
#[derive(Debug)]
pub(super) struct RouteSecret {
    secret: Secret,
    key: SigningKey,
}

impl RouteSecret {
    pub(super) fn new(secret: Secret) -> Self {
        Self { key: SigningKey::new(&secret), secret }
    }
}

/// Signature that was found valid, or had no secret to be checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AcceptedSignature {
    pub(super) result: SignatureResult,
    /// Position of the secret among those of the path, from 1.
    pub(super) secret_number: Option<u32>,
}

/// Refusal of a delivery, with its reason as a word and in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeliveryRefusal {
    pub(super) reason: RefusalReason,
    pub(super) why: String,
}

impl DeliveryRefusal {
    pub(super) fn new(reason: RefusalReason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into() }
    }
}

/// Members of an envelope that a receipt names; each is `None` if missing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct EnvelopeFields {
    pub(super) id: Option<i64>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(rename = "companyId")]
    pub(super) company: Option<i64>,
}

/// Checks signatures, and searches for the causes of mismatches at a limited rate.
#[derive(Debug)]
pub(super) struct SignatureChecker {
    ambient: RuntimeEnv,
    clock: Stopwatch,
    debug_bucket: Mutex<TokenBucket>,
}

impl SignatureChecker {
    pub(super) fn new(ambient: &RuntimeEnv) -> Self {
        Self { ambient: ambient.clone(), clock: ambient.stopwatch(), debug_bucket: Mutex::default() }
    }

    /// Checks a delivery and reads its envelope. Headers that contradict the signed body are a sign of forgery.
    pub(super) fn check(
        &self,
        secrets: &[RouteSecret],
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(AcceptedSignature, EnvelopeFields), DeliveryRefusal> {
        let accepted = self.check_signature(secrets, headers, body)?;
        let envelope: EnvelopeFields = serde_json::from_slice(body).unwrap_or_default();
        match contradiction(headers, &envelope) {
            Some(why) => Err(DeliveryRefusal::new(RefusalReason::ContradictingHeaders, why)),
            None => Ok((accepted, envelope)),
        }
    }

    fn check_signature(
        &self,
        secrets: &[RouteSecret],
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<AcceptedSignature, DeliveryRefusal> {
        if secrets.is_empty() {
            return Ok(AcceptedSignature { result: SignatureResult::NotChecked, secret_number: None });
        }
        if let Some(name) = SIGNED_HEADERS.into_iter().find(|name| is_ambiguous(headers, name)) {
            // Another receiver could take either value, so neither is accepted.
            let why = format!("header {name} appears more than once, with different values");
            return Err(DeliveryRefusal::new(RefusalReason::AmbiguousHeader, why));
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let [Some(given), Some(timestamp)] = SIGNED_HEADERS.map(text) else {
            return Err(DeliveryRefusal::new(RefusalReason::NotSigned, "not signed"));
        };
        let Ok(sent_at) = timestamp.parse::<i64>() else {
            return Err(DeliveryRefusal::new(RefusalReason::InvalidTimestamp, "timestamp is not a number"));
        };
        // The digits of a hex number have no case.
        let spelled = given.trim().to_ascii_lowercase();
        let matches = |secret: &RouteSecret| secret.key.sign(sent_at, body).as_bytes().ct_eq(spelled.as_bytes()).into();
        let Some(at) = secrets.iter().position(matches) else {
            let why = self.mismatch(secrets, (given, timestamp), body);
            return Err(DeliveryRefusal::new(RefusalReason::SignatureMismatch, why));
        };
        let off = self.ambient.now().seconds().abs_diff(sent_at);
        if off > MAX_SIGNATURE_AGE.as_secs() {
            return Err(DeliveryRefusal::new(RefusalReason::StaleTimestamp, format!("signed {off} s from now")));
        }
        let secret_number = u32::try_from(at + 1).ok();
        Ok(AcceptedSignature { result: SignatureResult::Genuine, secret_number })
    }

    /// Says why a signature does not match. The signature debugger is asked only about small bodies and at a limited
    /// rate, because any sender could make it spend that time.
    fn mismatch(&self, secrets: &[RouteSecret], (signature, timestamp): (&str, &str), body: &[u8]) -> String {
        let unexplained = "signature mismatch: another secret, or a changed body";
        let is_permitted = || {
            let mut bucket = self.debug_bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.take(DEBUG_RATE, self.clock.elapsed())
        };
        if body.len() > MAX_DEBUGGED_BYTES || !is_permitted() {
            return unexplained.to_owned();
        }
        let received_at = Some(self.ambient.now().seconds());
        let cause = secrets.iter().find_map(|RouteSecret { secret, .. }| {
            let sample =
                SignatureSample { signature, timestamp, body, secret, others: &[], computed: &[], received_at };
            let mut effort = SearchBudget::QUICK;
            let found = SignatureReport::from(&signature_debugger::diagnose_signature_within(&sample, &mut effort).0);
            found.causes.into_iter().next()
        });
        cause.map_or_else(|| unexplained.to_owned(), |cause| format!("signature mismatch: {}", cause.title))
    }
}

/// Checks whether a header is present more than once with different values.
fn is_ambiguous(headers: &HeaderMap, name: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    values.any(|value| Some(value) != first)
}

/// Compares the unsigned headers with the signed body; returns what contradicts.
fn contradiction(headers: &HeaderMap, envelope: &EnvelopeFields) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let named = text("x-wlcro-event-id").and_then(|id| id.parse::<i64>().ok());
    if let (Some(named), Some(id)) = (named, envelope.id)
        && named != id
    {
        return Some(format!("event {named} in the header, {id} in the body: possibly forged"));
    }
    match (text("x-wlcro-event-type"), &envelope.kind) {
        (Some(named), Some(kind)) if named != kind => {
            let (named, kind) = (Untrusted::new(named).sanitized(), Untrusted::new(kind.as_str()).sanitized());
            Some(format!("type {named} in the header, {kind} in the body: possibly forged"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signature::sign;
    use crate::domain::time::Timestamp;
    use axum::http::HeaderValue;

    const OLD: &str = "whsec-that-is-being-replaced-01";
    const NEW: &str = "whsec-that-replaces-it-01234567";
    const BODY: &[u8] = br#"{"id":7,"type":"lead.created","companyId":92}"#;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::try_from(value).expect("a value"));
        }
        headers
    }

    #[test]
    fn either_secret_of_a_rotation_is_accepted_and_every_other_sign_is_refused() {
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(1_790_000_000_000), 1);
        let checker = SignatureChecker::new(&ambient);
        let secrets = [RouteSecret::new(secret(OLD)), RouteSecret::new(secret(NEW))];
        let now = ambient.now().seconds();
        let signed = |with: &str, at: i64| {
            [("x-wlcro-timestamp", at.to_string()), ("x-wlcro-signature", sign(&secret(with), at, BODY))]
        };
        let check = |pairs: &[(&'static str, String)]| {
            checker
                .check(&secrets, &headers(pairs), BODY)
                .map(|(accepted, envelope)| (accepted.secret_number, envelope.id))
        };
        assert_eq!(check(&signed(OLD, now)), Ok((Some(1), Some(7))));
        assert_eq!(check(&signed(NEW, now - 300)), Ok((Some(2), Some(7))));
        let mut loud = signed(NEW, now);
        loud[1].1 = loud[1].1.to_uppercase();
        assert_eq!(check(&loud), Ok((Some(2), Some(7))));
        let refused = |pairs: &[(&'static str, String)]| check(pairs).expect_err("refused").reason;
        let with = |more: (&'static str, &str)| {
            let mut pairs = signed(NEW, now).to_vec();
            pairs.push((more.0, more.1.to_owned()));
            pairs
        };
        assert_eq!(refused(&signed(NEW, now - 301)), RefusalReason::StaleTimestamp);
        assert_eq!(refused(&signed("another secret, not of this path", now)), RefusalReason::SignatureMismatch);
        assert_eq!(refused(&signed(NEW, now)[..1]), RefusalReason::NotSigned);
        assert_eq!(refused(&with(("x-wlcro-signature", "sha256=00"))), RefusalReason::AmbiguousHeader);
        assert_eq!(refused(&with(("x-wlcro-event-id", "8"))), RefusalReason::ContradictingHeaders);
        assert_eq!(refused(&with(("x-wlcro-event-type", "payment.failed"))), RefusalReason::ContradictingHeaders);
        let odd = [("x-wlcro-timestamp", "soon".to_owned()), ("x-wlcro-signature", "sha256=00".to_owned())];
        assert_eq!(refused(&odd), RefusalReason::InvalidTimestamp);
    }

    #[test]
    fn without_a_secret_nothing_is_checked_and_the_body_is_read_all_the_same() {
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(1_790_000_000_000), 1);
        let (accepted, envelope) =
            SignatureChecker::new(&ambient).check(&[], &HeaderMap::new(), BODY).expect("accepted");
        assert_eq!(accepted, AcceptedSignature { result: SignatureResult::NotChecked, secret_number: None });
        assert_eq!((envelope.kind.as_deref(), envelope.company), (Some("lead.created"), Some(92)));
    }
}
