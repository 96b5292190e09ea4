//! Signature debugger with the secret that a receiver holds. It runs in this process: the secret never leaves it, and
//! the platform is asked about a signature only.

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::secret::Secret;
use crate::domain::signature::sign;
use crate::domain::signature_debugger;
use crate::domain::signature_debugger::sample::{SignatureDiagnosis, SignatureSample};
use crate::domain::signature_debugger::signature_fault::{DetectedFault, SignatureFault};
use crate::domain::text::Untrusted;
use crate::wire::attempts::{AttemptDetail, HttpHeader};
use crate::wire::paths;
use crate::wire::problem::ProblemCode;
use crate::wire::signature_check::{SignatureCause, SignatureCheck, SignatureFit, SignatureReport};
use std::sync::Arc;

/// Debugs an attempt's signature with the secret that its receiver holds. If the secret does not match, the
/// platform is asked whose secret it is; an observer cannot tell.
///
/// # Errors
///
/// One line for the operator that says what is missing for the check.
pub async fn check_with_secret(
    portal: &PlatformClient,
    detail: &AttemptDetail,
    secret: Arc<Secret>,
) -> Result<SignatureCheck, String> {
    let header = |name: &str| header_value(&detail.request_headers, name).ok_or(format!("the attempt has no {name}"));
    let (signature, timestamp) = (header("X-Wlcro-Signature")?, header("X-Wlcro-Timestamp")?);
    if detail.redacted {
        return Err(
            "your role sees redacted bodies, which cannot be verified; ask an admin, or run crow verify on the body that the \
                    receiver got"
                .to_owned(),
        );
    }
    let body = detail.request_body.bytes().ok_or("the stored body is incomplete")?;
    let sent_at: i64 = timestamp.parse().map_err(|_| "the attempt's timestamp is unreadable".to_owned())?;
    // The search takes up to a second of CPU time, too long for an async worker.
    let work = move || {
        let finding = signature_debugger::diagnose_signature(&SignatureSample {
            signature: &signature,
            timestamp: &timestamp,
            body: &body,
            secret: &secret,
            others: &[],
            computed: &[],
            received_at: None,
        });
        (finding, sign(&secret, sent_at, &body))
    };
    let (finding, own) = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
    let told = |lab| SignatureCheck { lab, computed: Some(Untrusted::new(own.as_str())), clock_ahead_seconds: None };
    match finding {
        SignatureDiagnosis::Unexplained { .. } => {
            let path = paths::with_value(paths::ATTEMPT_SIGNATURE, detail.row.id);
            let asked = portal.get_any(&path, &[("computed", own.clone())]).await;
            let check: SignatureCheck = match asked {
                Ok(check) => check,
                Err(Error::Refused { problem }) if problem.code == ProblemCode::NotObservable => {
                    return Ok(told(wrong_secret("whether it belongs to another subscription cannot be checked here")));
                }
                Err(error) => return Err(Untrusted::new(error.to_string()).sanitized()),
            };
            Ok(match check.lab.fit {
                SignatureFit::Explained => check,
                SignatureFit::Genuine | SignatureFit::Unexplained => {
                    told(wrong_secret("no other subscription of this company has it either"))
                }
            })
        }
        finding => Ok(told(SignatureReport::from(&finding))),
    }
}

/// Creates the verdict that the secret is another one.
fn wrong_secret(whose: &str) -> SignatureReport {
    let what = format!("the secret entered does not produce the signature that was sent; {whose}");
    let cause = SignatureCause::from(&DetectedFault::new(SignatureFault::WrongSecret, what));
    SignatureReport { fit: SignatureFit::Explained, causes: vec![cause], n_tried: None }
}

fn header_value(headers: &[HttpHeader], name: &str) -> Option<String> {
    let header = headers.iter().find(|header| header.name.raw().eq_ignore_ascii_case(name))?;
    Some(header.value.raw().to_owned())
}
