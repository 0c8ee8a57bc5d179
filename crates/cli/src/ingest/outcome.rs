//! What an ingestion found, and where it is.

use std::path::Path;

use futures_util::StreamExt as _;
use milepost_client::Client;
use milepost_core::{ArtifactId, Run};
use milepost_jobs::ingest::Summary;
use tokio::io::AsyncWriteExt as _;

use super::IngestArguments;
use super::place::Place;
use crate::failure::Failure;
use crate::{embedded, output, text};

/// What a job leaves.
const ARTIFACTS: [&str; 3] = ["summary.json", "symbols.ndjson", "index.tar"];

/// Languages that are named in the summary.
const NAMED: usize = 4;

/// Prints the summary, saves the artifacts where they would be lost or are wanted, and says where they are.
pub(super) async fn show(
    client: &Client,
    run: &Run,
    arguments: &IngestArguments,
    place: &Place,
) -> Result<(), Failure> {
    output::line(in_a_line(&summary(client, run).await?))?;
    let directory = match &arguments.out {
        Some(named) => Some(named.clone()),
        None if place.is_temporary() => Some(embedded::temporary("milepost-artifacts-")?.keep()),
        None => None,
    };
    if let Some(directory) = directory {
        for name in ARTIFACTS {
            save(client, run, name, &directory).await?;
        }
        return list(|name| directory.join(name).display().to_string());
    }
    if let Some(data_dir) = place.data_dir() {
        let served = format!("`milepost serve --data-dir {}`", data_dir.display());
        return Ok(output::line(format_args!("artifacts: of the run {}, once {served} runs", run.id))?);
    }
    let address = arguments.access.address_of(place.url(), &run.id);
    list(|name| format!("{address}/artifacts/{name}"))
}

fn list(place_of: impl Fn(&str) -> String) -> Result<(), Failure> {
    for (at, name) in ARTIFACTS.iter().enumerate() {
        let label = if at == 0 { "artifacts:" } else { "" };
        output::line(format_args!("{label:<10} {}", place_of(name)))?;
    }
    Ok(())
}

/// `214 files, 51 234 lines, 5 languages (Rust 83%, TOML 9%, Markdown 8%)`
fn in_a_line(summary: &Summary) -> String {
    let (files, lines) = (text::counted(summary.files, "file", "files"), text::counted(summary.lines, "line", "lines"));
    let languages = text::counted(summary.languages.len() as u64, "language", "languages");
    let mut by_lines: Vec<_> = summary.languages.iter().collect();
    by_lines.sort_by_key(|(_, totals)| std::cmp::Reverse(totals.lines));
    let share = |lines: u64| lines * 100 / summary.lines.max(1);
    let named = by_lines.iter().take(NAMED).filter(|(_, totals)| share(totals.lines) > 0);
    let named = named.map(|(name, totals)| format!("{name} {}%", share(totals.lines)));
    let named = named.collect::<Vec<_>>().join(", ");
    let named = if named.is_empty() { named } else { format!(" ({named})") };
    format!("{files}, {lines}, {languages}{named}")
}

async fn summary(client: &Client, run: &Run) -> Result<Summary, Failure> {
    let mut bytes = Vec::new();
    let mut artifact = client.transport().get_artifact(&run.id, &id(ARTIFACTS[0])?).await?.bytes;
    while let Some(piece) = artifact.next().await {
        bytes.extend_from_slice(&piece.map_err(|error| unreadable(ARTIFACTS[0], &error))?);
    }
    serde_json::from_slice(&bytes).map_err(|error| unreadable(ARTIFACTS[0], &error))
}

async fn save(client: &Client, run: &Run, name: &str, directory: &Path) -> Result<(), Failure> {
    let path = directory.join(name);
    let unwritable = |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", path.display()));
    tokio::fs::create_dir_all(directory).await.map_err(unwritable)?;
    let mut file = tokio::fs::File::create(&path).await.map_err(unwritable)?;
    let mut artifact = client.transport().get_artifact(&run.id, &id(name)?).await?.bytes;
    while let Some(piece) = artifact.next().await {
        file.write_all(&piece.map_err(|error| unreadable(name, &error))?).await.map_err(unwritable)?;
    }
    file.flush().await.map_err(unwritable)
}

fn id(name: &str) -> Result<ArtifactId, Failure> {
    ArtifactId::new(name).map_err(|error| Failure::new(error.to_string()))
}

fn unreadable(name: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("the artifact {name} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use milepost_jobs::ingest::LanguageTotals;

    use super::*;

    #[test]
    fn a_summary_is_one_line() {
        let totals = |lines| LanguageTotals { files: 1, lines, ..LanguageTotals::default() };
        let languages = [("TOML".to_owned(), totals(20)), ("Rust".to_owned(), totals(980))].into();
        let summary = Summary { files: 2, lines: 1_000, languages, ..Summary::default() };
        assert_eq!(in_a_line(&summary), "2 files, 1 000 lines, 2 languages (Rust 98%, TOML 2%)");
        assert_eq!(in_a_line(&Summary::default()), "0 files, 0 lines, 0 languages");
    }
}
