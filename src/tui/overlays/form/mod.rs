//! Forms: opening one for a purpose, with initial values from the console's state. `fields` defines the fields of each
//! form, `draw` draws them.

pub(in crate::tui) mod draw;
mod fields;

use crate::diagnose::incident::IncidentScope;
use crate::diagnose::remedy::MissedRange;
use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::SubscriptionId;
use crate::tui::ids::FormPurpose;
use crate::tui::overlays::{item_actions, targets};
use crate::tui::state::app::App;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::form::{ChangeForm, FieldInput, FormSubject};
use crate::tui::widgets::text_input::TextInput;

impl ChangeForm {
    /// Creates a form with initial values from the snapshot.
    #[must_use]
    pub fn new(app: &App, purpose: FormPurpose) -> Self {
        let companies = match purpose {
            FormPurpose::Key | FormPurpose::Event => fields::companies(app),
            _ => Vec::new(),
        };
        let about = match purpose {
            FormPurpose::Disable => FormSubject::Subscriptions(subscriptions(app)),
            FormPurpose::Acknowledge => {
                alert(app).map_or(FormSubject::Nothing, |(subject, standing)| FormSubject::Alert(subject, standing))
            }
            _ => FormSubject::Nothing,
        };
        let fields = fields::of(app, purpose, &companies);
        Self { purpose, about, fields, focused_field: 0, companies, error: None, sent: None }
    }

    /// Creates the form of a ticket, with the words that its scope has.
    #[must_use]
    pub fn for_ticket(scope: IncidentScope) -> Self {
        let fields = fields::of_ticket(&scope);
        let about = FormSubject::Ticket(Box::new(scope));
        let companies = Vec::new();
        Self { purpose: FormPurpose::Ticket, about, fields, focused_field: 0, companies, error: None, sent: None }
    }

    /// Creates a replay form filled in with the time range that a subscription missed.
    #[must_use]
    pub fn for_missed_range(app: &App, gap: MissedRange) -> Self {
        let mut form = Self::new(app, FormPurpose::Replay(gap.subscription));
        for (field, moment) in form.fields.iter_mut().zip([gap.since_utc, gap.until_utc]) {
            field.input = FieldInput::Line(TextInput::new(&moment.to_string()));
        }
        form
    }
}

/// Enabled subscriptions among the items of the menu that led here, or among the selected or marked items.
fn subscriptions(app: &App) -> Vec<SubscriptionId> {
    match app.overlays.last() {
        Some(Overlay::Menu(menu)) => item_actions::enabled(app, menu.items()),
        _ => item_actions::enabled(app, &targets::change_targets(app).unwrap_or_default()),
    }
}

/// Subject and health status of the selected alert.
fn alert(app: &App) -> Option<(AlertSubject, HealthStatus)> {
    let list = app.overlays.iter().rev().find_map(|layer| match layer {
        Overlay::Alerts(list) => Some(list),
        _ => None,
    });
    list?.alert(app.visible_snapshot().alerts()).map(|alert| (alert.subject, alert.standing))
}
