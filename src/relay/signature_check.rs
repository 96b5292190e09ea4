//! Check of a delivery's signature against the secrets of its path. Everything it relies on is signed.

use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::cause::CauseKind;
use crate::domain::secret::Secret;
use crate::domain::signature::SigningKey;
use crate::domain::signature_debugger;
use crate::domain::signature_debugger::response_hints;
use crate::domain::signature_debugger::sample::{OtherSecret, SearchBudget, SignatureDiagnosis, SignatureSample};
use crate::domain::signature_debugger::signature_fault::SignatureFault;
use crate::domain::text::Untrusted;
use crate::domain::token_bucket::{TokenBucket, TokenRate};
use crate::wire::receipts::{RefusalReason, SignatureResult};
use axum::http::HeaderMap;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
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
/// Beginning of the names of a delivery's headers.
const DELIVERY_HEADERS: &str = "x-wlcro-";
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
    /// Fault that explains the signature, as the id of its cause; `None` where none was looked for.
    pub(super) fault: Option<&'static str>,
}

impl DeliveryRefusal {
    pub(super) fn new(reason: RefusalReason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into(), fault: None }
    }

    fn explained(self, fault: Option<&'static str>) -> Self {
        Self { fault, ..self }
    }
}

/// Secrets of all paths, each path with its name.
pub(super) type ListenerSecrets = Arc<[(String, Arc<Vec<RouteSecret>>)]>;

/// Delivery with the parts that its signature depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedParts<'a> {
    pub(super) signature: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) body: &'a [u8],
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
    known: ListenerSecrets,
}

impl SignatureChecker {
    /// Creates a checker that recognises the secrets of all paths.
    pub(super) fn new(known: ListenerSecrets, ambient: &RuntimeEnv) -> Self {
        Self { ambient: ambient.clone(), clock: ambient.stopwatch(), debug_bucket: Mutex::default(), known }
    }

    /// Checks a delivery and reads its envelope. Headers that contradict the signed body are a sign of forgery.
    pub(super) fn check(
        &self,
        secrets: &Arc<Vec<RouteSecret>>,
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
        secrets: &Arc<Vec<RouteSecret>>,
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
            // A request without any header of a delivery is no delivery that lost its signature.
            let is_delivery = headers.keys().any(|name| name.as_str().starts_with(DELIVERY_HEADERS));
            let fault = is_delivery.then_some(SignatureFault::NoSignature.id());
            return Err(DeliveryRefusal::new(RefusalReason::NotSigned, "not signed").explained(fault));
        };
        let Ok(sent_at) = timestamp.parse::<i64>() else {
            return Err(DeliveryRefusal::new(RefusalReason::InvalidTimestamp, "timestamp is not a number"));
        };
        // The digits of a hex number have no case.
        let spelled = given.trim().to_ascii_lowercase();
        let matches = |secret: &RouteSecret| secret.key.sign(sent_at, body).as_bytes().ct_eq(spelled.as_bytes()).into();
        let Some(at) = secrets.iter().position(matches) else {
            return Err(self.mismatch(secrets, SignedParts { signature: given, timestamp, body }));
        };
        let off = self.ambient.now().seconds().abs_diff(sent_at);
        if off > MAX_SIGNATURE_AGE.as_secs() {
            let refusal = DeliveryRefusal::new(RefusalReason::StaleTimestamp, format!("signed {off} s from now"));
            return Err(refusal.explained(Some(SignatureFault::StaleClock.id())));
        }
        let secret_number = u32::try_from(at + 1).ok();
        Ok(AcceptedSignature { result: SignatureResult::Genuine, secret_number })
    }

    /// Says why a signature does not match. The signature debugger is asked only about small bodies and at a limited
    /// rate, because any sender could make it spend that time.
    fn mismatch(&self, secrets: &Arc<Vec<RouteSecret>>, of: SignedParts<'_>) -> DeliveryRefusal {
        let refusal = |why: String| DeliveryRefusal::new(RefusalReason::SignatureMismatch, why);
        let unexplained = refusal("signature mismatch: another secret, or a changed body".to_owned());
        if !self.may_debug(of.body) {
            return unexplained;
        }
        let others = self.other_secrets(|of_path, _| !Arc::ptr_eq(of_path, secrets));
        let found = secrets.iter().enumerate().find_map(|(n, RouteSecret { secret, .. })| {
            let others = if n == 0 { others.as_slice() } else { &[] };
            self.debug(secret, others, &[], of).1
        });
        match found {
            Some(found) => refusal(format!("signature mismatch: {}", found.title())).explained(Some(found.id())),
            None => unexplained.explained(Some(CauseKind::SignatureUnexplained.id())),
        }
    }

    /// Explains why a receiver refuses a delivery whose signature is valid for secret `number` of its path, from the
    /// signatures that its answer names. Returns the id of the cause; `None` if the answer names none, or at a rate
    /// beyond the limit.
    pub(super) fn explain_refusal(
        &self,
        (secrets, number): (&Arc<Vec<RouteSecret>>, u32),
        of: SignedParts<'_>,
        answer: &str,
    ) -> Option<&'static str> {
        let named = response_hints::possible_signatures(answer);
        let computed: Vec<&str> = named.iter().map(String::as_str).filter(|text| *text != of.signature).collect();
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        let secret = &secrets.get(at)?.secret;
        if computed.is_empty() || !self.may_debug(of.body) {
            return None;
        }
        let others = self.other_secrets(|of_path, n| !Arc::ptr_eq(of_path, secrets) || n != at);
        match self.debug(secret, &others, &computed, of) {
            (_, Some(fault)) => Some(fault.id()),
            (true, None) => None,
            (false, None) => Some(CauseKind::SignatureUnexplained.id()),
        }
    }

    fn may_debug(&self, body: &[u8]) -> bool {
        let mut bucket = self.debug_bucket.lock().unwrap_or_else(PoisonError::into_inner);
        body.len() <= MAX_DEBUGGED_BYTES && bucket.take(DEBUG_RATE, self.clock.elapsed())
    }

    /// Secrets that a filter keeps, of all paths.
    fn other_secrets(&self, is_kept: impl Fn(&Arc<Vec<RouteSecret>>, usize) -> bool) -> Vec<OtherSecret<'_>> {
        let mut others = Vec::new();
        for (name, of_path) in self.known.iter() {
            let kept = of_path.iter().enumerate().filter(|(n, _)| is_kept(of_path, *n));
            others.extend(kept.map(|(_, RouteSecret { secret, .. })| OtherSecret { name, secret }));
        }
        others
    }

    /// Asks the signature debugger. Returns whether the signature is genuine, and the first fault.
    fn debug(
        &self,
        secret: &Secret,
        others: &[OtherSecret<'_>],
        computed: &[&str],
        SignedParts { signature, timestamp, body }: SignedParts<'_>,
    ) -> (bool, Option<SignatureFault>) {
        let received_at = Some(self.ambient.now().seconds());
        let sample = SignatureSample { signature, timestamp, body, secret, others, computed, received_at };
        let mut effort = SearchBudget::QUICK;
        match signature_debugger::diagnose_signature_within(&sample, &mut effort).0 {
            SignatureDiagnosis::Genuine => (true, None),
            SignatureDiagnosis::Explained(found) => (false, found.first().map(|found| found.fault)),
            SignatureDiagnosis::Unexplained { .. } => (false, None),
        }
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
        let checker = SignatureChecker::new(Arc::new([]), &ambient);
        let secrets = Arc::new(vec![RouteSecret::new(secret(OLD)), RouteSecret::new(secret(NEW))]);
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
        let (accepted, envelope) = SignatureChecker::new(Arc::new([]), &ambient)
            .check(&Arc::default(), &HeaderMap::new(), BODY)
            .expect("accepted");
        assert_eq!(accepted, AcceptedSignature { result: SignatureResult::NotChecked, secret_number: None });
        assert_eq!((envelope.kind.as_deref(), envelope.company), (Some("lead.created"), Some(92)));
    }
}
