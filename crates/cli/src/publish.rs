//! `milepost publish`.

mod input;
mod sender;

use std::process::ExitCode;

use clap::Args;
use milepost_core::{Kind, RunId};
use milepost_wire::native::requests::{CreateRun, InitialState};

use crate::failure::Failure;
use crate::remote::RemoteArguments;
use crate::{Outcome, output};
use input::Lines;
use sender::Sender;

const AFTER_HELP: &str = "\
An event is a JSON object on one line: {\"type\": …, \"data\"?, \"run\"?, \"id\"?, \"time\"?}. Events are sent in batches as \
they come; up to the first line that is refused everything is published. Exits 1 when a line is refused.

Example: echo '{\"type\":\"run.progressed\",\"data\":{\"current\":3,\"total\":10}}' | milepost publish run-42";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PublishArguments {
    /// The run that events are about where they name no other of its tree
    run: RunId,

    /// Create the run first, of this kind, and start it
    #[arg(long, value_name = "KIND")]
    create: Option<Kind>,

    /// What to call the created run
    #[arg(long, requires = "create")]
    name: Option<String>,

    #[command(flatten)]
    remote: RemoteArguments,
}

pub(crate) async fn run(arguments: PublishArguments) -> Outcome {
    let PublishArguments { run, create, name, remote } = arguments;
    let client = remote.client()?;
    if let Some(kind) = create {
        let request = CreateRun { id: Some(run.clone()), name, state: InitialState::Running, ..CreateRun::new(kind) };
        client.transport().create_run(&request).await?;
    }
    let mut sender = Sender::new(client.transport().clone(), run.clone());
    let published = send_all(&mut Lines::of_stdin()?, &mut sender, &run).await;
    output::line(sender.acknowledged())?;
    published.map(|()| ExitCode::SUCCESS)
}

/// Sends line after line. What was read before a line that is wrong is sent before it is complained about.
async fn send_all(lines: &mut Lines, sender: &mut Sender, run: &RunId) -> Result<(), Failure> {
    while let Some(batch) = lines.next_batch().await {
        let mut wrong = None;
        let mut events = Vec::with_capacity(batch.len());
        for line in batch {
            match line.event(run) {
                Ok(None) => {}
                Ok(Some(event)) => events.push((line.number, event)),
                Err(failure) => {
                    wrong = Some(failure);
                    break;
                }
            }
        }
        sender.send(events).await?;
        if let Some(failure) = wrong {
            return Err(failure);
        }
    }
    Ok(())
}
