//! The job at work, and how it is stopped.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use milepost_client::{Client, RunHandle};
use milepost_core::{Code, Run};
use milepost_jobs::ingest::{Plan, job};
use milepost_wire::Start;
use milepost_wire::native::requests::CancelRequest;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::signals::Signals;
use crate::terminal::note;
use crate::{view, watch};

/// How long the end of a job may take when nobody waits for it any more.
const HURRY: Duration = Duration::from_secs(2);

/// The job, at work in this process.
pub(super) struct Worker {
    client: Client,
    handle: RunHandle,
    task: JoinHandle<()>,
}

impl Worker {
    pub(super) fn start(client: Client, handle: RunHandle, plan: Plan, work_dir: &Path) -> Self {
        let (reporter, id, work_dir) = (client.clone(), handle.id().clone(), work_dir.to_owned());
        let task = tokio::spawn(async move { job::run(&reporter, &id, plan, &work_dir).await });
        Self { client, handle, task }
    }

    /// Shows the job until it is over. None when the user did not want to wait for that.
    pub(super) async fn watch(mut self, signals: &mut Signals) -> Result<Option<Arc<Run>>, Failure> {
        let (client, id) = (self.client.clone(), self.handle.id().clone());
        let mut view = view::for_this_output();
        let ended = {
            let follower = client.follow(&id, Start::Snapshot);
            let mut watching = std::pin::pin!(watch::to_the_end(&client, follower, &id, &mut *view));
            let mut asked = false;
            loop {
                tokio::select! {
                    ended = &mut watching => break Some(ended),
                    () = signals.next() => {
                        if std::mem::replace(&mut asked, true) {
                            break None;
                        }
                        self.ask_to_stop();
                    }
                }
            }
        };
        drop(view);
        if let Some(Ok(_)) = &ended {
            // What it works in is deleted next.
            drop(timeout(HURRY, &mut self.task).await);
        } else {
            // Nobody sees it any more: neither the user who left, nor the reader of a pipe that is closed.
            self.hurry().await;
        }
        ended.transpose()
    }

    /// Asks the server, as anybody else would, so that every viewer sees why it ends.
    fn ask_to_stop(&self) {
        note("cancelling; once more to stop at once");
        let (client, id) = (self.client.clone(), self.handle.id().clone());
        tokio::spawn(async move {
            let request =
                CancelRequest { reason: Some("interrupted at the terminal".to_owned()), ..Default::default() };
            match client.cancel(&id, &request).await {
                Err(error) if error.code() != Some(Code::RunTerminal) => {
                    note(format_args!("the cancellation could not be asked for: {error}"));
                }
                _ => {}
            }
        });
    }

    /// Stops without asking, and says so if that can be said soon.
    async fn hurry(self) {
        self.task.abort();
        match timeout(HURRY, self.handle.cancelled()).await {
            Ok(Ok(_)) => note("cancelled"),
            Ok(Err(error)) => note(format_args!("stopped, and the server could not be told: {error}")),
            Err(_) => note("stopped; the server could not be told in time"),
        }
    }
}
