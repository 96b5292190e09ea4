//! Handler of the event stream, which signals changes of the platform.

use super::guard::{AuthorizedOperator, Viewer};
use crate::clock::RuntimeEnv;
use crate::domain::ids::OperatorId;
use crate::domain::time::Timestamp;
use crate::engine::handle::Engine;
use crate::http::connections::OpenConnection;
use crate::http::problem::ProblemResponse;
use crate::http::stream::{ChangeSource, ShutdownSignal, follow_changes};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::Stream;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;

impl ChangeSource for Engine {
    fn subscribe_changes(&self) -> watch::Receiver<u64> {
        Self::subscribe_changes(self)
    }

    fn is_operator(&self, id: OperatorId) -> bool {
        Self::is_operator(self, id)
    }

    fn runtime(&self) -> &RuntimeEnv {
        self.ambient()
    }

    fn platform_time(&self) -> Timestamp {
        self.ambient().now()
    }
}

/// `GET /portal/v1/stream`: opens the stream. The first message comes at once, unless `Last-Event-ID` shows that the
/// caller has seen the present state.
pub(super) async fn follow(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    Extension(stop): Extension<ShutdownSignal>,
    Extension(connection): Extension<Arc<OpenConnection>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ProblemResponse> {
    follow_changes(engine, operator.id(), stop, &connection, &headers)
}
