//! `crow verify`: runs the signature debugger on what a receiver has. Nothing leaves this process.

use super::arguments::diagnosis::VerifyArgs;
use super::failure::CommandFailure;
use super::output::print_safe;
use crate::domain::secret::Secret;
use crate::domain::signature_debugger::sample::{OtherSecret, SignatureDiagnosis, SignatureSample};
use crate::domain::signature_debugger::signature_fault::{DetectedFault, SignatureFault};
use crate::domain::signature_debugger::{self, headers};
use crate::domain::text::Untrusted;
use crate::files;
use crate::tui::runtime::prompt;
use crate::wire::signature_check::{SignatureFit, SignatureReport};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

/// Maximum size of the body or header file that is read, in bytes.
const MAX_INPUT_BYTES: u64 = 2 * 1024 * 1024;

pub(super) fn run(asked: &VerifyArgs) -> Result<ExitCode, CommandFailure> {
    let head = asked.headers.as_deref().map(HeadersFile::read).transpose()?;
    let header = |given: &Option<String>, name| match (given, &head) {
        (Some(given), _) => Ok(Some(given.clone())),
        (None, Some(head)) => head.value(name),
        (None, None) => Err(CommandFailure::usage(
            format!("{name} is missing"),
            "give the headers as they arrived with --headers FILE, or --signature and --timestamp",
        )),
    };
    let (signature, timestamp) =
        match (header(&asked.signature, SIGNATURE_HEADER)?, header(&asked.timestamp, TIMESTAMP_HEADER)?) {
            (Some(signature), Some(timestamp)) => (signature, timestamp),
            (signature, _) => {
                let missing = if signature.is_none() { SIGNATURE_HEADER } else { TIMESTAMP_HEADER };
                return head.map_or(Ok(ExitCode::from(2)), |head| head.report_missing(missing, asked));
            }
        };
    let body = read_bytes(&asked.body)?;
    let secret = match &asked.secret_file {
        Some(file) => read_secret(file)?,
        None => prompt_secret(asked)?,
    };
    let others: Vec<(&str, Secret)> = asked
        .other
        .iter()
        .map(|(name, file)| Ok((name.as_str(), read_secret(file)?)))
        .collect::<Result<_, CommandFailure>>()?;
    let others: Vec<OtherSecret<'_>> = others.iter().map(|(name, secret)| OtherSecret { name, secret }).collect();
    let computed: Vec<&str> = asked.computed.as_deref().into_iter().collect();
    let finding = signature_debugger::diagnose_signature(&SignatureSample {
        signature: &signature,
        timestamp: &timestamp,
        body: &body,
        secret: &secret,
        others: &others,
        computed: &computed,
        received_at: asked.received_at,
    });
    print_finding(&finding, asked)
}

/// Prints the result; exit code 0 if the signature matches, 1 if not.
fn print_finding(finding: &SignatureDiagnosis, asked: &VerifyArgs) -> Result<ExitCode, CommandFailure> {
    let lab = SignatureReport::from(finding);
    if asked.json {
        let json = serde_json::to_string_pretty(&lab).map_err(|error| CommandFailure::failed(error.to_string(), ""))?;
        print_safe(&json)?;
    } else {
        print_safe(format_finding(&lab).trim_end())?;
    }
    Ok(ExitCode::from(u8::from(*finding != SignatureDiagnosis::Genuine)))
}

/// Header that carries the signature.
const SIGNATURE_HEADER: &str = "X-Wlcro-Signature";
/// Header that carries the time of signing.
const TIMESTAMP_HEADER: &str = "X-Wlcro-Timestamp";
/// Headers that every delivery carries.
const DELIVERY_HEADERS: [&str; 6] = [
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    "X-Wlcro-Event-Id",
    "X-Wlcro-Event-Type",
    "X-Wlcro-Delivery-Id",
    "X-Wlcro-Attempt",
];
/// Maximum number of characters of a line that an error quotes.
const MAX_QUOTED_CHARS: usize = 60;

/// File with the headers of a request.
struct HeadersFile {
    file: String,
    text: String,
}

impl HeadersFile {
    fn read(path: &Path) -> Result<Self, CommandFailure> {
        Ok(Self { file: path.display().to_string(), text: headers::decode(&read_bytes(path)?) })
    }

    /// Returns the value of a header; `None` if it is missing.
    fn value(&self, name: &str) -> Result<Option<String>, CommandFailure> {
        let mut values = headers::header_values(&self.text, name);
        if values.len() > 1 {
            return Err(CommandFailure::usage(
                format!("could not run: {} different headers {name} in {}", values.len(), self.file),
                "keep the headers of one request; receivers reject duplicates",
            ));
        }
        Ok(values.pop())
    }

    /// Reports a missing header. If other headers of the delivery are present, a proxy may have dropped it; otherwise
    /// the file does not hold the headers of a delivery.
    fn report_missing(&self, name: &str, asked: &VerifyArgs) -> Result<ExitCode, CommandFailure> {
        let other = DELIVERY_HEADERS
            .into_iter()
            .find(|other| *other != name && !headers::header_values(&self.text, other).is_empty());
        if let Some(other) = other {
            let what = format!("{} has {other} but not {name}: a proxy may drop headers", self.file);
            return print_finding(
                &SignatureDiagnosis::Explained(vec![DetectedFault::new(SignatureFault::NoSignature, what)]),
                asked,
            );
        }
        let n = headers::lines(&self.text).count();
        let first: String =
            headers::lines(&self.text).next().unwrap_or_default().chars().take(MAX_QUOTED_CHARS).collect();
        let seen = if n == 0 {
            "the file is empty".to_owned()
        } else {
            format!("{}, first: {}", crate::text::count(n, "line"), Untrusted::new(first).sanitized())
        };
        Err(CommandFailure::usage(format!("could not run: no header {name} in {}", self.file), seen))
    }
}

fn format_finding(lab: &SignatureReport) -> String {
    let mut text = String::new();
    let _ = match (lab.fit, lab.n_tried) {
        (SignatureFit::Genuine, _) => writeln!(
            text,
            "the signature is valid; if the receiver rejects it, add the signature it computes with --computed and its clock with \
             --received-at"
        ),
        (SignatureFit::Explained, _) => writeln!(text, "the signature does not match; cause found"),
        (SignatureFit::Unexplained, n_tried) => writeln!(
            text,
            "the signature does not match, and none of {} variants does: the secret is a different one, or the body was changed in \
             an unknown way",
            n_tried.unwrap_or_default()
        ),
    };
    for cause in &lab.causes {
        let _ = writeln!(text, "\ncause: {} ({})", cause.title, cause.id);
        let excerpt = cause.excerpt.as_ref().map_or_else(String::new, |text| format!(": {}", text.sanitized()));
        let _ = writeln!(text, "       {}{excerpt}", cause.difference.sanitized());
        let _ = writeln!(text, "       {}", cause.resolution);
    }
    text
}

fn unreadable_file(path: &Path, why: impl std::fmt::Display) -> CommandFailure {
    CommandFailure::usage(format!("{}: {why}", path.display()), "give a readable file")
}

/// Reads a file, or standard input, unchanged.
fn read_bytes(path: &Path) -> Result<Vec<u8>, CommandFailure> {
    files::read_named(path, MAX_INPUT_BYTES)
        .map(|mut bytes| std::mem::take(&mut *bytes))
        .map_err(|error| unreadable_file(path, error))
}

/// Reads a secret as the receiver does: everything in the file except one final line break, which editors add.
fn read_secret(path: &Path) -> Result<Secret, CommandFailure> {
    let text = String::from_utf8(read_bytes(path)?).map_err(|_| unreadable_file(path, "not UTF-8 text"))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err(unreadable_file(path, "it contains no secret"));
    }
    Ok(Secret::new(text.to_owned()))
}

/// Prompts for the secret on the terminal without showing it.
fn prompt_secret(asked: &VerifyArgs) -> Result<Secret, CommandFailure> {
    let what_to_do = "give it with --secret-file FILE";
    if asked.body == Path::new("-") || !std::io::stdin().is_terminal() {
        return Err(CommandFailure::usage(
            "cannot prompt for the signing secret: standard input is not a terminal",
            what_to_do,
        ));
    }
    match prompt::secret("signing secret") {
        Ok(Some(secret)) if !secret.reveal().is_empty() => Ok(secret),
        Ok(_) => Err(CommandFailure::usage("no signing secret given", what_to_do)),
        Err(error) => Err(CommandFailure::usage(format!("cannot read the terminal: {error}"), what_to_do)),
    }
}
