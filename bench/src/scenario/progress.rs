//! What it costs an ingestion to report its progress.
//!
//! Two ingestions, one of them silent, differ by more than the reports cost. So a real one is done first, and its reports
//! are counted; then reports are made on a server with nothing else to do, and what both sides spend on one of them, times
//! their number, is set against the time that the ingestion took. It is an upper bound: these reports are requests of their
//! own over HTTP, while a job in the server has a shorter way.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::Bench;
use crate::connection::Connection;
use crate::error::Error;
use crate::figures::Figures;
use crate::server::{PROJECT, Server, events_path, new_name};
use crate::window::Window;

/// Source files of the repository that is ingested.
const FILES: usize = 3_000;

/// Reports that are made again: enough for a clock that counts in hundredths of a second.
const REPORTS: u32 = 1_000;

/// Between two of them, so that each is committed by itself, which costs most.
const PAUSE: Duration = Duration::from_millis(4);

/// How often is asked whether the ingestion is over, and how often at most.
const ASK: Duration = Duration::from_millis(100);
const ASKED: usize = 1_200;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<Figures, Error> {
    let repository = tempfile::tempdir().map_err(Error::io("cannot make a repository"))?;
    write_repository(repository.path(), bench.size(FILES)).await?;
    let (reports, seconds) = ingest(&bench.server, repository.path()).await?;

    let mut figures = report(&bench.server, bench.size(REPORTS as usize) as u64).await?;
    let each = figures.cpu_us.zip(figures.generator_us).map(|(server, producer)| server + producer);
    figures.offered = Some(reports as f64 / seconds);
    figures.per_second = None;
    figures.percent = each.map(|each| each * reports as f64 / (seconds * 1e6) * 100.0);
    let each = each.unwrap_or_default();
    figures.notes =
        vec![format!("{reports} reports in {seconds:.1} s of ingestion, {each:.0} µs each, both sides together")];
    Ok(figures)
}

async fn write_repository(directory: &Path, files: usize) -> Result<(), Error> {
    for index in 0..files {
        let function = |line| format!("pub fn step_{index}_{line}(value: u64) -> u64 {{\n    value + {line}\n}}\n\n");
        let text: String = (0..40).map(function).collect();
        std::fs::write(directory.join(format!("part_{index}.rs")), text)
            .map_err(Error::io("cannot write a repository"))?;
    }
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "--message", "all"],
    ] {
        let git = Command::new("git").arg("-C").arg(directory).args(arguments).stdout(Stdio::null()).status().await;
        if !git.map_err(Error::io("git cannot be run"))?.success() {
            return Err(Error::Protocol("git could not make a repository"));
        }
    }
    Ok(())
}

/// Ingests the repository and says how many reports of progress that made, and how long it took.
async fn ingest(server: &Server, repository: &Path) -> Result<(u64, f64), Error> {
    let job = new_name();
    let request = serde_json::json!({ "repository": repository, "project": PROJECT, "job_id": job });
    let mut connection = Connection::open(server.host).await?;
    connection.post("/api/v1/ingest/github", request.to_string().as_bytes()).await?;
    for _ in 0..ASKED {
        tokio::time::sleep(ASK).await;
        let snapshot = connection.get(&format!("/v1/projects/{PROJECT}/runs/{job}")).await?.json();
        match snapshot["state"].as_str() {
            Some("completed") => return count_reports(&mut connection, &job, &snapshot["runs"][0]).await,
            Some("failed" | "cancelled") => return Err(Error::Protocol("the ingestion failed")),
            _ => {}
        }
    }
    Err(Error::Protocol("the ingestion did not end"))
}

async fn count_reports(connection: &mut Connection, job: &str, root: &Value) -> Result<(u64, f64), Error> {
    let (mut reports, mut after) = (0, "0".to_owned());
    loop {
        let page = connection.get(&format!("{}?limit=1000&after={after}", events_path(job))).await?.json();
        let events = page["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        reports += events.iter().filter(|event| event["type"] == "run.progressed").count() as u64;
        if events.is_empty() || page["next"] == page["head"] {
            break;
        }
        page["next"].as_str().unwrap_or_default().clone_into(&mut after);
    }
    let moment = |member: &str| root[member].as_str()?.parse::<jiff::Timestamp>().ok();
    let took =
        moment("finished_at").zip(moment("started_at")).map(|(end, begin)| end.duration_since(begin).as_secs_f64());
    Ok((reports, took.ok_or(Error::Protocol("an ingestion without its times"))?))
}

/// Makes `count` reports, and measures both sides.
async fn report(server: &Server, count: u64) -> Result<Figures, Error> {
    let run = server.create_runs(1).await?.remove(0);
    let path = events_path(&run);
    let mut connection = Connection::open(server.host).await?;
    let window = Window::open(server.pid);
    for current in 0..count {
        let data = format!(
            r#"{{"stage":"Parsing","message":"Parsing file {current}/{count}","current":{current},"total":{count}}}"#
        );
        connection.post(&path, format!(r#"{{"type":"run.progressed","data":{data}}}"#).as_bytes()).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(window.close(count))
}
