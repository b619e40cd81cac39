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
    turned_at: Millis,
    next_turn: Millis,
}

/// A change log as Redis gives it: the name of each entry, and its fields.
type Log = Vec<(String, HashMap<String, Value>)>;

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
    /// Hears what happens from `now`, the server's time.
    pub(super) fn new(
        link: Link,
        node: Arc<str>,
        messages: Messages,
        clock: Clock,
        server: Millis,
    ) -> Self {
        let places = usize::from(link.places());
        let now = clock.now();
        Self {
            link,
            node,
            messages,
            waiting: VecDeque::new(),
            overdue: VecDeque::new(),
            read: vec![format!("{server}-0"); places],
            heard: Default::default(),
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
        let places = 0..self.link.places();
        let turns = join_all(places.map(|place| self.turn_place(place, now))).await;
        // Messages come before the answers of later questions: what the log repeats has been heard by now.
        while let Ok(message) = self.messages.try_recv() {
            self.hear(&message);
        }
        let mut has_gap = now.saturating_sub(self.turned_at) > GAP;
        let mut is_whole = true;
        for (place, turn) in turns.into_iter().enumerate() {
            match turn {
                Ok((entries, overdue)) => {
                    if entries.len() >= ENTRIES {
                        self.next_turn = now;
                    }
                    if let (Some((id, _)), Some(read)) = (entries.last(), self.read.get_mut(place))
                    {
                        read.clone_from(id);
                    }
                    self.take(entries);
                    self.overdue.extend(overdue);
                }
                Err(error) => {
                    tracing::debug!(%error, place, "the change log could not be read");
                    is_whole = false;
                }
            }
        }
        if !is_whole {
            return;
        }
        self.turned_at = now;
        has_gap |= self.link.take_trouble();
        if has_gap {
            self.waiting.push_back(News::Gap);
        }
        self.heard.swap(0, 1);
        let [recent, _] = &mut self.heard;
        recent.clear();
    }

    /// What the log of a place has, and which scenes should have ended there.
    async fn turn_place(
        &self,
        place: u8,
        now: Millis,
    ) -> Result<(Vec<(String, Option<Entry>)>, Vec<SceneId>), StoreError> {
        let mut turn = scripts::TURN.prepare_invoke();
        turn.key(keys::logs(place) + &self.node)
            .key(keys::due(place))
            .arg(self.read.get(usize::from(place)))
            .arg(ENTRIES)
            .arg(now.saturating_sub(OVERDUE))
            .arg(now + TAKEN)
            .arg(OVERDUE_AT_ONCE);
        let (log, overdue): (Log, Vec<String>) = self.link.run(&turn).await?;
        let log = log.into_iter().map(|(id, fields)| (id, Entry::of(&fields)));
        let overdue = overdue.iter().filter_map(|id| SceneId::parse(id));
        Ok((log.collect(), overdue.collect()))
    }

    fn take(&mut self, entries: Vec<(String, Option<Entry>)>) {
        for entry in entries.into_iter().filter_map(|(_, entry)| entry) {
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
