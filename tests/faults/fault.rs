//! The list of what goes wrong, and how it is brought about and healed.

use std::time::Duration;

use tokio::{
    sync::watch,
    task::{JoinSet, block_in_place},
    time::{Instant, sleep},
};

use crate::{
    balancer::Kind,
    dice::Dice,
    fleet::{Fleet, Keeper, says},
    journal::Fact,
    page::{End, Page},
    redis::Redis,
    until,
    wire::{Mood, Wire},
    within,
};

/// How long something stays away. Longer than every time-out on the way to Redis and PostgreSQL, and than HAProxy takes
/// to find a gateway dead.
const AWAY: Duration = Duration::from_secs(6);
/// For what should be away for longer: Redis, and a gateway that stands still.
const LONG_AWAY: Duration = Duration::from_secs(10);
const STILL: Duration = Duration::from_secs(20);
/// How often a kill is repeated.
const KILLS: usize = 3;
/// Codes that nobody scans.
const CODES: u64 = 6;
/// `scene.pending_ttl_s` of the fleet, and 5 s.
const ENDS_WITHIN: Duration = Duration::from_secs(12 + 5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// The gateway that has just told a page this.
    KillIn(&'static str),
    /// The gateway that has just sent a code to WeChat, before it has the answer.
    KillInExchange,
    /// A gateway whose codes nobody scans.
    KillAndExpire,
    Terminate,
    RollingRestart,
    PauseGateway,
    PauseRedis,
    EmptyRedis,
    Failover,
    /// All wires to Redis.
    Wires(Mood),
    /// One gateway's wire, cut or dark.
    Partition(Mood),
    /// What was sent into the dark never arrives.
    HalfOpen,
    RestartPostgres,
    PausePostgres,
}

/// With one Redis, behind HAProxy.
const ALONE: &[Fault] = &[
    Fault::Nothing,
    Fault::KillIn("pending"),
    Fault::KillIn("scanned"),
    Fault::KillIn("verifying"),
    Fault::KillIn("authorized"),
    Fault::KillInExchange,
    Fault::KillAndExpire,
    Fault::Terminate,
    Fault::RollingRestart,
    Fault::PauseGateway,
    Fault::PauseRedis,
    Fault::EmptyRedis,
    Fault::Wires(Mood::Slow(Duration::from_millis(100))),
    Fault::Wires(Mood::Torn(20)),
    Fault::Wires(Mood::Mute),
    Fault::Partition(Mood::Cut),
    Fault::Partition(Mood::Dark),
    Fault::HalfOpen,
    Fault::RestartPostgres,
    Fault::PausePostgres,
];
/// With sentinels, behind nginx.
const WATCHED: &[Fault] = &[Fault::Failover, Fault::RollingRestart];

impl Fault {
    /// What is tried with each kind of fleet.
    pub(crate) const fn list(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::HaProxy => ALONE,
            Kind::Nginx => WATCHED,
        }
    }

    pub(crate) fn name(self, kind: Kind) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::KillIn(state) => format!("kill -9 of the node that has just told `{state}`"),
            Self::KillInExchange => "kill -9 of a node that exchanges a code".to_owned(),
            Self::KillAndExpire => "kill -9 of a node whose codes nobody scans".to_owned(),
            Self::Terminate => "SIGTERM of one node".to_owned(),
            Self::RollingRestart => match kind {
                Kind::HaProxy => "rolling restart of all three behind HAProxy".to_owned(),
                Kind::Nginx => "rolling restart of all three behind nginx".to_owned(),
            },
            Self::PauseGateway => format!("a node paused for {STILL:?} (SIGSTOP)"),
            Self::PauseRedis => format!("Redis paused for {LONG_AWAY:?} (SIGSTOP)"),
            Self::EmptyRedis => "Redis killed, and back without its data".to_owned(),
            Self::Failover => "Redis killed, failover by Sentinel".to_owned(),
            Self::Wires(Mood::Slow(delay)) => format!("Redis slow, {delay:?} each way"),
            Self::Wires(Mood::Torn(_)) => "links to Redis cut in the middle of frames".to_owned(),
            Self::Wires(Mood::Mute) => "everything that Redis publishes lost".to_owned(),
            Self::Wires(mood) => format!("links to Redis {mood:?}"),
            Self::Partition(Mood::Dark) => "one node's link to Redis silent, then back".to_owned(),
            Self::Partition(_) => "one node cut off from Redis".to_owned(),
            Self::HalfOpen => "one node's link to Redis half open".to_owned(),
            Self::RestartPostgres => "PostgreSQL crashed and started again".to_owned(),
            Self::PausePostgres => "PostgreSQL paused (SIGSTOP)".to_owned(),
        }
    }

    /// Whether Redis loses scenes: what it did not keep is promised to nobody.
    pub(crate) fn may_forget(self) -> bool {
        self == Self::EmptyRedis
    }

    /// Brings it about and heals it.
    pub(crate) async fn happen(self, fleet: &mut Fleet) {
        match self {
            Self::Nothing => sleep(AWAY).await,
            Self::KillIn(state) => kill_in(fleet, state).await,
            Self::KillInExchange => kill_in_exchange(fleet).await,
            Self::KillAndExpire => kill_and_expire(fleet).await,
            Self::Terminate => {
                let node = telling(fleet, "scanned").await;
                fleet.gateways[node].terminate().await;
                fleet.gateways[node].start().await;
            }
            Self::RollingRestart => rolling_restart(fleet).await,
            Self::PauseGateway => {
                let node = telling(fleet, "scanned").await;
                fleet.gateways[node].pause();
                sleep(STILL).await;
                fleet.gateways[node].resume();
            }
            Self::PauseRedis => pause_redis(fleet).await,
            Self::EmptyRedis => empty_redis(fleet).await,
            Self::Failover => failover(fleet).await,
            Self::Wires(mood) => spoil(fleet.wires(), mood).await,
            Self::Partition(mood) => {
                let node = telling(fleet, "scanned").await;
                spoil(&fleet.wires()[node..=node], mood).await;
            }
            Self::HalfOpen => {
                let node = telling(fleet, "scanned").await;
                fleet.wires()[node].set(Mood::Dark);
                sleep(AWAY).await;
                fleet.wires()[node].cut_once().await;
            }
            Self::RestartPostgres => lose_postgres(fleet, "stop", "start").await,
            Self::PausePostgres => lose_postgres(fleet, "pause", "resume").await,
        }
    }
}

async fn spoil(wires: &[Wire], mood: Mood) {
    wires.iter().for_each(|wire| wire.set(mood));
    sleep(AWAY).await;
    wires.iter().for_each(|wire| wire.set(Mood::Fine));
}

async fn lose_postgres(fleet: &mut Fleet, gone: &str, back: &str) {
    block_in_place(|| fleet.postgres.tell(gone));
    sleep(AWAY / 2).await;
    block_in_place(|| fleet.postgres.tell(back));
}

/// The gateway that tells a page this now.
async fn telling(fleet: &Fleet, state: &str) -> usize {
    let journal = &fleet.world.journal;
    let told = journal.find(journal.len(), |fact| match fact {
        Fact::Told { node, what, .. } if what == state => Some(node.clone()),
        _ => None,
    });
    fleet.named(&within(state, told).await)
}

async fn kill_in(fleet: &mut Fleet, state: &str) {
    for _ in 0..KILLS {
        let node = telling(fleet, state).await;
        fleet.gateways[node].kill().await;
        fleet.gateways[node].start().await;
    }
}

async fn kill_in_exchange(fleet: &mut Fleet) {
    // So that WeChat has not answered when the node dies.
    let slow = Mood::Slow(Duration::from_millis(300));
    fleet.wechat.iter().for_each(|wire| wire.set(slow));
    for _ in 0..KILLS {
        let journal = &fleet.world.journal;
        let sent = journal.find(journal.len(), |fact| match fact {
            Fact::Exchanged { node, .. } => Some(node.clone()),
            _ => None,
        });
        let node = fleet.named(&within("an exchange", sent).await);
        fleet.gateways[node].kill().await;
        fleet.gateways[node].start().await;
    }
    fleet.wechat.iter().for_each(|wire| wire.set(Mood::Fine));
}

/// Pages without phones, one node of theirs dies, and all are told `expired` in time.
async fn kill_and_expire(fleet: &mut Fleet) {
    let began = Instant::now();
    let mut pages = JoinSet::new();
    let from = fleet.world.journal.len();
    for nth in 0..CODES {
        let world = fleet.world.clone();
        pages.spawn(async move {
            let (code, _) = watch::channel(None);
            let (_shown, digits) = watch::channel(None);
            let mut page = Page::new(&world, "nobody", Dice::new(nth), code, digits);
            page.run().await
        });
    }
    let mut left = CODES;
    let mine = fleet.world.journal.find(from, |fact| {
        left -= u64::from(matches!(fact, Fact::Opened { person, .. } if person == "nobody"));
        (left == 0).then_some(())
    });
    within("all have their codes", mine).await;
    fleet.gateways[0].kill().await;
    let ends = within("all codes end", pages.join_all()).await;
    assert!(ends.iter().all(|end| *end == End::Over), "{ends:?}");
    let took = began.elapsed();
    assert!(
        took < ENDS_WITHIN,
        "codes of a dead node ended after {took:?}"
    );
    fleet.gateways[0].start().await;
}

async fn rolling_restart(fleet: &mut Fleet) {
    for gateway in &mut fleet.gateways {
        gateway.terminate().await;
        gateway.start().await;
    }
}

async fn pause_redis(fleet: &Fleet) {
    let Keeper::Alone { redis, .. } = &fleet.keeper else {
        panic!("a Redis alone");
    };
    let redis = redis.as_ref().unwrap();
    redis.pause();
    sleep(LONG_AWAY).await;
    redis.resume();
}

async fn empty_redis(fleet: &mut Fleet) {
    let Keeper::Alone { redis, .. } = &mut fleet.keeper else {
        panic!("a Redis alone");
    };
    let before = redis.take().unwrap();
    let port = before.port;
    block_in_place(|| drop(before));
    sleep(AWAY / 3).await;
    *redis = Some(block_in_place(|| Redis::start_at(port, &[])));
}

/// Healed as soon as there is a new master; the old one stays away.
async fn failover(fleet: &mut Fleet) {
    let Keeper::Watched {
        master, replica, ..
    } = &mut fleet.keeper
    else {
        panic!("a Redis with sentinels");
    };
    block_in_place(|| drop(master.take()));
    let replica = replica.port;
    until("the replica is the master", async || {
        says(replica, "ROLE", "master").await
    })
    .await;
}
