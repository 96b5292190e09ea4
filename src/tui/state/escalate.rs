//! State of pane 0 (Escalate): scope and stage of the ticket, whether it includes response bodies, and the scroll
//! position.

use crate::diagnose::incident::IncidentScope;
use crate::export::bundle::TicketBundle;
use crate::export::ticket::ResponseBodies;

/// Stage of the escalation bundle, from collecting to written.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum BundleStage {
    /// No bundle was collected yet.
    #[default]
    None,
    /// Bundle is being collected from the platform.
    Collecting,
    /// Bundle could not be built, and why.
    Failed(String),
    /// Bundle is ready to be written.
    Ready(Box<TicketBundle>),
    /// Bundle is ready, and the operator is asked whether to write it.
    Confirming(Box<TicketBundle>),
    /// Bundle was written to this path.
    Written(Box<TicketBundle>, String),
}

/// State of pane 0: scope and stage of the bundle, and the scroll position.
#[derive(Debug, Clone, PartialEq)]
pub struct EscalateState {
    /// Scope of the bundle: subjects and picked items.
    pub scope: IncidentScope,
    /// Whether the bodies of responses are included.
    pub bodies: ResponseBodies,
    /// Stage of the bundle, from collecting to written.
    pub stage: BundleStage,
    /// Index of the first visible line.
    pub top: usize,
}

impl Default for EscalateState {
    fn default() -> Self {
        Self {
            scope: IncidentScope::last_hour_of(Vec::new()),
            bodies: ResponseBodies::Included,
            stage: BundleStage::None,
            top: 0,
        }
    }
}
