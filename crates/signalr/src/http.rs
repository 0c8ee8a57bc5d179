//! The endpoints of a hub: negotiation, and the three transports.

mod endpoint;
mod negotiate;
mod query;
mod sse;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;

use crate::server::Server;

/// The two paths of a hub, relative to where it is nested.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(server: Arc<Server>) -> Router<S> {
    Router::new()
        .route("/", any(|State(server): State<Arc<Server>>, request: Request| endpoint::serve(server, request)))
        .route(
            "/negotiate",
            any(|State(server): State<Arc<Server>>, request: Request| async move { negotiate(&server, request) }),
        )
        .with_state(server)
}

fn negotiate(server: &Arc<Server>, request: Request) -> Response {
    negotiate::negotiate(server, &request.into_parts().0)
}
