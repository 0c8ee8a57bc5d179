//! The incremental decoder.

use std::time::Duration;

/// What a stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event was dispatched.
    Event {
        /// Its name; empty for a normal one (`message` of a browser).
        name: String,
        /// Its data; lines are joined by LF.
        data: String,
        /// The last event id as of now, of this event or of one before it. Empty when there was none.
        id: String,
    },
    /// The last event id moved and nothing was dispatched. A browser does this silently.
    Moved {
        /// The last event id.
        id: String,
    },
}

/// A line or an event larger than the decoder holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {max} bytes")]
pub struct TooLong {
    /// The bound.
    pub max: usize,
}

/// Decodes a stream that arrives in chunks cut anywhere. Line ends may be CR, LF or CRLF, a BOM at the beginning is skipped,
/// and bytes that are not UTF-8 are replaced, as the specification says. What is incomplete at the end of the stream is
/// not dispatched.
#[derive(Debug)]
pub struct Decoder {
    max: usize,
    line: Vec<u8>,
    /// Whether the last byte was a CR, so that an LF right after it belongs to the same line end.
    after_cr: bool,
    first_line: bool,
    name: String,
    /// Every line of data with its LF.
    data: String,
    id: String,
    /// The id as of the last blank line.
    last_id: String,
    retry: Option<Duration>,
}

impl Decoder {
    /// A decoder that holds at most `max` bytes of one event.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            line: Vec::new(),
            after_cr: false,
            first_line: true,
            name: String::new(),
            data: String::new(),
            id: String::new(),
            last_id: String::new(),
            retry: None,
        }
    }

    /// How long the server wants a client to wait before it connects again, where it said so.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Takes the next bytes and appends what they complete to `out`.
    ///
    /// # Errors
    /// [`TooLong`]; then the stream cannot be read any further.
    pub fn push(&mut self, mut chunk: &[u8], out: &mut impl Extend<Item>) -> Result<(), TooLong> {
        while !chunk.is_empty() {
            if self.after_cr && chunk[0] == b'\n' {
                chunk = &chunk[1..];
                self.after_cr = false;
                continue;
            }
            self.after_cr = false;
            let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (text, rest) = chunk.split_at(end.unwrap_or(chunk.len()));
            if self.line.len() + text.len() + self.data.len() > self.max {
                return Err(TooLong { max: self.max });
            }
            self.line.extend_from_slice(text);
            let Some(line_end) = rest.first() else { return Ok(()) };
            self.after_cr = *line_end == b'\r';
            chunk = &rest[1..];
            self.end_line(out);
        }
        Ok(())
    }

    fn end_line(&mut self, out: &mut impl Extend<Item>) {
        let mut line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.first_line) && line.starts_with(b"\xEF\xBB\xBF") {
            line.drain(..3);
        }
        if line.is_empty() {
            out.extend(self.dispatch());
        } else {
            self.field(&String::from_utf8_lossy(&line));
        }
        // The room is kept for the next line.
        line.clear();
        self.line = line;
    }

    fn field(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis);
            }
            // A comment has the empty field name; other names are ignored as the specification says.
            _ => {}
        }
    }

    fn dispatch(&mut self) -> Option<Item> {
        let moved = self.last_id != self.id;
        self.last_id.clone_from(&self.id);
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        // The LF after the last line is not part of the data; without any line nothing is dispatched.
        if data.pop().is_some() {
            return Some(Item::Event { name, data, id: self.id.clone() });
        }
        moved.then(|| Item::Moved { id: self.id.clone() })
    }
}
