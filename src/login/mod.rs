//! The story of a login: a browser opens a scene, a phone scans it, its person confirms, the page is told at
//! once and redeems its grant.
//!
//! | step | file |
//! |---|---|
//! | the browser opens, renews or cancels a scene | `open.rs` |
//! | it watches, and comes back after a lost connection | `watch.rs` |
//! | the phone visits `/s/{scene}` and is sent to WeChat | `visit.rs`, `phone_cookie.rs`, `oauth_state.rs` |
//! | WeChat sends it back with a code: `scanned`, or a new user is known | `oauth_return.rs` |
//! | an event names who scanned a parametric code | `message.rs`, `official_account.rs`, `bearer.rs` |
//! | the person confirms or rejects | `confirm.rs` |
//! | the phone shows digits, where that is asked for | `number_match.rs`, `risk.rs`, `recent.rs` |
//! | the browser sends them | `verify.rs`, `lockout.rs` |
//! | or WeChat's own page asks, and sends the browser back | `website.rs` |
//! | the page redeems the grant | `redeem.rs` |
//! | time runs out | `expire.rs` |
//! | other services are told how it ended | `told.rs` |
//! | another node did one of these | `news.rs` |

mod bearer;
mod confirm;
mod expire;
mod lockout;
mod message;
mod news;
mod number_match;
mod oauth_return;
mod oauth_state;
mod official_account;
mod open;
mod phone_cookie;
mod recent;
mod redeem;
mod risk;
mod told;
mod verify;
mod visit;
mod watch;
mod website;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::SecretBox;
use tokio::sync::Semaphore;
use url::Url;

pub use self::{
    bearer::LINK_KEY,
    message::PushError,
    number_match::Matching,
    oauth_return::OauthCallback,
    official_account::{ChatReply, Says},
    open::{Opened, Origination},
    visit::{Confirming, Next, Notice, PhoneRequest},
    website::Landing,
};
use crate::{
    clock::{Clock, Stopwatch},
    cluster::{Once, Quota, StoreError},
    code::{Code, Locale},
    config::{AppId, Apps, Flow, NumberMatch, ScanConfirm, ScannedUser},
    event::Outbox,
    geo::Geo,
    push::Registry,
    scene::{Advanced, Deadlines, Effect, Input, Lives, Scene, SceneId, SceneStore, State, Was},
    tasks::Tasks,
    telemetry::{Metrics, StateLabel},
    token::Tokens,
    user::UserStore,
    wechat::{OfficialAccount, WeChat, message::Inbox},
};

/// What the story needs to know of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What people type.
    pub public_url: Url,
    /// The front ends.
    pub apps: Apps,
    /// The flow of a `start` that names none.
    pub default_flow: Flow,
    /// What `scanned` tells.
    pub scanned_user: ScannedUser,
    /// When the phone shows digits.
    pub number_match: NumberMatch,
    /// How long the states live.
    pub lives: Lives,
    /// Scenes that one network may open in a minute.
    pub scenes_per_minute: u32,
    /// How long a name and a picture are good before WeChat is asked for them again; zero: for ever.
    pub profile_ttl: Duration,
    /// What follows the scan of a parametric code.
    pub scan_confirm: ScanConfirm,
    /// The flow of new scenes while parametric codes cannot be had.
    pub fallback_flow: Option<Flow>,
}

/// The accounts at WeChat that are configured; a flow whose account is not is enabled for no app.
pub struct Accounts {
    /// The service account of `h5` and `official_account`.
    pub official: Option<OfficialAccount>,
    /// The website application of `website`.
    pub website: Option<WeChat>,
}

/// What the story is told with.
pub struct Parts {
    /// See [`Settings`].
    pub settings: Settings,
    /// Scenes.
    pub scenes: Arc<dyn SceneStore>,
    /// Users.
    pub users: Arc<dyn UserStore>,
    /// Claims on callbacks.
    pub once: Arc<dyn Once>,
    /// Where login events wait.
    pub events: Arc<dyn Outbox>,
    /// What one network may do on all nodes together; `None` where there is one node, whose own limits do.
    pub quota: Option<Arc<dyn Quota>>,
    /// Token issuance.
    pub tokens: Arc<Tokens>,
    /// The watchers of this node.
    pub push: Arc<Registry>,
    /// WeChat.
    pub accounts: Accounts,
    /// Opens what WeChat pushes about the official account.
    pub inbox: Option<Inbox>,
    /// Where addresses are.
    pub geo: Geo,
    /// Time.
    pub clock: Clock,
    /// Where work goes on that must finish.
    pub tasks: Tasks,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Seals OAuth states.
    pub state_key: SecretBox<[u8; 32]>,
    /// Seals phone cookies and their forms.
    pub phone_key: SecretBox<[u8; 32]>,
}

/// Every login of this node. Cheap to clone.
#[derive(Clone)]
pub struct Login(Arc<Inner>);

struct Inner {
    parts: Parts,
    deadlines: Deadlines,
    recent: recent::Recent,
    is_draining: AtomicBool,
    /// Places for calls to WeChat under way.
    exchanges: Arc<Semaphore>,
    /// Places for scenes that are being ended.
    endings: Arc<Semaphore>,
}

/// Why a step of the story was not taken; the scene is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginError {
    /// What the caller is told.
    pub code: Code,
    /// When to come back, where waiting helps.
    pub retry_after: Option<Duration>,
}

/// Codes at WeChat at once; a phone beyond that is asked to try again.
const MAX_EXCHANGES: usize = 256;

/// Scenes that are ended at once when their time is over.
const MAX_ENDINGS: usize = 64;

/// How long a store may take to answer and still be well; balancers wait a second for the whole answer.
const HEALTH_WAIT: Duration = Duration::from_millis(500);

/// What a caller is asked to wait when a store is away or all places are taken.
const RETRY_AFTER: Duration = Duration::from_secs(3);

impl LoginError {
    const fn new(code: Code) -> Self {
        Self {
            code,
            retry_after: None,
        }
    }
}

impl From<Code> for LoginError {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a store is away");
        Self {
            code: Code::Overloaded,
            retry_after: Some(RETRY_AFTER),
        }
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)
    }
}

impl Login {
    /// The story with these parts; nobody logs in yet.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            deadlines: Deadlines::default(),
            recent: recent::Recent::default(),
            is_draining: AtomicBool::new(false),
            exchanges: Arc::new(Semaphore::new(MAX_EXCHANGES)),
            endings: Arc::new(Semaphore::new(MAX_ENDINGS)),
        }))
    }

    /// From now on no scene is opened here.
    pub fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Release);
    }

    /// Whether this node is going away.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Acquire)
    }

    /// What the phone must open: the text of the `h5` flow's QR.
    fn scene_url(&self, id: &SceneId) -> Url {
        let mut url = self.settings().public_url.clone();
        url.set_path(&format!("/s/{id}"));
        url
    }

    /// What people call an app.
    fn app_name(&self, id: &AppId) -> String {
        let app = self.settings().apps.get(id);
        app.map_or_else(String::new, |app| app.name.clone())
    }

    /// Where WeChat sends phones and browsers back to.
    fn callback_url(&self) -> Url {
        let mut url = self.settings().public_url.clone();
        url.set_path("/callback/wechat");
        url
    }

    /// The clock that scenes live by.
    pub fn clock(&self) -> &Clock {
        &self.parts().clock
    }

    /// Where an address is, as far as the map knows.
    pub fn place(&self, address: &str, locale: Locale) -> Option<String> {
        self.parts().geo.place(address.parse().ok()?, locale)
    }

    /// Whether users can be read right now; for the health check, which waits no longer than balancers do.
    pub async fn is_user_store_up(&self) -> bool {
        let found = self.parts().users.find("", "");
        matches!(tokio::time::timeout(HEALTH_WAIT, found).await, Ok(Ok(_)))
    }

    /// The same of scenes.
    pub async fn is_scene_store_up(&self) -> bool {
        let found = self.parts().scenes.get(&SceneId([0; 16]));
        matches!(tokio::time::timeout(HEALTH_WAIT, found).await, Ok(Ok(_)))
    }

    fn parts(&self) -> &Parts {
        &self.0.parts
    }

    fn settings(&self) -> &Settings {
        &self.parts().settings
    }

    /// The account that a flow's openids belong to.
    fn account(&self, flow: Flow) -> Result<&WeChat, LoginError> {
        let accounts = &self.parts().accounts;
        let account = match flow {
            Flow::H5 | Flow::OfficialAccount => {
                accounts.official.as_ref().map(OfficialAccount::oauth)
            }
            Flow::Website => accounts.website.as_ref(),
        };
        Ok(account.ok_or(Code::RefusedByPolicy)?)
    }

    /// One step in the store, and everything that follows from it, also when whoever asked for it hangs up: a store on
    /// another machine may have taken it by then.
    async fn advance(&self, id: &SceneId, input: &Input) -> Result<Advanced, StoreError> {
        let (login, id, input) = (self.clone(), *id, input.clone());
        let step = async move { login.take_step(&id, &input).await };
        let step = self.parts().tasks.see_through("step of a scene", step);
        step.await.unwrap_or_else(|_ended_with_the_process| {
            Err(StoreError {
                store: "scenes",
                message: "the step did not come to its end".to_owned(),
            })
        })
    }

    /// The step, the next deadline, the numbers, the event.
    async fn take_step(&self, id: &SceneId, input: &Input) -> Result<Advanced, StoreError> {
        let now = self.clock().now();
        let advanced = self.parts().scenes.advance(id, input, now).await?;
        if let Advanced::Done { scene, effect, was } = &advanced {
            self.0
                .deadlines
                .set(*id, Some(was.deadline), scene.deadline);
            self.count(scene, was);
            self.strike(scene).await;
            match effect {
                Effect::Announce => self.announce(scene),
                Effect::Finish => self.parts().push.finish(*id),
                Effect::Quiet => {}
            }
            if scene.seq != was.seq {
                self.tell_soon(scene);
            }
        }
        Ok(advanced)
    }

    fn announce(&self, scene: &Scene) {
        let stopwatch = Stopwatch::start();
        self.parts()
            .push
            .deliver(scene.id, &self.announcement(scene));
        self.parts()
            .metrics
            .event_to_socket
            .observe(stopwatch.elapsed().as_secs_f64());
    }

    fn count(&self, scene: &Scene, was: &Was) {
        let metrics = &self.parts().metrics;
        if scene.is_redeemed() && was.deadline != scene.deadline {
            metrics.scenes_redeemed.inc();
        }
        if scene.seq != was.seq {
            let state = scene.state.name();
            metrics
                .scenes
                .get_or_create(&StateLabel { state: was.state })
                .dec();
            metrics.scenes.get_or_create(&StateLabel { state }).inc();
            metrics
                .transitions
                .get_or_create(&StateLabel { state })
                .inc();
            if matches!(scene.state, State::Authorized { .. }) && was.state == "scanned" {
                metrics
                    .scan_to_authorized
                    .observe(Duration::from_millis(scene.at - was.at).as_secs_f64());
            }
            self.count_number_match(scene, was);
            let (id, trace_id, seq) = (scene.id, scene.opening.trace_id, scene.seq);
            tracing::info!(scene = %id, %trace_id, seq, state, "scene moved on");
        }
    }
}
