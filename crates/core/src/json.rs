//! Opaque JSON: values that Milepost carries without looking inside.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON text without insignificant whitespace, so without line breaks: it can stand in an SSE `data:` line as it is.
/// Numbers and the order of members stay as their author wrote them.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// The JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// `{}`.
    pub fn empty_object() -> Self {
        Self::compact(RawValue::from_string("{}".to_owned()).unwrap_or_default())
    }

    /// Takes a text from a trusted place (the log), where it was compact when written.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn from_text(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self::compact)
    }

    /// Whether this is a JSON object.
    pub fn is_object(&self) -> bool {
        self.get().starts_with('{')
    }

    fn compact(raw: Box<RawValue>) -> Self {
        if !raw.get().bytes().any(|byte| byte.is_ascii_whitespace()) {
            return Self(raw.into());
        }
        let text = without_whitespace(raw.get());
        Self(RawValue::from_string(text).unwrap_or(raw).into())
    }
}

/// Drops the whitespace between tokens. The input is valid JSON, so quotes and escapes are all there is to watch.
fn without_whitespace(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            in_string = c == '"';
        }
        compact.push(c);
    }
    compact
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        serde_json::value::to_raw_value(value).map_or_else(|_| Self::empty_object(), Self::compact)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::compact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_kept_but_for_whitespace() {
        let cases = [
            ("{ \"a\" :\n [1.0, 2e3,\t\"x y\\\" z\"] }", "{\"a\":[1.0,2e3,\"x y\\\" z\"]}"),
            ("\"\\\\\" ", "\"\\\\\""),
            ("12345678901234567890123", "12345678901234567890123"),
        ];
        for (text, expect) in cases {
            let json: Json = serde_json::from_str(text).unwrap();
            assert_eq!(json.get(), expect);
        }
    }
}
