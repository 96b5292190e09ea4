//! Text forms of a diagnosis report and of the progress of a runbook, as commands print them. They pass the secret gate
//! before they leave.

use crate::diagnose::report::{DiagnosisConclusion, DiagnosisReport, Evidence};
use crate::diagnose::runbook_progress::RunbookProgress;
use crate::domain::text::Untrusted;
use std::fmt::Write as _;

/// Formats a diagnosis report: its checks, the conclusion, and the causes with their remedies.
#[must_use]
pub fn report(report: &DiagnosisReport) -> String {
    let mut text = String::new();
    for step in &report.steps {
        let _ = writeln!(text, "{:<8} {}", step.verdict.name(), step.question);
        if let Some(why) = step.verdict.why() {
            let _ = writeln!(text, "         {}", inert(why));
        }
        write_evidence(&mut text, &step.evidence);
    }
    let n_unknown = report.n_unknown();
    let _ = match report.conclusion() {
        DiagnosisConclusion::CauseFound => Ok(()),
        DiagnosisConclusion::NotRun => writeln!(text, "\nno check could be completed"),
        DiagnosisConclusion::Undecided => match report.open_question() {
            Some(open) => writeln!(text, "\nundecided: {:?} is unknown", open.question),
            None => writeln!(text, "\nundecided: a check failed without a known cause"),
        },
        DiagnosisConclusion::NoCause if n_unknown == 0 => writeln!(text, "\nno cause found"),
        DiagnosisConclusion::NoCause => {
            writeln!(text, "\nno cause found; {n_unknown} of {} checks unknown", report.steps.len())
        }
    };
    for (position, cause) in report.causes.iter().enumerate() {
        let _ = writeln!(text, "\ncause {}: {} ({})", position + 1, inert(&cause.title), inert(&cause.id));
        write_evidence(&mut text, &cause.evidence);
        let _ = writeln!(text, "         {}", inert(&cause.resolution));
        for offer in &cause.offers {
            let _ = writeln!(text, "         to {}:\n           {}", inert(&offer.what), inert(&offer.command));
        }
    }
    text
}

/// Formats the progress of a runbook: its steps with their checks.
#[must_use]
pub fn runbook(progress: &RunbookProgress) -> String {
    let mut text = format!("{} for {}, started {}\n", progress.runbook.name(), progress.subject, progress.begun_utc);
    for (position, step) in progress.steps.iter().enumerate() {
        let _ = writeln!(text, "{:<8} {}. {}", step.state(), position + 1, step.to_do);
        let why = step.verdict.why().unwrap_or(&step.found);
        let _ = writeln!(text, "         check: {}: {}", step.check, inert(why));
        for offer in &step.offers {
            let _ = writeln!(text, "         to {}:\n           {}", inert(&offer.what), inert(&offer.command));
        }
    }
    let end = if progress.is_over() { "all steps are done" } else { "do the step marked 'now', then run this again" };
    let _ = writeln!(text, "\n{end}");
    text
}

/// Removes control characters; a report may quote text that the platform wrote.
fn inert(text: &str) -> String {
    Untrusted::new(text).sanitized()
}

fn write_evidence(text: &mut String, evidence: &[Evidence]) {
    for item in evidence {
        let _ = writeln!(text, "         {}: {}{}", inert(&item.query), item.value.sanitized(), item.expected());
    }
}
