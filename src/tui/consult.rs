//! What the keys of panes 9 and 0 do: running playbooks and the lab, collecting a bundle, writing it.

use super::app::App;
use super::effect::{Effect, Job};
use super::keymap::{Action, Step};
use super::overlay::Layer;
use super::panes::diagnose::{Entry, Outcome};
use super::panes::escalate::Draft;
use super::places::Item;
use super::press::{scrolled, stepped};
use crate::api::lab::SignatureCheck;
use crate::api::report::{Report, Subject, Topic};
use crate::diagnose::case::fitting;
use crate::domain::ids::AttemptId;
use crate::domain::time::Timestamp;
use crate::escalation::bundle::Bundle;

/// What came of something that was asked for in these panes; errors are one line.
#[derive(Debug, Clone, PartialEq)]
pub enum Consulted {
    /// A playbook ran.
    Report(Box<Report>),
    /// The lab looked at an attempt.
    Lab(AttemptId, Subject, Result<Box<SignatureCheck>, String>),
    /// A bundle was built, or not.
    Bundle(Result<Box<Bundle>, String>),
    /// It was written there, or not.
    Written(Result<String, String>),
}

impl App {
    /// Opens pane 9 over everything, over the company that is looked at, or over what is selected.
    pub(super) fn consult(&mut self, action: Action) {
        let item = self.subjects().first().copied().filter(|_| action == Action::Playbooks);
        let whole = self.company.map_or(Subject::All, Subject::Company);
        let subject = item.and_then(|item| self.subject_of(item)).unwrap_or(whole);
        let mut entries: Vec<Entry> = Vec::new();
        if let Some(Item::Attempt(id)) = item {
            entries.push(Entry::Lab(id));
        }
        let topics = match item {
            Some(item) => fitting_item(item),
            None => fitting(whole),
        };
        entries.extend(topics.into_iter().map(Entry::Playbook));
        let is_there = self.room.subject == subject && self.room.entries == entries;
        if !is_there {
            self.room.turn_to(subject, entries);
        }
        self.layers.push(Layer::Diagnose);
    }

    /// Opens pane 0 and begins to collect, about what pane 9 or the selection is about.
    pub(super) fn escalate(&mut self) -> Vec<Effect> {
        let from_room = self.layers.iter().any(|layer| matches!(layer, Layer::Diagnose)).then_some(self.room.subject);
        let bundled = self.desk.bundle.first().copied().or_else(|| self.subjects().first().copied());
        let subject = from_room.or_else(|| bundled.and_then(|item| self.subject_of(item))).unwrap_or(Subject::All);
        self.layers.push(Layer::Escalate);
        if self.escalation.draft == Draft::Collecting {
            return Vec::new();
        }
        (self.escalation.subject, self.escalation.draft, self.escalation.top) = (subject, Draft::Collecting, 0);
        vec![Effect::Perform(Job::Bundle(subject))]
    }

    /// What a row is about, as far as playbooks can be narrowed to it.
    fn subject_of(&self, item: Item) -> Option<Subject> {
        let overview = self.shown().overview.as_deref()?;
        match item {
            Item::Key(id) | Item::Window(id, _) => Some(Subject::Key(id)),
            Item::Subscription(id) => Some(Subject::Subscription(id)),
            Item::Trip(id) => overview
                .trips
                .items
                .iter()
                .find(|trip| trip.id == id)
                .map(|trip| Subject::Subscription(trip.subscription_id)),
            Item::Attempt(id) => {
                let row = overview.attempts.items.iter().find(|row| row.id == id);
                row.map(|row| Subject::Subscription(row.subscription_id))
            }
            Item::Event(_) | Item::Request(_) => self.company.map(Subject::Company),
        }
    }

    /// Runs what is under the cursor of pane 9, or opens it if it ran.
    pub(super) fn run_entry(&mut self) -> Vec<Effect> {
        let Some(entry) = self.room.selected().filter(|_| self.room.opened.is_none()) else { return Vec::new() };
        let subject = self.room.subject;
        match self.room.run_of(entry).map(|run| &run.outcome) {
            Some(Outcome::Waiting) => Vec::new(),
            Some(_) => {
                (self.room.opened, self.room.top) = (Some(entry), 0);
                Vec::new()
            }
            None => {
                self.room.note(entry, subject, Outcome::Waiting);
                vec![Effect::Perform(job(entry, subject))]
            }
        }
    }

    /// Runs once more what is under the cursor or open.
    pub(super) fn run_entry_again(&mut self) -> Vec<Effect> {
        let Some(entry) = self.room.selected() else { return Vec::new() };
        let subject = self.room.subject;
        self.room.note(entry, subject, Outcome::Waiting);
        vec![Effect::Perform(job(entry, subject))]
    }

    /// Asks whether the bundle is to be written.
    pub(super) fn ask_to_write(&mut self) {
        if let Draft::Ready(bundle) = &self.escalation.draft {
            self.escalation.draft = Draft::Asked(bundle.clone());
            self.escalation.top = 0;
        }
    }

    /// Writes the bundle that was asked about.
    pub(super) fn write_bundle(&mut self) -> Vec<Effect> {
        match &self.escalation.draft {
            Draft::Asked(bundle) => vec![Effect::Perform(Job::Write(bundle.clone()))],
            _ => Vec::new(),
        }
    }

    /// One step back within pane 9 or 0; whether there was one.
    pub(super) fn retreat(&mut self) -> bool {
        match (self.layers.last(), &self.escalation.draft) {
            (Some(Layer::Diagnose), _) => self.room.opened.take().is_some(),
            (Some(Layer::Escalate), Draft::Asked(bundle)) => {
                self.escalation.draft = Draft::Ready(bundle.clone());
                true
            }
            _ => false,
        }
    }

    pub(super) fn step_room(&mut self, step: Step, n_lines: usize, height: usize) {
        match (self.layers.last(), self.room.opened) {
            (Some(Layer::Escalate), _) => self.escalation.top = scrolled(step, self.escalation.top, n_lines, height),
            (_, Some(_)) => self.room.top = scrolled(step, self.room.top, n_lines, height),
            (_, None) => self.room.at = stepped(step, self.room.at, self.room.entries.len(), height),
        }
    }

    pub(super) fn consulted(&mut self, came: Consulted, now: Timestamp) {
        match came {
            Consulted::Report(report) => {
                let (entry, subject) = (Entry::Playbook(report.topic), report.subject);
                self.room.note(entry, subject, Outcome::Report(report));
            }
            Consulted::Lab(id, subject, came) => {
                let outcome = came.map_or_else(Outcome::Failed, Outcome::Lab);
                self.room.note(Entry::Lab(id), subject, outcome);
            }
            Consulted::Bundle(Ok(bundle)) => self.escalation.draft = Draft::Ready(bundle),
            Consulted::Bundle(Err(why)) => self.escalation.draft = Draft::Refused(why),
            Consulted::Written(Ok(path)) => {
                self.say(format!("the bundle is in {path}"), now);
                if let Draft::Asked(bundle) = &self.escalation.draft {
                    self.escalation.draft = Draft::Written(bundle.clone(), path);
                }
            }
            Consulted::Written(Err(why)) => {
                self.retreat();
                self.complain(why, now);
            }
        }
    }
}

fn job(entry: Entry, subject: Subject) -> Job {
    match entry {
        Entry::Playbook(topic) => Job::Playbook(topic, subject),
        Entry::Lab(id) => Job::Lab(id, subject),
    }
}

/// The playbooks that fit a row, the likeliest first.
fn fitting_item(item: Item) -> Vec<Topic> {
    match item {
        Item::Key(_) => {
            vec![Topic::KeyNotWorking, Topic::Permissions, Topic::RateLimits, Topic::EventsMissing, Topic::BulkTimeouts]
        }
        Item::Window(..) => vec![Topic::RateLimits, Topic::BulkTimeouts, Topic::KeyNotWorking],
        Item::Trip(_) => vec![Topic::Breaker, Topic::WebhooksNotArriving, Topic::Discrepancy, Topic::Signature],
        Item::Subscription(_) => fitting(Subject::Subscription(crate::domain::ids::SubscriptionId(0))),
        Item::Attempt(_) => vec![Topic::Signature, Topic::WebhooksNotArriving, Topic::Breaker, Topic::LostSecret],
        Item::Event(_) => vec![Topic::EventsMissing, Topic::WebhooksNotArriving, Topic::Discrepancy],
        Item::Request(_) => vec![
            Topic::KeyNotWorking,
            Topic::Permissions,
            Topic::RateLimits,
            Topic::EventsMissing,
            Topic::BulkTimeouts,
            Topic::ManagedSubscription,
        ],
    }
}
