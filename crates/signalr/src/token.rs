//! Names that cannot be guessed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 16 random bytes, as 22 characters that need no escaping in a URL.
pub(crate) fn random() -> String {
    let mut bytes = [0; 16];
    // Without randomness there is no secret, and so no way to go on. It has never failed where SignalR runs.
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}
