//! Who on this node is attached to which session, and how they hear that it is over.

use std::sync::Arc;

use dashmap::{DashMap, Entry};
use smallvec::SmallVec;

use crate::{
    clock::Millis,
    protocol::{Control, Encoded},
    telemetry::{Metrics, ReasonLabel},
    token::{EndReason, SessionId, SessionWatch},
};

/// Tabs that one session may have attached at once: more than anybody has open, fewer than harm a node.
pub const MAX_TABS: usize = 32;

/// A tab that is attached to a session.
pub trait Tab: Send + Sync {
    /// The session is over: passes the event on and ends. Comes from any thread, does not block and does not await.
    fn session_over(&self, event: &Encoded);
}

/// A session has [`MAX_TABS`] attached already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The session channels of this node. A tab is taken out by its own [`leave`](Channels::leave), or by the end of its
/// session.
pub struct Channels {
    sessions: DashMap<SessionId, Attached>,
    metrics: Arc<Metrics>,
}

struct Attached {
    tabs: SmallVec<[Arc<dyn Tab>; 2]>,
    /// When to read the session again, by the wall clock; 0 until somebody has done so.
    look_at: Millis,
}

impl Channels {
    /// No tab is attached yet; the ends of sessions are counted in `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            sessions: DashMap::new(),
            metrics,
        }
    }

    /// Attaches a tab. The caller reads the session afterwards: an end before that moment may not be told.
    ///
    /// # Errors
    /// [`Full`].
    pub fn attach(&self, session: &SessionId, tab: Arc<dyn Tab>) -> Result<(), Full> {
        let mut attached = self
            .sessions
            .entry(session.clone())
            .or_insert_with(|| Attached {
                tabs: SmallVec::new(),
                look_at: 0,
            });
        if attached.tabs.len() >= MAX_TABS {
            return Err(Full);
        }
        attached.tabs.push(tab);
        Ok(())
    }

    /// Takes this tab out.
    pub fn leave(&self, session: &SessionId, tab: &Arc<dyn Tab>) {
        if let Entry::Occupied(mut place) = self.sessions.entry(session.clone()) {
            let tabs = &mut place.get_mut().tabs;
            tabs.retain(|attached| !Arc::ptr_eq(attached, tab));
            if tabs.is_empty() {
                place.remove();
            }
        }
    }

    /// Tells every tab of the session that it is over, and lets go of them.
    pub fn revoke(&self, session: &SessionId, why: EndReason) {
        if let Some((_, attached)) = self.sessions.remove(session) {
            let revoked = Control::SessionRevoked {
                session_id: &session.0,
                reason: why,
            };
            let event = revoked.encode();
            for tab in attached.tabs {
                tab.session_over(&event);
            }
        }
    }

    /// Sets when the session is to be read again, if a tab is attached to it.
    pub(super) fn look_at(&self, session: &SessionId, at: Millis) {
        if let Some(mut attached) = self.sessions.get_mut(session) {
            attached.look_at = at;
        }
    }

    /// Sessions that are to be read again, not more than `most`.
    pub(super) fn due(&self, now: Millis, most: usize) -> Vec<SessionId> {
        let all = self.sessions.iter();
        all.filter(|attached| attached.look_at <= now)
            .map(|attached| attached.key().clone())
            .take(most)
            .collect()
    }

    /// Whether no tab is attached.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

impl SessionWatch for Channels {
    fn ended(&self, session: &SessionId, why: EndReason) {
        let reason = why.name();
        self.metrics
            .sessions_ended
            .get_or_create(&ReasonLabel { reason })
            .inc();
        self.revoke(session, why);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Page(Mutex<Vec<String>>);

    impl Tab for Page {
        fn session_over(&self, event: &Encoded) {
            self.0.lock().unwrap().push(event.json.to_string());
        }
    }

    fn page() -> (Arc<Page>, Arc<dyn Tab>) {
        let page = Arc::new(Page::default());
        (page.clone(), page)
    }

    fn session(id: &str) -> SessionId {
        SessionId(id.to_owned())
    }

    fn channels() -> Channels {
        Channels::new(Arc::default())
    }

    #[test]
    fn every_tab_of_the_session_is_told_once_and_no_other() {
        let channels = channels();
        let (pages, tabs): (Vec<_>, Vec<_>) = (0..3).map(|_| page()).unzip();
        let of = ["a", "a", "b"].map(session);
        for (session, tab) in of.iter().zip(&tabs) {
            channels.attach(session, tab.clone()).unwrap();
        }
        for _ in 0..2 {
            channels.ended(&session("a"), EndReason::Reuse);
        }
        let told = r#"{"type":"session_revoked","session_id":"a","reason":"reuse"}"#;
        let heard: Vec<_> = pages
            .iter()
            .map(|page| page.0.lock().unwrap().clone())
            .collect();
        assert_eq!(
            heard,
            [vec![told.to_owned()], vec![told.to_owned()], vec![]]
        );
        channels.leave(&session("b"), &tabs[2]);
        assert!(channels.is_empty(), "whoever left leaves nothing behind");
    }

    #[test]
    fn tabs_are_bounded_and_a_place_is_given_back() {
        let (channels, session) = (channels(), session("a"));
        let tabs: Vec<_> = (0..MAX_TABS).map(|_| page().1).collect();
        for tab in &tabs {
            channels.attach(&session, tab.clone()).unwrap();
        }
        assert_eq!(channels.attach(&session, page().1), Err(Full));
        channels.leave(&session, &tabs[7]);
        assert_eq!(channels.attach(&session, page().1), Ok(()));
    }

    #[test]
    fn a_session_is_due_until_somebody_has_read_it() {
        let (channels, session) = (channels(), session("a"));
        channels.look_at(&session, 5);
        assert!(channels.due(9, 9).is_empty(), "nobody is attached");
        channels.attach(&session, page().1).unwrap();
        assert_eq!(channels.due(0, 9), std::slice::from_ref(&session));
        assert!(channels.due(0, 0).is_empty());
        channels.look_at(&session, 5);
        assert!(channels.due(4, 9).is_empty());
        assert_eq!(channels.due(5, 9), [session]);
    }
}
