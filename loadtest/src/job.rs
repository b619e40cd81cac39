//! What a generator process is told to do.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{page::Way, random::Seed, stages::Plan, target::Target};

/// One process' part of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) target: Target,
    pub(crate) share: Share,
    pub(crate) seed: Seed,
    /// Gives up one page or login after this.
    pub(crate) timeout: Duration,
    pub(crate) work: Work,
}

/// Which part: everything is numbered, and number `i` belongs to process `i % of`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) index: usize,
    pub(crate) of: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    Crowd(Crowd),
    Logins(Logins),
    Storm(Storm),
}

/// Pages that wait, and people who confirm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Crowd {
    pub(crate) way: Way,
    /// Pages being opened at the same time, in each process.
    pub(crate) connections: usize,
    /// How many pages there are.
    pub(crate) pages: Plan,
    /// How long they wait once all are open.
    pub(crate) idle: Duration,
    pub(crate) confirms: Option<Confirms>,
}

/// People who have scanned, each on a page of their own, and do something when it is due.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Confirms {
    /// How many a second.
    pub(crate) rate: Plan,
    pub(crate) tap: Tap,
    pub(crate) correction: bool,
}

/// What is done that a page is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Tap {
    Confirm(People),
    /// The same form, the other button: it asks neither WeChat nor the database.
    Reject(People),
    /// The callback of a peer, without people.
    Callback,
}

/// Who logs in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct People {
    pub(crate) sandbox: Url,
    pub(crate) users: usize,
}

/// Whole logins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Logins {
    pub(crate) logins: usize,
    /// No login starts after this.
    pub(crate) duration: Duration,
    /// At the same time, in each process.
    pub(crate) connections: usize,
    /// How many are due a second; without it the next begins when one ends.
    pub(crate) rate: Option<Plan>,
    pub(crate) people: People,
    pub(crate) warmup: usize,
    pub(crate) correction: bool,
}

/// Pages that all do the same at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Storm {
    pub(crate) pages: usize,
    /// How long pages may take to come back.
    pub(crate) patience: Duration,
}

impl Crowd {
    /// Sockets open at once, of all processes together.
    pub(crate) fn sockets(&self) -> usize {
        /// Of phones: scanning, and confirming.
        const PHONES: usize = 512;
        let pages = self.pages.most();
        match &self.confirms {
            Some(confirms) => pages + confirms.rate.arrivals().count() + PHONES,
            None => pages,
        }
    }
}

impl Tap {
    pub(crate) const fn people(&self) -> Option<&People> {
        match self {
            Self::Confirm(people) | Self::Reject(people) => Some(people),
            Self::Callback => None,
        }
    }
}

impl Share {
    /// Whether number `index` belongs to this process.
    pub(crate) fn has(self, index: usize) -> bool {
        index % self.of == self.index
    }

    /// How many of `count` belong to it.
    pub(crate) fn part(self, count: usize) -> usize {
        (count + self.of - 1 - self.index) / self.of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_belongs_to_one_process() {
        for (count, of) in [(0, 1), (7, 3), (9, 3), (2, 4)] {
            let shares = (0..of).map(|index| Share { index, of });
            for share in shares.clone() {
                let own = (0..count).filter(|index| share.has(*index)).count();
                assert_eq!(own, share.part(count), "{share:?} of {count}");
            }
            assert_eq!(shares.map(|share| share.part(count)).sum::<usize>(), count);
        }
    }
}
