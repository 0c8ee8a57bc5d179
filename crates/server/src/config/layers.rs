//! What is said in the environment and on the command line, over what is said in the file.

use super::ConfigError;
use super::file::File;

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<String>,
    /// `--insecure`: listen without authentication wherever it may be. It is said at each start, or not at all: forgotten
    /// in a file it would go unnoticed.
    pub insecure: bool,
    /// Any other key by its name, as in `("progress.min_interval_ms", "50")`.
    pub others: Vec<(String, String)>,
}

/// What begins the names of our variables.
const PREFIX: &str = "MILEPOST_";

/// Variables that the client commands and the logs read. The server must start where they are set.
const OTHERS: &[&str] = &["CONFIG", "SERVER", "PROJECT", "TOKEN", "LOG", "LOG_FORMAT"];

/// Lays the environment over `file`, and the command line over both.
pub(super) fn merge(
    mut file: File,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &Overrides,
) -> Result<File, ConfigError> {
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if OTHERS.contains(&rest) || is_service_link(rest) {
            continue;
        }
        let key = rest.to_ascii_lowercase().replace("__", ".");
        match set(&mut file, &key, &value) {
            Some(set) => set.map_err(|reason| ConfigError::Value { key: name, reason })?,
            None => return Err(ConfigError::UnknownVariable(name)),
        }
    }
    let named = [("listen", &overrides.listen), ("data_dir", &overrides.data_dir)];
    let named = named.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
    let others = overrides.others.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in named.chain(others) {
        let unknown = || Err("there is no such setting".to_owned());
        let wrong = |reason| ConfigError::Value { key: key.to_owned(), reason };
        set(&mut file, key, value).unwrap_or_else(unknown).map_err(wrong)?;
    }
    Ok(file)
}

/// Kubernetes tells every pod about a service named `milepost` in variables that look like ours.
fn is_service_link(rest: &str) -> bool {
    rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_")
}

/// Sets one key from text. None when there is no such key.
fn set(file: &mut File, key: &str, text: &str) -> Option<Result<(), String>> {
    let File { auth, cors, progress, lease, signalr, campaign, ingest, pubsub, .. } = file;
    let (jwt, llm, push, bridge) = (&mut auth.jwt, &mut campaign.llm, &mut pubsub.push, &mut pubsub.bridge);
    Some(match key {
        "listen" => read(&mut file.listen, text),
        "data_dir" => read(&mut file.data_dir, text),
        "auth.mode" => read(&mut auth.mode, text),
        "auth.jwt.algorithm" => read(&mut jwt.algorithm, text),
        "auth.jwt.secret_file" => read(&mut jwt.secret_file, text),
        "auth.jwt.public_key_file" => read(&mut jwt.public_key_file, text),
        "auth.jwt.jwks_url" => read(&mut jwt.jwks_url, text),
        "auth.jwt.issuer" => read(&mut jwt.issuer, text),
        "auth.jwt.audience" => read(&mut jwt.audience, text),
        "cors.origins" => {
            cors.origins = Some(list(text));
            Ok(())
        }
        "progress.min_interval_ms" => read(&mut progress.min_interval_ms, text),
        "lease.fail_stalled_after_s" => read(&mut lease.fail_stalled_after_s, text),
        "signalr.detailed_errors" => read(&mut signalr.detailed_errors, text),
        "signalr.keep_alive_s" => read(&mut signalr.keep_alive_s, text),
        "signalr.client_timeout_s" => read(&mut signalr.client_timeout_s, text),
        "signalr.max_message_bytes" => read(&mut signalr.max_message_bytes, text),
        "campaign.llm.base_url" => read(&mut llm.base_url, text),
        "campaign.llm.key" => read(&mut llm.key, text),
        "campaign.llm.model" => read(&mut llm.model, text),
        "campaign.llm.image_model" => read(&mut llm.image_model, text),
        "campaign.llm.timeout_s" => read(&mut llm.timeout_s, text),
        "campaign.llm.prompt_usd_per_million" => read(&mut llm.prompt_usd_per_million, text),
        "campaign.llm.completion_usd_per_million" => read(&mut llm.completion_usd_per_million, text),
        "ingest.allow_local" => read(&mut ingest.allow_local, text),
        "ingest.allow_private" => read(&mut ingest.allow_private, text),
        "ingest.max_bytes" => read(&mut ingest.max_bytes, text),
        "ingest.max_files" => read(&mut ingest.max_files, text),
        "ingest.timeout_s" => read(&mut ingest.timeout_s, text),
        "ingest.frame_interval_ms" => read(&mut ingest.frame_interval_ms, text),
        "pubsub.push.issuer" => read(&mut push.issuer, text),
        "pubsub.push.audience" => read(&mut push.audience, text),
        "pubsub.push.email" => read(&mut push.email, text),
        "pubsub.push.jwks_url" => read(&mut push.jwks_url, text),
        "pubsub.bridge.topic" => read(&mut bridge.topic, text),
        "pubsub.bridge.endpoint" => read(&mut bridge.endpoint, text),
        "pubsub.bridge.projects" => {
            bridge.projects = Some(list(text));
            Ok(())
        }
        _ => return None,
    })
}

/// Words with commas between them.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn read<T>(place: &mut Option<T>, text: &str) -> Result<(), String>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    // The value itself is not repeated: it may be a secret.
    *place = Some(text.parse().map_err(|error: T::Err| error.to_string())?);
    Ok(())
}
