//! SIGINT and SIGTERM as something that a command can wait for, as often as they come.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::failure::Failure;

/// The signals that ask for an end. While this exists they no longer end the process by themselves.
pub(crate) struct Signals(UnboundedReceiver<()>);

impl Signals {
    /// Begins to listen. Has to be called inside a tokio runtime.
    pub(crate) fn listen() -> Result<Self, Failure> {
        // Unbounded, but one entry for each time that somebody presses a key.
        let (sender, receiver) = unbounded_channel();
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
                let (mut signal, sender) = (signal(kind).map_err(|error| cannot_listen(&error))?, sender.clone());
                tokio::spawn(async move { while signal.recv().await.is_some() && sender.send(()).is_ok() {} });
            }
        }
        #[cfg(not(unix))]
        tokio::spawn(async move { while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).is_ok() {} });
        Ok(Self(receiver))
    }

    /// Waits for the next one. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
fn cannot_listen(error: &std::io::Error) -> Failure {
    Failure::new(format!("signals cannot be listened for: {error}"))
}
