//! Key actions of pane 9 (Diagnose): running playbooks, run-books and the signature lab, and starting what their
//! results offer.

use super::app::App;
use super::console::Access;
use super::effect::{Act, Effect, Job};
use super::entry;
use super::keymap::{Action, Step};
use super::overlay::expect::{ExpectLine, Typed, Wanted};
use super::overlay::form::Form;
use super::overlay::{self, Layer, offers};
use super::panes::diagnose::{self, Entry, Outcome, Place};
use super::panes::{deliveries, events, requests, trips};
use super::places::Item;
use super::press::{scrolled, stepped};
use super::sheet::Does;
use crate::api::remedy::{MissedRange, RemediationAction};
use crate::api::report::{DiagnosisReport, DiagnosisSubject, PlaybookTopic};
use crate::api::runbook::{Runbook, RunbookProgress};
use crate::api::signature_check::SignatureCheck;
use crate::api::subscriptions::MissedEventsChoice;
use crate::diagnose::incident::topics_for;
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::domain::time::Timestamp;
use crate::escalation::bundle::TicketBundle;

/// Result of a job started in pane 9 or 0; errors are one line.
#[derive(Debug, Clone, PartialEq)]
pub enum Consulted {
    /// Finished run of a playbook, with its report.
    Report(Box<DiagnosisReport>),
    /// Signature check of an attempt, with the subject it was opened for.
    Lab(AttemptId, DiagnosisSubject, Result<Box<SignatureCheck>, String>),
    /// State of a run-book after its steps were checked.
    Progress(Box<RunbookProgress>),
    /// Escalation bundle, or why none could be built.
    Bundle(Result<Box<TicketBundle>, String>),
    /// Path the bundle was written to, or why it was not.
    Written(Result<String, String>),
}

impl App {
    /// Opens pane 9 for the selected item (playbooks), for the chosen company, or for all companies.
    pub(super) fn consult(&mut self, action: Action) {
        let item = self.subjects().first().copied().filter(|_| action == Action::Playbooks);
        let whole = self.company.map_or(DiagnosisSubject::All, DiagnosisSubject::Company);
        let subject = item.and_then(|item| self.subject_of(item)).unwrap_or(whole);
        let mut entries: Vec<Entry> = Vec::new();
        if let Some(Item::Attempt(id)) = item {
            entries.push(Entry::Lab(id));
        }
        let topics = item.map_or_else(|| topics_for(whole), |item| self.fitting_item(item));
        entries.extend(topics.into_iter().map(Entry::Playbook));
        entries.extend(Runbook::for_subject(subject).iter().copied().map(Entry::Runbook));
        let is_there = self.room.subject == subject && self.room.entries == entries;
        if !is_there {
            self.room.turn_to(subject, entries);
        }
        self.layers.push(Layer::Diagnose);
    }

    /// Subject of an item, as narrow as playbooks accept; falls back to the chosen company.
    pub(super) fn subject_of(&self, item: Item) -> Option<DiagnosisSubject> {
        let whole = self.company.map(DiagnosisSubject::Company);
        let Some(view) = self.view() else { return whole };
        match item {
            Item::Key(id) | Item::Window(id, _) => Some(DiagnosisSubject::Key(id)),
            Item::Subscription(id) => Some(DiagnosisSubject::Subscription(id)),
            Item::Trip(id) => trips::find(&view, id).map(|trip| DiagnosisSubject::Subscription(trip.subscription_id)),
            Item::Attempt(id) => {
                deliveries::find(&view, id).map(|row| DiagnosisSubject::Subscription(row.subscription_id))
            }
            Item::Event(id) => events::find(&view, id).map(|row| DiagnosisSubject::Company(row.company_id)),
            Item::Request(id) => {
                let row = requests::find(&view, id)?;
                let company = row.company_id.or(row.claimed_company_id).map(DiagnosisSubject::Company);
                row.key_id.map(DiagnosisSubject::Key).or(company)
            }
        }
        .or(whole)
    }

    /// Playbooks that fit an item, likeliest first.
    fn fitting_item(&self, item: Item) -> Vec<PlaybookTopic> {
        match item {
            Item::Key(_) => vec![
                PlaybookTopic::KeyNotWorking,
                PlaybookTopic::Permissions,
                PlaybookTopic::RateLimits,
                PlaybookTopic::EventsMissing,
                PlaybookTopic::BulkTimeouts,
            ],
            Item::Window(..) => {
                vec![PlaybookTopic::RateLimits, PlaybookTopic::BulkTimeouts, PlaybookTopic::KeyNotWorking]
            }
            Item::Trip(_) => vec![
                PlaybookTopic::Breaker,
                PlaybookTopic::WebhooksNotArriving,
                PlaybookTopic::Discrepancy,
                PlaybookTopic::Signature,
            ],
            Item::Subscription(_) => topics_for(DiagnosisSubject::Subscription(SubscriptionId(0))),
            Item::Attempt(_) => {
                vec![
                    PlaybookTopic::Signature,
                    PlaybookTopic::WebhooksNotArriving,
                    PlaybookTopic::Breaker,
                    PlaybookTopic::LostSecret,
                ]
            }
            Item::Event(_) => {
                vec![PlaybookTopic::EventsMissing, PlaybookTopic::WebhooksNotArriving, PlaybookTopic::Discrepancy]
            }
            Item::Request(id) => {
                let status = self.view().and_then(|view| requests::find(&view, id).map(|row| row.status));
                let first = fitting_status(status.unwrap_or_default());
                let mut topics = vec![
                    PlaybookTopic::KeyNotWorking,
                    PlaybookTopic::Permissions,
                    PlaybookTopic::RateLimits,
                    PlaybookTopic::EventsMissing,
                    PlaybookTopic::BulkTimeouts,
                    PlaybookTopic::ManagedSubscription,
                ];
                topics.sort_by_key(|topic| Some(*topic) != first);
                topics
            }
        }
    }

    /// Runs the entry under the cursor of pane 9, opens its result if it ran, or performs the selected line of an
    /// open result.
    pub(super) fn run_entry(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.room.opened.is_some() {
            return self.follow_answer(now);
        }
        let Some(place) = self.room.selected() else { return Vec::new() };
        match self.room.run_of(place).map(|run| &run.outcome) {
            Some(Outcome::Waiting) => Vec::new(),
            Some(_) => {
                (self.room.opened, self.room.line) = (Some(place), 0);
                // A run-book opens at the step to be done next.
                if matches!(place.0, Entry::Runbook(_)) {
                    self.next_offer();
                }
                Vec::new()
            }
            None => self.start(place, None),
        }
    }

    /// Runs the open or selected entry again; a run-book that is not over is continued.
    pub(super) fn run_entry_again(&mut self) -> Vec<Effect> {
        let Some(place) = self.room.selected() else { return Vec::new() };
        let kept = match self.room.run_of(place).map(|run| &run.outcome) {
            Some(kept @ Outcome::Progress(progress)) if !progress.is_over() => Some(kept.clone()),
            _ => None,
        };
        self.start(place, kept)
    }

    /// Asks the unanswered checks of a run again and keeps the answered ones.
    pub(super) fn ask_unknown_again(&mut self) -> Vec<Effect> {
        let Some(place) = self.room.selected() else { return Vec::new() };
        let kept = self.room.run_of(place).map(|run| run.outcome.clone());
        self.start(place, kept)
    }

    fn start(&mut self, (entry, subject): Place, kept: Option<Outcome>) -> Vec<Effect> {
        self.room.note((entry, subject), Outcome::Waiting);
        vec![Effect::Perform(match (entry, kept) {
            (Entry::Playbook(topic), Some(Outcome::Report(report))) => Job::Playbook(topic, subject, Some(report)),
            (Entry::Playbook(topic), _) => Job::Playbook(topic, subject, None),
            (Entry::Runbook(runbook), Some(Outcome::Progress(progress))) => {
                Job::Runbook(runbook, subject, Some(progress))
            }
            (Entry::Runbook(runbook), _) => Job::Runbook(runbook, subject, None),
            (Entry::Lab(id), _) => Job::Lab(id, subject, None),
        })]
    }

    /// Removes the run that is open or under the cursor.
    pub(super) fn forget_run(&mut self, now: Timestamp) {
        if let Some(place) = self.room.selected() {
            self.room.forget(place);
            self.say("result discarded", now);
        }
    }

    /// Whether the selected run has checks with the verdict unknown.
    pub(super) fn has_unknown(&self) -> bool {
        let run = self.room.selected().and_then(|place| self.room.run_of(place));
        matches!(run.map(|run| &run.outcome), Some(Outcome::Report(report)) if report.n_unknown() > 0)
    }

    /// Action of the line under the cursor in an open result.
    pub(super) fn answer_does(&self) -> Option<Does> {
        self.room.opened?;
        let room = overlay::room(self.screen().body);
        diagnose::sheet(self, room).0.into_iter().nth(self.room.line)?.does
    }

    /// Moves the cursor to the next line that has an action, wrapping around the end.
    pub(super) fn next_offer(&mut self) {
        let entries = diagnose::sheet(self, overlay::room(self.screen().body)).0;
        let does = |at: &usize| entries[*at].does.is_some();
        let n = entries.len();
        if let Some(at) = (self.room.line + 1..n).chain(0..n).find(does) {
            self.room.line = at;
        }
    }

    fn follow_answer(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.answer_does() {
            Some(Does::Remedy(remedy)) => return self.remedy(remedy, now),
            Some(Does::Expect(attempt)) => self.ask_about(attempt, Wanted::Computed(entry::Entry::default())),
            Some(Does::Hold(attempt)) => self.ask_about(attempt, Wanted::Held(Typed::default())),
            Some(Does::Escalate) => return self.escalate(),
            Some(Does::Copy(text)) => return vec![Effect::Copy(text)],
            Some(Does::Open(item)) => return self.open_detail(item),
            _ => {}
        }
        Vec::new()
    }

    /// Starts a remediation. What changes something asks for confirmation first.
    fn remedy(&mut self, remedy: RemediationAction, now: Timestamp) -> Vec<Effect> {
        let act = match remedy {
            RemediationAction::Test(id) => Act::Test(id),
            RemediationAction::Enable(id) => Act::Enable(id, MissedEventsChoice::Skipped),
            RemediationAction::Revoke(id) => Act::Revoke(id),
            RemediationAction::Replay(gap) => return self.replay_gap(gap, now),
            RemediationAction::Verify(id) => {
                let subject = self.room.opened.map_or(self.room.subject, |(_, subject)| subject);
                return self.turn_to((Entry::Lab(id), subject));
            }
            RemediationAction::Runbook(guide) => return self.turn_to((Entry::Runbook(guide.runbook), guide.subject)),
        };
        match offers::question(self, act) {
            Ok(question) => self.ask(vec![question]),
            Err(why) => self.say(why, now),
        }
        Vec::new()
    }

    /// Opens the replay form filled in with the missed time range, and has the deliveries counted.
    fn replay_gap(&mut self, gap: MissedRange, now: Timestamp) -> Vec<Effect> {
        if self.setting.access == Access::ReadOnly {
            self.say(offers::READ_ONLY, now);
            return Vec::new();
        }
        self.layers.push(Layer::Form(Form::of_gap(self, gap)));
        self.submit(now)
    }

    /// Opens an entry for a subject, and runs it if it has not run there yet.
    fn turn_to(&mut self, place: Place) -> Vec<Effect> {
        (self.room.opened, self.room.line) = (Some(place), 0);
        if let Some(at) = self.room.rows().iter().position(|row| *row == place) {
            self.room.at = at;
        }
        match self.room.run_of(place) {
            Some(_) => Vec::new(),
            None => self.start(place, None),
        }
    }

    /// Opens the input for what the receiver of an attempt computed, or for the receiver's secret.
    fn ask_about(&mut self, attempt: AttemptId, wanted: Wanted) {
        if let Some((_, subject)) = self.room.opened {
            self.layers.push(Layer::Expect(ExpectLine { attempt, subject, wanted }));
        }
    }

    /// Checks the signature of an attempt against what its receiver computed, or with the receiver's secret.
    pub(super) fn expect(&mut self, line: &ExpectLine, now: Timestamp) -> Vec<Effect> {
        let (attempt, subject) = (line.attempt, line.subject);
        let job = match &line.wanted {
            Wanted::Computed(entry) => {
                let computed = Some(entry.text().trim().to_owned()).filter(|text| !text.is_empty());
                Job::Lab(attempt, subject, computed)
            }
            Wanted::Held(typed) => match typed.secret(attempt) {
                Some(held) => Job::Held(attempt, subject, held),
                None => {
                    self.say("nothing was entered", now);
                    return Vec::new();
                }
            },
        };
        self.room.note((Entry::Lab(attempt), subject), Outcome::Waiting);
        vec![Effect::Perform(job)]
    }

    pub(super) fn step_room(&mut self, step: Step, n_lines: usize, height: usize) {
        match (self.layers.last(), self.room.opened) {
            (Some(Layer::Escalate), _) => self.escalation.top = scrolled(step, self.escalation.top, n_lines, height),
            (_, Some(_)) => self.room.line = stepped(step, self.room.line, n_lines, height),
            (_, None) => self.room.at = stepped(step, self.room.at, self.room.rows().len(), height),
        }
    }

    pub(super) fn consulted(&mut self, came: Consulted, now: Timestamp) {
        match came {
            Consulted::Report(report) => {
                let place = (Entry::Playbook(report.topic), report.subject);
                self.room.note(place, Outcome::Report(report));
            }
            Consulted::Progress(progress) => {
                let place = (Entry::Runbook(progress.runbook), progress.subject);
                self.room.note(place, Outcome::Progress(progress));
            }
            Consulted::Lab(id, subject, came) => {
                let outcome = came.map_or_else(Outcome::Failed, Outcome::Lab);
                self.room.note((Entry::Lab(id), subject), outcome);
            }
            Consulted::Bundle(came) => self.bundled(came),
            Consulted::Written(came) => self.written(came, now),
        }
    }
}

/// Playbook that explains a response status best, if there is one.
const fn fitting_status(status: u16) -> Option<PlaybookTopic> {
    match status {
        401 => Some(PlaybookTopic::KeyNotWorking),
        403 => Some(PlaybookTopic::Permissions),
        429 => Some(PlaybookTopic::RateLimits),
        500.. => Some(PlaybookTopic::BulkTimeouts),
        200..300 => Some(PlaybookTopic::EventsMissing),
        _ => None,
    }
}
