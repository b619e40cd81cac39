//! Whole h5 logins, as a person with a computer and a phone makes them.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use url::Url;

use crate::{
    args::Login,
    phone::Phone,
    process::{Process, check_room},
    random::{Pkce, Seed},
    report::{Report, say},
    sandbox::{Answer, find_sandbox, make_users},
    socket::{Failure, Heard, Socket},
    target::{Target, http_client, permit},
};

pub(crate) const PHASES: &[&str] = &[
    "connect",
    "pending",
    "scan",
    "scanned",
    "authorized",
    "authorized_known",
    "authorized_new",
    "redeem",
    "whole",
];
pub(crate) const VALUES: &[&str] = &[
    "errors",
    "error_rate",
    "logins",
    "per_second",
    "cpu_us_per_login",
    "memory_before",
    "memory_after",
];

struct Setup {
    target: Target,
    sandbox: Url,
    client: Client,
    seed: Seed,
    users: Vec<String>,
    timeout: Duration,
    allow_remote: bool,
}

/// The moments of one login.
struct Moments {
    due: Instant,
    began: Instant,
    connected: Instant,
    pending: Instant,
    phone: PhoneMoments,
    desk: DeskMoments,
}

struct PhoneMoments {
    scan: Instant,
    scan_told: Instant,
    confirm_told: Instant,
    is_new: bool,
}

struct DeskMoments {
    scanned: Instant,
    authorized: Instant,
    redeemed: Instant,
    closed: Instant,
}

pub(crate) async fn run(args: &Login) -> anyhow::Result<Report> {
    let common = &args.common;
    let gateway = common.pid.map(|pid| Process { pid });
    // A socket, and the connections of phone and page to gateway and sandbox.
    check_room(args.connections.get() * 4, gateway)?;
    let target = Target::new(common).await?;
    let client = http_client(common.timeout)?;
    let sandbox = match &args.sandbox {
        Some(url) => url.clone(),
        None => find_sandbox(&client, &target).await?,
    };
    permit(&sandbox, common.allow_remote)?;
    let seed = Seed::new(common.seed)?;
    let users = make_users(&client, &sandbox, &seed, args.users.get()).await?;
    let setup = Arc::new(Setup {
        target,
        sandbox,
        client,
        seed,
        users,
        timeout: common.timeout,
        allow_remote: common.allow_remote,
    });
    say(&format!(
        "{} users in the sandbox at {}",
        setup.users.len(),
        setup.sandbox
    ));

    let mut report = Report::new("login", config(args, &setup)).with_phases(PHASES);
    let before = gateway.map(Process::usage).transpose()?;
    let began = Instant::now();
    let started = drive(args, &setup, &mut report).await?;
    let took = began.elapsed();
    let after = gateway.map(Process::usage).transpose()?;

    let done = started as f64 - report.errors() as f64;
    report.set("logins", done);
    report.set("per_second", done / took.as_secs_f64());
    if started > 0 {
        report.set("error_rate", report.errors() as f64 / started as f64);
    }
    if let (Some(before), Some(after)) = (before, after) {
        report.set("memory_before", before.memory as f64);
        report.set("memory_after", after.memory as f64);
        if done > 0.0 {
            report.set(
                "cpu_us_per_login",
                after.cpu_since(before).as_secs_f64() * 1e6 / done,
            );
        }
    }
    Ok(report)
}

/// Starts logins when they are due and gathers what becomes of them; returns how many were started.
async fn drive(args: &Login, setup: &Arc<Setup>, report: &mut Report) -> anyhow::Result<usize> {
    let began = Instant::now();
    let places = Arc::new(Semaphore::new(args.connections.get()));
    let mut running = JoinSet::new();
    let mut started = 0;
    for index in 0..args.logins.get() {
        let due = match args.rate {
            Some(rate) => began + Duration::from_secs_f64(index as f64 / rate),
            None => Instant::now(),
        };
        if due - began >= args.duration {
            break;
        }
        sleep_until(due).await;
        let place = Arc::clone(&places).acquire_owned().await?;
        if began.elapsed() >= args.duration {
            break;
        }
        let due = (args.rate.is_some() && !args.no_latency_correction).then_some(due);
        let setup = Arc::clone(setup);
        started += 1;
        running.spawn(async move {
            let outcome = timeout(setup.timeout, login(&setup, index, due)).await;
            drop(place);
            (
                index,
                outcome.unwrap_or_else(|_| Err(Failure::new("whole", "time-out"))),
            )
        });
        while let Some(done) = running.try_join_next() {
            let (index, outcome) = done?;
            record(report, outcome, index >= args.warmup)?;
        }
    }
    while let Some(done) = running.join_next().await {
        let (index, outcome) = done?;
        record(report, outcome, index >= args.warmup)?;
    }
    Ok(started)
}

fn record(
    report: &mut Report,
    outcome: Result<Moments, Failure>,
    counts: bool,
) -> anyhow::Result<()> {
    let moments = match outcome {
        Ok(moments) if counts => moments,
        Ok(_) => return Ok(()),
        Err(Failure(why)) => {
            report.stats.fail(why);
            return Ok(());
        }
    };
    let Moments {
        due,
        began,
        connected,
        pending,
        phone,
        desk,
    } = moments;
    // The event may be read before the phone's clock is: then it took no time that we can tell.
    let confirmed = desk
        .authorized
        .saturating_duration_since(phone.confirm_told);
    let kind = if phone.is_new {
        "authorized_new"
    } else {
        "authorized_known"
    };
    for (phase, latency) in [
        ("connect", connected - began),
        ("pending", pending - connected),
        ("scan", desk.scanned.saturating_duration_since(phone.scan)),
        (
            "scanned",
            desk.scanned.saturating_duration_since(phone.scan_told),
        ),
        ("authorized", confirmed),
        (kind, confirmed),
        ("redeem", desk.redeemed - desk.authorized),
        ("whole", desk.closed - due),
    ] {
        report.stats.record(phase, latency)?;
    }
    Ok(())
}

async fn login(setup: &Setup, index: usize, due: Option<Instant>) -> Result<Moments, Failure> {
    let pkce = setup.seed.pkce(index);
    let user = &setup.users[index % setup.users.len()];
    let began = Instant::now();
    let mut socket = Socket::open(&setup.target).await?;
    let connected = Instant::now();
    socket.start(&pkce.challenge, setup.target.svg).await?;
    let (event, pending) = socket.expect("pending", 1).await?;
    let Some(qr) = event.qr else {
        return Err(Failure::new("pending", "no QR code"));
    };
    let Ok(link) = Url::parse(&qr.text) else {
        return Err(Failure::new("pending", "the QR code holds no link"));
    };
    // The socket first: when both can go on, the frame that waits is the one being timed.
    let (desk, phone) =
        tokio::try_join!(biased; desk(setup, &mut socket, &pkce), phone(setup, user, link))?;
    Ok(Moments {
        due: due.unwrap_or(began),
        began,
        connected,
        pending,
        phone,
        desk,
    })
}

/// What happens in the browser.
async fn desk(setup: &Setup, socket: &mut Socket, pkce: &Pkce) -> Result<DeskMoments, Failure> {
    let (_, scanned) = socket.expect("scanned", 2).await?;
    let (event, authorized) = socket.expect("authorized", 3).await?;
    let Some(grant) = event.grant else {
        return Err(Failure::new("authorized", "no grant"));
    };
    redeem(setup, &grant, &pkce.verifier).await?;
    let redeemed = Instant::now();
    let (heard, closed) = socket.hear("close").await?;
    match heard {
        Heard::Closed(1000, _) => Ok(DeskMoments {
            scanned,
            authorized,
            redeemed,
            closed,
        }),
        Heard::Closed(code, why) => Err(Failure::new("close", format_args!("closed {code} {why}"))),
        Heard::Event(event) => Err(Failure::new(
            "close",
            format_args!("got {}", event.describe()),
        )),
    }
}

/// What happens on the phone.
async fn phone(setup: &Setup, user: &str, link: Url) -> Result<PhoneMoments, Failure> {
    let phone = Phone::new(&setup.client, &setup.sandbox, user, setup.allow_remote);
    let scan = Instant::now();
    let page = phone.open("scan", link).await?;
    let scan_told = page.told_at;
    let page = phone.submit("confirm", &page, "confirm").await?;
    // A new user is sent to WeChat's own consent page first.
    let is_new = page.is_of(&setup.sandbox);
    let page = if is_new {
        phone.submit("consent", &page, "confirm").await?
    } else {
        page
    };
    if is_new && !page.called_back() {
        return Err(Failure::new(
            "consent",
            "WeChat did not send the phone back",
        ));
    }
    Ok(PhoneMoments {
        scan,
        scan_told,
        confirm_told: page.told_at,
        is_new,
    })
}

async fn redeem(setup: &Setup, grant: &str, verifier: &str) -> Result<(), Failure> {
    let step = "redeem";
    let url = setup
        .target
        .at("/api/v1/auth/token")
        .map_err(|error| Failure::new(step, error))?;
    let answer = setup
        .client
        .post(url)
        .header(header::ORIGIN, &setup.target.origin)
        .json(&json!({"grant": grant, "verifier": verifier}))
        .send()
        .await
        .map_err(|error| {
            Failure::new(
                step,
                if error.is_timeout() {
                    "time-out"
                } else {
                    "no answer"
                },
            )
        })?;
    let status = answer.status();
    let Ok(body) = answer.json::<Answer>().await else {
        return Err(Failure::new(
            step,
            format_args!("HTTP {status}, not the JSON of the contract"),
        ));
    };
    if status != StatusCode::OK || body.code != 0 {
        let name = body.name.unwrap_or_default();
        return Err(Failure::new(
            step,
            format_args!("HTTP {} {} {name}", status.as_u16(), body.code),
        ));
    }
    match body
        .data
        .and_then(|data| data["access_token"].as_str().map(str::len))
    {
        Some(length) if length > 0 => Ok(()),
        _ => Err(Failure::new(step, "no access token")),
    }
}

fn config(args: &Login, setup: &Setup) -> Value {
    json!({
        "url": args.common.url.as_str(),
        "sandbox": setup.sandbox.as_str(),
        "logins": args.logins,
        "duration_s": args.duration.as_secs_f64(),
        "connections": args.connections,
        "rate": args.rate,
        "users": args.users,
        "warmup": args.warmup,
        "svg": !args.common.no_svg,
        "latency_correction": args.rate.is_some() && !args.no_latency_correction,
        "seed": args.common.seed,
        "pid": args.common.pid,
        "threads": args.common.threads,
    })
}
