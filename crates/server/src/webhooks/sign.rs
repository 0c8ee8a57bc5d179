//! Signatures of Standard Webhooks (specification, "Signature scheme"): HMAC-SHA256 of `{id}.{timestamp}.{body}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::SigningKey;

/// The content of `webhook-signature`: one signature for each key, so that a receiver may change its key without a gap.
/// `timestamp` is in seconds since 1970.
pub(super) fn signatures(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let sign = |key: &SigningKey| {
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    keys.iter().filter_map(sign).collect::<Vec<_>>().join(" ")
}
