//! Acts on keys, companies, operators, deliveries, replays, events and configurations; looking at one company.

use super::fixture::{TestConsole, ago, attempt, overview};
use super::found::found;
use crate::domain::alert::AlertSubject;
use crate::domain::delivery::{AttemptKind, DeliveryState};
use crate::domain::event::EventType;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{CompanyId, DeliveryId, KeyId, OperatorId, ReplayId, SubscriptionId};
use crate::domain::operator::OperatorRole;
use crate::domain::replay::ReplayState;
use crate::domain::scope::KeyScope;
use crate::domain::secret::Secret;
use crate::sync::logs::LogPageRequest;
use crate::sync::platform_change::PlatformChange;
use crate::tui::effect::CopyOutcome;
use crate::tui::effect::Msg;
use crate::tui::effect::{BackgroundJob, Effect, FetchedDetail, FetchedKey, JobResult};
use crate::tui::ids::RowId;
use crate::tui::runtime::state_file;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::issued_secret::IssuedSecret;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::secret_reveal::SecretReveal;
use crate::tui::widgets::theme::ConsoleAppearance;
use crate::wire::keys::{CompanyRow, NewCompany, NewKey, RequestedLimits};
use crate::wire::limits::{CallerUsageRow, KeyUsage};
use crate::wire::operators::{NewOperator, OperatorRow};
use crate::wire::page::Page;
use crate::wire::replays::{NewReplay, ReplayPlan, ReplayProgress, ReplayRow, StateCount};
use crate::wire::subscriptions::MissedEventsChoice;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::BTreeSet;

/// Deletes what stands in a line.
const CLEAR: char = '\u{15}';

pub(super) fn replays() -> Vec<ReplayRow> {
    let row = |id, phase, n_taken, ended_utc| ReplayRow {
        id: ReplayId(id),
        subscription_id: SubscriptionId(21),
        company_id: CompanyId(92),
        phase,
        since_utc: ago(7_200),
        until_utc: ago(60),
        states: vec![DeliveryState::Missed],
        rate_per_second: 20,
        progress: ReplayProgress { n_selected: 118, n_taken, n_passed: 2, n_succeeded: n_taken, n_exhausted: 0 },
        asked_by: "dana".into(),
        created_utc: ago(30),
        ended_utc,
    };
    vec![
        row(3, ReplayState::Running, 40, None),
        row(2, ReplayState::Paused, 7, None),
        row(1, ReplayState::Finished, 116, Some(ago(9))),
    ]
}

pub(super) fn operators() -> Vec<OperatorRow> {
    let row = |id, name: &str, role, revoked: Option<u64>| OperatorRow {
        id: OperatorId(id),
        name: name.into(),
        role,
        is_active: revoked.is_none(),
        created_utc: ago(90_000),
        revoked_utc: revoked.map(ago),
    };
    vec![row(1, "first admin", OperatorRole::Admin, None), row(2, "dana\u{1b}[31m", OperatorRole::Viewer, Some(60))]
}

/// Answers a background job of the console as a platform would.
pub(super) fn answer(bench: &TestConsole, job: &BackgroundJob) -> Option<JobResult> {
    let company =
        |id, name: &str| CompanyRow { id: CompanyId(id), name: Some(name.into()), created_utc: Some(bench.now) };
    let counts =
        vec![StateCount { state: DeliveryState::Missed, n: 118 }, StateCount { state: DeliveryState::Exhausted, n: 3 }];
    Some(match job {
        BackgroundJob::FetchDetail(item) => JobResult::DetailFetched(*item, Ok(Box::new(found(*item)))),
        BackgroundJob::ListCompanies => {
            JobResult::Companies(Ok(vec![company(92, "Acme"), company(93, "Globex\u{1b}[2J")]))
        }
        BackgroundJob::ListReplays => JobResult::Replays(Ok(Page::complete(replays()))),
        BackgroundJob::ListOperators => JobResult::Operators(Ok(Page::complete(operators()))),
        BackgroundJob::CountReplay(id, wish) => {
            let plan = ReplayPlan { counts, n_selected: 121, replay: None };
            JobResult::ReplayCounted(*id, wish.clone(), Ok(Box::new(plan)))
        }
        _ => return None,
    })
}

/// Presses keys and answers what is asked; the acts that were asked for.
fn acts(bench: &mut TestConsole, keys: &str) -> Vec<PlatformChange> {
    let mut acts = Vec::new();
    for key in keys.chars() {
        let effects = match key {
            CLEAR => bench.tell(Msg::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL))),
            key => bench.press(&key.to_string()),
        };
        bench.answer_pages();
        for effect in effects {
            match effect {
                Effect::StartJob(BackgroundJob::Change(act)) => acts.push(act),
                Effect::StartJob(job) => {
                    let finished = answer(bench, &job).expect("an answer");
                    bench.tell(Msg::JobFinished(finished));
                }
                _ => {}
            }
        }
    }
    acts
}

/// Each kind of act with the keys that lead to it, the last of which is the yes or the count.
fn ways() -> Vec<(&'static str, PlatformChange)> {
    let wish = NewReplay {
        since: ago(7_200),
        until: None,
        states: vec![DeliveryState::Missed, DeliveryState::Succeeded],
        dry_run: true,
        rate_per_second: None,
    };
    let (off, on) = (SubscriptionId(21), SubscriptionId(23));
    let key =
        NewKey { company_id: CompanyId(93), name: "crm".to_owned(), scopes: vec![KeyScope::EventsRead], limits: None };
    vec![
        ("3x\ny", PlatformChange::SendTest(off)),
        ("3xj\ny", PlatformChange::Enable(off, MissedEventsChoice::None)),
        ("3xjj\ny", PlatformChange::Enable(off, MissedEventsChoice::Missed)),
        ("3Ry", PlatformChange::Enable(off, MissedEventsChoice::Missed)),
        ("7Ry", PlatformChange::Enable(off, MissedEventsChoice::Missed)),
        ("3jxjjj\n\ny", PlatformChange::Disable(on, None)),
        ("3jxjjj\n they asked \ny", PlatformChange::Disable(on, Some("they asked".to_owned()))),
        (
            "3Gxjjj\nthey still move\ny",
            PlatformChange::SetDisableReason(SubscriptionId(26), "they still move".to_owned()),
        ),
        ("3xjjjj\nders\n", PlatformChange::Delete(off)),
        ("aA\ny", PlatformChange::Acknowledge(AlertSubject::Subscription(off), HealthStatus::Tripped, None)),
        (
            "ajAon it\ny",
            PlatformChange::Acknowledge(
                AlertSubject::Subscription(on),
                HealthStatus::Failing,
                Some("on it".to_owned()),
            ),
        ),
        ("3xjjj\n\u{15}2h\t\t\t \t\t \t\u{15}\n121\n", PlatformChange::Replay(off, wish.clone(), 121)),
        ("3jR\u{15}2h\t\t\t \t\t \t\u{15}\n121\n", PlatformChange::Replay(on, wish, 121)),
        ("rPy", PlatformChange::SetReplayState(ReplayId(3), ReplayState::Paused)),
        ("rjPy", PlatformChange::SetReplayState(ReplayId(2), ReplayState::Running)),
        ("rXy", PlatformChange::SetReplayState(ReplayId(3), ReplayState::Cancelled)),
        ("4jx\ny", PlatformChange::Resend(DeliveryId(1_577))),
        ("4jRy", PlatformChange::Resend(DeliveryId(1_577))),
        ("2x\naZ3k\n", PlatformChange::RevokeKey(KeyId(1))),
        ("6x\naZ3k\n", PlatformChange::RevokeKey(KeyId(1))),
        (
            "2xj\n\u{15}30\t\t\u{15}\ny",
            PlatformChange::SetLimits(KeyId(1), RequestedLimits { read: Some(30), write: Some(100), admin: None }),
        ),
        ("5x\ny", PlatformChange::EmitSampleEvent(CompanyId(92), EventType::DocumentUploaded)),
        ("M \t \ny", PlatformChange::EmitSampleEvent(CompanyId(93), EventType::ClientStatusChanged)),
        ("CNInitech\ny", PlatformChange::CreateCompany(NewCompany { name: "Initech".to_owned() })),
        ("K \tcrm\t \ny", PlatformChange::CreateKey(key)),
        (
            "oNdana\t \ny",
            PlatformChange::CreateOperator(NewOperator { name: "dana".to_owned(), role: OperatorRole::Operator }),
        ),
        ("oXdmin\n", PlatformChange::RevokeOperator(OperatorId(1))),
    ]
}

/// The kinds of acts that are reached by keys; rolling back is reached from its own line.
const fn kind(act: &PlatformChange) -> &'static str {
    match act {
        PlatformChange::SendTest(_) => "test",
        PlatformChange::Enable(..) => "enable",
        PlatformChange::Disable(..) => "disable",
        PlatformChange::Delete(_) => "delete",
        PlatformChange::SetDisableReason(..) => "intend",
        PlatformChange::Acknowledge(..) => "acknowledge",
        PlatformChange::RollBack(..) => "roll back",
        PlatformChange::Replay(..) => "replay",
        PlatformChange::SetReplayState(..) => "turn",
        PlatformChange::Resend(_) => "resend",
        PlatformChange::RevokeKey(_) => "revoke",
        PlatformChange::SetLimits(..) => "limit",
        PlatformChange::EmitSampleEvent(..) => "emit",
        PlatformChange::CreateCompany(_) => "company",
        PlatformChange::CreateKey(_) => "key",
        PlatformChange::CreateOperator(_) => "operator",
        PlatformChange::RevokeOperator(_) => "revoke operator",
    }
}

#[test]
fn every_act_is_reached_by_keys_and_wants_a_yes_or_its_number() {
    let mut reached = BTreeSet::new();
    for (keys, act) in ways() {
        reached.insert(kind(&act));
        let mut bench = TestConsole::new(120, 36);
        assert_eq!(acts(&mut bench, keys), std::slice::from_ref(&act), "{keys:?}\n{}", bench.screen());
        let mut bench = TestConsole::new(120, 36);
        let short: String = keys.chars().take(keys.chars().count() - 1).collect();
        assert_eq!(acts(&mut bench, &short), [], "{keys:?} without the last one");
        let no = if act.n_things() > 1 { "9\n" } else { "n" };
        assert_eq!(acts(&mut bench, no), [], "{keys:?} and no");
        let mut bench = TestConsole::with(120, 36, ConsoleAccess::ReadOnly, ConsoleAppearance::default());
        assert_eq!(acts(&mut bench, keys), [], "{keys:?} where one may only look");
    }
    assert_eq!(reached.len(), 16, "{reached:?}");
}

#[test]
fn a_replay_is_counted_before_it_is_asked_about_and_its_progress_is_shown() {
    let mut bench = TestConsole::new(120, 36);
    let asked = acts(&mut bench, "3xjjj\n");
    assert_eq!(asked, []);
    let screen = bench.screen();
    assert!(screen.contains("2026-11-23T13:58:31Z"), "since it tripped last:\n{screen}");
    acts(&mut bench, "\n");
    let screen = bench.screen();
    for words in ["118 missed, 3 exhausted", "Type 121 and press Enter", "Sending starts when"] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    let done = acts(&mut bench, "121\n");
    let [act @ PlatformChange::Replay(..)] = done.as_slice() else { panic!("{done:?}") };
    let effects =
        bench.tell(Msg::JobFinished(JobResult::ChangeFinished(act.clone(), Ok("replay 4 was begun".to_owned()))));
    assert_eq!(effects, [Effect::StartJob(BackgroundJob::ListReplays)], "its progress is shown");
    bench.tell(Msg::JobFinished(JobResult::Replays(Ok(Page::complete(replays())))));
    let screen = bench.screen();
    for words in ["running", "42/118", "~4 s at 20/s", "109 waiting", "finished", " 3, newest first"] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    let cut = Page { has_more: true, ..Page::complete(replays()) };
    bench.tell(Msg::JobFinished(JobResult::Replays(Ok(cut))));
    let screen = bench.screen();
    assert!(screen.contains("at least 3, newest first"), "older ones were not fetched:\n{screen}");
    let mut next = overview();
    next.cursor += 1;
    let picture = super::fixture::picture(next);
    assert_eq!(
        bench.tell(Msg::Snapshot(picture)),
        [Effect::StartJob(BackgroundJob::ListReplays)],
        "it is fetched as things change"
    );
    let mut bench = TestConsole::new(120, 36);
    bench.press("3xjjj\n");
    let effects = bench.press("\n");
    let [Effect::StartJob(BackgroundJob::CountReplay(id, wish))] = effects.as_slice() else { panic!("{effects:?}") };
    let none = ReplayPlan { counts: Vec::new(), n_selected: 0, replay: None };
    bench.tell(Msg::JobFinished(JobResult::ReplayCounted(*id, wish.clone(), Ok(Box::new(none)))));
    assert!(bench.screen().contains("no deliveries in these states"), "{}", bench.screen());
}

#[test]
fn what_cannot_be_used_is_said_under_the_form_and_what_was_typed_stays() {
    for (keys, why) in [
        ("K\n", "enter a name"),
        ("K\tcrm\n", "select at least one scope"),
        ("2xj\nx\n", "is not a number from 1 to 1,000,000"),
        ("3xjjj\n\u{15}soon\n", "soon is not a time"),
        ("3xjjj\n\u{15}1h\t2h\n", "the end must be after the start"),
        ("3xjjj\n\t\t \t \n", "select at least one state"),
        ("Kz", "Space changes this field"),
    ] {
        let mut bench = TestConsole::new(120, 36);
        assert_eq!(acts(&mut bench, keys), []);
        assert!(bench.screen().contains(why), "{why}:\n{}", bench.screen());
    }
    let mut bench = TestConsole::new(120, 36);
    let done = acts(&mut bench, "CNInitech\ny");
    let refused = Err("could not create a company: the name is taken".to_owned());
    bench.tell(Msg::JobFinished(JobResult::ChangeFinished(done[0].clone(), refused)));
    let screen = bench.screen();
    assert!(screen.contains("the name is taken") && screen.contains("Initech"), "{screen}");
    bench.press("\u{1b}\u{1b}");
    assert!(bench.app.overlays.is_empty());
}

#[test]
fn a_secret_is_shown_once_copied_through_its_own_door_and_kept_nowhere() {
    let mut bench = TestConsole::new(120, 36);
    let done = acts(&mut bench, "K\tcrm\t \ny");
    let text = "wlcro_live_92_canaryCANARYcanaryCANARYcanaryCANARYcanaryC";
    let issued = IssuedSecret::new("key 7 of company 92".to_owned(), Secret::new(text.to_owned()));
    bench.tell(Msg::JobFinished(JobResult::SecretIssued(done[0].clone(), issued.clone())));
    assert!(bench.screen().contains(text), "{}", bench.screen());
    assert!(!format!("{:?}{:?}", issued, bench.app.overlays).contains("canary"), "it does not print itself");
    assert_eq!(bench.press("y"), [Effect::CopySecret(issued.clone())]);
    bench.press("x");
    assert!(bench.screen().contains("is not available here"));
    bench.tell(Msg::JobFinished(JobResult::SecretCopied(
        issued,
        Ok(CopyOutcome::Kept("52 bytes copied into a place".to_owned())),
    )));
    assert!(bench.screen().contains("52 bytes copied into a place; Esc closes"), "{}", bench.screen());
    bench.press("\u{1b}");
    assert!(bench.app.overlays.is_empty() && !bench.screen().contains("canary"), "{}", bench.screen());
    bench.press("~");
    assert!(bench.screen().contains("key 7 of company 92 created") && !bench.screen().contains("canary"));
    let remembered = serde_json::to_string(&state_file::persisted_state(&bench.app)).expect("JSON");
    assert!(!remembered.contains("canary"));
    for (width, height) in [(40, 10), (60, 15), (80, 24)] {
        let mut bench = TestConsole::new(width, height);
        let issued = IssuedSecret::new("key 7 of company 92".to_owned(), Secret::new(text.to_owned()));
        bench.app.overlays.push(Overlay::SecretReveal(SecretReveal::new(issued)));
        let screen = bench.screen();
        for piece in crate::tui::widgets::format::wrap(text, usize::from(width - 6).min(100)) {
            assert!(screen.contains(&piece), "{piece} at {width}x{height}:\n{screen}");
        }
    }
}

#[test]
fn a_secret_that_is_not_known_to_be_in_a_clipboard_is_not_closed_at_the_first_key() {
    let sent = || {
        Ok(CopyOutcome::Unconfirmed("52 bytes sent to the terminal; whether it keeps them it does not say".to_owned()))
    };
    for (came, on_the_screen, said) in [
        (None, "y copies", "the secret is not copied"),
        (Some(sent()), "check that it pastes", "check first that it pastes"),
        (Some(Err("could not copy: no way".to_owned())), "could not copy: no way", "the secret could not be copied"),
    ] {
        for close in ["\u{1b}", "q", "\u{3}"] {
            let mut bench = TestConsole::new(120, 36);
            bench.app.config.identity.mode = crate::tui::state::config::ConsoleMode::Remote;
            let issued = IssuedSecret::new("key 7 of company 92".to_owned(), Secret::new("canary".to_owned()));
            bench.app.overlays.push(Overlay::SecretReveal(SecretReveal::new(issued.clone())));
            if let Some(came) = came.clone() {
                bench.tell(Msg::JobFinished(JobResult::SecretCopied(issued, came)));
            }
            assert!(bench.screen().contains(on_the_screen), "{}", bench.screen());
            let press = |bench: &mut TestConsole| match close {
                "\u{3}" => bench.tell(Msg::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL))),
                key => bench.press(key),
            };
            assert_eq!(press(&mut bench), []);
            let screen = bench.screen();
            assert!(screen.contains("canary") && screen.contains(said), "{said}:\n{screen}");
            let effects = press(&mut bench);
            let is_gone = bench.app.overlays.is_empty() || effects == [Effect::Leave];
            assert!(is_gone, "the second time it closes: {said}");
        }
    }
}

/// Effect that the confirmation in front names.
fn asked_about(bench: &TestConsole) -> &str {
    match bench.app.overlays.last() {
        Some(Overlay::TypedConfirm(count)) => &count.questions[0].effect,
        other => panic!("no question that wants something typed: {other:?}"),
    }
}

#[test]
fn what_cannot_be_undone_names_who_is_cut_off_and_wants_the_last_four_characters() {
    let mut bench = TestConsole::new(120, 36);
    let asked = bench.press("2x\n");
    assert_eq!(asked, [Effect::StartJob(BackgroundJob::FetchDetail(RowId::Key(KeyId(1))))], "it asks who calls, once");
    let screen = bench.screen();
    for said in ["Zapier Production", "cannot be undone", "Type aZ3k"] {
        assert!(screen.contains(said), "{said}:\n{screen}");
    }
    for said in ["calls in the last hour", "Its callers are being loaded"] {
        assert!(asked_about(&bench).contains(said), "{said}: {}", asked_about(&bench));
    }
    let caller =
        CallerUsageRow { user_agent: "Zapier/1.0".into(), address: "203.0.113.7".into(), n: 41, last_utc: ago(9) };
    let story = FetchedKey {
        usage: KeyUsage { since_utc: None, routes: Some(Vec::new()), never_used: Some(Vec::new()) },
        callers: Some(vec![caller]),
        requests: Vec::new(),
    };
    let found = JobResult::DetailFetched(RowId::Key(KeyId(1)), Ok(Box::new(FetchedDetail::Key(story))));
    assert_eq!(bench.tell(Msg::JobFinished(found)), []);
    let said = asked_about(&bench);
    assert!(said.contains("Affected callers: Zapier/1.0 at 203.0.113.7 (41 today)"), "{said}");
    assert!(bench.screen().contains("203.0.113.7"), "{}", bench.screen());
    for wrong in ["y\n", "1\n", "az3k\n", ""] {
        assert_eq!(acts(&mut bench, wrong), [], "{wrong:?}");
        bench.tell(Msg::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
    }
    bench.tell(Msg::Pasted("aZ3k".to_owned()));
    assert_eq!(acts(&mut bench, "\n"), [], "what confirms is typed");
    assert_eq!(acts(&mut bench, "aZ3k\n"), [PlatformChange::RevokeKey(KeyId(1))]);
}

#[test]
fn enabling_says_what_the_last_test_showed_or_that_one_may_come_first() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3xjj\n");
    assert!(bench.screen().contains("Send one first (t)"), "{}", bench.screen());
    let mut next = overview();
    let mut test = attempt(9_000, 120, Some(200), None);
    (test.subscription_id, test.kind) = (Some(SubscriptionId(21)), Some(AttemptKind::Test));
    next.attempts.items.insert(0, test);
    let mut bench = TestConsole::new(120, 36);
    bench.show(next);
    bench.press("3xjj\n");
    let screen = bench.screen();
    assert!(screen.contains("test 2 m ago: 200."), "{screen}");
}

#[test]
fn after_its_test_a_subscription_that_is_off_can_be_enabled_with_or_without_what_it_missed() {
    let mut bench = TestConsole::new(120, 36);
    let done = acts(&mut bench, "3x\ny");
    let told = "subscription 21 answered the test with 200, after 45 ms";
    bench.tell(Msg::JobFinished(JobResult::ChangeFinished(done[0].clone(), Ok(told.to_owned()))));
    let screen = bench.screen();
    assert!(screen.contains(told) && screen.contains("> Enable"), "{screen}");
    assert_eq!(acts(&mut bench, "j\ny"), [PlatformChange::Enable(SubscriptionId(21), MissedEventsChoice::Missed)]);
    let mut bench = TestConsole::new(120, 36);
    let done = acts(&mut bench, "3jx\ny");
    bench.tell(Msg::JobFinished(JobResult::ChangeFinished(done[0].clone(), Ok("it answered".to_owned()))));
    assert!(bench.app.overlays.is_empty(), "who is on needs no enabling");
}

#[test]
fn revoking_says_who_will_be_cut_off_and_is_void_when_somebody_else_did_it() {
    let mut bench = TestConsole::new(120, 36);
    acts(&mut bench, "2x\n");
    assert!(bench.screen().contains("revoke key 1"), "{}", bench.screen());
    // Its callers were asked for and came, with its detail open and without.
    assert!(asked_about(&bench).contains("Zapier at 203.0.113.9"), "{}", asked_about(&bench));
    acts(&mut bench, "\u{1b}\u{1b}\nx\n");
    assert!(asked_about(&bench).contains("Zapier at 203.0.113.9"), "{}", asked_about(&bench));
    let mut next = overview();
    next.cursor += 1;
    next.keys.items[0].revoked_utc = Some(bench.now);
    bench.show(next);
    assert_eq!(acts(&mut bench, "aZ3k\n"), []);
    assert!(bench.screen().contains("key 1 is already revoked"), "{}", bench.screen());
}

#[test]
fn an_earlier_configuration_is_brought_back_from_its_line() {
    let mut bench = TestConsole::new(120, 60);
    acts(&mut bench, "3j\n");
    let line = bench.screen().lines().position(|line| line.contains("→ roll back to revision 1")).expect("the line");
    acts(&mut bench, &"j".repeat(line - 2));
    assert_eq!(acts(&mut bench, "\n"), []);
    assert!(bench.screen().contains("Roll subscription 23 back to revision 1?"), "{}", bench.screen());
    assert_eq!(acts(&mut bench, "y"), [PlatformChange::RollBack(SubscriptionId(23), 1)]);
}

#[test]
fn one_company_is_looked_at_everywhere() {
    let mut bench = TestConsole::new(120, 36);
    let mut both = overview();
    both.cursor += 1;
    both.keys.items[2].company_id = CompanyId(93);
    both.subscriptions.items.truncate(2);
    both.subscriptions.total = 2;
    both.subscriptions.items[1].subscription.company_id = CompanyId(93);
    bench.show(both);
    assert_eq!(bench.press("C"), [Effect::StartJob(BackgroundJob::ListCompanies)]);
    assert!(bench.screen().contains("loading"));
    let company =
        |id, name: &str| CompanyRow { id: CompanyId(id), name: Some(name.into()), created_utc: Some(bench.now) };
    let companies = vec![company(92, "Acme"), company(93, "Globex\u{1b}[2J")];
    bench.tell(Msg::JobFinished(JobResult::Companies(Ok(companies))));
    assert!(bench.screen().contains("93  Globex\u{241b}[2J"), "{}", bench.screen());
    bench.press("jj\n");
    assert_eq!(bench.app.company, Some(CompanyId(93)));
    let screen = bench.screen();
    assert!(screen.contains("company 93") && screen.contains("api.globex.example"), "{screen}");
    assert!(!screen.contains("hooks.acme.example/orders  ") && !screen.contains("Zapier Production"), "{screen}");
    bench.press("8");
    let asked =
        bench.asked.iter().any(|ask| matches!(ask, LogPageRequest::Requests(query, _) if query.company == Some(93)));
    assert!(asked, "{:?}", bench.asked);
    bench.press("C");
    bench.tell(Msg::JobFinished(JobResult::Companies(Err("refused".to_owned()))));
    assert!(bench.screen().contains("could not load: refused"));
    bench.press("\n\u{1b}");
    assert_eq!(bench.app.company, Some(CompanyId(93)), "nothing is chosen from a list that did not come");
}
