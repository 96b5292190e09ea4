//! Lines of the results of playbooks, runbooks and the signature debugger: causes with their remediations, checks with
//! their evidence. A line can have an action, which Enter runs.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::remedy::OfferedAction;
use crate::diagnose::report::{
    CheckVerdict, CombinedDiagnosis, DiagnosedCause, DiagnosisConclusion, DiagnosisRemark, DiagnosisReport, Evidence,
};
use crate::diagnose::runbook_progress::{RunbookProgress, RunbookStepState};
use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::ids::RowId;
use crate::tui::state::diagnose::{DiagnoseEntry, DiagnoseRun, RunOutcome};
use crate::tui::widgets::detail_lines::{DetailLines, LineAction};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::Theme;
use crate::wire::signature_check::{SignatureCheck, SignatureFit};
use ratatui::text::Line;

/// Indentation of what belongs to a step, in columns.
const STEP_INDENT: usize = 9;

/// Lines of a run's result.
pub(in crate::tui) fn sheet(run: &DiagnoseRun, width: usize, theme: Theme) -> DetailLines {
    let mut page = ResultBuilder { sheet: DetailLines::default(), width, theme };
    match &run.outcome {
        RunOutcome::Combined(result) => page.combined(result),
        RunOutcome::Report(report) => page.report(report),
        RunOutcome::Progress(progress) => page.progress(progress),
        RunOutcome::Lab(check) => page.lab(check, run.entry),
        other => {
            let (role, text) = outcome_line(other);
            page.say(&text, 0, role);
        }
    }
    page.sheet
}

/// Builder of a result's lines.
struct ResultBuilder {
    sheet: DetailLines,
    width: usize,
    theme: Theme,
}

impl ResultBuilder {
    /// Wraps text with an indentation; control characters are made harmless.
    fn flowed(&self, text: &str, indent: usize, role: StyleRole) -> Vec<Line<'static>> {
        let room = self.width.saturating_sub(indent);
        let lines = format::wrap_words(&Untrusted::new(text).sanitized(), room);
        let style = self.theme.style(role);
        lines.into_iter().map(|line| Line::styled(format!("{}{line}", " ".repeat(indent)), style)).collect()
    }

    fn say(&mut self, text: &str, indent: usize, role: StyleRole) {
        let lines = self.flowed(text, indent, role);
        self.sheet.add(lines);
    }

    fn gap(&mut self) {
        self.sheet.add([Line::default()]);
    }

    /// Adds an action as a link; if the text wraps, the first line carries the action.
    fn link(&mut self, text: &str, indent: usize, does: LineAction) {
        let mut lines = self.flowed(&format!("\u{2192} {text}"), indent, StyleRole::Accent).into_iter();
        if let Some(first) = lines.next() {
            self.sheet.link(first, does);
        }
        self.sheet.add(lines);
    }

    /// Adds the available actions, and commands for those that only a shell can run.
    fn offers(&mut self, offers: &[OfferedAction], indent: usize) {
        for offer in offers {
            match offer.remedy {
                Some(remedy) => self.link(&offer.what, indent, LineAction::Remediate(remedy)),
                None => {
                    let what = format!("{} from a shell (Enter copies the command)", offer.what);
                    self.link(&what, indent, LineAction::Copy(offer.command.clone()));
                    self.say(&offer.command, indent + 2, StyleRole::Dim);
                }
            }
        }
    }

    /// Adds the causes of all playbooks in one list, then what each playbook concluded.
    fn combined(&mut self, result: &CombinedDiagnosis) {
        self.causes(&result.causes);
        if result.causes.is_empty() {
            let (role, text) = combined_line(result);
            self.say(&text, 0, role);
            self.gap();
        }
        self.remarks(&result.remarks);
        self.say(&format!("Playbooks, run at {}", result.at_utc), 0, StyleRole::Strong);
        for report in &result.reports {
            let (role, text) = report_line(report);
            self.say(&format!("{:<22} {text}", report.topic.name()), 0, role);
        }
        self.gap();
        self.link(&format!("create a ticket for {}", scope(result.subject)), 0, LineAction::Escalate);
    }

    fn report(&mut self, report: &DiagnosisReport) {
        self.causes(&report.causes);
        if report.causes.is_empty() {
            let (role, text) = outcome_line(&RunOutcome::Report(Box::new(report.clone())));
            self.say(&text, 0, role);
            self.gap();
        }
        self.remarks(&report.remarks);
        self.say(&format!("Checks, run at {}", report.at_utc), 0, StyleRole::Strong);
        for step in &report.steps {
            let role = match step.verdict {
                CheckVerdict::Fail => StyleRole::Trouble,
                CheckVerdict::Pass => StyleRole::Text,
                CheckVerdict::Unknown(_) | CheckVerdict::Skipped(_) => StyleRole::Dim,
            };
            self.say(&format!("{:<8} {}", step.verdict.name(), step.question), 0, role);
            if let Some(why) = step.verdict.why() {
                self.say(why, STEP_INDENT, StyleRole::Dim);
            }
            self.evidence(&step.evidence);
        }
        self.gap();
        self.link(&format!("create a ticket for {}", scope(report.subject)), 0, LineAction::Escalate);
    }

    /// Adds causes in their order, each with the words that decide, its resolution, actions and evidence.
    fn causes(&mut self, causes: &[DiagnosedCause]) {
        for (position, cause) in causes.iter().enumerate() {
            self.say(&format!("{}. {} ({})", position + 1, cause.title, cause.id), 0, StyleRole::Strong);
            if let Some(said) = &cause.said {
                self.say(&format!("answer: {}", said.sanitized()), 3, StyleRole::Accent);
            }
            self.say(&cause.resolution, 3, StyleRole::Text);
            self.offers(&cause.offers, 3);
            self.evidence(&cause.evidence);
            self.gap();
        }
    }

    /// Adds observations that are no faults.
    fn remarks(&mut self, remarks: &[DiagnosisRemark]) {
        for remark in remarks {
            self.say(&format!("Remark: {} ({})", remark.title, remark.id), 0, StyleRole::Text);
            self.evidence(&remark.evidence);
            self.gap();
        }
    }

    fn evidence(&mut self, evidence: &[Evidence]) {
        let called = |of: &Evidence| of.query.split_once(", GET ").map(|(_, call)| call.to_owned());
        for (at, of) in evidence.iter().enumerate() {
            let (what, call) = of.query.split_once(", GET ").unwrap_or((of.query.as_str(), ""));
            self.say(&format!("{what}: {}{}", of.value.sanitized(), of.expected()), STEP_INDENT, StyleRole::Text);
            // Facts from one call are listed together, with the call once beneath them.
            let goes_on =
                evidence.get(at + 1).is_some_and(|next| called(next) == called(of) && next.at_utc == of.at_utc);
            if !call.is_empty() && !goes_on {
                self.say(&format!("GET {call} at {}", of.at_utc), STEP_INDENT + 2, StyleRole::Dim);
            }
        }
    }

    fn progress(&mut self, progress: &RunbookProgress) {
        let (role, text) = outcome_line(&RunOutcome::Progress(Box::new(progress.clone())));
        let text = if progress.is_over() { "All steps are done.".to_owned() } else { text };
        self.say(&text, 0, role);
        let times = format!("Started {}, last checked {}.", progress.begun_utc, progress.checked_utc);
        self.say(&times, 0, StyleRole::Dim);
        for (position, step) in progress.steps.iter().enumerate() {
            self.gap();
            self.step(position + 1, step);
        }
        self.gap();
        if !progress.is_over() {
            self.say(
                "Do the current step, then press r to check it. Progress is saved, even if you close the console.",
                0,
                StyleRole::Dim,
            );
        }
    }

    fn step(&mut self, number: usize, step: &RunbookStepState) {
        let role = match step.verdict {
            CheckVerdict::Pass | CheckVerdict::Skipped(_) => StyleRole::Dim,
            CheckVerdict::Fail => StyleRole::Strong,
            CheckVerdict::Unknown(_) => StyleRole::Trouble,
        };
        self.say(&format!("{:<8} {number}. {}", step.state(), step.to_do), 0, role);
        self.say(&format!("check: {}", step.check), STEP_INDENT, StyleRole::Dim);
        let at = step.at_utc.map_or_else(String::new, |at| format!(" ({at})"));
        let seen = step.verdict.why().unwrap_or(&step.found);
        self.say(&format!("result: {seen}{at}"), STEP_INDENT, StyleRole::Text);
        if matches!(step.verdict, CheckVerdict::Fail | CheckVerdict::Unknown(_)) {
            self.offers(&step.offers, STEP_INDENT);
        }
    }

    fn lab(&mut self, check: &SignatureCheck, entry: DiagnoseEntry) {
        let (role, text) = outcome_line(&RunOutcome::Lab(Box::new(check.clone())));
        self.say(&text, 0, role);
        let computed = check.computed.as_ref().map_or_else(|| "unknown".to_owned(), Untrusted::sanitized);
        self.say(&format!("receiver computed: {computed}"), 0, StyleRole::Dim);
        let ahead = check
            .clock_ahead_seconds
            .map_or_else(|| "unknown (no Date header in the response)".to_owned(), |seconds| format!("{seconds:+} s"));
        self.say(&format!("receiver's clock relative to the platform's: {ahead}"), 0, StyleRole::Dim);
        for cause in &check.lab.causes {
            self.gap();
            self.say(&format!("{} ({})", cause.title, cause.id), 0, StyleRole::Strong);
            self.say(cause.difference.raw(), 2, StyleRole::Text);
            if let Some(excerpt) = &cause.excerpt {
                self.say(excerpt.raw(), 2, StyleRole::Text);
            }
            self.say(&cause.resolution, 2, StyleRole::Text);
        }
        self.gap();
        if let DiagnoseEntry::Lab(id) = entry {
            self.link("enter the signature that the receiver logged", 0, LineAction::AskComputedSignature(id));
            self.link("try the receiver's secret (it stays in this process)", 0, LineAction::AskReceiverSecret(id));
            self.link(&format!("show the bytes of attempt {id}"), 0, LineAction::Open(RowId::Attempt(id)));
        }
        self.say(
            "With the body and headers as the receiver got them, crow verify can find more. They never leave your machine.",
            0,
            StyleRole::Dim,
        );
    }
}

/// Name of a subject in the console.
pub(in crate::tui) fn scope(subject: DiagnosisSubject) -> String {
    if subject == DiagnosisSubject::All { "all companies".to_owned() } else { subject.to_string() }
}

/// Outcome of a run in one line, with its style.
pub(in crate::tui) fn outcome_line(outcome: &RunOutcome) -> (StyleRole, String) {
    match outcome {
        RunOutcome::Waiting => (StyleRole::Dim, "running \u{2026}".to_owned()),
        RunOutcome::Failed(why) => (StyleRole::Trouble, why.clone()),
        RunOutcome::Progress(progress) => {
            let n_done = progress.steps.iter().filter(|step| step.is_done()).count();
            let of = format!("{n_done} of {} steps done", progress.steps.len());
            let next = progress.steps.iter().find(|step| !step.is_done());
            let next = next.map_or_else(String::new, |step| format!("; next: {}", step.to_do));
            (if progress.is_over() { StyleRole::Text } else { StyleRole::Accent }, format!("{of}{next}"))
        }
        RunOutcome::Lab(check) => match check.lab.fit {
            SignatureFit::Genuine => {
                (StyleRole::Text, "the signature sent is valid; the receiver does not say what it computed".to_owned())
            }
            SignatureFit::Explained => {
                let ids: Vec<&str> = check.lab.causes.iter().map(|cause| cause.id.as_str()).collect();
                (StyleRole::Trouble, Untrusted::new(ids.join(", ")).sanitized())
            }
            SignatureFit::Unexplained => {
                (StyleRole::Trouble, format!("no match among {} known mistakes", check.lab.n_tried.unwrap_or_default()))
            }
        },
        RunOutcome::Combined(result) => combined_line(result),
        RunOutcome::Report(report) => report_line(report),
    }
}

/// Outcome of all playbooks in one line, with its style.
fn combined_line(result: &CombinedDiagnosis) -> (StyleRole, String) {
    match result.conclusion() {
        DiagnosisConclusion::NoCause if !result.causes.is_empty() => over_line(&result.causes),
        DiagnosisConclusion::NoCause => (StyleRole::Text, "no cause found".to_owned()),
        DiagnosisConclusion::Undecided => (StyleRole::Trouble, "inconclusive; Enter shows why".to_owned()),
        DiagnosisConclusion::NotRun => (StyleRole::Trouble, "no check was answered; Enter shows why".to_owned()),
        DiagnosisConclusion::CauseFound => causes_line(&result.causes),
    }
}

/// Outcome of a playbook in one line, with its style.
fn report_line(report: &DiagnosisReport) -> (StyleRole, String) {
    match report.conclusion() {
        DiagnosisConclusion::NoCause if !report.causes.is_empty() => over_line(&report.causes),
        DiagnosisConclusion::NoCause if report.n_unknown() > 0 => (
            StyleRole::Text,
            format!("no cause found; {} of {} checks unknown", report.n_unknown(), report.steps.len()),
        ),
        DiagnosisConclusion::NoCause => (StyleRole::Text, "no cause found".to_owned()),
        DiagnosisConclusion::Undecided => (StyleRole::Trouble, "inconclusive; Enter shows why".to_owned()),
        DiagnosisConclusion::NotRun => (StyleRole::Trouble, "no check was answered; Enter shows why".to_owned()),
        DiagnosisConclusion::CauseFound => causes_line(&report.causes),
    }
}

fn over_line(causes: &[DiagnosedCause]) -> (StyleRole, String) {
    (StyleRole::Text, format!("no active cause; over: {}", text::count(causes.len(), "cause")))
}

fn causes_line(causes: &[DiagnosedCause]) -> (StyleRole, String) {
    let ids: Vec<&str> = causes.iter().map(|cause| cause.id.as_str()).collect();
    let n = text::count(ids.len(), "cause");
    (StyleRole::Trouble, Untrusted::new(format!("{n}: {}", ids.join(", "))).sanitized())
}
