//! State of the overlays above the main view, one file per kind of overlay, and the key context of each. The front
//! overlay, the last of the stack, receives the keys. Drawing is in `tui::overlays`.

pub mod action_search;
pub mod alerts;
pub mod async_list;
pub mod bulk;
pub mod choice;
pub mod companies;
pub mod confirm;
pub mod detail;
pub mod filter;
pub mod form;
pub mod form_evaluation;
pub mod menu;
pub mod note;
pub mod secret_reveal;
pub mod signature_input;
pub mod text_list;

use crate::tui::keys::action::KeyContext;

/// Overlay above the main view, with its state.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// All actions with their keys, grouped by purpose.
    Help(action_search::ActionSearch),
    /// Command palette: all actions, found by typing.
    Palette(action_search::ActionSearch),
    /// List of the active alerts.
    Alerts(alerts::AlertList),
    /// Detail view of one item.
    Detail(detail::DetailView),
    /// Menu of actions on an item.
    Menu(menu::ActionMenu),
    /// Confirmation of a single change, answered with y or n.
    Confirm(confirm::ConfirmPrompt),
    /// Confirmation by typing a count.
    TypedConfirm(bulk::TypedConfirmation),
    /// Progress of a bulk run of changes.
    BulkRun(bulk::BulkRun),
    /// Text input for a filter.
    Filter(filter::FilterInput),
    /// Short list to choose from.
    Choice(choice::ChoiceList),
    /// Companies, to restrict all panes to one.
    Companies(companies::CompanyList),
    /// Text input for a note.
    Note(note::NoteInput),
    /// Form with the details of a change.
    Form(form::ChangeForm),
    /// List of replays with their progress.
    Replays(async_list::ReplayList),
    /// List of operators and their roles.
    Operators(async_list::OperatorList),
    /// Secret that is shown once.
    SecretReveal(secret_reveal::SecretReveal),
    /// Confirmation before quitting, where that stops the platform.
    ConfirmQuit,
    /// Input for what a receiver computed, or for its secret.
    SignatureInput(signature_input::SignatureInput),
    /// Read-only text list, such as the message log.
    TextList(text_list::TextList),
    /// Pane 9, with playbooks and results.
    Diagnose,
    /// Pane 0, with the ticket.
    Escalate,
}

/// Key context of an overlay, or of the panes without one.
pub(in crate::tui) const fn key_context(layer: Option<&Overlay>) -> KeyContext {
    match layer {
        None => KeyContext::Panes,
        Some(Overlay::Help(_)) => KeyContext::Help,
        Some(Overlay::Palette(_)) => KeyContext::Palette,
        Some(Overlay::Alerts(_)) => KeyContext::Alerts,
        Some(Overlay::Detail(_)) => KeyContext::Detail,
        Some(Overlay::Menu(_)) => KeyContext::Menu,
        Some(Overlay::Confirm(_) | Overlay::ConfirmQuit) => KeyContext::Confirm,
        Some(Overlay::TypedConfirm(_)) => KeyContext::Count,
        Some(Overlay::BulkRun(_)) => KeyContext::BulkRun,
        Some(Overlay::Filter(_)) => KeyContext::Filter,
        Some(Overlay::Choice(_) | Overlay::Companies(_)) => KeyContext::Choice,
        Some(Overlay::Note(_)) => KeyContext::Note,
        Some(Overlay::SignatureInput(_)) => KeyContext::SignatureInput,
        Some(Overlay::Form(_)) => KeyContext::Form,
        Some(Overlay::Replays(_)) => KeyContext::Replays,
        Some(Overlay::Operators(_)) => KeyContext::Operators,
        Some(Overlay::SecretReveal(_)) => KeyContext::SecretReveal,
        Some(Overlay::TextList(_)) => KeyContext::TextList,
        Some(Overlay::Diagnose) => KeyContext::Diagnose,
        Some(Overlay::Escalate) => KeyContext::Escalate,
    }
}
