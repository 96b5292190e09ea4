//! Tickets in the console: collected, shown, asked about, released passage by passage, and written.

use super::consult::{FAILING, TRIPPED, built, built_with, came};
use super::fixture::TestConsole;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::escalation::EscalationKind;
use crate::diagnose::incident::IncidentScope;
use crate::diagnose::reporter::{ReporterStatement, TicketReader};
use crate::domain::ids::{AttemptId, EventId, KeyId};
use crate::domain::outbound::SecretGate;
use crate::export::bundle::BundleError;
use crate::export::bundle_writer::BundleFormat;
use crate::export::ticket::ResponseBodies;
use crate::tui::effect::DiagnoseResult;
use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::escalate::{BundleFailure, BundleStage};
use crate::tui::state::overlays::Overlay;
use crossterm::event::KeyCode;
use std::collections::BTreeSet;

#[test]
fn a_bundle_is_about_all_that_was_collected() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3b2b");
    bench.app.view_state.set_note(crate::tui::ids::RowId::Key(KeyId(1)), "rotated last week");
    bench.press("4");
    bench.answer_pages();
    bench.press("b5");
    bench.answer_pages();
    bench.press("b");
    let event = bench.app.view_state.bundle.last().expect("an event").number();
    let effects = bench.press("0\n");
    let [Effect::StartJob(BackgroundJob::BuildBundle(matter, ResponseBodies::Included, _))] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(matter.subjects[..2], [DiagnosisSubject::Subscription(TRIPPED), DiagnosisSubject::Key(KeyId(1))]);
    assert_eq!(matter.selection.attempts, [AttemptId(678)]);
    assert_eq!(matter.selection.events, [EventId(event)]);
    assert_eq!(matter.selection.notes, [("key 1".to_owned(), "rotated last week".to_owned())]);
    let screen = bench.screen();
    assert!(screen.contains("About: subscription 21, key 1") && screen.contains("notes on key 1"), "{screen}");
}

#[test]
fn a_bundle_is_collected_shown_and_written_only_after_a_question() {
    let mut bench = TestConsole::new(120, 36);
    let matter = Box::new(IncidentScope::last_hour_of(vec![DiagnosisSubject::Subscription(FAILING)]));
    assert_eq!(
        bench.press("3j0\n"),
        [Effect::StartJob(BackgroundJob::BuildBundle(matter.clone(), ResponseBodies::Included, BTreeSet::new()))]
    );
    assert!(bench.screen().contains("0 Escalate: ticket for subscription 23"), "{}", bench.screen());
    bench.press("W");
    assert!(bench.screen().contains("no ticket to write yet"), "{}", bench.screen());
    let why = "cannot write the ticket: ticket.json at /failures/0/body is no text".to_owned();
    came(&mut bench, DiagnoseResult::Bundle(Err(BundleFailure { why, held: None })));
    assert!(bench.screen().contains("/failures/0/body"), "{}", bench.screen());
    assert_eq!(bench.press("W"), []);
    assert_eq!(bench.press("y"), [], "nothing was asked");
    let without_bodies = BackgroundJob::BuildBundle(matter, ResponseBodies::Omitted, BTreeSet::new());
    assert_eq!(bench.press("o"), [Effect::StartJob(without_bodies)]);
    let bundle = Box::new(built(vec![DiagnosisSubject::Subscription(FAILING)]));
    came(&mut bench, DiagnoseResult::Bundle(Ok(bundle.clone())));
    assert_eq!(bench.press("y"), [], "nothing was asked yet");
    bench.press("W");
    assert!(bench.screen().contains("y writes a folder, z"), "{}", bench.screen());
    assert_eq!(bench.press("z"), [Effect::StartJob(BackgroundJob::WriteBundle(bundle.clone(), BundleFormat::Archive))]);
    assert_eq!(bench.press("y"), [Effect::StartJob(BackgroundJob::WriteBundle(bundle, BundleFormat::Folder))]);
    came(&mut bench, DiagnoseResult::Written(Ok("/home/dana/crow-x".to_owned())));
    assert!(bench.screen().contains("Saved to /home/dana/crow-x"), "{}", bench.screen());
    assert!(matches!(bench.app.escalate_state.stage, BundleStage::Written(..)));
}

#[test]
fn a_ticket_is_collected_again_for_the_other_reader_unless_it_is_about_everything() {
    let mut bench = TestConsole::new(120, 36);
    let matter = IncidentScope::last_hour_of(vec![DiagnosisSubject::Subscription(FAILING)]);
    bench.press("3j0\n");
    came(&mut bench, DiagnoseResult::Bundle(Ok(Box::new(built(matter.subjects.clone())))));
    for reader in [TicketReader::Partner, TicketReader::Support] {
        let matter = Box::new(IncidentScope { reader, ..matter.clone() });
        let again = BackgroundJob::BuildBundle(matter.clone(), ResponseBodies::Included, BTreeSet::new());
        assert_eq!(bench.press("t"), [Effect::StartJob(again)]);
        came(&mut bench, DiagnoseResult::Bundle(Ok(Box::new(built(matter.subjects)))));
    }
    bench.app.escalate_state.scope.subjects = vec![DiagnosisSubject::All];
    assert_eq!(bench.press("t"), []);
    assert!(bench.screen().contains("a partner's ticket is about"), "{}", bench.screen());
}

#[test]
fn a_ticket_has_the_words_of_its_form_also_in_a_read_only_console() {
    let mut bench = TestConsole::new(120, 36);
    bench.app.config.access = ConsoleAccess::ReadOnly;
    let subject = DiagnosisSubject::Subscription(FAILING);
    assert_eq!(bench.press("3j0"), [], "nothing is collected yet");
    assert!(bench.screen().contains("Ticket for subscription 23"), "{}", bench.screen());
    bench.code(KeyCode::Esc);
    assert_eq!((bench.app.overlays.len(), &bench.app.escalate_state.stage), (0, &BundleStage::None));
    bench.press("0sent a test; ;checked the firewall\tsince noon\tdana@example.com\t \t ");
    let reporter = ReporterStatement {
        tried: vec!["sent a test".to_owned(), "checked the firewall".to_owned()],
        note: Some("since noon".to_owned()),
        contact: Some("dana@example.com".to_owned()),
        reasons: vec![EscalationKind::Persists],
    };
    let scope = IncidentScope { reporter, reader: TicketReader::Partner, ..IncidentScope::last_hour_of(vec![subject]) };
    let build = |scope: &IncidentScope| {
        let scope = Box::new(scope.clone());
        [Effect::StartJob(BackgroundJob::BuildBundle(scope, ResponseBodies::Included, BTreeSet::new()))]
    };
    assert_eq!(bench.press("\n"), build(&scope));
    came(&mut bench, DiagnoseResult::Bundle(Ok(Box::new(built(vec![subject])))));
    // The words can be changed, and stay for a ticket about the same; for another one the contact stays.
    bench.press("e");
    assert!(bench.screen().contains("sent a test; checked the firewall"), "{}", bench.screen());
    let edited = ReporterStatement { contact: Some("dana@example.com!".to_owned()), ..scope.reporter.clone() };
    assert_eq!(bench.press("\t\t!\n"), build(&IncidentScope { reporter: edited, ..scope.clone() }));
    came(&mut bench, DiagnoseResult::Bundle(Ok(Box::new(built(vec![subject])))));
    bench.code(KeyCode::Esc);
    bench.press("0");
    assert!(bench.screen().contains("since noon"), "{}", bench.screen());
    bench.code(KeyCode::Esc);
    bench.press("k0");
    let screen = bench.screen();
    assert!(screen.contains("dana@example.com!") && !screen.contains("since noon"), "{screen}");
}

#[test]
fn a_form_of_a_ticket_says_which_field_does_not_fit() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3j0");
    let Some(Overlay::Form(form)) = bench.app.overlays.last_mut() else { panic!("a form") };
    form.paste(&"a;".repeat(21)).expect("it fits");
    assert_eq!(bench.press("\n"), []);
    assert!(bench.screen().contains("21 steps; the limit is 20"), "{}", bench.screen());
    bench.code(KeyCode::Esc);
    bench.press("0\t\t");
    let Some(Overlay::Form(form)) = bench.app.overlays.last_mut() else { panic!("a form") };
    form.paste(&"x".repeat(201)).expect("it fits");
    assert_eq!(bench.press("\n"), []);
    assert!(bench.screen().contains("201 bytes; the limit is 200"), "{}", bench.screen());
    bench.code(KeyCode::Esc);
    // A ticket about everything is not for a partner.
    bench.press("90\t\t\t \n");
    assert!(bench.screen().contains("a partner's ticket is about"), "{}", bench.screen());
    // Every field is within reach where few lines fit.
    for (width, height) in [(60, 15), (40, 8)] {
        let mut small = TestConsole::new(width, height);
        small.press("30");
        assert!(small.screen().contains("> Tried"), "{}", small.screen());
        small.press(&"\t".repeat(8));
        let screen = small.screen();
        assert!(screen.contains(">") && screen.contains("[ ]") && screen.contains("Enter"), "{screen}");
    }
}

const TOKENS: [&str; 2] =
    ["wlop_Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3", "wlop_Cd4Cd4Cd4Cd4Cd4Cd4Cd4Cd4Cd4Cd4Cd4Cd4Cd4Cd4Cd4"];

#[test]
fn x1_what_is_masked_in_a_ticket_leaves_only_after_a_question_about_this_passage_and_a_yes() {
    let mut bench = TestConsole::new(120, 36);
    let subject = DiagnosisSubject::Subscription(FAILING);
    let matter = Box::new(IncidentScope::last_hour_of(vec![subject]));
    let build = |bodies, released: &BTreeSet<String>| {
        [Effect::StartJob(BackgroundJob::BuildBundle(matter.clone(), bodies, released.clone()))]
    };
    assert_eq!(bench.press("3j0\n"), build(ResponseBodies::Included, &BTreeSet::new()));
    bench.press("r");
    assert!(bench.screen().contains("no redacted passage can be released"), "{}", bench.screen());
    let note = format!("builds {} and {}", TOKENS[0], TOKENS[1]);
    let masked = built_with(vec![subject], &note, &SecretGate::default()).expect("both are masked");
    let tally = masked.manifest().redactions.iter().find(|of| !of.fingerprints.is_empty()).expect("masked").clone();
    let [first, second] = tally.fingerprints.as_slice() else { panic!("{tally:?}") };
    came(&mut bench, DiagnoseResult::Bundle(Ok(Box::new(masked.clone()))));
    assert!(bench.screen().contains("r releases a redacted passage"), "{}", bench.screen());
    // The question names kind, place and fingerprint, and never the passage.
    for (keys, fingerprint) in [("r", first), ("r", second), ("r", first), ("r", second)] {
        assert_eq!(bench.press(keys), []);
        let screen = bench.screen();
        for part in [tally.what.as_str(), "/notes/0/text", fingerprint.as_str(), "n keeps it redacted", " of 2)"] {
            assert!(screen.contains(part), "{part}:\n{screen}");
        }
        assert!(TOKENS.iter().all(|token| !screen.contains(&token[5..])), "{screen}");
    }
    for keys in ["W", "z", "o"] {
        assert_eq!(bench.press(keys), []);
        assert!(bench.screen().contains("answer first: y or n"), "{keys}: {}", bench.screen());
    }
    assert_eq!(bench.press("n"), []);
    assert!(matches!(&bench.app.escalate_state.stage, BundleStage::Ready(kept) if **kept == masked), "nothing changed");
    bench.press("rr");
    let released = BTreeSet::from([second.clone()]);
    assert_eq!(bench.press("y"), build(ResponseBodies::Included, &released), "this one alone");
    let gate = SecretGate::default().with_allowed(released.clone());
    let one_left = built_with(vec![subject], &note, &gate).expect("the other one is masked");
    came(&mut bench, DiagnoseResult::Bundle(Ok(Box::new(one_left.clone()))));
    assert!(bench.screen().contains(&format!("Released: {second}")), "{}", bench.screen());
    assert_eq!(one_left.manifest().released, std::slice::from_ref(second), "the manifest keeps it");
    assert_eq!(bench.press("o"), build(ResponseBodies::Omitted, &released), "it stays released for this ticket");
    came(&mut bench, DiagnoseResult::Bundle(Ok(Box::new(one_left))));
    bench.code(KeyCode::Esc);
    assert_eq!(bench.press("0\n"), build(ResponseBodies::Omitted, &BTreeSet::new()), "and for no other one");
}

#[test]
fn x1_a_passage_that_holds_a_ticket_back_is_released_in_the_same_way() {
    let mut bench = TestConsole::new(120, 36);
    let matter = Box::new(IncidentScope::last_hour_of(vec![DiagnosisSubject::Subscription(FAILING)]));
    bench.press("3j0\n");
    let held = SecretGate::default().release(format!("first\n{}", TOKENS[0])).expect_err("a token");
    let fingerprint = held.fingerprint.clone();
    let error = BundleError::Held { place: "ticket.json at /failures/0/body".to_owned(), held };
    came(&mut bench, DiagnoseResult::Bundle(Err(error.into())));
    assert!(bench.screen().contains("r releases the passage if it is not a secret"), "{}", bench.screen());
    bench.press("r");
    let screen = bench.screen();
    for part in ["/failures/0/body", &fingerprint, "n keeps it held back"] {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    bench.code(KeyCode::Esc);
    assert!(matches!(bench.app.escalate_state.stage, BundleStage::Failed(_)));
    bench.press("r");
    let released = BTreeSet::from([fingerprint]);
    let again = BackgroundJob::BuildBundle(matter, ResponseBodies::Included, released);
    assert_eq!(bench.press("y"), [Effect::StartJob(again)]);
}
