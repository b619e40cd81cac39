//! Pages that wait: what it costs to open one and to keep it.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use serde_json::json;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    args::Hold,
    process::{Process, Usage, check_room},
    random::Seed,
    report::{Report, say},
    socket::{Failure, Heard, Socket},
    stats::Stats,
    target::Target,
};

pub(crate) const PHASES: &[&str] = &["connect", "pending", "renewed"];
pub(crate) const VALUES: &[&str] = &[
    "errors",
    "opened",
    "lost",
    "opened_per_second",
    "bytes_per_page",
    "memory_before",
    "memory_open",
    "memory_held",
    "memory_closed",
    "cpu_us_per_page_opened",
    "cpu_s_per_minute_held",
];
/// How long the gateway has to notice that all pages left before `memory_closed` is read.
const SETTLE: Duration = Duration::from_secs(2);

enum News {
    Opened {
        connect: Duration,
        pending: Duration,
    },
    Renewed(Duration),
    Failed(Failure),
    Lost(Failure),
}

#[derive(Clone)]
struct Page {
    target: Arc<Target>,
    seed: Arc<Seed>,
    timeout: Duration,
    news: mpsc::UnboundedSender<News>,
    stop: watch::Receiver<bool>,
}

struct Samples {
    before: Usage,
    open: Usage,
    held: Usage,
    closed: Usage,
}

pub(crate) async fn run(args: &Hold) -> anyhow::Result<Report> {
    let common = &args.common;
    let target = Arc::new(Target::new(common).await?);
    let gateway = common.pid.map(|pid| Process { pid });
    check_room(args.sockets.get(), gateway)?;
    let mut report = Report::new("hold", config(args)).with_phases(PHASES);

    let sample = || gateway.map(Process::usage).transpose();
    let before = sample()?;
    let began = Instant::now();
    let (stop, stopped) = watch::channel(false);
    // Bounded by the number of pages: each has at most one thing to tell at a time, renewals aside.
    let (news, mut told) = mpsc::unbounded_channel();
    let mut pages = JoinSet::new();
    let first = Page {
        target,
        seed: Arc::new(Seed::new(common.seed)?),
        timeout: common.timeout,
        news,
        stop: stopped,
    };
    let ((), (opened, lost_early)) = tokio::try_join!(
        open_all(args, first, &mut pages),
        count_opened(args.sockets.get(), &mut told, &mut report.stats)
    )?;
    let opening_took = began.elapsed();
    if opened == 0 {
        say(&report.table(&[]));
        bail!("no page could be opened");
    }
    let open = sample()?;
    say(&format!(
        "{opened} pages wait; holding them for {:?}",
        args.duration
    ));

    let lost = lost_early + count_held(args.duration, &mut told, &mut report.stats).await?;
    let held = sample()?;
    stop.send_replace(true);
    while pages.join_next().await.is_some() {}
    sleep(SETTLE).await;
    let closed = sample()?;

    report.set("opened", opened as f64);
    report.set("lost", lost as f64);
    report.set(
        "opened_per_second",
        opened as f64 / opening_took.as_secs_f64(),
    );
    if let (Some(before), Some(open), Some(held), Some(closed)) = (before, open, held, closed) {
        let samples = Samples {
            before,
            open,
            held,
            closed,
        };
        samples.tell(
            &mut report,
            opened.saturating_sub(lost) as f64,
            opened as f64,
            args.duration,
        );
    }
    Ok(report)
}

/// Opens the pages, at most `-c` at a time and `--rate` a second.
async fn open_all(args: &Hold, first: Page, pages: &mut JoinSet<()>) -> anyhow::Result<()> {
    let began = Instant::now();
    let turn = Arc::new(Semaphore::new(args.connections.get()));
    for index in 0..args.sockets.get() {
        if let Some(rate) = args.rate {
            sleep_until(began + Duration::from_secs_f64(index as f64 / rate)).await;
        }
        let permit = Arc::clone(&turn).acquire_owned().await?;
        pages.spawn(first.clone().live(index, permit));
    }
    Ok(())
}

/// Waits until every page is open or has failed; returns how many opened, and how many of those are lost again.
async fn count_opened(
    sockets: usize,
    told: &mut mpsc::UnboundedReceiver<News>,
    stats: &mut Stats,
) -> anyhow::Result<(usize, usize)> {
    let (mut opened, mut failed, mut lost) = (0, 0, 0);
    while opened + failed < sockets {
        match told.recv().await {
            Some(News::Opened { connect, pending }) => {
                opened += 1;
                stats.record("connect", connect)?;
                stats.record("pending", pending)?;
            }
            Some(News::Failed(Failure(why))) => {
                failed += 1;
                stats.fail(why);
            }
            Some(News::Lost(Failure(why))) => {
                lost += 1;
                stats.fail(why);
            }
            Some(News::Renewed(took)) => stats.record("renewed", took)?,
            None => break,
        }
    }
    Ok((opened, lost))
}

/// Waits out the time; what pages tell meanwhile is written down. Returns how many were lost.
async fn count_held(
    duration: Duration,
    told: &mut mpsc::UnboundedReceiver<News>,
    stats: &mut Stats,
) -> anyhow::Result<usize> {
    let end = sleep(duration);
    tokio::pin!(end);
    let mut lost = 0;
    loop {
        tokio::select! {
            () = &mut end => return Ok(lost),
            news = told.recv() => match news {
                Some(News::Renewed(took)) => stats.record("renewed", took)?,
                Some(News::Lost(Failure(why)) | News::Failed(Failure(why))) => {
                    lost += 1;
                    stats.fail(why);
                }
                Some(News::Opened { .. }) => {}
                // Every page is gone: nothing more will be told, but the time is still to be waited out.
                None => {
                    end.as_mut().await;
                    return Ok(lost);
                }
            },
        }
    }
}

impl Page {
    async fn live(mut self, index: usize, permit: tokio::sync::OwnedSemaphorePermit) {
        let opened = timeout(self.timeout, self.open(index)).await;
        drop(permit);
        match opened {
            Ok(Ok((mut socket, connect, pending))) => {
                // Nobody listens any more when the run is over: so in all of these.
                let _ = self.news.send(News::Opened { connect, pending });
                if let Err(failure) = self.wait(&mut socket).await {
                    let _ = self.news.send(News::Lost(failure));
                }
                socket.close().await;
            }
            Ok(Err(failure)) => {
                let _ = self.news.send(News::Failed(failure));
            }
            Err(_) => {
                let _ = self
                    .news
                    .send(News::Failed(Failure::new("open", "time-out")));
            }
        }
    }

    async fn open(&self, index: usize) -> Result<(Socket, Duration, Duration), Failure> {
        let began = Instant::now();
        let mut socket = Socket::open(&self.target).await?;
        let connect = began.elapsed();
        let asked = Instant::now();
        socket
            .start(&self.seed.pkce(index).challenge, self.target.svg)
            .await?;
        let (_, at) = socket.expect("pending", 1).await?;
        Ok((socket, connect, at - asked))
    }

    /// Answers pings and renews the code when it expires, as the page does.
    async fn wait(&mut self, socket: &mut Socket) -> Result<(), Failure> {
        let mut asked = None;
        loop {
            let (heard, at) = tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => return Ok(()),
                heard = socket.hear("held") => heard?,
            };
            match heard {
                Heard::Event(event) if event.kind == "expired" => {
                    asked = Some(Instant::now());
                    socket.send(&json!({"type": "refresh"})).await?;
                }
                Heard::Event(event) if event.kind == "pending" => {
                    if let Some(asked) = asked.take() {
                        let _ = self.news.send(News::Renewed(at - asked));
                    }
                }
                Heard::Event(event) => {
                    return Err(Failure::new(
                        "held",
                        format_args!("got {}", event.describe()),
                    ));
                }
                Heard::Closed(code, why) => {
                    return Err(Failure::new("held", format_args!("closed {code} {why}")));
                }
            }
        }
    }
}

impl Samples {
    fn tell(&self, report: &mut Report, held: f64, opened: f64, duration: Duration) {
        if !self.before.is_pss {
            say("PSS is not readable for that process: memory figures are RSS");
        }
        report.set("memory_before", self.before.memory as f64);
        report.set("memory_open", self.open.memory as f64);
        report.set("memory_held", self.held.memory as f64);
        report.set("memory_closed", self.closed.memory as f64);
        if held > 0.0 {
            report.set("bytes_per_page", self.held.memory_since(self.before) / held);
        }
        let opening = self.open.cpu_since(self.before);
        report.set(
            "cpu_us_per_page_opened",
            opening.as_secs_f64() * 1e6 / opened,
        );
        let minutes = duration.as_secs_f64() / 60.0;
        if minutes > 0.0 {
            report.set(
                "cpu_s_per_minute_held",
                self.held.cpu_since(self.open).as_secs_f64() / minutes,
            );
        }
    }
}

fn config(args: &Hold) -> serde_json::Value {
    json!({
        "url": args.common.url.as_str(),
        "sockets": args.sockets,
        "duration_s": args.duration.as_secs_f64(),
        "connections": args.connections,
        "rate": args.rate,
        "svg": !args.common.no_svg,
        "seed": args.common.seed,
        "pid": args.common.pid,
        "threads": args.common.threads,
    })
}
