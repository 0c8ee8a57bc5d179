//! The events themselves, one JSON object a line.

use std::io;

use milepost_client::Update;
use milepost_core::{Record, Tree};
use milepost_wire::native::write_event;

use super::View;
use crate::output;

/// Prints every event as the server sends it.
#[derive(Debug, Default)]
pub(crate) struct Events;

impl View for Events {
    fn update(&mut self, update: &Update, _tree: Option<&Tree>) -> io::Result<()> {
        let Update::Event { event, coalesced_from, .. } = update else { return Ok(()) };
        let mut json = Vec::new();
        write_event(&mut json, &event.stream, &Record::of(event), *coalesced_from);
        output::line(String::from_utf8_lossy(&json))
    }
}
