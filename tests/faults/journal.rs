//! What was promised to whom, and what they got, in the order in which it was seen.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// Something that somebody saw or did.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// A page got a code; `person` will scan it, or nobody.
    Opened { scene: String, person: String },
    /// The person is about to press "confirm".
    Confirmed { scene: String },
    /// The phone was shown success, or the digits that make it one.
    Promised { scene: String },
    /// The page of `page` was sent an event of `scene`, by the gateway that holds its socket; `authorized` says of whom.
    Told {
        node: String,
        page: String,
        scene: String,
        what: String,
        name: Option<String>,
    },
    /// The page was told that its scene (4404) or its grant (40002) is unknown.
    Forgotten { scene: String },
    /// The page was told something else after which it does not come back.
    Stopped { scene: String, why: String },
    /// The page has its tokens.
    Token {
        scene: String,
        user: String,
        name: String,
        session: String,
    },
    /// A gateway sent this code to WeChat.
    Exchanged { node: String, code: String },
}

/// A fact and when it was.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Duration,
    pub(crate) fact: Fact,
}

/// The one book that everybody writes into.
pub(crate) struct Journal {
    began: Instant,
    entries: Mutex<Vec<Entry>>,
    written: watch::Sender<usize>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            entries: Mutex::default(),
            written: watch::Sender::new(0),
        }
    }

    pub(crate) fn write(&self, fact: Fact) {
        let at = self.began.elapsed();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry { at, fact });
        self.written.send_replace(entries.len());
    }

    /// Everything until now; the book is empty afterwards.
    pub(crate) fn take(&self) -> Vec<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        self.written.send_replace(0);
        std::mem::take(&mut entries)
    }

    /// How many facts there are by now.
    pub(crate) fn len(&self) -> usize {
        *self.written.borrow()
    }

    /// Waits for a fact behind the first `from` ones, and gives what is made of it.
    pub(crate) async fn find<T>(&self, from: usize, mut fits: impl FnMut(&Fact) -> Option<T>) -> T {
        let mut written = self.written.subscribe();
        let mut seen = from;
        loop {
            let found = {
                let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
                let found = entries
                    .iter()
                    .skip(seen)
                    .find_map(|entry| fits(&entry.fact));
                seen = entries.len();
                found
            };
            if let Some(found) = found {
                return found;
            }
            written.changed().await.unwrap();
        }
    }

    /// Waits until so many more people are signed in.
    pub(crate) async fn signed_in(&self, from: usize, mut more: usize) {
        let count = |fact: &Fact| {
            more -= usize::from(matches!(fact, Fact::Token { .. }));
            (more == 0).then_some(())
        };
        self.find(from, count).await;
    }
}
