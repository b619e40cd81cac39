//! The proof that a login survives: three gateways as processes, a real Redis, PostgreSQL and balancer, people who sign
//! in all the time, and a list of faults. `tests/README.md` says how it is run and what it has found.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and speaks to the gateways as a stranger does"
)]

mod balancer;
mod crowd;
mod dice;
mod fault;
mod fleet;
mod gateway;
mod journal;
mod page;
mod phone;
#[expect(
    dead_code,
    reason = "roles and databases of a test's own are for tests/it"
)]
#[path = "../postgres/server.rs"]
mod postgres;
mod redis;
mod resp;
mod table;
mod verdict;
mod wire;

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, sleep, timeout};

use self::{
    balancer::Kind,
    crowd::Crowd,
    fault::Fault,
    fleet::Fleet,
    table::{HEAD, Row},
    verdict::judge,
};

/// The longest that a fact is waited for. Far longer than any takes, also where much else runs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that tells nobody.
const LOOK: Duration = Duration::from_millis(20);
/// People who sign in at the same time.
const CROWD: u64 = 12;
/// Logins before a fault, and after it.
const LOGINS: usize = 5;

/// A client for plain HTTP that goes where it is told and nowhere else.
pub(crate) fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
}

/// Waits for a fact, with a bound.
pub(crate) async fn within<T>(what: &str, fact: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, fact).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for: {what}"),
    }
}

/// Waits for a fact that has to be looked for.
pub(crate) async fn until(what: &str, mut fact: impl AsyncFnMut() -> bool) {
    let looks = async {
        while !fact().await {
            sleep(LOOK).await;
        }
    };
    within(what, looks).await;
}

/// To the terminal at once, whatever the harness does with what tests print.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number")),
    )
}

/// One fault under load. The logs and the journal are kept when something was found.
async fn run(fleet: &mut Fleet, fault: Fault, name: String, seed: u64) -> Row {
    let world = fleet.world.clone();
    let crowd = Crowd::gather(&world, CROWD, seed);
    within("people sign in", world.journal.signed_in(0, LOGINS)).await;
    fault.happen(fleet).await;
    let healed = Instant::now();
    let again = world.journal.signed_in(world.journal.len(), LOGINS);
    within("people sign in again", again).await;
    let back = healed.elapsed();
    crowd.disperse().await;
    for gateway in &mut fleet.gateways {
        gateway.ready().await;
    }
    let entries = world.journal.take();
    let verdict = judge(&entries, fault.may_forget());
    // The wires see what they should, else nobody would be found to exchange twice.
    assert!(verdict.exchanged >= verdict.promised, "{verdict:?}");
    let found = verdict.violations();
    if !found.is_empty() {
        found
            .iter()
            .for_each(|violation| say(&format!("  {violation}")));
        fleet.keep(&entries);
    }
    Row {
        fault: name,
        verdict,
        back,
    }
}

/// One fleet through its list.
async fn round(kind: Kind, only: &str, mut seed: u64, rows: &mut Vec<Row>) {
    let list = Fault::list(kind)
        .iter()
        .map(|fault| (fault, fault.name(kind)));
    let list: Vec<_> = list.filter(|(_, name)| name.contains(only)).collect();
    if list.is_empty() {
        return;
    }
    let mut fleet = Fleet::start(kind).await;
    for (fault, name) in list {
        seed = seed.wrapping_add(1);
        let row = run(&mut fleet, *fault, name, seed).await;
        say(&row.line());
        match rows.iter_mut().find(|known| known.fault == row.fault) {
            Some(known) => known.add(row),
            None => rows.push(row),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes and the whole machine; tests/README.md says how to run it"]
async fn no_login_is_lost_whatever_fails() {
    let began = Instant::now();
    let soak = Duration::from_secs(number("SCANGATE_SOAK_S").unwrap_or_default());
    let only = std::env::var("SCANGATE_FAULT").unwrap_or_default();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut seed = number("SCANGATE_SEED").unwrap_or(now);
    let mut rows = Vec::new();
    loop {
        say(&format!("\nSCANGATE_SEED={seed}\n{HEAD}"));
        for kind in [Kind::HaProxy, Kind::Nginx] {
            round(kind, &only, seed, &mut rows).await;
        }
        if began.elapsed() >= soak {
            break;
        }
        seed = seed.wrapping_add(1000);
    }
    say(&format!("\nall in {:?}:\n{HEAD}", began.elapsed()));
    rows.iter().for_each(|row| say(&row.line()));
    let found: Vec<_> = rows
        .iter()
        .flat_map(|row| row.verdict.violations())
        .collect();
    assert!(!rows.is_empty(), "no fault is called {only}");
    assert!(found.is_empty(), "{found:#?}");
}
