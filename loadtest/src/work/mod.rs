//! A generator process: it does its part of the load and tells the one that counts (`crew.rs`).
//!
//! It hears a job and then `go`s on its standard input, a line each, and says what happened as lines of JSON on its
//! standard output. When the input ends, nobody listens any more, and so does the load.

mod confirms;
mod crowd;
mod ground;
mod logins;
mod phone;
mod storm;
mod voice;

use std::{convert::Infallible, process::ExitCode};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin},
    sync::mpsc,
};

use crate::{
    job::{Job, Work},
    room::own_limit,
};

use self::voice::Marks;
pub(crate) use self::{
    logins::PHASES as LOGIN_PHASES,
    voice::{Voice, Word},
};

/// The line that a worker waits for at each mark.
pub(crate) const GO: &str = "go";
/// `go`s that may wait.
const ORDERS: usize = 8;

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    own_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut lines = BufReader::new(stdin()).lines();
        let job = lines.next_line().await?.context("no job")?;
        let job: Job = serde_json::from_str(&job)?;
        let (order, orders) = mpsc::channel(ORDERS);
        let (marks, told) = Marks::new(orders);
        let voice = Voice::default();
        tokio::select! {
            never = work(job, voice.clone(), marks) => match never {},
            ended = hear(&mut lines, order) => ended?,
            ended = voice::tell(voice, told) => ended?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn work(job: Job, voice: Voice, mut marks: Marks) -> Infallible {
    let done = match job.work.clone() {
        Work::Crowd(crowd) => crowd::work(job, crowd, voice, &mut marks).await,
        Work::Logins(logins) => logins::work(job, logins, voice, &mut marks).await,
        Work::Storm(storm) => storm::work(job, storm, voice, &mut marks).await,
    };
    if let Err(error) = done {
        marks.give_up(&error).await;
    }
    // The one that counts ends this process when it has heard all.
    std::future::pending().await
}

/// Passes on orders until the other side is gone.
async fn hear(lines: &mut Lines<BufReader<Stdin>>, order: mpsc::Sender<()>) -> anyhow::Result<()> {
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            GO => order.send(()).await?,
            other => bail!("`{other}` is no order"),
        }
    }
    Ok(())
}
