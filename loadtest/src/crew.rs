//! The generator processes, seen from the one that counts.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, Interval, MissedTickBehavior, interval, timeout_at},
};

use crate::{
    job::{Job, Share},
    process::Process,
    run::Run,
    stats::Stats,
    work::{GO, Word},
};

/// Words that may wait to be counted.
const WAITING: usize = 64;
/// A row of the series, and a new line on the screen.
const TICK: Duration = Duration::from_secs(1);

/// All processes that do one job.
pub(crate) struct Crew {
    workers: Vec<Worker>,
    words: mpsc::Receiver<Heard>,
    ticks: Interval,
    /// What this job measured, by itself.
    pub(crate) stats: Stats,
    _readers: JoinSet<()>,
}

struct Worker {
    child: Child,
    orders: ChildStdin,
}

/// A word, or why there will be no more.
type Heard = Result<Word, anyhow::Error>;

impl Crew {
    /// Starts the processes and waits until they are ready.
    pub(crate) async fn start(job: &Job, processes: usize, run: &mut Run) -> anyhow::Result<Self> {
        let (word, words) = mpsc::channel(WAITING);
        let (mut workers, mut readers) = (Vec::new(), JoinSet::new());
        for index in 0..processes {
            let share = Share {
                index,
                of: processes,
            };
            let job = Job {
                share,
                ..job.clone()
            };
            let (worker, out) = Worker::start(&job).await?;
            readers.spawn(read(out, word.clone()));
            workers.push(worker);
        }
        run.meter.generators = workers.iter().filter_map(Worker::process).collect();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut crew = Self {
            workers,
            words,
            ticks,
            stats: Stats::default(),
            _readers: readers,
        };
        crew.until("ready", run).await?;
        Ok(crew)
    }

    /// Lets all of them go on, and counts until they are at the next mark.
    pub(crate) async fn on_to(&mut self, mark: &str, run: &mut Run) -> anyhow::Result<()> {
        for worker in &mut self.workers {
            let order = format!("{GO}\n");
            worker.orders.write_all(order.as_bytes()).await?;
            worker.orders.flush().await?;
        }
        self.until(mark, run).await
    }

    /// Counts until all are at the mark.
    async fn until(&mut self, mark: &str, run: &mut Run) -> anyhow::Result<()> {
        let mut there = 0;
        while there < self.workers.len() {
            there += usize::from(self.turn(run).await?.as_deref() == Some(mark));
        }
        run.tick();
        Ok(())
    }

    /// Counts until so many pages are there, or the time is over; says whether they are.
    pub(crate) async fn gather(
        &mut self,
        pages: usize,
        patience: Duration,
        run: &mut Run,
    ) -> anyhow::Result<bool> {
        let gives_up_at = Instant::now() + patience;
        while run.connected() < pages {
            match timeout_at(gives_up_at, self.turn(run)).await {
                Ok(turned) => turned?,
                Err(_) => return Ok(false),
            };
        }
        Ok(true)
    }

    /// Counts for so long as something else takes.
    pub(crate) async fn meanwhile<T>(
        &mut self,
        other: impl Future<Output = anyhow::Result<T>>,
        run: &mut Run,
    ) -> anyhow::Result<T> {
        tokio::pin!(other);
        loop {
            tokio::select! {
                done = &mut other => return done,
                turned = self.turn(run) => turned?,
            };
        }
    }

    /// The next thing that happens; if it is a process that reached a mark, which one.
    async fn turn(&mut self, run: &mut Run) -> anyhow::Result<Option<String>> {
        let heard = tokio::select! {
            heard = self.words.recv() => heard,
            _ = self.ticks.tick() => {
                run.tick();
                return Ok(None);
            }
        };
        match heard.context("all generators are gone")?? {
            Word::Counted(interval) => {
                self.stats.add(&interval.stats);
                run.count(&interval);
                Ok(None)
            }
            Word::Reached(mark) => Ok(Some(mark)),
            Word::GaveUp(why) => bail!(why),
        }
    }

    /// Ends the processes.
    pub(crate) async fn end(self, run: &mut Run) -> anyhow::Result<()> {
        run.meter.generators.clear();
        for mut worker in self.workers {
            drop(worker.orders);
            worker.child.wait().await?;
        }
        Ok(())
    }
}

impl Worker {
    async fn start(job: &Job) -> anyhow::Result<(Self, ChildStdout)> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program)
            .arg("worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // The keyboard's interrupt is for the process that counts.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("a generator could not be started")?;
        let (Some(mut orders), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("a generator has no pipes");
        };
        let job = serde_json::to_string(job)? + "\n";
        orders.write_all(job.as_bytes()).await?;
        orders.flush().await?;
        Ok((Self { child, orders }, out))
    }

    fn process(&self) -> Option<Process> {
        self.child.id().map(|pid| Process { pid })
    }
}

/// Passes on what one process says.
async fn read(out: ChildStdout, word: mpsc::Sender<Heard>) {
    let mut lines = BufReader::new(out).lines();
    loop {
        let heard = match lines.next_line().await {
            Ok(Some(line)) => serde_json::from_str(&line).map_err(anyhow::Error::from),
            Ok(None) => Err(anyhow::anyhow!(
                "a generator ended before its work was done"
            )),
            Err(error) => Err(error.into()),
        };
        let over = heard.is_err();
        if word.send(heard).await.is_err() || over {
            return;
        }
    }
}
