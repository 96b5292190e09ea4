//! Secret check of a bundle by the platform. Secrets that the platform finds are masked; if a secret cannot be
//! masked, the bundle is withheld.

use super::bundle::{BundleError, ManifestDetails, TicketBundle, assemble_bundle};
use super::bundle_documents::{PlatformCheck, RedactionTally, SupportTicket};
use super::ticket_parts::TicketReporter;
use crate::domain::outbound::{SecretGate, SecretInTextError};
use crate::domain::scan::finding::{SecretEncoding, SecretKind};
use crate::wire::secretcheck::{SecretOccurrence, SecretScanReport};

/// Maximum size of a text in one request to the platform, in bytes; longer texts are sent in parts.
pub const MAX_CHECK_BYTES: usize = 1024 * 1024;
/// Overlap of two parts, in bytes, so that a secret at the border is found whole.
const PART_OVERLAP_BYTES: usize = 16 * 1024;
/// Mask for a secret that the platform finds.
const SECRET_MASK: &str = "[redacted secret of the platform]";

/// Secrets that a platform found in a bundle.
struct FoundSecrets {
    /// Secrets that are in `ticket.json`.
    json: Vec<SecretOccurrence>,
    /// Place of the first secret found.
    place: String,
    held: SecretInTextError,
}

impl FoundSecrets {
    fn error(self) -> BundleError {
        BundleError::Held { place: self.place, held: self.held }
    }
}

/// Has a platform search a bundle for secrets it stores; `ask` sends it a text. Secrets in the ticket are masked, and
/// the bundle is checked once more. If the platform cannot be asked the first time, the manifest says so.
///
/// # Errors
///
/// [`BundleError::Held`] when a secret is left that cannot be masked.
pub async fn check_with_platform<A: Future<Output = Result<SecretScanReport, String>>>(
    bundle: TicketBundle,
    gate: &SecretGate,
    ask: impl Fn(String) -> A,
) -> Result<TicketBundle, BundleError> {
    let found = match find_secrets(&bundle, gate, &ask).await {
        Ok(Some(found)) => found,
        Ok(None) => return rebuild_bundle(&bundle, bundle.ticket().clone(), 0, PlatformCheck::Passed, gate),
        Err(why) => return rebuild_bundle(&bundle, bundle.ticket().clone(), 0, PlatformCheck::Failed(why), gate),
    };
    let Some(ticket) = mask_ticket(&bundle, &found.json) else { return Err(found.error()) };
    if let Some(place) = changed_words(&bundle.ticket().reporter, &ticket.reporter) {
        return Err(BundleError::Held { place, held: found.held });
    }
    let mended = rebuild_bundle(&bundle, ticket, found.json.len(), PlatformCheck::Passed, gate)?;
    match find_secrets(&mended, gate, &ask).await {
        Ok(None) => Ok(mended),
        Ok(Some(left)) => Err(left.error()),
        // Without a second answer, the masked bundle may still hold the secret.
        Err(_) => Err(found.error()),
    }
}

/// Finds the reporter's words that a mask would change; they are never sent on in another form.
fn changed_words(before: &TicketReporter, after: &TicketReporter) -> Option<String> {
    let tried = before.tried.iter().zip(&after.tried).position(|(before, after)| before != after);
    let place = |name: &str| Some(format!("ticket.json at /reporter/{name}"));
    match tried {
        Some(at) => place(&format!("tried/{at}")),
        None if before.note != after.note => place("note"),
        None if before.contact != after.contact => place("contact"),
        None => None,
    }
}

/// Rebuilds the bundle of a ticket with the result of the check, and `n` more redactions.
fn rebuild_bundle(
    of: &TicketBundle,
    ticket: SupportTicket,
    n: usize,
    platform_check: PlatformCheck,
    gate: &SecretGate,
) -> Result<TicketBundle, BundleError> {
    let mut redactions = of.manifest().redactions.clone();
    if n > 0 {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        let redaction =
            RedactionTally { what: "a platform secret".to_owned(), n, fingerprints: Vec::new(), places: Vec::new() };
        redactions.push(redaction);
    }
    let about = ManifestDetails { created: of.manifest().created_utc, redactions, platform_check };
    assemble_bundle(ticket, about, gate)
}

/// Masks the secrets in `ticket.json`; `None` if the result is no valid ticket.
fn mask_ticket(bundle: &TicketBundle, found: &[SecretOccurrence]) -> Option<SupportTicket> {
    let json = bundle.files().iter().find(|file| file.name == TICKET_JSON)?;
    (!found.is_empty()).then(|| serde_json::from_str(&mask_text(json.text.as_str(), found)).ok())?
}

/// Name of the ticket's JSON file.
const TICKET_JSON: &str = "ticket.json";

async fn find_secrets<A: Future<Output = Result<SecretScanReport, String>>>(
    bundle: &TicketBundle,
    gate: &SecretGate,
    ask: &impl Fn(String) -> A,
) -> Result<Option<FoundSecrets>, String> {
    let mut first: Option<FoundSecrets> = None;
    for file in bundle.files() {
        let text = file.text.as_str();
        let mut there = search_text(text, ask).await?;
        there.retain(|of| !gate.is_allowed(&of.fingerprint));
        let Some(one) = there.first() else { continue };
        let offset = usize::try_from(one.offset).unwrap_or(usize::MAX).min(text.len());
        let line = text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
        let encoding = SecretEncoding::named(&one.encoding).unwrap_or(SecretEncoding::Clear);
        let held = SecretInTextError { line, kind: SecretKind::Known, encoding, fingerprint: one.fingerprint.clone() };
        let found = first.get_or_insert_with(|| FoundSecrets {
            json: Vec::new(),
            place: format!("{}: {} {}", file.name, one.kind.label(), one.id),
            held,
        });
        if file.name == TICKET_JSON {
            found.json = there;
        }
    }
    Ok(first)
}

/// Has the platform search a text, in parts if it is long.
async fn search_text<A: Future<Output = Result<SecretScanReport, String>>>(
    text: &str,
    ask: &impl Fn(String) -> A,
) -> Result<Vec<SecretOccurrence>, String> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let end = text.floor_char_boundary((at + MAX_CHECK_BYTES).min(text.len()));
        let part = ask(text[at..end].to_owned()).await?;
        found.extend(part.items.into_iter().map(|of| SecretOccurrence { offset: of.offset + at as u64, ..of }));
        at = if end == text.len() { end } else { text.floor_char_boundary(end - PART_OVERLAP_BYTES) };
    }
    Ok(found)
}

/// Replaces the secrets in a text with the mask.
fn mask_text(text: &str, found: &[SecretOccurrence]) -> String {
    let mut found: Vec<(usize, usize)> = found
        .iter()
        .filter_map(|of| {
            let start = usize::try_from(of.offset).ok()?;
            Some((start, start.checked_add(usize::try_from(of.length).ok()?)?))
        })
        .collect();
    found.sort_unstable();
    let (mut told, mut at) = (String::with_capacity(text.len()), 0);
    for (start, end) in found {
        let start = text.floor_char_boundary(start).max(at);
        let end = text.ceil_char_boundary(end).max(start);
        told.push_str(&text[at..start]);
        told.push_str(SECRET_MASK);
        at = end;
    }
    told.push_str(&text[at..]);
    told
}
