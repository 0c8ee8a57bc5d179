//! `/hubs/campaign`: campaigns for SignalR clients. What subscribers get is the dialect of `milepost_wire::dialects::campaign`
//! over ordinary sessions; a connection polls the sessions of its subscriptions by itself, so a slow client is one that reads
//! its log late, and no queue of its own has to be bounded.

mod following;
mod messages;
mod sequence;
mod streaming;
mod viewer;

use http::Extensions;
use http::request::Parts;
use milepost_core::Project;
use milepost_signalr::{Hub, HubError, Options};
use serde::Deserialize;

use crate::api::query::{self, parsed};
use crate::app::App;
use crate::principal::Principal;
use crate::problem::{Refusal, problem_of};
use viewer::Viewer;

/// The hub over `app`.
pub(crate) fn hub(app: &App) -> Hub {
    let state = app.clone();
    Hub::builder(move |connection| Viewer::new(state.clone(), &connection.extensions))
        .method("SubscribeToCampaign", viewer::subscribe)
        .method("UnsubscribeFromCampaign", viewer::unsubscribe)
        .method("GetCampaignSnapshot", viewer::snapshot)
        .stream("StreamCampaign", streaming::stream)
        .method("CancelRun", viewer::cancel)
        .authorize(authorize)
        .options(options(app))
        .metrics(app.metrics().signalr())
        .build()
}

fn options(app: &App) -> Options {
    let config = app.config().signalr;
    Options {
        keep_alive: config.keep_alive,
        client_timeout: config.client_timeout,
        max_message_bytes: config.max_message_bytes,
        detailed_errors: config.detailed_errors,
        ..Options::default()
    }
}

/// Which project a connection is about, and who opens it. Pages of other origins do not come this far.
#[derive(Deserialize)]
struct Asked {
    project: Option<String>,
}

fn authorize(parts: &Parts) -> Result<Extensions, Refusal> {
    let asked: Asked = query::read(&parts.uri)?;
    let project = parsed("project", asked.project.as_deref())?;
    let mut extensions = Extensions::new();
    extensions.insert(project.unwrap_or_else(Project::default_project));
    extensions.insert(Principal::of(parts));
    Ok(extensions)
}

/// A refusal, as clients are told it: with its stable code in front.
fn told(refusal: impl Into<Refusal>) -> HubError {
    let refusal = refusal.into();
    HubError::new(format!("{}: {}", refusal.code(), problem_of(&refusal).detail))
}
