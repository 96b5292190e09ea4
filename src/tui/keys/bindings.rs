//! Registry of all key bindings: dispatch, footer, help, palette, configuration and the guide's table are made from
//! it.

use crate::tui::ids::{FormPurpose, Pane};
use crate::tui::keys::action::KeyContext::{
    self, Alerts, BulkRun, Choice, Confirm, Count, Detail, Diagnose, Escalate, Filter, Form, Help, Menu, Note,
    Operators, Palette, Panes, Replays, SecretReveal, SignatureInput, TextList,
};
use crate::tui::keys::action::{BindingGroup, CursorMotion, KeyAction, KeyBinding};
use crate::tui::keys::chord::{KeyChord, ch, ctrl, key};
use crossterm::event::KeyCode;

/// Contexts in which a selection moves or text scrolls.
const SCROLL_CONTEXTS: &[KeyContext] =
    &[Panes, Detail, Menu, Alerts, Choice, TextList, Replays, Operators, Diagnose, Escalate];
/// Contexts of [`SCROLL_CONTEXTS`], and lists beneath a text input.
const LIST_CONTEXTS: &[KeyContext] = &[
    Panes, Detail, Menu, Alerts, Choice, TextList, Replays, Operators, Diagnose, Escalate, Help, Palette, Filter, Form,
];

/// Every context there is, for bindings that always work.
pub(in crate::tui) const ALL_CONTEXTS: &[KeyContext] = &[
    Panes,
    Detail,
    Menu,
    Confirm,
    Help,
    Alerts,
    Filter,
    Palette,
    Choice,
    Note,
    SignatureInput,
    Count,
    Form,
    Replays,
    Operators,
    SecretReveal,
    TextList,
    BulkRun,
    Diagnose,
    Escalate,
];

/// Contexts in which characters are keys, not text.
const NON_TEXT_CONTEXTS: &[KeyContext] = &[
    Panes,
    Detail,
    Menu,
    Confirm,
    Alerts,
    Choice,
    Replays,
    Operators,
    SecretReveal,
    TextList,
    BulkRun,
    Diagnose,
    Escalate,
];

/// Overlay contexts in which characters are keys, not text.
const OVERLAY_CONTEXTS: &[KeyContext] =
    &[Detail, Menu, Confirm, Alerts, Choice, Replays, Operators, SecretReveal, TextList, BulkRun, Diagnose, Escalate];
/// Contexts with rows or with one item in detail.
const ITEM_CONTEXTS: &[KeyContext] = &[Panes, Detail];

const PANE_CONTEXTS: &[KeyContext] = &[Panes];

/// Contexts from which the pane can be changed: the panes, and what opens over one.
const NAVIGATION_CONTEXTS: &[KeyContext] = &[Panes, Detail, Diagnose, Escalate];

const UP: KeyCode = KeyCode::Up;

const DOWN: KeyCode = KeyCode::Down;

const ENTER: &[KeyChord] = &[key(KeyCode::Enter)];

const fn bind(name: &'static str, chords: &'static [KeyChord], action: KeyAction, label: &'static str) -> KeyBinding {
    KeyBinding { name, chords, action, contexts: PANE_CONTEXTS, label, group: BindingGroup::Look, footer: None }
}

impl KeyBinding {
    const fn at(self, contexts: &'static [KeyContext]) -> Self {
        Self { contexts, ..self }
    }

    const fn in_group(self, group: BindingGroup) -> Self {
        Self { group, ..self }
    }

    const fn in_footer(self, rank: u8) -> Self {
        Self { footer: Some(rank), ..self }
    }

    const fn moving(self, contexts: &'static [KeyContext]) -> Self {
        Self { contexts, group: BindingGroup::Move, ..self }
    }
}

/// All key bindings with their default keys.
pub const BINDINGS: &[KeyBinding] = &[
    bind("up", &[key(UP), ch('k')], KeyAction::Move(CursorMotion::Up), "up").moving(LIST_CONTEXTS),
    bind("down", &[key(DOWN), ch('j')], KeyAction::Move(CursorMotion::Down), "down").moving(LIST_CONTEXTS),
    bind("half-up", &[ctrl('u')], KeyAction::Move(CursorMotion::HalfUp), "half page up").moving(SCROLL_CONTEXTS),
    bind("half-down", &[ctrl('d')], KeyAction::Move(CursorMotion::HalfDown), "half page down").moving(SCROLL_CONTEXTS),
    bind("page-up", &[key(KeyCode::PageUp)], KeyAction::Move(CursorMotion::PageUp), "page up").moving(LIST_CONTEXTS),
    bind("page-down", &[key(KeyCode::PageDown)], KeyAction::Move(CursorMotion::PageDown), "page down")
        .moving(LIST_CONTEXTS),
    bind("first", &[key(KeyCode::Home), ch('g')], KeyAction::Move(CursorMotion::Top), "top").moving(SCROLL_CONTEXTS),
    bind("last", &[key(KeyCode::End), ch('G')], KeyAction::Move(CursorMotion::Bottom), "bottom")
        .moving(SCROLL_CONTEXTS),
    bind("next-trouble", &[ch('e')], KeyAction::NextTrouble, "next failing").moving(PANE_CONTEXTS).in_footer(8),
    bind("previous-trouble", &[ch('E')], KeyAction::PreviousTrouble, "previous failing").moving(PANE_CONTEXTS),
    bind("next-warning", &[ch('w')], KeyAction::NextWarning, "next warning").moving(PANE_CONTEXTS),
    bind("previous-warning", &[ch('W')], KeyAction::PreviousWarning, "previous warning").moving(PANE_CONTEXTS),
    bind("next-match", &[ch('n')], KeyAction::NextMatch, "next match").moving(PANE_CONTEXTS).in_footer(9),
    bind("previous-match", &[ch('N')], KeyAction::PreviousMatch, "previous match").moving(PANE_CONTEXTS),
    bind("open", ENTER, KeyAction::Open, "open").at(&[Panes, Alerts, Detail, Replays]).in_footer(1),
    bind("choose", ENTER, KeyAction::Open, "choose").at(&[Menu, Choice]).in_group(BindingGroup::Act).in_footer(1),
    bind("run", ENTER, KeyAction::Open, "run").at(&[Help, Palette]).in_group(BindingGroup::Act).in_footer(1),
    bind("go-on", ENTER, KeyAction::Open, "continue").at(&[Form]).in_group(BindingGroup::Act).in_footer(1),
    bind("next-field", &[key(KeyCode::Tab)], KeyAction::NextField, "next field").at(&[Form]).in_footer(2),
    bind("keep", ENTER, KeyAction::Open, "save").at(&[Filter, Note]).in_footer(1),
    bind("compare", ENTER, KeyAction::Open, "compare").at(&[SignatureInput]).in_footer(1),
    bind("do-all", ENTER, KeyAction::Open, "confirm").at(&[Count]).in_group(BindingGroup::Act).in_footer(1),
    bind("complete", &[key(KeyCode::Tab)], KeyAction::Complete, "complete").at(&[Filter]).in_footer(2),
    bind("rows-of", &[ch('d')], KeyAction::DrillDown, "attempts/requests").at(ITEM_CONTEXTS).in_footer(6),
    bind("backward", &[ch('[')], KeyAction::Backward, "back in history").at(ITEM_CONTEXTS).in_footer(9),
    bind("forward", &[ch(']')], KeyAction::Forward, "forward in history").at(ITEM_CONTEXTS).in_footer(9),
    bind("shape", &[ch('v')], KeyAction::NextBodyFormat, "JSON/text/hex").at(&[Detail]).in_footer(2),
    bind("fold", &[ch('-')], KeyAction::FoldAll, "fold/unfold all").at(&[Detail]).in_footer(3),
    bind("overview", &[ch('1')], KeyAction::Overview, "Overview").at(NAVIGATION_CONTEXTS),
    bind("keys", &[ch('2')], KeyAction::Show(Pane::Keys), "Keys").at(NAVIGATION_CONTEXTS),
    bind("subscriptions", &[ch('3')], KeyAction::Show(Pane::Subscriptions), "Subscriptions").at(NAVIGATION_CONTEXTS),
    bind("deliveries", &[ch('4')], KeyAction::Show(Pane::Deliveries), "Deliveries").at(NAVIGATION_CONTEXTS),
    bind("events", &[ch('5')], KeyAction::Show(Pane::Events), "Events").at(NAVIGATION_CONTEXTS),
    bind("limits", &[ch('6')], KeyAction::Show(Pane::Limits), "Limits").at(NAVIGATION_CONTEXTS),
    bind("trips", &[ch('7')], KeyAction::Show(Pane::Trips), "Trips").at(NAVIGATION_CONTEXTS),
    bind("requests", &[ch('8')], KeyAction::Show(Pane::Requests), "Requests").at(NAVIGATION_CONTEXTS),
    bind("diagnose", &[ch('9')], KeyAction::Diagnose, "Diagnose").at(&[Panes, Detail, Escalate]).in_footer(4),
    bind("escalate", &[ch('0')], KeyAction::Escalate, "Escalate").at(&[Panes, Detail, Diagnose]).in_footer(4),
    bind("playbooks", &[ch('P')], KeyAction::Playbooks, "diagnose this").at(&[Panes, Detail, Alerts]).in_footer(1),
    bind("run-playbook", ENTER, KeyAction::Open, "run/open result").at(&[Diagnose]).in_footer(1),
    bind("again", &[ch('r')], KeyAction::RunAgain, "run/check again").at(&[Diagnose]).in_footer(2),
    bind("next-offer", &[key(KeyCode::Tab)], KeyAction::NextActionLine, "next action").at(&[Diagnose]).in_footer(3),
    bind("ask-unknown", &[ch('u')], KeyAction::AskUnknownAgain, "retry unknown checks").at(&[Diagnose]).in_footer(4),
    bind("forget", &[ch('d')], KeyAction::ForgetRun, "discard result").at(&[Diagnose]).in_footer(5),
    bind("bodies", &[ch('o')], KeyAction::ToggleBodies, "response bodies on/off").at(&[Escalate]).in_footer(5),
    bind("reader", &[ch('t')], KeyAction::ToggleReader, "for partner/support").at(&[Escalate]).in_footer(7),
    bind("report", &[ch('e')], KeyAction::EditReport, "edit your words").at(&[Escalate]).in_footer(4),
    bind("release", &[ch('r')], KeyAction::Release, "release redacted text")
        .at(&[Escalate])
        .in_group(BindingGroup::Act)
        .in_footer(6),
    bind("write", &[ch('W')], KeyAction::Write, "write ticket")
        .at(&[Escalate])
        .in_group(BindingGroup::Act)
        .in_footer(1),
    bind("write-yes", &[ch('y')], KeyAction::Yes, "yes, as folder")
        .at(&[Escalate])
        .in_group(BindingGroup::Act)
        .in_footer(2),
    bind("write-archive", &[ch('z')], KeyAction::Archive, "yes, as .zip")
        .at(&[Escalate])
        .in_group(BindingGroup::Act)
        .in_footer(3),
    bind("write-no", &[ch('n')], KeyAction::No, "no").at(&[Escalate]).in_group(BindingGroup::Act).in_footer(4),
    bind("next-pane", &[key(KeyCode::Tab), key(KeyCode::Right), ch('l')], KeyAction::NextPane, "next pane")
        .in_footer(5),
    bind(
        "previous-pane",
        &[key(KeyCode::BackTab), key(KeyCode::Left), ch('h')],
        KeyAction::PreviousPane,
        "previous pane",
    ),
    bind("full", &[ch('f')], KeyAction::FullScreen, "full screen").in_footer(7),
    bind("filter", &[ch('/')], KeyAction::Filter, "filter").in_footer(3),
    bind("sort", &[ch('s')], KeyAction::Sort, "change sort column"),
    bind("reverse", &[ch('S')], KeyAction::Reverse, "reverse sort"),
    bind("columns", &[ch('c')], KeyAction::Columns, "columns"),
    bind("time-window", &[ch('t')], KeyAction::TimeWindow, "log time window"),
    bind("times", &[ch('T')], KeyAction::Times, "relative/absolute time"),
    bind("companies", &[ch('C')], KeyAction::Companies, "switch company"),
    bind("replays", &[ch('r')], KeyAction::Replays, "replays").at(ITEM_CONTEXTS),
    bind("operators", &[ch('o')], KeyAction::Operators, "operators"),
    bind("alerts", &[ch('a')], KeyAction::Alerts, "alerts").at(NAVIGATION_CONTEXTS).in_footer(4),
    bind("follow", &[ch('F')], KeyAction::Follow, "follow").in_footer(8),
    bind("back", &[key(KeyCode::Esc)], KeyAction::Back, "back").at(ALL_CONTEXTS).in_footer(0),
    bind("actions", &[ch('x')], KeyAction::Menu, "actions").at(ITEM_CONTEXTS).in_group(BindingGroup::Act).in_footer(2),
    bind("send-again", &[ch('R')], KeyAction::SendAgain, "resend/replay")
        .at(ITEM_CONTEXTS)
        .in_group(BindingGroup::Act)
        .in_footer(3),
    bind("new-key", &[ch('K')], KeyAction::OpenForm(FormPurpose::Key), "create a key").in_group(BindingGroup::Act),
    bind("emit", &[ch('M')], KeyAction::OpenForm(FormPurpose::Event), "emit a sample event")
        .in_group(BindingGroup::Act),
    bind("new-company", &[ch('N')], KeyAction::OpenForm(FormPurpose::Company), "create a company")
        .at(&[Choice])
        .in_group(BindingGroup::Act)
        .in_footer(2),
    bind("acknowledge", &[ch('A')], KeyAction::OpenForm(FormPurpose::Acknowledge), "acknowledge")
        .at(&[Alerts])
        .in_group(BindingGroup::Act)
        .in_footer(2),
    bind("new-operator", &[ch('N')], KeyAction::OpenForm(FormPurpose::Operator), "create an operator")
        .at(&[Operators])
        .in_group(BindingGroup::Act)
        .in_footer(1),
    bind("revoke-operator", &[ch('X')], KeyAction::RevokeOperator, "revoke operator")
        .at(&[Operators])
        .in_group(BindingGroup::Act)
        .in_footer(2),
    bind("turn-replay", &[ch('P')], KeyAction::PauseOrResumeReplay, "pause/resume")
        .at(&[Replays])
        .in_group(BindingGroup::Act)
        .in_footer(2),
    bind("end-replay", &[ch('X')], KeyAction::CancelReplay, "cancel replay")
        .at(&[Replays])
        .in_group(BindingGroup::Act)
        .in_footer(3),
    bind("copy-secret", &[ch('y')], KeyAction::Copy, "copy")
        .at(&[SecretReveal])
        .in_group(BindingGroup::Act)
        .in_footer(1),
    bind("yes", &[ch('y')], KeyAction::Yes, "yes").at(&[Confirm]).in_group(BindingGroup::Act).in_footer(2),
    bind("no", &[ch('n'), key(KeyCode::Enter)], KeyAction::No, "no")
        .at(&[Confirm])
        .in_group(BindingGroup::Act)
        .in_footer(1),
    bind("test-first", &[ch('t')], KeyAction::TestFirst, "send a test before enabling")
        .at(&[Confirm])
        .in_group(BindingGroup::Act),
    bind("retry", &[ch('r')], KeyAction::Retry, "retry failed").at(&[BulkRun]).in_group(BindingGroup::Act).in_footer(1),
    bind("mark", &[ch(' ')], KeyAction::Mark, "mark").in_group(BindingGroup::Act),
    bind("mark-range", &[ch('v')], KeyAction::MarkRange, "mark range").in_group(BindingGroup::Act),
    bind("copy", &[ch('y')], KeyAction::Copy, "copy").at(ITEM_CONTEXTS).in_group(BindingGroup::Act).in_footer(9),
    bind("note", &[ch('m')], KeyAction::Note, "note").at(ITEM_CONTEXTS).in_group(BindingGroup::Act),
    bind("collect", &[ch('b')], KeyAction::Collect, "add to ticket").at(ITEM_CONTEXTS).in_group(BindingGroup::Act),
    bind("bundle", &[ch('B')], KeyAction::Bundle, "ticket items").at(ITEM_CONTEXTS).in_group(BindingGroup::Act),
    bind("freeze", &[ch('p')], KeyAction::Freeze, "pause screen")
        .at(ITEM_CONTEXTS)
        .in_group(BindingGroup::Console)
        .in_footer(6),
    bind("palette", &[ch(':'), ctrl('p')], KeyAction::Palette, "all actions")
        .at(NON_TEXT_CONTEXTS)
        .in_group(BindingGroup::Console),
    bind("log", &[ch('~')], KeyAction::Log, "messages").at(ITEM_CONTEXTS).in_group(BindingGroup::Console),
    bind("redraw", &[ctrl('l')], KeyAction::Redraw, "redraw").at(ALL_CONTEXTS).in_group(BindingGroup::Console),
    bind("suspend", &[ctrl('z')], KeyAction::Suspend, "suspend").at(ALL_CONTEXTS).in_group(BindingGroup::Console),
    bind("help", &[ch('?')], KeyAction::Help, "help").at(NON_TEXT_CONTEXTS).in_group(BindingGroup::Console),
    bind("quit", &[ch('q')], KeyAction::Close, "quit").in_group(BindingGroup::Console),
    bind("close", &[ch('q')], KeyAction::Close, "close").at(OVERLAY_CONTEXTS).in_group(BindingGroup::Console),
    bind("quit-at-once", &[ctrl('c')], KeyAction::Quit, "quit; asks in standalone mode")
        .at(ALL_CONTEXTS)
        .in_group(BindingGroup::Console),
];
