//! The chats on the phones: who wrote what to whom, who follows, and what a parametric code leads to.

mod act;
mod api;
mod links;
mod screen;

use std::collections::{HashMap, VecDeque};

pub(super) use self::{
    act::{Scanned, scan},
    api::{configure as configure_api, delivered},
    screen::{configure, screen},
};
use super::push::Code;
use crate::clock::Millis;

/// Lines of all chats at most; the oldest makes room.
const MAX_LINES: usize = 5000;
/// How long a code waits for its scanner to follow the account.
const CODE_WAITS: Millis = 5 * 60_000;
/// Codes that wait at most; when there are more, all of them are forgotten.
const MAX_WAITING: usize = 10_000;

/// One user towards one official account: whom a chat belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Person {
    pub(super) app_id: String,
    pub(super) user_id: String,
}

/// One line of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// By the person.
    Sent(String),
    /// A passive reply of the account.
    Reply(String),
    Followed,
    Left,
    /// WeChat's excuse for an account that does not answer, and for developers what was wrong.
    OutOfService(String),
}

/// All chats.
#[derive(Debug, Default)]
pub(super) struct Chats {
    lines: VecDeque<(Person, Line)>,
    /// What somebody scanned who does not follow yet, and until when it counts.
    waiting: HashMap<Person, (Code, Millis)>,
}

impl Chats {
    pub(super) fn add(&mut self, person: &Person, line: Line) {
        if self.lines.len() >= MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back((person.clone(), line));
    }

    /// The oldest first.
    fn lines(&self, person: &Person) -> impl Iterator<Item = &Line> {
        self.lines
            .iter()
            .filter_map(move |(whose, line)| (whose == person).then_some(line))
    }

    fn wait(&mut self, person: &Person, code: Code, now: Millis) {
        self.waiting.retain(|_, (_, until)| now < *until);
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.clear();
        }
        self.waiting
            .insert(person.clone(), (code, now + CODE_WAITS));
    }

    fn take_waiting(&mut self, person: &Person, now: Millis) -> Option<Code> {
        let (code, until) = self.waiting.remove(person)?;
        (now < until).then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::ticket::Scene;

    fn person(user_id: &str) -> Person {
        Person {
            app_id: "wx0000000000000001".to_owned(),
            user_id: user_id.to_owned(),
        }
    }

    #[test]
    fn a_chat_is_between_two_and_the_oldest_line_makes_room() {
        let mut chats = Chats::default();
        let (amy, ben) = (person("amy"), person("ben"));
        chats.add(&amy, Line::Followed);
        for n in 0..MAX_LINES {
            chats.add(&ben, Line::Sent(n.to_string()));
        }
        assert_eq!(chats.lines(&amy).count(), 0);
        assert_eq!(chats.lines(&ben).count(), MAX_LINES);
        chats.add(&amy, Line::Left);
        assert_eq!(chats.lines(&ben).next(), Some(&Line::Sent("1".to_owned())));
        assert_eq!(chats.lines(&amy).next(), Some(&Line::Left));
    }

    #[test]
    fn a_code_waits_five_minutes_and_counts_once() {
        let mut chats = Chats::default();
        let code = |scene: &str| Code {
            scene: Scene::Text(scene.to_owned()),
            ticket: "gQ".to_owned(),
        };
        let amy = person("amy");
        chats.wait(&amy, code("1"), 0);
        chats.wait(&amy, code("2"), 1);
        assert_eq!(chats.take_waiting(&person("ben"), 2), None);
        assert_eq!(chats.take_waiting(&amy, CODE_WAITS), Some(code("2")));
        assert_eq!(chats.take_waiting(&amy, CODE_WAITS), None);
        chats.wait(&amy, code("3"), 0);
        assert_eq!(chats.take_waiting(&amy, CODE_WAITS), None, "too late");
        for n in 0..=MAX_WAITING {
            chats.wait(&person(&n.to_string()), code("4"), 0);
        }
        assert_eq!(chats.waiting.len(), 1);
    }
}
