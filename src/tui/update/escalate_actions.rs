//! Key actions of pane 0 (Escalate): collecting a ticket about the chosen items, previewing it,
//! releasing passages that are no secrets, and writing it.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::incident::{IncidentScope, OperatorSelection};
use crate::diagnose::reporter::{ReporterStatement, TicketReader};
use crate::domain::time::Timestamp;
use crate::export::bundle::TicketBundle;
use crate::export::bundle_writer::BundleFormat;
use crate::export::ticket::ResponseBodies;
use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::ids::RowId;
use crate::tui::overlays::targets;
use crate::tui::state::app::App;
use crate::tui::state::escalate::{BundleFailure, BundleStage};
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::form::ChangeForm;
use crate::tui::update::message;

/// Asks for the reporter's words about a new ticket; where a collection is in flight, opens pane 0.
pub(in crate::tui) fn escalate(app: &mut App) {
    if app.escalate_state.stage == BundleStage::Collecting {
        app.overlays.push(Overlay::Escalate);
        return;
    }
    let scope = bundle_scope(app);
    app.overlays.push(Overlay::Form(ChangeForm::for_ticket(scope)));
}

/// Opens the form with the words of the ticket in pane 0.
pub(in crate::tui) fn edit_report(app: &mut App) {
    let scope = app.escalate_state.scope.clone();
    app.overlays.push(Overlay::Form(ChangeForm::for_ticket(scope)));
}

/// Opens pane 0 with the ticket that a form asked for, and starts to collect it.
pub(in crate::tui) fn collect_ticket(app: &mut App, scope: IncidentScope) -> Vec<Effect> {
    app.overlays.pop();
    if app.overlays.last() != Some(&Overlay::Escalate) {
        app.overlays.push(Overlay::Escalate);
    }
    app.escalate_state.scope = scope;
    app.escalate_state.released.clear();
    collect_bundle(app)
}

/// Determines what the bundle is about: the subject of pane 9 and everything that was put into the bundle;
/// without those the selection, and without a selection all companies or the one company on the screen.
fn bundle_scope(app: &App) -> IncidentScope {
    let room = app
        .overlays
        .iter()
        .any(|layer| matches!(layer, Overlay::Diagnose))
        .then(|| app.diagnose.opened.map_or(app.diagnose.subject, |(_, subject)| subject));
    let collected = &app.view_state.bundle;
    let items = if collected.is_empty() && room.is_none() { targets::target_items(app) } else { collected.clone() };
    // Items that were put into the bundle replace the subject "everything".
    let mut subjects: Vec<DiagnosisSubject> =
        room.into_iter().filter(|subject| items.is_empty() || *subject != DiagnosisSubject::All).collect();
    let mut picked = OperatorSelection::default();
    for item in items {
        match item {
            RowId::Attempt(id) => picked.attempts.push(id),
            RowId::Event(id) => picked.events.push(id),
            RowId::Request(id) => picked.requests.push(id),
            _ => {}
        }
        picked.notes.extend(app.view_state.note(item).map(|note| (item.to_string(), note.to_owned())));
        subjects.extend(targets::subject_of(app, item).filter(|subject| !subjects.contains(subject)));
    }
    if subjects.is_empty() {
        subjects.push(app.company.map_or(DiagnosisSubject::All, DiagnosisSubject::Company));
    }
    let last = &app.escalate_state.scope;
    // Who reports is the same for every ticket; the words belong to the last ticket about the same items.
    let is_same = last.subjects == subjects && last.selection == picked;
    let (reporter, reader) = if is_same {
        (last.reporter.clone(), last.reader)
    } else {
        let contact = last.reporter.contact.clone();
        (ReporterStatement { contact, ..ReporterStatement::default() }, TicketReader::default())
    };
    IncidentScope { selection: picked, reporter, reader, ..IncidentScope::last_hour_of(subjects) }
}

fn collect_bundle(app: &mut App) -> Vec<Effect> {
    (app.escalate_state.stage, app.escalate_state.top) = (BundleStage::Collecting, 0);
    vec![Effect::StartJob(BackgroundJob::BuildBundle(
        Box::new(app.escalate_state.scope.clone()),
        app.escalate_state.bodies,
        app.escalate_state.released.clone(),
    ))]
}

/// Toggles whether the bodies of responses go into the bundle, and collects it again.
pub(in crate::tui) fn toggle_bodies(app: &mut App) -> Vec<Effect> {
    app.escalate_state.bodies = match app.escalate_state.bodies {
        ResponseBodies::Included => ResponseBodies::Omitted,
        ResponseBodies::Omitted => ResponseBodies::Included,
    };
    collect_bundle(app)
}

/// Collects the bundle again for the other reader.
pub(in crate::tui) fn toggle_reader(app: &mut App) -> Vec<Effect> {
    app.escalate_state.scope.reader = match app.escalate_state.scope.reader {
        TicketReader::Support => TicketReader::Partner,
        TicketReader::Partner => TicketReader::Support,
    };
    collect_bundle(app)
}

/// Asks whether to write the bundle that was collected.
pub(in crate::tui) fn ask_to_write(app: &mut App) {
    if let BundleStage::Ready(bundle) = &app.escalate_state.stage {
        app.escalate_state.stage = BundleStage::Confirming(bundle.clone());
        app.escalate_state.top = 0;
    }
}

/// Asks whether to release a passage that was masked or held back, or asks about the next one.
pub(in crate::tui) fn ask_to_release(app: &mut App, now: Timestamp) {
    match app.escalate_state.stage.release_question() {
        Ok(question) => {
            app.escalate_state.stage = BundleStage::Releasing(Box::new(question));
            app.escalate_state.top = 0;
        }
        Err(why) => app.show_message(why, now),
    }
}

/// Carries out what pane 0 asked about: releases the passage, or writes the bundle as a folder.
pub(in crate::tui) fn confirm_in_escalate(app: &mut App) -> Vec<Effect> {
    let BundleStage::Releasing(question) = &app.escalate_state.stage else {
        return write_bundle(app, BundleFormat::Folder);
    };
    app.escalate_state.released.insert(question.passage().fingerprint.clone());
    collect_bundle(app)
}

/// Writes the bundle after the question was confirmed.
pub(in crate::tui) fn write_bundle(app: &mut App, form: BundleFormat) -> Vec<Effect> {
    match &app.escalate_state.stage {
        BundleStage::Confirming(bundle) => vec![Effect::StartJob(BackgroundJob::WriteBundle(bundle.clone(), form))],
        _ => Vec::new(),
    }
}

/// Goes one step back within pane 9 or 0: closes the open run, or withdraws the question. Returns whether there
/// was such a step.
pub(in crate::tui) fn back_within_pane(app: &mut App) -> bool {
    match (app.overlays.last(), &app.escalate_state.stage) {
        (Some(Overlay::Diagnose), _) => app.diagnose.opened.take().is_some(),
        (Some(Overlay::Escalate), BundleStage::Confirming(bundle)) => {
            app.escalate_state.stage = BundleStage::Ready(bundle.clone());
            true
        }
        (Some(Overlay::Escalate), BundleStage::Releasing(question)) => {
            app.escalate_state.stage = question.before.clone();
            true
        }
        _ => false,
    }
}

pub(in crate::tui) fn on_bundle_built(app: &mut App, came: Result<Box<TicketBundle>, BundleFailure>) {
    app.escalate_state.stage = came.map_or_else(BundleStage::Failed, BundleStage::Ready);
}

pub(in crate::tui) fn on_bundle_written(app: &mut App, came: Result<String, String>, now: Timestamp) {
    match came {
        Ok(path) => {
            app.show_message(format!("ticket saved to {path}"), now);
            if let BundleStage::Confirming(bundle) = &app.escalate_state.stage {
                app.escalate_state.stage = BundleStage::Written(bundle.clone(), path);
            }
        }
        Err(why) => {
            if let BundleStage::Confirming(bundle) = &app.escalate_state.stage {
                app.escalate_state.stage = BundleStage::Ready(bundle.clone());
            }
            message::show_error(app, why, now);
        }
    }
}
