//! What a node hears of others: quick messages, and each second the change log, which misses nothing.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    Link, keys,
    link::Messages,
    scenes::{decode, letter},
    scripts,
};
use crate::{
    clock::{Clock, Millis},
    cluster::StoreError,
    scene::{Effect, News, SceneId},
};
use futures_util::future::join_all;
use redis::Value;

/// How often the change logs are read: one script for each place.
const TURN: Duration = Duration::from_secs(1);
/// Entries read at once. Where there are more, the turn goes on at once.
const ENTRIES: usize = 1_000;
/// After so long without a turn the log may have lost its oldest entries, in milliseconds.
const GAP: Millis = 30_000;
/// What a log is read from after a gap: from what is in it by now, since everything is read again anyway.
const NEWEST: &str = "$";
/// From how far behind the server this node's clock is set, in milliseconds.
const BEHIND: Millis = 1_000;
/// From how far on it is taken for the server's fault.
const FAR_BEHIND: Millis = 60_000;
/// How long a scene may be past its deadline before any node ends it, in milliseconds: whoever changed it last does so
/// in time, unless it is gone.
const OVERDUE: Millis = 1_500;
/// How long who was given an overdue scene has for it, in milliseconds.
const TAKEN: Millis = 5_000;
/// Overdue scenes given to one node at once.
const OVERDUE_AT_ONCE: usize = 200;
/// News that may wait; beyond that messages are left to the log.
const WAITING: usize = 10_000;

/// The one reader of a node's news.
pub(super) struct Feed {
    link: Link,
    node: Arc<str>,
    clock: Clock,
    messages: Messages,
    waiting: VecDeque<News>,
    /// Nobody waits for these as for the others.
    overdue: VecDeque<SceneId>,
    /// The last entry read of each place's log.
    read: Vec<String>,
    /// The changes that came as messages since the turn before the last, so that the log does not repeat them.
    heard: [HashMap<(SceneId, Change), u64>; 2],
    /// Something may have been missed that has not been told yet.
    has_gap: bool,
    turned_at: Millis,
    next_turn: Millis,
}

/// A change log as Redis gives it: the name of each entry, and its fields.
type Log = Vec<(String, HashMap<String, Value>)>;

/// The log, the overdue scenes, the last entry of the log, the server's time.
type Turn = (Log, Vec<String>, String, Millis);

/// An entry of a change log.
struct Entry {
    scene: SceneId,
    version: u64,
    what: What,
}

/// What an entry or a message says.
#[derive(Clone, Copy)]
enum What {
    Step(Effect),
    TakenOver,
}

/// What has versions of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Change {
    State,
    Holder,
}

impl Feed {
    /// Hears what happens from now on: the node's name is new, and so are its logs.
    pub(super) fn new(link: Link, node: Arc<str>, messages: Messages, clock: Clock) -> Self {
        let places = usize::from(link.places());
        let now = clock.now();
        Self {
            link,
            node,
            messages,
            waiting: VecDeque::new(),
            overdue: VecDeque::new(),
            read: vec!["0-0".to_owned(); places],
            heard: Default::default(),
            has_gap: false,
            turned_at: now,
            next_turn: now,
            clock,
        }
    }

    pub(super) async fn next(&mut self) -> News {
        loop {
            while let Ok(message) = self.messages.try_recv() {
                self.hear(&message);
            }
            if let Some(news) = self.waiting.pop_front() {
                return news;
            }
            if self.clock.now() >= self.next_turn {
                self.turn().await;
                continue;
            }
            if let Some(id) = self.overdue.pop_front() {
                return News::Overdue(id);
            }
            tokio::select! {
                message = self.messages.recv() => match message {
                    Some(message) => self.hear(&message),
                    // The link is gone, and with it everything.
                    None => std::future::pending().await,
                },
                () = self.clock.sleep_until(self.next_turn) => {}
            }
        }
    }

    /// A message: a letter, the version, a blank, and the record or the scene's name. What cannot be taken is in the log
    /// too.
    fn hear(&mut self, message: &[u8]) {
        let Some((what, version, rest)) = split(message) else {
            return;
        };
        let news = match what {
            What::TakenOver => std::str::from_utf8(rest)
                .ok()
                .and_then(SceneId::parse)
                .map(|id| (id, News::TakenOver(id))),
            What::Step(effect) => decode(rest)
                .ok()
                .map(|scene| (scene.id, News::Moved(Box::new(scene), effect))),
        };
        if self.waiting.len() < WAITING
            && let Some((id, news)) = news
        {
            let [recent, _] = &mut self.heard;
            recent.insert((id, what.change()), version);
            self.waiting.push_back(news);
        }
    }

    async fn turn(&mut self) {
        let now = self.clock.now();
        self.next_turn = now + u64::try_from(TURN.as_millis()).unwrap_or_default();
        if self.link.take_trouble() || now.saturating_sub(self.turned_at) > GAP {
            // Another server may count its entries from an earlier time: everything from the last one on.
            self.has_gap = true;
            self.read.fill(NEWEST.to_owned());
        }
        let places = 0..self.link.places();
        let turns = join_all(places.map(|place| self.turn_place(place, now))).await;
        // Messages come before the answers of later questions: what the log repeats has been heard by now.
        while let Ok(message) = self.messages.try_recv() {
            self.hear(&message);
        }
        let mut is_whole = true;
        for (place, turn) in turns.into_iter().enumerate() {
            match turn {
                Ok(turn) => self.take_turn(place, turn, now),
                Err(error) => {
                    tracing::debug!(%error, place, "the change log could not be read");
                    is_whole = false;
                }
            }
        }
        self.heard.swap(0, 1);
        let [recent, _] = &mut self.heard;
        recent.clear();
        if is_whole {
            self.turned_at = now;
            if std::mem::take(&mut self.has_gap) {
                self.waiting.push_back(News::Gap);
            }
        }
    }

    fn take_turn(&mut self, place: usize, turn: Turn, now: Millis) {
        let (entries, overdue, last, server) = turn;
        if entries.len() >= ENTRIES {
            self.next_turn = now;
        }
        if let Some(read) = self.read.get_mut(place) {
            *read = last;
        }
        self.take(entries);
        let overdue = overdue.iter().filter_map(|id| SceneId::parse(id));
        self.overdue.extend(overdue);
        if place == 0 {
            self.keep_time(server);
        }
    }

    /// A machine that was suspended is behind when it comes back. Forward only, and not for a server that is wrong itself.
    fn keep_time(&self, server: Millis) {
        let behind = server.saturating_sub(self.clock.now());
        if (BEHIND..FAR_BEHIND).contains(&behind) {
            tracing::warn!(
                behind,
                "this clock was behind that of the other nodes, in milliseconds: it is not any more"
            );
            self.clock.agree(server);
        }
    }

    /// What the log of a place has, and which scenes should have ended there.
    async fn turn_place(&self, place: u8, now: Millis) -> Result<Turn, StoreError> {
        let mut turn = scripts::TURN.prepare_invoke();
        turn.key(keys::logs(place) + &self.node)
            .key(keys::due(place))
            .arg(self.read.get(usize::from(place)))
            .arg(ENTRIES)
            .arg(now.saturating_sub(OVERDUE))
            .arg(now + TAKEN)
            // None while some are left: they would be given out twice.
            .arg(if self.overdue.is_empty() {
                OVERDUE_AT_ONCE
            } else {
                0
            });
        self.link.run(&turn).await
    }

    fn take(&mut self, log: Log) {
        for entry in log.iter().filter_map(|(_, fields)| Entry::of(fields)) {
            let Entry {
                scene,
                version,
                what,
            } = entry;
            let key = (scene, what.change());
            let heard = self.heard.iter().filter_map(|heard| heard.get(&key));
            if heard.max().is_some_and(|heard| *heard >= version) {
                continue;
            }
            let news = match what {
                What::Step(effect) => News::Changed(scene, effect),
                What::TakenOver => News::TakenOver(scene),
            };
            self.waiting.push_back(news);
        }
    }
}

impl Entry {
    fn of(fields: &HashMap<String, Value>) -> Option<Self> {
        let text = |name| redis::from_redis_value_ref::<String>(fields.get(name)?).ok();
        Some(Self {
            scene: SceneId::parse(&text("i")?)?,
            version: text("v")?.parse().ok()?,
            what: What::of(&text("e")?)?,
        })
    }
}

impl What {
    fn of(text: &str) -> Option<Self> {
        if text == "t" {
            return Some(Self::TakenOver);
        }
        let all = [Effect::Announce, Effect::Quiet, Effect::Finish];
        let effect = all.into_iter().find(|effect| letter(*effect) == text);
        effect.map(Self::Step)
    }

    const fn change(self) -> Change {
        match self {
            Self::Step(_) => Change::State,
            Self::TakenOver => Change::Holder,
        }
    }
}

/// The letter, the version and the rest of a message.
fn split(payload: &[u8]) -> Option<(What, u64, &[u8])> {
    let blank = payload.iter().position(|byte| *byte == b' ')?;
    let (head, rest) = payload.split_at_checked(blank)?;
    let head = std::str::from_utf8(head).ok()?;
    let (what, version) = head.split_at_checked(1)?;
    Some((What::of(what)?, version.parse().ok()?, rest.get(1..)?))
}
