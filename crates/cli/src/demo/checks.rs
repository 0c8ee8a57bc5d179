//! What the demo promises, checked over HTTP.

use milepost_jobs::ingest::{Role, Summary, Symbol};
use serde_json::Value;

use super::api::Api;
use crate::failure::Failure;
use crate::{output, text};

/// What is searched for. It is found in this project; in another checkout a name that was found there is searched for.
const WORD: &str = "milepost";

/// Events of one page.
const PAGE: &str = "1000";

/// What a check found out; an error when it does not hold.
pub(super) type Checked = Result<String, Failure>;

/// Checks everything and prints a line about each. False when something does not hold.
pub(super) async fn run(api: &Api, job: &str) -> Result<bool, Failure> {
    report(vec![
        ("run", completed(api, job).await),
        ("summary.json", counted(api, job).await),
        ("search", found(api, job).await),
        ("log", contiguous(api, job).await),
    ])
}

/// Prints a line about each check. False when something does not hold.
pub(super) fn report(checks: Vec<(&str, Checked)>) -> Result<bool, Failure> {
    let mut passed = true;
    for (name, checked) in checks {
        let (mark, found) = match &checked {
            Ok(found) => ("ok  ", found.as_str()),
            Err(failure) => ("FAIL", failure.message()),
        };
        output::line(format_args!("  {mark}  {name:<13} {found}"))?;
        passed &= checked.is_ok();
    }
    Ok(passed)
}

async fn completed(api: &Api, job: &str) -> Checked {
    let shown = api.get(&format!("/api/v1/ingest/{job}"), &[]).await?;
    let word = |name: &str| shown[name].as_str().unwrap_or("?").to_owned();
    match shown["status"].as_str() {
        Some("completed") => Ok(format!("completed, {}%, commit {:.12}", shown["percentage"], word("commit"))),
        _ => Err(Failure::new(format!("{}: {}", word("status"), word("message")))),
    }
}

async fn counted(api: &Api, job: &str) -> Checked {
    let path = format!("/v1/projects/default/runs/{job}/artifacts/summary.json");
    let summary: Summary = serde_json::from_value(api.get(&path, &[]).await?)
        .map_err(|error| Failure::new(format!("it is no summary: {error}")))?;
    if summary.files == 0 {
        return Err(Failure::new("no files; is anything committed?"));
    }
    let (files, lines) = (text::counted(summary.files, "file", "files"), text::counted(summary.lines, "line", "lines"));
    Ok(format!("{files}, {lines}, {}", text::counted(summary.languages.len() as u64, "language", "languages")))
}

async fn found(api: &Api, job: &str) -> Checked {
    for word in [Some(WORD.to_owned()), some_definition(api, job).await?].into_iter().flatten() {
        let answer = api.get(&format!("/api/v1/ingest/{job}/search"), &[("q", &word)]).await?;
        if let Some(hit) = answer["hits"].as_array().and_then(|hits| hits.first()) {
            let (total, path) = (answer["total"].as_u64().unwrap_or_default(), hit["path"].as_str().unwrap_or("?"));
            let files = text::counted(total, "file", "files");
            return Ok(format!("`{word}` is in {files}, first in {}:{}", text::clean(path), hit["line"]));
        }
    }
    Err(Failure::new(format!("nothing is found for `{WORD}`, nor for a name that was indexed")))
}

/// A name that is defined in the repository.
async fn some_definition(api: &Api, job: &str) -> Result<Option<String>, Failure> {
    let path = format!("/v1/projects/default/runs/{job}/artifacts/symbols.ndjson");
    let symbols = api.text(&path, &[]).await?;
    let mut symbols = symbols.lines().filter_map(|line| serde_json::from_str::<Symbol>(line).ok());
    Ok(symbols.find(|symbol| symbol.role == Role::Definition).map(|symbol| symbol.name.into_owned()))
}

/// Reads the whole log: 1, 2, 3 … up to the head, without a gap.
async fn contiguous(api: &Api, job: &str) -> Checked {
    let (mut after, mut expected) = ("0".to_owned(), 1);
    loop {
        let page =
            api.get(&format!("/v1/projects/default/runs/{job}/events"), &[("after", &after), ("limit", PAGE)]).await?;
        for event in page["events"].as_array().into_iter().flatten() {
            if event["seq"].as_u64() != Some(expected) {
                return Err(Failure::new(format!("event {} stands where {expected} should be", event["seq"])));
            }
            expected += 1;
        }
        let cursor = |name: &str| page[name].as_str().unwrap_or_default().to_owned();
        if cursor("next") == cursor("head") {
            return if page["head"] == Value::Null || expected == 1 {
                Err(Failure::new("the log is empty"))
            } else {
                Ok(format!("events 1 to {}, without a gap", expected - 1))
            };
        }
        if cursor("next") == after {
            return Err(Failure::new(format!("the log ends at {after}, before its head")));
        }
        after = cursor("next");
    }
}
