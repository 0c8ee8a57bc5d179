//! Cancellation and the time limit, for code that asks and for code that has to be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::error::IngestError;
use super::limits::TICK;

/// Says whether to go on.
pub(crate) struct Watch<'a> {
    cancel: &'a AtomicBool,
    started: Instant,
    timeout: Duration,
    interrupt: Arc<AtomicBool>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(cancel: &'a AtomicBool, timeout: Duration) -> Self {
        Self { cancel, started: Instant::now(), timeout, interrupt: Arc::new(AtomicBool::new(false)) }
    }

    /// Fails once the job is cancelled or out of time. Cheap: for every file and every chunk.
    pub(crate) fn check(&self) -> Result<(), IngestError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(IngestError::Cancelled);
        }
        if self.started.elapsed() >= self.timeout {
            return Err(IngestError::TimedOut(self.timeout));
        }
        Ok(())
    }

    /// The flag that is raised during [`Self::supervise`], for libraries that look at a flag.
    pub(crate) fn interrupt(&self) -> &Arc<AtomicBool> {
        &self.interrupt
    }

    /// Runs `work` while another thread calls `tick` every [`TICK`] and raises the interrupt flag when `tick` or
    /// [`Self::check`] fails. The first failure, if any, is the second result. `tick` is called after a failure too.
    pub(crate) fn supervise<T>(
        &self,
        tick: impl Fn() -> Result<(), IngestError> + Send,
        work: impl FnOnce() -> T,
    ) -> (T, Option<IngestError>) {
        self.interrupt.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let (finished, wait) = mpsc::channel::<()>();
            let ticker = scope.spawn(move || {
                let mut failure = None;
                while wait.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    if let Err(error) = tick().and_then(|()| self.check()) {
                        self.interrupt.store(true, Ordering::SeqCst);
                        failure.get_or_insert(error);
                    }
                }
                failure
            });
            let result = work();
            drop(finished);
            (result, ticker.join().unwrap_or(None))
        })
    }

    /// Runs blocking work that cannot be interrupted, such as a name lookup, on a thread that is left behind when the
    /// job has to stop. The work must not touch anything of the job's.
    pub(crate) fn abandonable<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, IngestError> {
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || send.send(work()));
        loop {
            self.check()?;
            match receive.recv_timeout(TICK) {
                Ok(value) => return Ok(value),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(IngestError::internal("a helper thread died"));
                }
            }
        }
    }
}
