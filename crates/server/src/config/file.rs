//! The configuration as it is written, in a file or anywhere else: every key may be absent, and none may be unknown.

use std::path::Path;

use serde::Deserialize;

use super::ConfigError;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)*
        }
    )*};
}

tables! {
    /// The whole file.
    File {
        listen: Option<String>,
        data_dir: Option<String>,
        auth: AuthTable,
        cors: CorsTable,
        progress: ProgressTable,
        lease: LeaseTable,
        signalr: SignalRTable,
        campaign: CampaignTable,
        ingest: IngestTable,
        pubsub: PubSubTable,
        webhooks: Vec<WebhookTable>,
    }
    /// `[auth]`
    AuthTable { mode: Option<String>, jwt: JwtTable, }
    /// `[auth.jwt]`
    JwtTable {
        algorithm: Option<String>,
        secret_file: Option<String>,
        public_key_file: Option<String>,
        jwks_url: Option<String>,
        issuer: Option<String>,
        audience: Option<String>,
    }
    /// `[cors]`
    CorsTable { origins: Option<Vec<String>>, }
    /// `[progress]`
    ProgressTable { min_interval_ms: Option<u64>, }
    /// `[lease]`
    LeaseTable { fail_stalled_after_s: Option<u32>, }
    /// `[signalr]`
    SignalRTable {
        detailed_errors: Option<bool>,
        keep_alive_s: Option<u32>,
        client_timeout_s: Option<u32>,
        max_message_bytes: Option<usize>,
    }
    /// `[campaign]`
    CampaignTable { llm: LlmTable, }
    /// `[campaign.llm]`
    LlmTable {
        base_url: Option<String>,
        key: Option<String>,
        model: Option<String>,
        image_model: Option<String>,
        timeout_s: Option<u32>,
        prompt_usd_per_million: Option<f64>,
        completion_usd_per_million: Option<f64>,
    }
    /// `[ingest]`
    IngestTable {
        allow_local: Option<bool>,
        allow_private: Option<bool>,
        max_bytes: Option<u64>,
        max_files: Option<u64>,
        timeout_s: Option<u32>,
        frame_interval_ms: Option<u32>,
    }
    /// `[[webhooks]]`
    WebhookTable {
        name: Option<String>,
        url: Option<String>,
        secret: Option<String>,
        secret_file: Option<String>,
        events: Option<Vec<String>>,
        projects: Option<Vec<String>>,
        timeout_s: Option<u32>,
        retry_for_s: Option<u32>,
    }
    /// `[pubsub]`
    PubSubTable { push: PushTable, bridge: BridgeTable, }
    /// `[pubsub.bridge]`
    BridgeTable { topic: Option<String>, projects: Option<Vec<String>>, endpoint: Option<String>, }
    /// `[pubsub.push]`
    PushTable { issuer: Option<String>, audience: Option<String>, email: Option<String>, jwks_url: Option<String>, }
}

pub(super) fn read(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    // The message quotes the line and points at the key.
    toml::from_str(&text).map_err(|error| ConfigError::File { path: path.to_owned(), reason: error.to_string() })
}
