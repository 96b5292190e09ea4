//! Pane 0 (Escalate), drawn: preview of the ticket, with its scope, files, reasons, redactions and gaps.

use crate::diagnose::incident::IncidentScope;
use crate::domain::text::Untrusted;
use crate::export::bundle::TicketBundle;
use crate::export::bundle_documents::{BundleManifest, SupportTicket};
use crate::export::bundle_reader::VerifiedBundle;
use crate::export::ticket_markdown;
use crate::text;
use crate::tui::panes::diagnose_result;
use crate::tui::state::app::App;
use crate::tui::state::escalate::{BundleStage, EscalateState, HeldPassage, ReleaseQuestion};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::Theme;
use ratatui::text::Line;

/// Title of the pane, with the scope of the bundle.
#[must_use]
pub fn title(desk: &EscalateState) -> String {
    match desk.scope.subjects.as_slice() {
        [] => "0 Escalate".to_owned(),
        [one] => format!("0 Escalate: ticket for {}", diagnose_result::scope(*one)),
        several => format!("0 Escalate: ticket for {} subjects", several.len()),
    }
}

/// Function that wraps a text into lines of a style role.
type WriteLines<'s> = &'s dyn Fn(&str, StyleRole) -> Vec<Line<'static>>;

/// Lines of the pane for its present stage.
#[must_use]
pub fn lines(app: &App, width: usize) -> Vec<Line<'static>> {
    let theme = app.theme();
    let say = |text: &str, role: StyleRole| -> Vec<Line<'static>> {
        format::wrap_words(&Untrusted::new(text).sanitized(), width)
            .into_iter()
            .map(|line| Line::styled(line, theme.style(role)))
            .collect()
    };
    let mut lines = Vec::new();
    match &app.escalate_state.stage {
        BundleStage::None => lines.extend(say("No ticket yet.", StyleRole::Dim)),
        BundleStage::Collecting => {
            lines.extend(say("Running the matching playbooks and collecting data \u{2026}", StyleRole::Dim));
        }
        BundleStage::Failed(failure) => {
            lines.extend(say(&failure.why, StyleRole::Trouble));
            let release = if failure.held.is_some() { "; r releases the passage if it is not a secret" } else { "" };
            let hint = format!("o leaves out response bodies, e changes your words{release}.");
            lines.extend(say(&hint, StyleRole::Text));
        }
        BundleStage::Releasing(question) => lines.extend(question_lines(question, &say)),
        BundleStage::Ready(bundle) => {
            lines.extend(say(
                "W writes the ticket to the directory where the console was started. The ticket was searched for secrets; those found are redacted.",
                StyleRole::Accent,
            ));
            if app.escalate_state.stage.has_passages() {
                lines.extend(say("r releases a redacted passage that is not a secret.", StyleRole::Accent));
            }
            lines.extend(preview(app, bundle, &say));
            return lines;
        }
        BundleStage::Confirming(bundle) => {
            let folder = bundle.folder();
            let question = format!(
                "Write {folder} to the directory where the console was started? y writes a folder, z writes {folder}.zip, n cancels."
            );
            lines.extend(say(&question, StyleRole::Strong));
            lines.extend(preview(app, bundle, &say));
            return lines;
        }
        BundleStage::Written(bundle, path) => {
            lines.extend(say(&format!("Saved to {path}"), StyleRole::Accent));
            lines.extend(say("crow open shows it again. 0 collects a new ticket.", StyleRole::Dim));
            lines.extend(preview(app, bundle, &say));
            return lines;
        }
    }
    lines.push(Line::default());
    lines.extend(about(app, &say));
    lines
}

/// Question whether to release a passage: its kind, place and fingerprint, never the passage itself.
fn question_lines(question: &ReleaseQuestion, say: WriteLines<'_>) -> Vec<Line<'static>> {
    let HeldPassage { kind, places, fingerprint } = question.passage();
    let n_of_kind = question.passages.iter().filter(|other| other.kind == *kind).count();
    let place = match (places.as_slice(), n_of_kind) {
        ([], _) => "in the ticket".to_owned(),
        ([one], _) => one.clone(),
        (several, 1) => several.join(", "),
        (several, n) => format!("one of {} for {n} passages of this kind", several.join(", ")),
    };
    let kept = if matches!(question.before, BundleStage::Failed(_)) { "held back" } else { "redacted" };
    let mut answers = format!("y releases the passage and collects the ticket again, n keeps it {kept}");
    if question.passages.len() > 1 {
        answers += &format!(", r asks about the next one ({} of {})", question.at + 1, question.passages.len());
    }
    let mut lines = say(
        "Release this passage? The ticket then contains the passage unredacted, and the manifest says so.",
        StyleRole::Strong,
    );
    lines.extend(say(&format!("Kind: {kind}"), StyleRole::Text));
    lines.extend(say(&format!("Place: {place}"), StyleRole::Text));
    lines.extend(say(&format!("Fingerprint: {fingerprint}"), StyleRole::Text));
    lines.extend(say(
        "The passage is not shown here. Release it only if you know that it is not a secret.",
        StyleRole::Warning,
    ));
    lines.extend(say(&format!("{answers}."), StyleRole::Accent));
    lines
}

/// Subjects of the bundle, and the items that were picked.
fn about(app: &App, say: WriteLines<'_>) -> Vec<Line<'static>> {
    let IncidentScope { subjects, selection: picked, .. } = &app.escalate_state.scope;
    let named: Vec<String> = subjects.iter().map(|subject| diagnose_result::scope(*subject)).collect();
    let mut lines = say(&format!("About: {}", named.join(", ")), StyleRole::Text);
    let part = |noun: &str, ids: Vec<String>| (!ids.is_empty()).then(|| format!("{noun} {}", ids.join(", ")));
    let parts = [
        part("attempts", picked.attempts.iter().map(ToString::to_string).collect()),
        part("events", picked.events.iter().map(ToString::to_string).collect()),
        part("requests", picked.requests.iter().map(ToString::to_string).collect()),
        part("notes on", picked.notes.iter().map(|(about, _)| about.clone()).collect()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        lines.extend(say(&format!("Added with b: {}", parts.join("; ")), StyleRole::Text));
    }
    lines
}

fn preview(app: &App, bundle: &TicketBundle, say: WriteLines<'_>) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    lines.extend(about(app, say));
    lines.push(Line::default());
    let files: Vec<(&str, u64)> =
        bundle.files().iter().map(|file| (file.name, file.text.as_str().len() as u64)).collect();
    lines.extend(tree(bundle.folder(), &files, say));
    lines.push(Line::default());
    lines.extend(inside(bundle.ticket(), bundle.manifest(), say));
    lines
}

/// Preview of a bundle that was read from `place`.
#[must_use]
pub fn opened_bundle_lines(of: &VerifiedBundle, place: &str, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let say = |text: &str, role: StyleRole| -> Vec<Line<'static>> {
        let lines = format::wrap_words(&Untrusted::new(text).sanitized(), width);
        lines.into_iter().map(|line| Line::styled(line, theme.style(role))).collect()
    };
    let manifest = &of.manifest;
    let made = format!("Created {} by crow {}; no file was changed since.", manifest.created_utc, manifest.crow);
    let mut lines = say(&made, StyleRole::Accent);
    lines.push(Line::default());
    let files: Vec<(&str, u64)> = manifest.files.iter().map(|entry| (entry.name.as_str(), entry.n_bytes)).collect();
    lines.extend(tree(place, &files, &say));
    lines.push(Line::default());
    lines.extend(inside(&of.ticket, manifest, &say));
    lines
}

/// Content of a bundle: counts, advice whether to escalate, redactions, gaps, and the ticket.
fn inside(ticket: &SupportTicket, manifest: &BundleManifest, say: WriteLines<'_>) -> Vec<Line<'static>> {
    let mut lines = contents(ticket, say);
    for reason in &ticket.reasons {
        lines.extend(say(&format!("{}: {} ({})", reason.label(), reason.text, reason.id), StyleRole::Strong));
    }
    lines.extend(say(&manifest.platform_check.to_string(), StyleRole::Dim));
    let redactions = &manifest.redactions;
    if redactions.is_empty() {
        lines.extend(say("Redacted: nothing", StyleRole::Dim));
    }
    for redaction in redactions {
        lines.extend(say(&redaction.to_string(), StyleRole::Dim));
    }
    if !manifest.released.is_empty() {
        lines.extend(say(&format!("Released: {}", manifest.released.join(", ")), StyleRole::Dim));
    }
    for open in &ticket.undecided {
        lines.extend(say(&format!("Not decided: {open}"), StyleRole::Dim));
    }
    for missing in &ticket.missing {
        lines.extend(say(&format!("Not included: {missing}"), StyleRole::Dim));
    }
    lines.push(Line::default());
    for line in ticket_markdown::write_ticket(ticket).lines() {
        if line.is_empty() { lines.push(Line::default()) } else { lines.extend(say(line, StyleRole::Text)) }
    }
    lines
}

/// Files of the bundle as a tree with sizes.
fn tree(folder: &str, files: &[(&str, u64)], say: WriteLines<'_>) -> Vec<Line<'static>> {
    let n_bytes: u64 = files.iter().map(|(_, n)| n).sum();
    let n_files = text::count(files.len(), "file");
    let mut lines = say(&format!("{folder}/   {n_files}, {}", text::count(n_bytes, "byte")), StyleRole::Strong);
    for (at, (name, n)) in files.iter().enumerate() {
        let mark = if at + 1 == files.len() { "└─" } else { "├─" };
        let what = match *name {
            "ticket.md" => "to read",
            "ticket.json" => "for tools",
            "manifest.json" => "hashes, time range, redactions",
            _ => "",
        };
        lines.extend(say(&format!("{mark} {name:<14} {:>10} bytes   {what}", text::number(*n)), StyleRole::Text));
    }
    lines
}

/// Counts of what the ticket contains.
fn contents(ticket: &SupportTicket, say: WriteLines<'_>) -> Vec<Line<'static>> {
    let parts = [
        text::several(ticket.failures.len(), "delivery", "deliveries"),
        text::count(ticket.requests.len(), "request"),
        text::count(ticket.events.len(), "event"),
        text::count(ticket.keys.len(), "key"),
        text::count(ticket.subscriptions.len(), "subscription"),
        text::count(ticket.playbooks.len(), "playbook"),
        text::count(ticket.notes.len(), "note"),
    ];
    let mut lines = say(&format!("Contents: {}", parts.join(", ")), StyleRole::Text);
    let window = ticket.window.map(|window| format!("failures from {} to {}", window.since_utc, window.until_utc));
    lines.extend(window.iter().flat_map(|window| say(window, StyleRole::Text)));
    lines
}
