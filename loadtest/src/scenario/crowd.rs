//! Pages that wait, and people who confirm: the same for all ways to hear of it.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Site, seconds};
use crate::{
    args::Confirming,
    crew::Crew,
    job::{Confirms, Crowd, Job, Tap, Work},
    page::Way,
    process::Usage,
    run::Run,
    stages::{Plan, Stage},
    stats::Stats,
};

/// Reasons that are named when nothing works.
const REASONS: usize = 3;
/// How long the gateway has to come to rest before its memory is read, before the first page and after the last.
const SETTLE: Duration = Duration::from_secs(2);

/// What these runs say besides latencies.
pub(super) const VALUES: &[&str] = &[
    "errors",
    "opened",
    "lost",
    "opened_per_second",
    "requests_per_second",
    "confirms",
    "bytes_per_page",
    "memory_before",
    "memory_open",
    "memory_held",
    "memory_closed",
    "cpu_us_per_page_opened",
    "cpu_s_per_minute_held",
    "cpu_us_per_confirm",
    "cpu_us_per_confirm_alone",
    "generator_cpu",
];

/// One run of a crowd.
pub(super) struct Figures {
    pub(super) stats: Stats,
    opening: Opening,
    idle: Duration,
    /// Questions while nothing happened.
    asked: u64,
    confirms: u64,
    usage: Option<Moments>,
}

/// How the pages opened.
struct Opening {
    took: Duration,
    /// Those that showed a code, and those that were there when all had opened.
    shown: u64,
    waiting: usize,
    usage: Option<Usage>,
}

/// What the gateway held and had used, moment by moment.
struct Moments {
    before: Usage,
    open: Usage,
    held: Usage,
    confirms: Option<Confirmed>,
    closed: Usage,
}

/// Before the first and after the last confirmation, and how long they took.
#[derive(Clone, Copy)]
struct Confirmed {
    before: Usage,
    after: Usage,
    took: Duration,
}

/// From the first page to the last; `label` says which run it is, where there are several.
pub(super) async fn run(
    job: &Job,
    crowd: &Crowd,
    processes: usize,
    label: &str,
    run: &mut Run,
) -> anyhow::Result<Figures> {
    run.forget_pages();
    run.step(format!("{label}start"), None);
    let mut crew = Crew::start(job, processes, run).await?;
    if run.sample()?.is_some() {
        sleep(SETTLE).await;
    }
    let before = run.sample()?;
    let opening = open(&mut crew, job, crowd.pages.most(), label, run).await?;
    let asked = crew.stats.count("request");
    run.step(format!("{label}hold"), Some(opening.waiting));
    crew.on_to("held", run).await?;
    let (held, asked) = (run.sample()?, crew.stats.count("request") - asked);
    let confirms = match &crowd.confirms {
        Some(confirms) => confirm(&mut crew, confirms, label, run).await?,
        None => None,
    };
    run.step(format!("{label}close"), None);
    crew.on_to("closed", run).await?;
    if before.is_some() {
        sleep(SETTLE).await;
    }
    let all = [before, opening.usage, held, run.sample()?];
    let stats = std::mem::take(&mut crew.stats);
    crew.end(run).await?;
    Ok(Figures {
        confirms: stats.count(crowd.way.latency()),
        stats,
        opening,
        idle: crowd.idle,
        asked,
        usage: Moments::of(all, confirms),
    })
}

async fn open(
    crew: &mut Crew,
    job: &Job,
    pages: usize,
    label: &str,
    run: &mut Run,
) -> anyhow::Result<Opening> {
    run.step(format!("{label}open"), Some(pages));
    let began = Instant::now();
    crew.on_to("open", run).await?;
    let opening = Opening {
        took: began.elapsed(),
        // A peer shows no code: being connected is all.
        shown: crew.stats.count(if job.target.is_bare {
            "connect"
        } else {
            "pending"
        }),
        waiting: run.connected(),
        usage: run.sample()?,
    };
    ensure!(
        opening.shown > 0,
        "no page could be opened: {}",
        crew.stats.worst(REASONS)
    );
    Ok(opening)
}

/// Has people scan and confirm; returns what the gateway used meanwhile.
async fn confirm(
    crew: &mut Crew,
    confirms: &Confirms,
    label: &str,
    run: &mut Run,
) -> anyhow::Result<Option<Confirmed>> {
    let there = run.connected();
    let people = confirms.rate.arrivals().count();
    run.step(format!("{label}scan"), Some(there + people));
    crew.on_to("prepared", run).await?;
    let before = run.sample()?;
    run.step(format!("{label}confirm"), Some(there + people));
    let began = Instant::now();
    crew.on_to("confirmed", run).await?;
    let took = began.elapsed();
    let both = before.zip(run.sample()?);
    Ok(both.map(|(before, after)| Confirmed {
        before,
        after,
        took,
    }))
}

impl Moments {
    /// Nothing unless all are known.
    fn of(
        [before, open, held, closed]: [Option<Usage>; 4],
        confirms: Option<Confirmed>,
    ) -> Option<Self> {
        Some(Self {
            before: before?,
            open: open?,
            held: held?,
            confirms,
            closed: closed?,
        })
    }
}

impl Figures {
    /// By the names of [`VALUES`].
    pub(super) fn values(&self) -> Vec<(&'static str, f64)> {
        let shown = self.opening.shown as f64;
        let mut values = vec![
            ("opened", shown),
            ("lost", self.lost() as f64),
            ("opened_per_second", shown / seconds(self.opening.took)),
        ];
        if self.asked > 0 && !self.idle.is_zero() {
            let rate = self.asked as f64 / seconds(self.idle);
            values.push(("requests_per_second", rate));
        }
        if self.confirms > 0 {
            values.push(("confirms", self.confirms as f64));
        }
        if let Some(usage) = &self.usage {
            values.extend(self.used(usage));
        }
        values
    }

    fn used(&self, usage: &Moments) -> Vec<(&'static str, f64)> {
        let opening = micros(usage.open.cpu_since(usage.before));
        let shown = self.opening.shown as f64;
        let mut values = vec![
            ("memory_before", usage.before.memory as f64),
            ("memory_open", usage.open.memory as f64),
            ("memory_held", usage.held.memory as f64),
            ("memory_closed", usage.closed.memory as f64),
            ("cpu_us_per_page_opened", opening / shown),
        ];
        let still = self.opening.waiting as f64 - self.lost() as f64;
        if still > 0.0 {
            let grown = usage.held.memory_since(usage.before);
            values.push(("bytes_per_page", grown / still));
        }
        let idle = self.idle_load(usage);
        if let Some(load) = idle {
            values.push(("cpu_s_per_minute_held", load * 60.0));
        }
        if let Some(confirmed) = &usage.confirms
            && self.confirms > 0
        {
            let used = micros(confirmed.after.cpu_since(confirmed.before));
            values.push(("cpu_us_per_confirm", used / self.confirms as f64));
            if let Some(load) = idle {
                let alone = used - load * micros(confirmed.took);
                values.push(("cpu_us_per_confirm_alone", alone / self.confirms as f64));
            }
        }
        values
    }

    /// Processors that the waiting pages kept busy.
    fn idle_load(&self, usage: &Moments) -> Option<f64> {
        let used = seconds(usage.held.cpu_since(usage.open));
        (!self.idle.is_zero()).then(|| used / seconds(self.idle))
    }

    /// Whether memory is the exact share.
    pub(super) fn is_pss(&self) -> bool {
        self.usage.as_ref().is_none_or(|usage| usage.before.is_pss)
    }

    /// Pages that were there and went by themselves.
    fn lost(&self) -> u64 {
        let errors = self.stats.errors().iter();
        let held = errors.filter(|(why, _)| why.starts_with("held:"));
        held.map(|(_, times)| *times).sum()
    }
}

/// Puts the figures of the only run into the report.
pub(super) fn tell(figures: &Figures, run: &mut Run) {
    if !figures.is_pss() {
        run.say("PSS is not readable for that process: memory figures are RSS");
    }
    for (name, value) in figures.values() {
        run.report.set(name, value);
    }
}

/// What there is to do for `push`, `poll` and `compare`; `stages` are those of the confirmations.
pub(super) async fn of(
    args: &Confirming,
    way: Way,
    stages: &[Stage],
    site: &Site,
) -> anyhow::Result<Crowd> {
    let rate = if stages.is_empty() {
        Plan::hold(args.rate, Duration::ZERO, args.duration)
    } else {
        Plan::new(stages.to_vec())
    };
    let confirms = if rate.peak() > 0.0 {
        Some(Confirms {
            rate,
            tap: tap(args, site).await?,
            correction: !args.phones.no_latency_correction,
        })
    } else {
        None
    };
    Ok(Crowd {
        way,
        connections: args.pages.connections.get(),
        pages: Plan::rise(f64::from(args.pages.pages.get()), args.pages.ramp_up),
        idle: args.idle.unwrap_or_default(),
        confirms,
    })
}

async fn tap(args: &Confirming, site: &Site) -> anyhow::Result<Tap> {
    if site.target.is_bare {
        return Ok(Tap::Callback);
    }
    let people = site.people(&args.phones).await?;
    Ok(if args.reject {
        Tap::Reject(people)
    } else {
        Tap::Confirm(people)
    })
}

/// The crowd of one scenario, from first to last.
pub(super) async fn alone(
    args: &Confirming,
    way: Way,
    stages: &[Stage],
    run: &mut Run,
) -> anyhow::Result<()> {
    let common = &args.pages.common;
    let mut site = Site::new(common, run).await?;
    if way != Way::Push {
        site = site.without_pictures();
    }
    let crowd = of(args, way, stages, &site).await?;
    site.has_room(crowd.sockets(), common, run)?;
    let job = site.job(common, Work::Crowd(crowd.clone()))?;
    let figures = self::run(&job, &crowd, common.processes.get(), "", run).await?;
    tell(&figures, run);
    site.close(run).await
}

pub(super) fn config(args: &Confirming, stages: &[Stage]) -> Value {
    json!({
        "pages": args.pages.pages,
        "connections": args.pages.connections,
        "ramp_up_s": seconds(args.pages.ramp_up),
        "idle_s": args.idle.map(seconds),
        "rate": stages.is_empty().then_some(args.rate),
        "duration_s": stages.is_empty().then(|| seconds(args.duration)),
        "stages": super::some(stages),
        "reject": args.reject.then_some(true),
        "users": args.phones.users,
        "latency_correction": !args.phones.no_latency_correction,
    })
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
