//! Evaluation of a form: the changes or the replay it describes, or the field that is wrong.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::escalation::EscalationKind;
use crate::diagnose::reporter::{MAX_TRIED, ReporterStatement, ReporterStatementError, TicketReader};
use crate::domain::alert::MAX_NOTE_CHARS;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::operator::OperatorRole;
use crate::domain::query::field::Field as Queried;
use crate::domain::query::matching::QueryableRow as _;
use crate::domain::query::pushdown::{LogKind, RemoteFilter};
use crate::domain::replay::{REPLAY_RATE_RANGE, REPLAYABLE_STATES};
use crate::domain::scope::KeyScope;
use crate::domain::time::Timestamp;
use crate::sync::platform_change::PlatformChange;
use crate::tui::ids::FormPurpose;
use crate::tui::state::overlays::form::FormResult;
use crate::tui::state::overlays::form::{COMPANY_FIELD, ChangeForm, CheckboxState, FieldInput, FormSubject};
use crate::tui::state::view_state::PaneFilter;
use crate::wire::attempts::AttemptRow;
use crate::wire::keys::{NewCompany, NewKey, RequestedLimits};
use crate::wire::operators::NewOperator;
use crate::wire::replays::NewReplay;

/// Fields of the form of a ticket, in their order; one for each reason follows the last.
const TICKET_TRIED_FIELD: usize = 0;
const TICKET_NOTE_FIELD: usize = 1;
const TICKET_CONTACT_FIELD: usize = 2;
const TICKET_READER_FIELD: usize = 3;
const TICKET_REASON_FIELD: usize = 4;
/// Reason why a ticket about everything has no partner as its reader.
pub(in crate::tui) const PARTNER_SCOPE_REASON: &str = "a partner's ticket is about a company, key or subscription";

impl ChangeForm {
    fn text(&self, at: usize) -> &str {
        match self.fields.get(at).map(|field| &field.input) {
            Some(FieldInput::Line(entry)) => entry.text().trim(),
            _ => "",
        }
    }

    fn choice(&self, at: usize) -> usize {
        match self.fields.get(at).map(|field| &field.input) {
            Some(FieldInput::OneOf(_, chosen)) => *chosen,
            _ => 0,
        }
    }

    fn is_ticked(&self, at: usize) -> bool {
        matches!(self.fields.get(at).map(|field| &field.input), Some(FieldInput::Tick(CheckboxState::On)))
    }

    fn company(&self) -> Result<CompanyId, (usize, String)> {
        let missing = || (COMPANY_FIELD, "no company yet: press C, then N, to create one".to_owned());
        self.companies.get(self.choice(COMPANY_FIELD)).copied().ok_or_else(missing)
    }

    fn name(&self, at: usize, most: usize) -> Result<String, (usize, String)> {
        let text = self.text(at);
        match text.chars().count() {
            0 => Err((at, "enter a name".to_owned())),
            n if n > most => Err((at, format!("{n} characters; the limit is {most}"))),
            _ => Ok(text.to_owned()),
        }
    }

    /// Optional text of a field, at most [`MAX_NOTE_CHARS`] characters.
    fn remark(&self, at: usize) -> Result<Option<String>, (usize, String)> {
        match self.text(at) {
            "" => Ok(None),
            text => match text.chars().count() {
                n if n > MAX_NOTE_CHARS => Err((at, format!("{n} characters; the limit is {MAX_NOTE_CHARS}"))),
                _ => Ok(Some(text.to_owned())),
            },
        }
    }

    pub(in crate::tui) fn evaluate(&self, now: Timestamp) -> Result<FormResult, (usize, String)> {
        let act = match self.purpose {
            FormPurpose::Company => PlatformChange::CreateCompany(NewCompany { name: self.name(0, 200)? }),
            FormPurpose::Key => self.key()?,
            FormPurpose::Operator => {
                let role = OperatorRole::ALL.get(self.choice(1)).copied().unwrap_or(OperatorRole::Viewer);
                PlatformChange::CreateOperator(NewOperator { name: self.name(0, 100)?, role })
            }
            FormPurpose::Event => {
                let kind = EventType::ALL.get(self.choice(1)).copied().unwrap_or(EventType::ClientCreated);
                PlatformChange::EmitSampleEvent(self.company()?, kind)
            }
            FormPurpose::Limits(id) => PlatformChange::SetLimits(
                id,
                RequestedLimits { read: self.limit(0)?, write: self.limit(1)?, admin: self.limit(2)? },
            ),
            FormPurpose::Replay(id) => return self.replay(id, now),
            FormPurpose::Disable => {
                let reason = self.remark(0)?;
                let FormSubject::Subscriptions(ids) = &self.about else {
                    return Err((0, "nothing selected".to_owned()));
                };
                if ids.is_empty() {
                    return Err((0, "none of them is enabled".to_owned()));
                }
                return Ok(FormResult::Changes(
                    ids.iter().map(|id| PlatformChange::Disable(*id, reason.clone())).collect(),
                ));
            }
            FormPurpose::DisableReason(id) => match self.remark(0)? {
                Some(reason) => PlatformChange::SetDisableReason(id, reason),
                None => return Err((0, "enter a reason".to_owned())),
            },
            FormPurpose::Ticket => return self.ticket(),
            FormPurpose::Acknowledge => match &self.about {
                FormSubject::Alert(subject, standing) => {
                    PlatformChange::Acknowledge(*subject, *standing, self.remark(0)?)
                }
                _ => return Err((0, "nothing selected".to_owned())),
            },
        };
        Ok(FormResult::Changes(vec![act]))
    }

    fn key(&self) -> Result<PlatformChange, (usize, String)> {
        let (company_id, name) = (self.company()?, self.name(1, 100)?);
        let ticked = |(position, scope): (usize, KeyScope)| self.is_ticked(2 + position).then_some(scope);
        let scopes: Vec<KeyScope> = KeyScope::ALL.into_iter().enumerate().filter_map(ticked).collect();
        if scopes.is_empty() {
            return Err((2, "select at least one scope; scopes cannot be changed later".to_owned()));
        }
        Ok(PlatformChange::CreateKey(NewKey { company_id, name, scopes, limits: None }))
    }

    /// Statement for a ticket: steps separated by semicolons, words, contact, reader and reasons.
    fn ticket(&self) -> Result<FormResult, (usize, String)> {
        let optional = |at: usize| Some(self.text(at)).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
        let steps = self.text(TICKET_TRIED_FIELD).split(';').map(str::trim).filter(|step| !step.is_empty());
        let stated = |(position, kind)| self.is_ticked(TICKET_REASON_FIELD + position).then_some(kind);
        let reporter = ReporterStatement {
            tried: steps.map(ToOwned::to_owned).collect(),
            note: optional(TICKET_NOTE_FIELD),
            contact: optional(TICKET_CONTACT_FIELD),
            reasons: EscalationKind::GUIDE.into_iter().enumerate().filter_map(stated).collect(),
        };
        let reader = TicketReader::ALL.get(self.choice(TICKET_READER_FIELD)).copied().unwrap_or_default();
        let FormSubject::Ticket(scope) = &self.about else { return Err((0, "nothing selected".to_owned())) };
        if reader == TicketReader::Partner && scope.subjects.contains(&DiagnosisSubject::All) {
            return Err((TICKET_READER_FIELD, PARTNER_SCOPE_REASON.to_owned()));
        }
        let reporter = reporter.checked().map_err(|error| match error {
            ReporterStatementError::TooMany { n } => {
                (TICKET_TRIED_FIELD, format!("{n} steps; the limit is {MAX_TRIED}"))
            }
            ReporterStatementError::TooLong { field, n_bytes, limit } => {
                let at = match field {
                    "--contact" => TICKET_CONTACT_FIELD,
                    "--note" => TICKET_NOTE_FIELD,
                    _ => TICKET_TRIED_FIELD,
                };
                (at, format!("{n_bytes} bytes; the limit is {limit}"))
            }
            ReporterStatementError::Empty { .. } => (TICKET_TRIED_FIELD, error.to_string()),
        })?;
        Ok(FormResult::Ticket(reporter, reader))
    }

    fn limit(&self, at: usize) -> Result<Option<u32>, (usize, String)> {
        match self.text(at) {
            "" => Ok(None),
            text => match text.parse::<u32>() {
                Ok(n) if (1..=1_000_000).contains(&n) => Ok(Some(n)),
                _ => Err((at, format!("{text} is not a number from 1 to 1,000,000"))),
            },
        }
    }

    fn replay(&self, id: SubscriptionId, now: Timestamp) -> Result<FormResult, (usize, String)> {
        let since = self.moment(0, Queried::Since, now)?.ok_or_else(|| (0, "enter a start time".to_owned()))?;
        let until = self.moment(1, Queried::Until, now)?;
        if until.is_some_and(|until| until <= since) {
            return Err((1, "the end must be after the start".to_owned()));
        }
        let ticked = |(position, state): (usize, DeliveryState)| self.is_ticked(2 + position).then_some(state);
        let states: Vec<DeliveryState> = REPLAYABLE_STATES.into_iter().enumerate().filter_map(ticked).collect();
        if states.is_empty() {
            return Err((2, "select at least one state".to_owned()));
        }
        let at = 2 + REPLAYABLE_STATES.len();
        let pace = match self.text(at) {
            "" => None,
            text => match text.parse::<u32>() {
                Ok(n) if REPLAY_RATE_RANGE.contains(&n) => Some(n),
                _ => {
                    return Err((
                        at,
                        format!(
                            "{text} is not a number from {} to {}",
                            REPLAY_RATE_RANGE.start(),
                            REPLAY_RATE_RANGE.end()
                        ),
                    ));
                }
            },
        };
        Ok(FormResult::Replay(id, NewReplay { since, until, states, dry_run: true, rate_per_second: pace }))
    }

    /// Time in the syntax of filters; `None` if the field is empty.
    fn moment(&self, at: usize, field: Queried, now: Timestamp) -> Result<Option<Timestamp>, (usize, String)> {
        let text = self.text(at);
        if text.is_empty() {
            return Ok(None);
        }
        let read = PaneFilter::parse(&format!("{}:{text}", field.name()), AttemptRow::fields());
        let asked = read
            .map_err(|fault| (at, fault.to_string()))?
            .map_or_else(Vec::new, |filter| filter.query.split_for(LogKind::Deliveries, now).remote);
        match asked.as_slice() {
            [RemoteFilter::Time(_, moment)] => Ok(Some(*moment)),
            _ => Err((at, format!("{text} is not a time; use 2h, 14:02 or 2026-11-23"))),
        }
    }
}
