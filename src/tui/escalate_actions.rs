//! Key actions of pane 0 (Escalate): collecting a bundle about the chosen items, previewing it and writing it.

use super::app::App;
use super::effect::{BackgroundJob, Effect};
use super::overlay::Overlay;
use super::panes::escalate::BundleStage;
use super::selection::RowId;
use crate::diagnose::incident::{IncidentScope, OperatorSelection};
use crate::domain::time::Timestamp;
use crate::export::bundle::TicketBundle;
use crate::export::bundle_writer::BundleFormat;
use crate::export::ticket::ResponseBodies;
use crate::wire::report::DiagnosisSubject;

impl App {
    /// Opens pane 0 and starts to collect a bundle, unless a collection is in flight.
    pub(super) fn escalate(&mut self) -> Vec<Effect> {
        let matter = self.bundle_scope();
        self.overlays.push(Overlay::Escalate);
        if self.escalate_state.stage == BundleStage::Collecting {
            return Vec::new();
        }
        self.escalate_state.scope = matter;
        self.collect_bundle()
    }

    /// Determines what the bundle is about: the subject of pane 9 and everything that was put into the bundle;
    /// without those the selection, and without a selection all companies or the one company on the screen.
    fn bundle_scope(&self) -> IncidentScope {
        let room = self
            .overlays
            .iter()
            .any(|layer| matches!(layer, Overlay::Diagnose))
            .then(|| self.diagnose.opened.map_or(self.diagnose.subject, |(_, subject)| subject));
        let collected = &self.view_state.bundle;
        let items = if collected.is_empty() && room.is_none() { self.target_items() } else { collected.clone() };
        // Items that were put into the bundle replace the subject "everything".
        let mut subjects: Vec<DiagnosisSubject> =
            room.into_iter().filter(|subject| items.is_empty() || *subject != DiagnosisSubject::All).collect();
        let mut picked = OperatorSelection::default();
        for item in items {
            match item {
                RowId::Attempt(id) => picked.attempts.push(id),
                RowId::Event(id) => picked.events.push(id),
                RowId::Request(id) => picked.requests.push(id),
                RowId::Key(_) | RowId::Subscription(_) | RowId::Window(..) | RowId::Trip(_) => {}
            }
            picked.notes.extend(self.view_state.note(item).map(|note| (item.to_string(), note.to_owned())));
            subjects.extend(self.subject_of(item).filter(|subject| !subjects.contains(subject)));
        }
        if subjects.is_empty() {
            subjects.push(self.company.map_or(DiagnosisSubject::All, DiagnosisSubject::Company));
        }
        IncidentScope { selection: picked, ..IncidentScope::last_hour_of(subjects) }
    }

    fn collect_bundle(&mut self) -> Vec<Effect> {
        (self.escalate_state.stage, self.escalate_state.top) = (BundleStage::Collecting, 0);
        vec![Effect::StartJob(BackgroundJob::BuildBundle(
            Box::new(self.escalate_state.scope.clone()),
            self.escalate_state.bodies,
        ))]
    }

    /// Toggles whether the bodies of responses go into the bundle, and collects it again.
    pub(super) fn toggle_bodies(&mut self) -> Vec<Effect> {
        self.escalate_state.bodies = match self.escalate_state.bodies {
            ResponseBodies::Included => ResponseBodies::Omitted,
            ResponseBodies::Omitted => ResponseBodies::Included,
        };
        self.collect_bundle()
    }

    /// Asks whether to write the bundle that was collected.
    pub(super) fn ask_to_write(&mut self) {
        if let BundleStage::Ready(bundle) = &self.escalate_state.stage {
            self.escalate_state.stage = BundleStage::Confirming(bundle.clone());
            self.escalate_state.top = 0;
        }
    }

    /// Writes the bundle after the question was confirmed.
    pub(super) fn write_bundle(&mut self, form: BundleFormat) -> Vec<Effect> {
        match &self.escalate_state.stage {
            BundleStage::Confirming(bundle) => vec![Effect::StartJob(BackgroundJob::WriteBundle(bundle.clone(), form))],
            _ => Vec::new(),
        }
    }

    /// Goes one step back within pane 9 or 0: closes the open run, or withdraws the question. Returns whether there
    /// was such a step.
    pub(super) fn back_within_pane(&mut self) -> bool {
        match (self.overlays.last(), &self.escalate_state.stage) {
            (Some(Overlay::Diagnose), _) => self.diagnose.opened.take().is_some(),
            (Some(Overlay::Escalate), BundleStage::Confirming(bundle)) => {
                self.escalate_state.stage = BundleStage::Ready(bundle.clone());
                true
            }
            _ => false,
        }
    }

    pub(super) fn on_bundle_built(&mut self, came: Result<Box<TicketBundle>, String>) {
        self.escalate_state.stage = came.map_or_else(BundleStage::Failed, BundleStage::Ready);
    }

    pub(super) fn on_bundle_written(&mut self, came: Result<String, String>, now: Timestamp) {
        match came {
            Ok(path) => {
                self.show_message(format!("ticket saved to {path}"), now);
                if let BundleStage::Confirming(bundle) = &self.escalate_state.stage {
                    self.escalate_state.stage = BundleStage::Written(bundle.clone(), path);
                }
            }
            Err(why) => {
                if let BundleStage::Confirming(bundle) = &self.escalate_state.stage {
                    self.escalate_state.stage = BundleStage::Ready(bundle.clone());
                }
                self.show_error(why, now);
            }
        }
    }
}
