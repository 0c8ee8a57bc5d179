//! Everything that a publish may be.

use milepost_core::{Draft, RunId};

use crate::cloudevents;
use crate::native::parse_events;
use crate::rejected::Rejected;

/// Reads the body of a publish in every form that is taken: native JSON and NDJSON, and `CloudEvents` in the structured,
/// the batched and the binary mode. `header` gives a header by its lower-case name.
///
/// # Errors
/// Those of [`parse_events`] and of [`cloudevents::parse_binary`].
pub fn parse<'h>(
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    default_run: &RunId,
) -> Result<Vec<Draft>, Rejected> {
    let content_type = header("content-type");
    let named =
        content_type.is_some_and(|name| name.trim_start().to_ascii_lowercase().starts_with("application/cloudevents"));
    // The binding's own order (section 3): the content type first, then the binary mode if its headers are there.
    if !named && header("ce-specversion").is_some() {
        return Ok(vec![cloudevents::parse_binary(header, body, default_run)?]);
    }
    parse_events(content_type, body, default_run)
}
