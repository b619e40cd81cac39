//! Reads a journal: what was lost, and what should never have been. Pure, and tried with planted violations below.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::journal::{Entry, Fact};

/// A promise is kept when the page has `authorized` within the life of an authorized scene and 5 s.
pub(crate) const KEPT_WITHIN: Duration = Duration::from_secs(65);

/// What a journal says.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Codes that pages got.
    pub(crate) opened: usize,
    /// Phones that were shown success.
    pub(crate) promised: usize,
    pub(crate) signed_in: usize,
    /// Codes that gateways sent to WeChat.
    pub(crate) exchanged: usize,
    /// Scenes that Redis forgot, promised ones among them: no promise holds beyond what Redis kept.
    pub(crate) forgotten: usize,
    pub(crate) lost: Vec<String>,
    pub(crate) wrong: Vec<String>,
    pub(crate) double: Vec<String>,
    pub(crate) unconfirmed: Vec<String>,
    /// From what the phone was shown to `authorized` on the page, at worst.
    pub(crate) worst: Duration,
}

/// All that is known of one scene.
#[derive(Default)]
struct Story<'a> {
    person: Option<&'a str>,
    confirmed: bool,
    promised: Option<Duration>,
    authorized: Option<Duration>,
    sessions: BTreeSet<&'a str>,
    forgotten: bool,
    stopped: Option<&'a str>,
}

/// Half-way through a journal.
#[derive(Default)]
struct Reader<'a> {
    verdict: Verdict,
    stories: BTreeMap<&'a str, Story<'a>>,
    codes: BTreeSet<&'a str>,
    /// Who each name is.
    users: BTreeMap<&'a str, &'a str>,
}

/// Reads the journal. `may_forget`: Redis lost what it had, and pages were told so.
pub(crate) fn judge(entries: &[Entry], may_forget: bool) -> Verdict {
    let mut reader = Reader::default();
    entries.iter().for_each(|entry| reader.read(entry));
    let Reader {
        mut verdict,
        stories,
        ..
    } = reader;
    for (scene, story) in &stories {
        verdict.promise(scene, story, may_forget);
    }
    verdict
}

impl<'a> Reader<'a> {
    fn read(&mut self, entry: &'a Entry) {
        match &entry.fact {
            Fact::Opened { scene, person } => self.story(scene).person = Some(person),
            Fact::Confirmed { scene } => self.story(scene).confirmed = true,
            Fact::Promised { scene } => {
                self.story(scene).promised.get_or_insert(entry.at);
            }
            Fact::Forgotten { scene } => self.story(scene).forgotten = true,
            Fact::Stopped { scene, why } => self.story(scene).stopped = Some(why),
            Fact::Told {
                page,
                scene,
                what,
                name,
                ..
            } => {
                let story = self.stories.entry(page).or_default();
                self.verdict
                    .event(story, (page, scene), what, name.as_deref());
                if what == "authorized" {
                    story.authorized.get_or_insert(entry.at);
                }
            }
            Fact::Token {
                scene,
                user,
                name,
                session,
            } => {
                let story = self.stories.entry(scene).or_default();
                self.verdict.token(story, scene, name, session);
                let known = self.users.entry(name).or_insert(user);
                if *known != user {
                    self.verdict
                        .wrong
                        .push(format!("{scene}: {name} is {user} and {known}"));
                }
            }
            Fact::Exchanged { node, code } => {
                self.verdict.exchanged += 1;
                if !self.codes.insert(code) {
                    self.verdict
                        .double
                        .push(format!("{node} exchanged {code} again"));
                }
            }
        }
    }

    fn story(&mut self, scene: &'a str) -> &mut Story<'a> {
        self.stories.entry(scene).or_default()
    }
}

impl Verdict {
    /// An event of another scene or another person, or an `authorized` that nobody confirmed.
    fn event(
        &mut self,
        story: &Story<'_>,
        (page, scene): (&str, &str),
        what: &str,
        name: Option<&str>,
    ) {
        if page != scene {
            self.wrong
                .push(format!("the page of {page} was sent {what} of {scene}"));
        }
        if name.is_some() && name != story.person {
            self.wrong
                .push(format!("{page} of {:?} is {name:?}'s", story.person));
        }
        if what == "authorized" && !story.confirmed {
            self.unconfirmed.push(format!("{page} is authorized"));
        }
    }

    fn token<'a>(&mut self, story: &mut Story<'a>, scene: &str, name: &str, session: &'a str) {
        if !story.confirmed {
            self.unconfirmed.push(format!("{scene} has a token"));
        }
        if story.person != Some(name) {
            self.wrong.push(format!(
                "{scene} of {:?} has a token of {name}",
                story.person
            ));
        }
        story.sessions.insert(session);
        if story.sessions.len() > 1 {
            self.wrong
                .push(format!("{scene} has opened sessions {:?}", story.sessions));
        }
    }

    fn promise(&mut self, scene: &str, story: &Story<'_>, may_forget: bool) {
        self.opened += usize::from(story.person.is_some());
        self.signed_in += usize::from(!story.sessions.is_empty());
        self.promised += usize::from(story.promised.is_some());
        self.forgotten += usize::from(story.forgotten);
        if let Some(why) = story.stopped {
            self.lost.push(format!("{scene} was stopped: {why}"));
        } else if story.forgotten && !may_forget {
            self.lost.push(format!("{scene} was forgotten"));
        }
        let Some(promised) = story.promised else {
            return;
        };
        if let Some(authorized) = story.authorized {
            let delay = authorized.saturating_sub(promised);
            self.worst = self.worst.max(delay);
            if delay > KEPT_WITHIN {
                self.lost
                    .push(format!("{scene} was authorized {delay:?} late"));
            }
        }
        if story.sessions.is_empty() && story.stopped.is_none() && !story.forgotten {
            self.lost
                .push(format!("{scene} was promised and has no token"));
        }
    }

    /// Whatever must not be.
    pub(crate) fn violations(&self) -> Vec<&String> {
        let all = [&self.lost, &self.wrong, &self.double, &self.unconfirmed];
        all.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(scene: &str, what: &str, name: Option<&str>) -> Fact {
        told_to(scene, scene, what, name)
    }

    fn told_to(page: &str, scene: &str, what: &str, name: Option<&str>) -> Fact {
        Fact::Told {
            node: "a1".to_owned(),
            page: page.to_owned(),
            scene: scene.to_owned(),
            what: what.to_owned(),
            name: name.map(str::to_owned),
        }
    }

    fn token(scene: &str, user: &str, session: &str) -> Fact {
        Fact::Token {
            scene: scene.to_owned(),
            user: format!("id of {user}"),
            name: user.to_owned(),
            session: session.to_owned(),
        }
    }

    fn exchanged(node: &str, code: &str) -> Fact {
        let (node, code) = (node.to_owned(), code.to_owned());
        Fact::Exchanged { node, code }
    }

    /// Amy's login as it should be: opened, scanned, confirmed, promised, authorized, token.
    fn amy() -> Vec<Fact> {
        let scene = || "A".to_owned();
        vec![
            Fact::Opened {
                scene: scene(),
                person: "amy".to_owned(),
            },
            exchanged("a1", "code 1"),
            told("A", "scanned", None),
            Fact::Confirmed { scene: scene() },
            Fact::Promised { scene: scene() },
            told("A", "authorized", Some("amy")),
            token("A", "amy", "s1"),
        ]
    }

    /// A second apart each.
    fn read(facts: Vec<Fact>, may_forget: bool) -> Verdict {
        let timed = facts.into_iter().zip(1..);
        let entries: Vec<_> = timed
            .map(|(fact, second)| Entry {
                at: Duration::from_secs(second),
                fact,
            })
            .collect();
        judge(&entries, may_forget)
    }

    fn without(facts: Vec<Fact>, goes: impl Fn(&Fact) -> bool) -> Vec<Fact> {
        facts.into_iter().filter(|fact| !goes(fact)).collect()
    }

    #[test]
    fn a_login_as_it_should_be_is_counted_and_nothing_is_found() {
        let verdict = read(amy(), false);
        assert_eq!(
            (verdict.opened, verdict.promised, verdict.signed_in),
            (1, 1, 1)
        );
        assert_eq!(
            (verdict.exchanged, verdict.worst),
            (1, Duration::from_secs(1))
        );
        assert!(verdict.violations().is_empty(), "{verdict:?}");
    }

    #[test]
    fn a_promise_without_a_token_is_a_lost_login() {
        let verdict = read(
            without(amy(), |fact| matches!(fact, Fact::Token { .. })),
            false,
        );
        assert_eq!((verdict.lost.len(), verdict.violations().len()), (1, 1));
    }

    #[test]
    fn a_promise_kept_too_late_is_a_lost_login() {
        let mut facts = amy();
        facts.splice(5..5, (0..70).map(|_| told("A", "scanned", None)));
        assert_eq!(read(facts, false).lost.len(), 1);
    }

    #[test]
    fn a_page_that_is_sent_away_is_a_lost_login() {
        let mut facts = without(amy(), |fact| matches!(fact, Fact::Token { .. }));
        let (scene, why) = ("A".to_owned(), "4409".to_owned());
        facts.push(Fact::Stopped { scene, why });
        assert_eq!(read(facts, true).lost.len(), 1);
    }

    #[test]
    fn what_redis_forgot_is_counted_apart_and_forgiven_only_then() {
        let mut facts = without(amy(), |fact| matches!(fact, Fact::Token { .. }));
        facts.push(Fact::Forgotten {
            scene: "A".to_owned(),
        });
        let verdict = read(facts.clone(), true);
        assert_eq!((verdict.forgotten, verdict.violations().len()), (1, 0));
        assert_eq!(read(facts, false).lost.len(), 1);
    }

    #[test]
    fn an_event_of_another_scene_is_a_wrong_delivery() {
        let mut facts = amy();
        facts.push(told_to("A", "B", "scanned", None));
        assert_eq!(read(facts, false).wrong.len(), 1);
    }

    #[test]
    fn somebody_elses_name_or_token_is_a_wrong_delivery() {
        let mut facts = amy();
        facts.push(told("A", "authorized", Some("eve")));
        assert_eq!(read(facts, false).wrong.len(), 1);
        let mut facts = without(amy(), |fact| matches!(fact, Fact::Token { .. }));
        facts.push(token("A", "eve", "s1"));
        assert_eq!(read(facts, false).wrong.len(), 1);
    }

    #[test]
    fn two_sessions_of_one_grant_are_a_wrong_delivery_and_one_twice_is_none() {
        let mut facts = amy();
        facts.push(token("A", "amy", "s1"));
        assert!(read(facts.clone(), false).violations().is_empty());
        facts.push(token("A", "amy", "s2"));
        assert_eq!(read(facts, false).wrong.len(), 1);
    }

    #[test]
    fn a_person_who_is_two_users_is_a_wrong_delivery() {
        let mut facts = amy();
        facts.push(Fact::Token {
            scene: "A".to_owned(),
            user: "another id".to_owned(),
            name: "amy".to_owned(),
            session: "s1".to_owned(),
        });
        assert_eq!(read(facts, false).wrong.len(), 1);
    }

    #[test]
    fn a_code_that_was_sent_twice_is_a_double_exchange() {
        let mut facts = amy();
        facts.push(exchanged("a2", "code 2"));
        assert!(read(facts.clone(), false).violations().is_empty());
        facts.push(exchanged("a2", "code 1"));
        assert_eq!(read(facts, false).double.len(), 1);
    }

    #[test]
    fn what_nobody_confirmed_is_found() {
        let facts = without(amy(), |fact| matches!(fact, Fact::Confirmed { .. }));
        let verdict = read(facts, false);
        assert_eq!(
            verdict.unconfirmed.len(),
            2,
            "the event and the token: {verdict:?}"
        );
        let mut facts = amy();
        let confirmed = facts.remove(3);
        facts.push(confirmed);
        assert_eq!(read(facts, false).unconfirmed.len(), 2, "too late");
    }
}
