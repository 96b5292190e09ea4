//! Key actions of pane 0 (Escalate): collecting a bundle about the chosen items, previewing it and writing it.

use super::app::App;
use super::effect::{Effect, Job};
use super::overlay::Layer;
use super::panes::escalate::Draft;
use super::places::Item;
use crate::api::report::DiagnosisSubject;
use crate::diagnose::incident::{IncidentScope, OperatorSelection};
use crate::domain::time::Timestamp;
use crate::escalation::bundle::TicketBundle;
use crate::escalation::bundle_writer::BundleFormat;
use crate::escalation::ticket::ResponseBodies;

impl App {
    /// Opens pane 0 and starts to collect a bundle, unless a collection is in flight.
    pub(super) fn escalate(&mut self) -> Vec<Effect> {
        let matter = self.matter();
        self.layers.push(Layer::Escalate);
        if self.escalation.draft == Draft::Collecting {
            return Vec::new();
        }
        self.escalation.matter = matter;
        self.collect_bundle()
    }

    /// Determines what the bundle is about: the subject of pane 9 and everything that was put into the bundle;
    /// without those the selection, and without a selection all companies or the one company on the screen.
    fn matter(&self) -> IncidentScope {
        let room = self
            .layers
            .iter()
            .any(|layer| matches!(layer, Layer::Diagnose))
            .then(|| self.room.opened.map_or(self.room.subject, |(_, subject)| subject));
        let collected = &self.desk.bundle;
        let items = if collected.is_empty() && room.is_none() { self.subjects() } else { collected.clone() };
        // Items that were put into the bundle replace the subject "everything".
        let mut subjects: Vec<DiagnosisSubject> =
            room.into_iter().filter(|subject| items.is_empty() || *subject != DiagnosisSubject::All).collect();
        let mut picked = OperatorSelection::default();
        for item in items {
            match item {
                Item::Attempt(id) => picked.attempts.push(id),
                Item::Event(id) => picked.events.push(id),
                Item::Request(id) => picked.requests.push(id),
                Item::Key(_) | Item::Subscription(_) | Item::Window(..) | Item::Trip(_) => {}
            }
            picked.notes.extend(self.desk.note(item).map(|note| (item.to_string(), note.to_owned())));
            subjects.extend(self.subject_of(item).filter(|subject| !subjects.contains(subject)));
        }
        if subjects.is_empty() {
            subjects.push(self.company.map_or(DiagnosisSubject::All, DiagnosisSubject::Company));
        }
        IncidentScope { selection: picked, ..IncidentScope::last_hour_of(subjects) }
    }

    fn collect_bundle(&mut self) -> Vec<Effect> {
        (self.escalation.draft, self.escalation.top) = (Draft::Collecting, 0);
        vec![Effect::Perform(Job::Bundle(Box::new(self.escalation.matter.clone()), self.escalation.bodies))]
    }

    /// Toggles whether the bodies of responses go into the bundle, and collects it again.
    pub(super) fn turn_bodies(&mut self) -> Vec<Effect> {
        self.escalation.bodies = match self.escalation.bodies {
            ResponseBodies::Included => ResponseBodies::Omitted,
            ResponseBodies::Omitted => ResponseBodies::Included,
        };
        self.collect_bundle()
    }

    /// Asks whether to write the bundle that was collected.
    pub(super) fn ask_to_write(&mut self) {
        if let Draft::Ready(bundle) = &self.escalation.draft {
            self.escalation.draft = Draft::Asked(bundle.clone());
            self.escalation.top = 0;
        }
    }

    /// Writes the bundle after the question was confirmed.
    pub(super) fn write_bundle(&mut self, form: BundleFormat) -> Vec<Effect> {
        match &self.escalation.draft {
            Draft::Asked(bundle) => vec![Effect::Perform(Job::Write(bundle.clone(), form))],
            _ => Vec::new(),
        }
    }

    /// Goes one step back within pane 9 or 0: closes the open run, or withdraws the question. Returns whether there
    /// was such a step.
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

    pub(super) fn bundled(&mut self, came: Result<Box<TicketBundle>, String>) {
        self.escalation.draft = came.map_or_else(Draft::Refused, Draft::Ready);
    }

    pub(super) fn written(&mut self, came: Result<String, String>, now: Timestamp) {
        match came {
            Ok(path) => {
                self.say(format!("ticket saved to {path}"), now);
                if let Draft::Asked(bundle) = &self.escalation.draft {
                    self.escalation.draft = Draft::Written(bundle.clone(), path);
                }
            }
            Err(why) => {
                if let Draft::Asked(bundle) = &self.escalation.draft {
                    self.escalation.draft = Draft::Ready(bundle.clone());
                }
                self.complain(why, now);
            }
        }
    }
}
