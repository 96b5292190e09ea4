//! Text forms of a diagnosis report and of the progress of a runbook, as commands print them. They pass the secret gate
//! before they leave.

use crate::diagnose::report::{
    CombinedDiagnosis, DiagnosedCause, DiagnosisConclusion, DiagnosisRemark, DiagnosisReport, Evidence,
};
use crate::diagnose::runbook_progress::RunbookProgress;
use crate::domain::text::Untrusted;
use crate::text::count;
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
            None => writeln!(text, "\nundecided: {}", open_reason(&report.causes)),
        },
        DiagnosisConclusion::NoCause if !report.causes.is_empty() => {
            writeln!(text, "\nno active cause; over: {}", count(report.causes.len(), "cause"))
        }
        DiagnosisConclusion::NoCause if n_unknown == 0 => writeln!(text, "\nno cause found"),
        DiagnosisConclusion::NoCause => {
            writeln!(text, "\nno cause found; {n_unknown} of {} checks unknown", report.steps.len())
        }
    };
    write_causes(&mut text, &report.causes);
    write_remarks(&mut text, &report.remarks);
    text
}

/// Formats the result of all playbooks of a subject: one ranked list of causes, then what each playbook concluded.
#[must_use]
pub fn combined(all: &CombinedDiagnosis) -> String {
    let topics = count(all.reports.len(), "topic");
    let mut text = match all.conclusion() {
        DiagnosisConclusion::CauseFound => format!("{} in {topics}\n", count(all.causes.len(), "cause")),
        DiagnosisConclusion::NoCause => format!("no cause found in {topics}\n"),
        DiagnosisConclusion::Undecided => format!("undecided: {}\n", open_reason(&all.causes)),
        DiagnosisConclusion::NotRun => "no check could be completed\n".to_owned(),
    };
    write_causes(&mut text, &all.causes);
    write_remarks(&mut text, &all.remarks);
    let _ = writeln!(text);
    for report in &all.reports {
        let _ = writeln!(text, "{:<22} {}", report.topic.name(), conclusion(report));
    }
    text
}

/// States what one playbook concluded, in one line.
fn conclusion(report: &DiagnosisReport) -> String {
    let why = || {
        let open = report.open_question().or_else(|| report.steps.first());
        open.and_then(|step| step.verdict.why()).map_or_else(|| open_reason(&report.causes).to_owned(), inert)
    };
    match report.conclusion() {
        DiagnosisConclusion::CauseFound => count(report.causes.len(), "cause"),
        DiagnosisConclusion::NoCause if !report.causes.is_empty() => {
            format!("no active cause; over: {}", count(report.causes.len(), "cause"))
        }
        DiagnosisConclusion::NoCause => "no cause".to_owned(),
        DiagnosisConclusion::Undecided => format!("undecided: {}", why()),
        DiagnosisConclusion::NotRun => format!("unknown: {}", why()),
    }
}

/// Reason why a diagnosis is undecided although its main checks were answered.
const fn open_reason(causes: &[DiagnosedCause]) -> &'static str {
    if causes.is_empty() {
        "a check failed without a known cause, or is unknown"
    } else {
        "whether the causes are still active is unknown"
    }
}

fn write_causes(text: &mut String, causes: &[DiagnosedCause]) {
    for (position, cause) in causes.iter().enumerate() {
        let _ = writeln!(text, "\ncause {}: {} ({})", position + 1, inert(&cause.title), inert(&cause.id));
        if let Some(said) = &cause.said {
            let _ = writeln!(text, "         answer: {}", said.sanitized());
        }
        write_evidence(text, &cause.evidence);
        let _ = writeln!(text, "         {}", inert(&cause.resolution));
        for offer in &cause.offers {
            let _ = writeln!(text, "         to {}:\n           {}", inert(&offer.what), inert(&offer.command));
        }
    }
}

fn write_remarks(text: &mut String, remarks: &[DiagnosisRemark]) {
    for remark in remarks {
        let _ = writeln!(text, "\nremark: {} ({})", inert(&remark.title), inert(&remark.id));
        write_evidence(text, &remark.evidence);
    }
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
