//! Registry of all key bindings: dispatch, footer, help, palette, configuration and the guide's table are made from
//! it.

use super::chord::{Chord, ch, ctrl, key};
use super::keymap::Context::{
    Alerts, Choice, Confirm, Count, Detail, Diagnose, Escalate, Expect, Filter, Form, Help, Log, Menu, Note, Once,
    Operators, Palette, Panes, Replays, Run,
};
use super::keymap::{Action, Binding, Context, Group, Step};
use super::overlay::form::Purpose;
use super::panes::Pane;
use crossterm::event::KeyCode;

/// Contexts in which a selection moves or text scrolls.
const SCROLLING: &[Context] = &[Panes, Detail, Menu, Alerts, Choice, Log, Replays, Operators, Diagnose, Escalate];
/// Contexts of [`SCROLLING`], and lists beneath a text input.
const LISTS: &[Context] =
    &[Panes, Detail, Menu, Alerts, Choice, Log, Replays, Operators, Diagnose, Escalate, Help, Palette, Filter, Form];
/// Every context there is, for bindings that always work.
pub(super) const ANYWHERE: &[Context] = &[
    Panes, Detail, Menu, Confirm, Help, Alerts, Filter, Palette, Choice, Note, Expect, Count, Form, Replays, Operators,
    Once, Log, Run, Diagnose, Escalate,
];
/// Contexts in which characters are keys, not text.
const KEYED: &[Context] =
    &[Panes, Detail, Menu, Confirm, Alerts, Choice, Replays, Operators, Once, Log, Run, Diagnose, Escalate];
/// Overlay contexts in which characters are keys, not text.
const LAYERS: &[Context] =
    &[Detail, Menu, Confirm, Alerts, Choice, Replays, Operators, Once, Log, Run, Diagnose, Escalate];
/// Contexts with rows or with one item in detail.
const THINGS: &[Context] = &[Panes, Detail];
const PANES: &[Context] = &[Panes];
/// Contexts from which the pane can be changed: the panes, and what opens over one.
const PLACES: &[Context] = &[Panes, Detail, Diagnose, Escalate];

const UP: KeyCode = KeyCode::Up;
const DOWN: KeyCode = KeyCode::Down;
const ENTER: &[Chord] = &[key(KeyCode::Enter)];

const fn bind(name: &'static str, chords: &'static [Chord], action: Action, label: &'static str) -> Binding {
    Binding { name, chords, action, contexts: PANES, label, group: Group::Look, footer: None }
}

impl Binding {
    const fn at(self, contexts: &'static [Context]) -> Self {
        Self { contexts, ..self }
    }

    const fn in_group(self, group: Group) -> Self {
        Self { group, ..self }
    }

    const fn in_footer(self, rank: u8) -> Self {
        Self { footer: Some(rank), ..self }
    }

    const fn moving(self, contexts: &'static [Context]) -> Self {
        Self { contexts, group: Group::Move, ..self }
    }
}

/// All key bindings with their default keys.
pub const BINDINGS: &[Binding] = &[
    bind("up", &[key(UP), ch('k')], Action::Move(Step::Up), "up").moving(LISTS),
    bind("down", &[key(DOWN), ch('j')], Action::Move(Step::Down), "down").moving(LISTS),
    bind("half-up", &[ctrl('u')], Action::Move(Step::HalfUp), "half page up").moving(SCROLLING),
    bind("half-down", &[ctrl('d')], Action::Move(Step::HalfDown), "half page down").moving(SCROLLING),
    bind("page-up", &[key(KeyCode::PageUp)], Action::Move(Step::PageUp), "page up").moving(LISTS),
    bind("page-down", &[key(KeyCode::PageDown)], Action::Move(Step::PageDown), "page down").moving(LISTS),
    bind("first", &[key(KeyCode::Home), ch('g')], Action::Move(Step::Top), "top").moving(SCROLLING),
    bind("last", &[key(KeyCode::End), ch('G')], Action::Move(Step::Bottom), "bottom").moving(SCROLLING),
    bind("next-trouble", &[ch('e')], Action::NextTrouble, "next failing").moving(PANES).in_footer(8),
    bind("previous-trouble", &[ch('E')], Action::PreviousTrouble, "previous failing").moving(PANES),
    bind("next-warning", &[ch('w')], Action::NextWarning, "next warning").moving(PANES),
    bind("previous-warning", &[ch('W')], Action::PreviousWarning, "previous warning").moving(PANES),
    bind("next-match", &[ch('n')], Action::NextMatch, "next match").moving(PANES).in_footer(9),
    bind("previous-match", &[ch('N')], Action::PreviousMatch, "previous match").moving(PANES),
    bind("open", ENTER, Action::Open, "open").at(&[Panes, Alerts, Detail, Replays]).in_footer(1),
    bind("choose", ENTER, Action::Open, "choose").at(&[Menu, Choice]).in_group(Group::Act).in_footer(1),
    bind("run", ENTER, Action::Open, "run").at(&[Help, Palette]).in_group(Group::Act).in_footer(1),
    bind("go-on", ENTER, Action::Open, "continue").at(&[Form]).in_group(Group::Act).in_footer(1),
    bind("next-field", &[key(KeyCode::Tab)], Action::NextField, "next field").at(&[Form]).in_footer(2),
    bind("keep", ENTER, Action::Open, "save").at(&[Filter, Note]).in_footer(1),
    bind("compare", ENTER, Action::Open, "compare").at(&[Expect]).in_footer(1),
    bind("do-all", ENTER, Action::Open, "confirm").at(&[Count]).in_group(Group::Act).in_footer(1),
    bind("complete", &[key(KeyCode::Tab)], Action::Complete, "complete").at(&[Filter]).in_footer(2),
    bind("rows-of", &[ch('d')], Action::Drill, "attempts/requests").at(THINGS).in_footer(4),
    bind("backward", &[ch('[')], Action::Backward, "back in history").at(THINGS).in_footer(9),
    bind("forward", &[ch(']')], Action::Forward, "forward in history").at(THINGS).in_footer(9),
    bind("shape", &[ch('v')], Action::Shape, "JSON/text/hex").at(&[Detail]).in_footer(2),
    bind("fold", &[ch('-')], Action::Fold, "fold/unfold all").at(&[Detail]).in_footer(3),
    bind("overview", &[ch('1')], Action::Overview, "Overview").at(PLACES),
    bind("keys", &[ch('2')], Action::Show(Pane::Keys), "Keys").at(PLACES),
    bind("subscriptions", &[ch('3')], Action::Show(Pane::Subscriptions), "Subscriptions").at(PLACES),
    bind("deliveries", &[ch('4')], Action::Show(Pane::Deliveries), "Deliveries").at(PLACES),
    bind("events", &[ch('5')], Action::Show(Pane::Events), "Events").at(PLACES),
    bind("limits", &[ch('6')], Action::Show(Pane::Limits), "Limits").at(PLACES),
    bind("trips", &[ch('7')], Action::Show(Pane::Trips), "Trips").at(PLACES),
    bind("requests", &[ch('8')], Action::Show(Pane::Requests), "Requests").at(PLACES),
    bind("diagnose", &[ch('9')], Action::Diagnose, "Diagnose").at(&[Panes, Detail, Escalate]),
    bind("escalate", &[ch('0')], Action::Escalate, "Escalate").at(&[Panes, Detail, Diagnose]),
    bind("playbooks", &[ch('P')], Action::Playbooks, "diagnose this").at(THINGS),
    bind("run-playbook", ENTER, Action::Open, "run/open result").at(&[Diagnose]).in_footer(1),
    bind("again", &[ch('r')], Action::Again, "run/check again").at(&[Diagnose]).in_footer(2),
    bind("next-offer", &[key(KeyCode::Tab)], Action::NextOffer, "next action").at(&[Diagnose]).in_footer(3),
    bind("ask-unknown", &[ch('u')], Action::Resume, "retry unknown checks").at(&[Diagnose]).in_footer(4),
    bind("forget", &[ch('d')], Action::Forget, "discard result").at(&[Diagnose]).in_footer(5),
    bind("bodies", &[ch('o')], Action::Bodies, "response bodies on/off").at(&[Escalate]).in_footer(5),
    bind("write", &[ch('W')], Action::Write, "write ticket").at(&[Escalate]).in_group(Group::Act).in_footer(1),
    bind("write-yes", &[ch('y')], Action::Yes, "yes, as folder").at(&[Escalate]).in_group(Group::Act).in_footer(2),
    bind("write-archive", &[ch('z')], Action::Archive, "yes, as .zip")
        .at(&[Escalate])
        .in_group(Group::Act)
        .in_footer(3),
    bind("write-no", &[ch('n')], Action::No, "no").at(&[Escalate]).in_group(Group::Act).in_footer(4),
    bind("next-pane", &[key(KeyCode::Tab), key(KeyCode::Right), ch('l')], Action::NextPane, "next pane").in_footer(5),
    bind("previous-pane", &[key(KeyCode::BackTab), key(KeyCode::Left), ch('h')], Action::PreviousPane, "previous pane"),
    bind("full", &[ch('f')], Action::FullScreen, "full screen").in_footer(7),
    bind("filter", &[ch('/')], Action::Filter, "filter").in_footer(3),
    bind("sort", &[ch('s')], Action::Sort, "change sort column"),
    bind("reverse", &[ch('S')], Action::Reverse, "reverse sort"),
    bind("columns", &[ch('c')], Action::Columns, "columns"),
    bind("time-window", &[ch('t')], Action::TimeWindow, "log time window"),
    bind("times", &[ch('T')], Action::Times, "relative/absolute time"),
    bind("companies", &[ch('C')], Action::Companies, "switch company"),
    bind("replays", &[ch('r')], Action::Replays, "replays").at(THINGS),
    bind("operators", &[ch('o')], Action::Operators, "operators"),
    bind("alerts", &[ch('a')], Action::Alerts, "alerts").at(PLACES).in_footer(4),
    bind("follow", &[ch('F')], Action::Follow, "follow").in_footer(8),
    bind("back", &[key(KeyCode::Esc)], Action::Back, "back").at(ANYWHERE).in_footer(0),
    bind("actions", &[ch('x')], Action::Menu, "actions").at(THINGS).in_group(Group::Act).in_footer(2),
    bind("send-again", &[ch('R')], Action::SendAgain, "resend/replay").at(THINGS).in_group(Group::Act).in_footer(3),
    bind("new-key", &[ch('K')], Action::Fill(Purpose::Key), "create a key").in_group(Group::Act),
    bind("emit", &[ch('M')], Action::Fill(Purpose::Event), "emit a sample event").in_group(Group::Act),
    bind("new-company", &[ch('N')], Action::Fill(Purpose::Company), "create a company")
        .at(&[Choice])
        .in_group(Group::Act)
        .in_footer(2),
    bind("acknowledge", &[ch('A')], Action::Fill(Purpose::Acknowledge), "acknowledge")
        .at(&[Alerts])
        .in_group(Group::Act)
        .in_footer(2),
    bind("new-operator", &[ch('N')], Action::Fill(Purpose::Operator), "create an operator")
        .at(&[Operators])
        .in_group(Group::Act)
        .in_footer(1),
    bind("revoke-operator", &[ch('X')], Action::RevokeOperator, "revoke operator")
        .at(&[Operators])
        .in_group(Group::Act)
        .in_footer(2),
    bind("turn-replay", &[ch('P')], Action::TurnReplay, "pause/resume")
        .at(&[Replays])
        .in_group(Group::Act)
        .in_footer(2),
    bind("end-replay", &[ch('X')], Action::EndReplay, "cancel replay").at(&[Replays]).in_group(Group::Act).in_footer(3),
    bind("copy-secret", &[ch('y')], Action::Copy, "copy").at(&[Once]).in_group(Group::Act).in_footer(1),
    bind("yes", &[ch('y')], Action::Yes, "yes").at(&[Confirm]).in_group(Group::Act).in_footer(2),
    bind("no", &[ch('n'), key(KeyCode::Enter)], Action::No, "no").at(&[Confirm]).in_group(Group::Act).in_footer(1),
    bind("test-first", &[ch('t')], Action::TestFirst, "send a test before enabling")
        .at(&[Confirm])
        .in_group(Group::Act),
    bind("retry", &[ch('r')], Action::Retry, "retry failed").at(&[Run]).in_group(Group::Act).in_footer(1),
    bind("mark", &[ch(' ')], Action::Mark, "mark").in_group(Group::Act),
    bind("mark-range", &[ch('v')], Action::MarkRange, "mark range").in_group(Group::Act),
    bind("copy", &[ch('y')], Action::Copy, "copy").at(THINGS).in_group(Group::Act).in_footer(9),
    bind("note", &[ch('m')], Action::Note, "note").at(THINGS).in_group(Group::Act),
    bind("collect", &[ch('b')], Action::Collect, "add to ticket").at(THINGS).in_group(Group::Act),
    bind("bundle", &[ch('B')], Action::Bundle, "ticket items").at(THINGS).in_group(Group::Act),
    bind("freeze", &[ch('p')], Action::Freeze, "pause screen").at(THINGS).in_group(Group::Console).in_footer(6),
    bind("palette", &[ch(':'), ctrl('p')], Action::Palette, "all actions").at(KEYED).in_group(Group::Console),
    bind("log", &[ch('~')], Action::Log, "messages").at(THINGS).in_group(Group::Console),
    bind("redraw", &[ctrl('l')], Action::Redraw, "redraw").at(ANYWHERE).in_group(Group::Console),
    bind("suspend", &[ctrl('z')], Action::Suspend, "suspend").at(ANYWHERE).in_group(Group::Console),
    bind("help", &[ch('?')], Action::Help, "help").at(KEYED).in_group(Group::Console),
    bind("quit", &[ch('q')], Action::Close, "quit").in_group(Group::Console),
    bind("close", &[ch('q')], Action::Close, "close").at(LAYERS).in_group(Group::Console),
    bind("quit-at-once", &[ctrl('c')], Action::Quit, "quit; asks in standalone mode")
        .at(ANYWHERE)
        .in_group(Group::Console),
];
