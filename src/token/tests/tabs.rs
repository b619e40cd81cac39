//! Tabs of one browser that refresh when they like, over a network that is slow and loses answers, and a thief with a
//! copy of their cookie.

use futures_util::FutureExt;
use proptest::{prelude::*, sample::Index};

use super::*;

/// How long a request, or its answer, is under way at most, in milliseconds.
const UNDER_WAY: u64 = 1_500;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A tab asks with the cookie that the browser has at this moment.
    Ask,
    /// One of the requests under way is answered, in any order.
    Arrive(Index),
    /// One of the answers under way comes in, in any order, and sets the browser's cookie.
    Deliver(Index),
    /// One of them is lost, and its tab asks again. That answer is not lost.
    Lose(Index),
    /// Milliseconds.
    Pass(u64),
    /// The browser's cookie is copied, in place of a copy made before.
    Steal,
    /// The thief refreshes with the copy.
    Abuse,
}

/// A message under way.
struct Sent<T> {
    what: T,
    /// When it has come in at the latest.
    due: u64,
    /// Whether its answer can be lost.
    is_first: bool,
}

struct World {
    bench: Bench,
    now: u64,
    cookie: String,
    requests: Vec<Sent<String>>,
    /// Each with the cookie that it sets, if it sets one.
    answers: Vec<Sent<Option<String>>>,
    copy: Option<String>,
    /// Every token that anybody ever had.
    known: Vec<String>,
    is_over: bool,
}

fn sent<T>(now: u64, what: T, is_first: bool) -> Sent<T> {
    let due = now + UNDER_WAY;
    Sent {
        what,
        due,
        is_first,
    }
}

/// Takes one of them out.
fn pick<T>(list: &mut Vec<T>, index: &Index) -> Option<T> {
    let at = (!list.is_empty()).then(|| index.index(list.len()))?;
    Some(list.swap_remove(at))
}

impl World {
    async fn new() -> Self {
        let bench = bench();
        let (_, cookie) = bench.opened().await;
        Self {
            bench,
            now: 0,
            known: vec![cookie.clone()],
            cookie,
            requests: Vec::new(),
            answers: Vec::new(),
            copy: None,
            is_over: false,
        }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Ask => self.ask(true),
            Step::Arrive(index) => {
                if let Some(request) = pick(&mut self.requests, index) {
                    self.arrive(request).await;
                }
            }
            Step::Deliver(index) => {
                let answer = pick(&mut self.answers, index);
                self.deliver(answer);
            }
            Step::Lose(index) => match pick(&mut self.answers, index) {
                Some(answer) if answer.is_first => self.ask(false),
                answer => self.deliver(answer),
            },
            Step::Pass(ms) => self.pass(*ms).await,
            Step::Steal => self.copy = Some(self.cookie.clone()),
            Step::Abuse => self.abuse().await,
        }
    }

    fn ask(&mut self, is_first: bool) {
        let request = sent(self.now, self.cookie.clone(), is_first);
        self.requests.push(request);
    }

    async fn arrive(&mut self, request: Sent<String>) {
        match self.refresh(&request.what).await {
            Some(cookie) => self.answers.push(sent(self.now, cookie, request.is_first)),
            // Without a thief nobody is ever refused; with one, everybody is.
            None => assert!(self.copy.is_some(), "an honest tab is out"),
        }
    }

    fn deliver(&mut self, answer: Option<Sent<Option<String>>>) {
        if let Some(cookie) = answer.and_then(|answer| answer.what) {
            self.cookie = cookie;
        }
    }

    /// Lets time pass, and brings in what is due by then.
    async fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        loop {
            let due = self.requests.iter().map(|request| request.due);
            let due = due.chain(self.answers.iter().map(|answer| answer.due));
            let next = due.min().unwrap_or(until).min(until);
            self.bench
                .clock
                .advance(Duration::from_millis(next - self.now));
            self.now = next;
            if let Some(at) = self.requests.iter().position(|one| one.due == next) {
                let request = self.requests.swap_remove(at);
                self.arrive(request).await;
            } else if let Some(at) = self.answers.iter().position(|one| one.due == next) {
                let answer = self.answers.swap_remove(at);
                self.deliver(Some(answer));
            } else {
                return;
            }
        }
    }

    async fn abuse(&mut self) {
        if let Some(copy) = self.copy.clone()
            && let Some(Some(next)) = self.refresh(&copy).await
        {
            self.copy = Some(next);
        }
    }

    /// The cookie that a refresh sets, if any; `None` when it is refused, which is the end of all.
    async fn refresh(&mut self, token: &str) -> Option<Option<String>> {
        match self.bench.refresh(token).await {
            Ok(issued) => {
                assert!(!self.is_over, "what is over stays over");
                let cookie = issued.refresh_token.as_ref();
                let cookie = cookie.map(|token| token.expose_secret().to_owned());
                self.known.extend(cookie.clone());
                Some(cookie)
            }
            Err(error) => {
                assert_eq!(error.code(), Code::SessionRevoked);
                self.is_over = true;
                for token in &self.known {
                    let refused = code(self.bench.refresh(token).await);
                    assert_eq!(refused, Some(Code::SessionRevoked), "nobody is inside");
                }
                None
            }
        }
    }

    /// A tab asks, and has its answer.
    async fn use_honestly(&mut self) {
        self.ask(false);
        self.pass(2 * UNDER_WAY).await;
    }

    /// Whatever is under way comes in; then both go on, more than 10 s apart.
    async fn both_go_on(&mut self, thief_first: bool) {
        self.pass(2 * UNDER_WAY).await;
        for thief in [thief_first, !thief_first] {
            self.pass(11_000).await;
            if thief {
                self.abuse().await;
            } else {
                self.use_honestly().await;
            }
        }
    }
}

fn network() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Ask),
        4 => any::<Index>().prop_map(Step::Arrive),
        3 => any::<Index>().prop_map(Step::Deliver),
        1 => any::<Index>().prop_map(Step::Lose),
        // Half seconds: the real clock, which runs on meanwhile, does not tip them over.
        2 => (1..5_u64).prop_map(|halves| Step::Pass(halves * 500)),
        1 => (8..40_u64).prop_map(|halves| Step::Pass(halves * 500)),
    ]
}

fn network_with_thief() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => network(),
        1 => Just(Step::Steal),
        2 => Just(Step::Abuse),
    ]
}

async fn told(steps: &[Step]) -> World {
    let mut world = World::new().await;
    for step in steps {
        world.step(step).await;
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// As long as a message takes 1.5 s at most and no two answers in a row are lost, however many tabs refresh.
    #[test]
    fn honest_tabs_stay_inside(steps in prop::collection::vec(network(), 1..60)) {
        let story = async {
            let mut world = told(&steps).await;
            world.use_honestly().await;
            assert!(!world.is_over);
        };
        story.now_or_never().expect("the fakes never wait");
    }

    /// Whoever is refused, nobody is inside from then on; and that happens once both have gone on.
    #[test]
    fn no_thief_stays_inside(
        steps in prop::collection::vec(network_with_thief(), 1..60),
        thief_first: bool,
    ) {
        let story = async {
            let mut world = told(&steps).await;
            if world.copy.is_some() {
                world.both_go_on(thief_first).await;
                assert!(world.is_over, "the thief is inside");
            }
        };
        story.now_or_never().expect("the fakes never wait");
    }
}
