//! Measures appends: `cargo run --release -p milepost-store --example append_rate [directory]`.
//!
//! Prints, for several numbers of appends in flight, how many events become durable each second and what one costs.
//! Everything counts: the tasks that ask, the writer, and moving the write-ahead log. For figures per core, pin it to one
//! with `taskset -c 0`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use milepost_core::{Epoch, EventId, EventType, Project, RunId, Time};
use milepost_store::{Append, EventStore, Record, SqliteStore};
use tokio::task::JoinSet;

/// Streams that are read.
const STREAMS: usize = 500;

/// Bytes of an event's data.
const PAYLOAD: usize = 300;

struct Case {
    in_flight: usize,
    batch: usize,
    events: usize,
}

const CASES: &[Case] = &[
    Case { in_flight: 1, batch: 1, events: 5_000 },
    Case { in_flight: 50, batch: 1, events: 100_000 },
    Case { in_flight: 500, batch: 1, events: 1_000_000 },
    Case { in_flight: 2_000, batch: 1, events: 1_000_000 },
    Case { in_flight: 500, batch: 4, events: 2_000_000 },
    Case { in_flight: 500, batch: 16, events: 2_000_000 },
    Case { in_flight: 50, batch: 100, events: 2_000_000 },
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given = std::env::args().nth(1);
    let scratch = tempfile::tempdir()?;
    let directory = given.map_or_else(|| scratch.path().to_owned(), Into::into);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("one stream for each append in flight, {PAYLOAD} bytes of data, synchronous=FULL");
    println!("in flight   batch   events/s   CPU µs/event   p50 ms   p99 ms   max ms   bytes to disk/event");
    for (number, case) in CASES.iter().enumerate() {
        let path = directory.join(format!("case-{number}"));
        runtime.block_on(measure(&path, case))?;
        std::fs::remove_dir_all(&path)?;
    }
    runtime.block_on(reads(&directory.join("reads")))
}

async fn measure(path: &Path, case: &Case) -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(SqliteStore::open(path)?);
    let (cpu, written, begun) = (cpu_time()?, bytes_written()?, Instant::now());
    let mut tasks = JoinSet::new();
    for producer in 0..case.in_flight {
        let appends = case.events / case.in_flight / case.batch;
        tasks.spawn(produce(Arc::clone(&store), producer, appends, case.batch));
    }
    let mut latencies: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    let (wall, cpu) = (begun.elapsed(), cpu_time()? - cpu);
    store.close().await;
    let events = latencies.len() * case.batch;
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{:9} {:7} {:10.0} {:14.2} {:8.2} {:8.2} {:8.2} {:12}",
        case.in_flight,
        case.batch,
        events as f64 / wall.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / events as f64,
        at(0.5),
        at(0.99),
        at(1.0),
        (bytes_written()? - written) / events as u64,
    );
    Ok(())
}

/// Appends to a stream of its own, each when the one before is durable.
async fn produce(store: Arc<SqliteStore>, producer: usize, appends: usize, batch: usize) -> Vec<Duration> {
    let project = Project::default_project();
    let stream = RunId::new(&format!("stream-{producer}")).expect("a valid id");
    let mut latencies = Vec::with_capacity(appends);
    for number in 0..appends {
        let head = (number * batch) as u64;
        let records = (head + 1..=head + batch as u64).map(|seq| record(&stream, seq)).collect();
        let append = Append {
            project: project.clone(),
            stream: stream.clone(),
            epoch: Epoch(1),
            expected_head: head,
            records,
            rows: Vec::new(),
        };
        let begun = Instant::now();
        store.append(append).await.expect("the append succeeds");
        latencies.push(begun.elapsed());
    }
    latencies
}

fn record(run: &RunId, seq: u64) -> Record {
    Record {
        seq,
        run: run.clone(),
        event_type: EventType::RunProgressed,
        time: Time::from_millis(1_700_000_000_000),
        id: EventId::new(&format!("00000001-{seq}")).expect("a valid id"),
        data: format!("{{\"message\":\"{}\"}}", "x".repeat(PAYLOAD - 14)).into(),
    }
}

/// Pages of 1 and of 100 events of streams that were written side by side.
async fn reads(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    const APPENDS: usize = 2_000;
    let store = Arc::new(SqliteStore::open(path)?);
    let mut tasks = JoinSet::new();
    for producer in 0..STREAMS {
        tasks.spawn(produce(Arc::clone(&store), producer, APPENDS, 1));
    }
    tasks.join_all().await;
    for limit in [1, 100] {
        let (cpu, begun) = (cpu_time()?, Instant::now());
        let mut pages = 0;
        for producer in 0..STREAMS {
            let stream = RunId::new(&format!("stream-{producer}"))?;
            for after in (0..APPENDS as u64).step_by(100) {
                pages += usize::from(!store.read(&Project::default_project(), &stream, after, limit).await?.is_empty());
            }
        }
        let (wall, cpu) = (begun.elapsed(), cpu_time()? - cpu);
        let (rate, cost) = (pages as f64 / wall.as_secs_f64(), cpu.as_secs_f64() * 1e6 / pages as f64);
        println!("reading {pages} pages of {limit}: {rate:.0} pages/s, {cost:.1} µs CPU each");
    }
    Ok(())
}

/// User and system time of this process, in the kernel's ticks of 10 ms.
fn cpu_time() -> std::io::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let ticks: u64 = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|f| f.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// Bytes that this process gave to the disk.
fn bytes_written() -> std::io::Result<u64> {
    let io = std::fs::read_to_string("/proc/self/io")?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0))
}
