//! Signature debugger on the platform, where the secrets are: explains a refused signature from the receiver's
//! answer. No secret leaves the platform.

use super::error::Error;
use super::handle::Engine;
use crate::domain::attempt::HttpExchange;
use crate::domain::field_error::FieldError;
use crate::domain::ids::{AttemptId, OperatorId, SubscriptionId};
use crate::domain::secret::Secret;
use crate::domain::signature_debugger::sample::{OtherSecret, SearchBudget, SignatureDiagnosis, SignatureSample};
use crate::domain::signature_debugger::{self, MAX_CLOCK_SKEW, response_hints};
use crate::store;
use std::time::Duration;

/// Maximum time of a search; on a slow machine it ends before the budget of bytes does.
const MAX_SEARCH_TIME: Duration = Duration::from_secs(1);

/// Explanation of a refused signature.
#[derive(Debug, Clone)]
pub struct SignatureExplanation {
    /// Diagnosis of the signature debugger.
    pub diagnosis: SignatureDiagnosis,
    /// Signature that the receiver computed, if its answer names one.
    pub computed: Option<String>,
    /// Seconds by which the receiver's clock is ahead of the platform's.
    pub clock_ahead: Option<i64>,
}

impl Engine {
    /// Explains why a receiver refused the signature of an attempt, from the sent bytes, the stored answer and the
    /// secrets of the company's subscriptions. A `computed` signature given by the operator takes precedence over
    /// signatures in the answer. An operator has one explanation at a time; for large payloads fewer variants are
    /// tried.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `computed` is empty or longer than 200 characters, [`Error::NotFound`],
    /// [`Error::Contended`] when earlier explanations take too long; [`Error`] when the database cannot be read.
    pub async fn explain_signature(
        &self,
        operator: OperatorId,
        id: AttemptId,
        computed: Option<String>,
    ) -> Result<SignatureExplanation, Error> {
        if computed.as_ref().is_some_and(|text| !(1..=200).contains(&text.chars().count())) {
            return Err(Error::Invalid(vec![FieldError::new("computed", "must have 1 to 200 characters")]));
        }
        let permit = self.shared.work_gate.acquire(operator, &self.shared.ambient).await?;
        let (attempt, exchange, body) = self.attempt(id).await?;
        let of = attempt.subject;
        let found = self
            .shared
            .store
            .read(move |connection| {
                let mut sealed: Vec<(SubscriptionId, Vec<u8>)> = Vec::new();
                let ids = store::subscriptions::all(connection, Some(of.company))?.into_iter().map(|other| other.id);
                for id in std::iter::once(of.subscription).chain(ids.filter(|id| *id != of.subscription)) {
                    sealed.extend(store::subscriptions::secret(connection, id)?.map(|secret| (id, secret)));
                }
                Ok::<_, store::Error>(sealed)
            })
            .await?;
        let secrets: Vec<(String, Secret)> = found
            .iter()
            .map(|(id, sealed)| Ok((format!("subscription {id}"), self.unseal(*id, sealed)?)))
            .collect::<Result<_, Error>>()?;
        let received_at = header_value(&exchange.response_headers, "date").and_then(response_hints::http_date);
        let clock_ahead = received_at.map(|at| at - attempt.started_at.seconds());
        let elapsed = self.shared.ambient.stopwatch();
        // Diagnoses ask for many explanations from answers alone.
        let effort = if computed.is_some() { SearchBudget::ONE_SECOND } else { SearchBudget::QUICK };
        let effort = effort.until(move || elapsed.elapsed() >= MAX_SEARCH_TIME);
        let explain = move || explain_exchange((&exchange, &body), &secrets, received_at, (computed, effort));
        let (finding, computed) = permit.run(explain).await??;
        Ok(SignatureExplanation { diagnosis: finding, computed, clock_ahead })
    }
}

fn header_value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(there, _)| there.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn explain_exchange(
    (exchange, body): (&HttpExchange, &[u8]),
    secrets: &[(String, Secret)],
    received_at: Option<i64>,
    (told, mut effort): (Option<String>, SearchBudget),
) -> Result<(SignatureDiagnosis, Option<String>), Error> {
    let (_, secret) = secrets.first().ok_or_else(|| Error::NotFound("its subscription".to_owned()))?;
    let others: Vec<OtherSecret<'_>> = secrets[1..].iter().map(|(name, secret)| OtherSecret { name, secret }).collect();
    let sent = |name| header_value(&exchange.request_headers, name).unwrap_or_default();
    let (signature, timestamp) = (sent("x-wlcro-signature"), sent("x-wlcro-timestamp"));
    let mut answer = String::from_utf8_lossy(&exchange.response_body).into_owned();
    for (name, value) in &exchange.response_headers {
        answer.push_str(&format!("\n{name} {value}"));
    }
    let named = response_hints::possible_signatures(&answer);
    let computed: Vec<&str> = match &told {
        Some(told) => vec![told],
        None => named.iter().map(String::as_str).filter(|text| *text != signature).collect(),
    };
    let sample =
        SignatureSample { signature, timestamp, body, secret, others: &others, computed: &computed, received_at };
    let (finding, index) = signature_debugger::diagnose_signature_within(&sample, &mut effort);
    let about = index.map(|index| computed[index].to_owned());
    if told.is_some() {
        return Ok((finding, told));
    }
    if !matches!(finding, SignatureDiagnosis::Unexplained { .. }) || about.is_none() {
        return Ok((finding, about));
    }
    let is_stale = received_at
        .zip(timestamp.parse::<i64>().ok())
        .is_some_and(|(at, sent)| at.abs_diff(sent) > MAX_CLOCK_SKEW.as_secs());
    // A stale clock explains the refusal better than a signature that no known fault reproduces.
    if !is_stale {
        return Ok((finding, about));
    }
    let sample = SignatureSample { computed: &[], ..sample };
    Ok((signature_debugger::diagnose_signature_within(&sample, &mut effort).0, None))
}
