//! What `/metrics` shows: one registry for each App.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

/// A state's or an outcome's word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "a label")]
pub struct StateLabel {
    pub state: &'static str,
}

/// A close code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "a label")]
pub struct CloseLabel {
    pub code: u16,
}

/// An error's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "a label")]
pub struct NameLabel {
    pub name: &'static str,
}

/// A call to WeChat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "labels")]
pub struct WechatLabel {
    pub endpoint: &'static str,
    pub outcome: &'static str,
}

/// What became of something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "a label")]
pub struct OutcomeLabel {
    pub outcome: &'static str,
}

/// Why something ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "a label")]
pub struct ReasonLabel {
    pub reason: &'static str,
}

/// Where login events go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "a label")]
pub struct SinkLabel {
    pub sink: String,
}

/// What became of a login event there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(missing_docs, reason = "labels")]
pub struct SinkOutcomeLabel {
    pub sink: String,
    pub outcome: &'static str,
}

type Count<L> = Family<L, Counter>;

/// Every metric of one App. Never labelled by scene, user or address.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "each is described where it is registered below"
)]
pub struct Metrics {
    registry: Registry,
    pub sockets: Gauge,
    pub sockets_opened: Counter,
    pub sockets_closed: Count<CloseLabel>,
    pub sockets_drained: Counter,
    pub scenes: Family<StateLabel, Gauge>,
    pub scenes_created: Counter,
    pub transitions: Count<StateLabel>,
    pub scenes_redeemed: Counter,
    pub number_match: Count<OutcomeLabel>,
    pub scan_to_authorized: Histogram,
    pub event_to_socket: Histogram,
    pub tokens_issued: Count<NameLabel>,
    pub password_hashes: Counter,
    pub sessions_ended: Count<ReasonLabel>,
    pub refused: Count<NameLabel>,
    pub events: Count<SinkOutcomeLabel>,
    pub events_pending: Family<SinkLabel, Gauge>,
    pub events_dead: Family<SinkLabel, Gauge>,
    pub wechat_messages: Count<NameLabel>,
    pub wechat_requests: Count<WechatLabel>,
    pub wechat_request_time: Histogram,
    pub wechat_breaker: Gauge,
    pub wechat_token_stopped: Gauge,
    pub wechat_token_left: Gauge,
    pub wechat_qr_codes: Gauge,
    pub wechat_qr_held: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("scangate"),
            sockets: Gauge::default(),
            sockets_opened: Counter::default(),
            sockets_closed: Family::default(),
            sockets_drained: Counter::default(),
            scenes: Family::default(),
            scenes_created: Counter::default(),
            transitions: Family::default(),
            scenes_redeemed: Counter::default(),
            number_match: Family::default(),
            scan_to_authorized: Histogram::new([
                0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0,
            ]),
            event_to_socket: Histogram::new([
                0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025,
                0.1, 1.0,
            ]),
            tokens_issued: Family::default(),
            password_hashes: Counter::default(),
            sessions_ended: Family::default(),
            refused: Family::default(),
            events: Family::default(),
            events_pending: Family::default(),
            events_dead: Family::default(),
            wechat_messages: Family::default(),
            wechat_requests: Family::default(),
            wechat_request_time: Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0]),
            wechat_breaker: Gauge::default(),
            wechat_token_stopped: Gauge::default(),
            wechat_token_left: Gauge::default(),
            wechat_qr_codes: Gauge::default(),
            wechat_qr_held: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "build",
            "This build",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register(
            "scenes",
            "Scenes kept now, by state (authorized includes redeemed)",
            self.scenes.clone(),
        );
        registry.register(
            "scenes_created",
            "Scenes opened",
            self.scenes_created.clone(),
        );
        registry.register(
            "scene_transitions",
            "Scenes that came to a state",
            self.transitions.clone(),
        );
        registry.register(
            "scenes_redeemed",
            "Scenes whose grant was redeemed",
            self.scenes_redeemed.clone(),
        );
        registry.register(
            "number_match",
            "Digits asked for, right, wrong; people locked out for wrong ones",
            self.number_match.clone(),
        );
        registry.register_with_unit(
            "scan_to_authorized",
            "From the scan to authorized",
            Unit::Seconds,
            self.scan_to_authorized.clone(),
        );
        registry.register_with_unit(
            "event_to_socket",
            "From a scene's step to its event handed to the sockets",
            Unit::Seconds,
            self.event_to_socket.clone(),
        );
        registry.register(
            "tokens_issued",
            "Access tokens issued, by what for",
            self.tokens_issued.clone(),
        );
        registry.register(
            "password_hashes",
            "Passwords hashed, to be kept or compared",
            self.password_hashes.clone(),
        );
        registry.register(
            "sessions_ended",
            "Sessions ended by this node before their time, by reason",
            self.sessions_ended.clone(),
        );
        registry.register(
            "refused",
            "Calls and sockets refused, by error",
            self.refused.clone(),
        );
        self.register_events();
        self.register_sockets();
        self.register_wechat();
        self.register_account();
    }

    fn register_events(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "events",
            "Login events delivered by this node, failed at a try, given up (dead)",
            self.events.clone(),
        );
        registry.register(
            "events_pending",
            "Login events that wait in the outbox of all nodes",
            self.events_pending.clone(),
        );
        registry.register(
            "events_dead",
            "Login events in the outbox of all nodes that were given up",
            self.events_dead.clone(),
        );
    }

    /// What pages hold.
    fn register_sockets(&mut self) {
        let registry = &mut self.registry;
        registry.register("sockets", "WebSockets open now", self.sockets.clone());
        registry.register(
            "sockets_opened",
            "WebSockets opened",
            self.sockets_opened.clone(),
        );
        registry.register(
            "sockets_closed",
            "WebSockets closed, by close code",
            self.sockets_closed.clone(),
        );
        registry.register(
            "sockets_drained",
            "WebSockets and streams told to come back elsewhere",
            self.sockets_drained.clone(),
        );
    }

    /// What goes to WeChat and comes from it.
    fn register_wechat(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "wechat_messages",
            "Messages that came to the push address: ok, or where they were refused",
            self.wechat_messages.clone(),
        );
        registry.register(
            "wechat_requests",
            "Calls to WeChat",
            self.wechat_requests.clone(),
        );
        registry.register_with_unit(
            "wechat_request",
            "Time of a call to WeChat",
            Unit::Seconds,
            self.wechat_request_time.clone(),
        );
    }

    /// What is read when somebody asks, not counted when it happens.
    fn register_account(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "wechat_breaker",
            "Whether WeChat is called: 0 yes, 1 one call is made to see, 2 no, it did not answer",
            self.wechat_breaker.clone(),
        );
        registry.register(
            "wechat_token_stopped",
            "1 while WeChat refuses to give the account's access token and somebody has to act",
            self.wechat_token_stopped.clone(),
        );
        registry.register_with_unit(
            "wechat_token_left",
            "What is left of the access token's life; 0 without one, or while stopped",
            Unit::Seconds,
            self.wechat_token_left.clone(),
        );
        registry.register(
            "wechat_qr_codes",
            "Parametric QR codes asked for by this node since midnight in Beijing",
            self.wechat_qr_codes.clone(),
        );
        registry.register_with_unit(
            "wechat_qr_held",
            "How long no parametric QR code is asked for, because the quota is used up",
            Unit::Seconds,
            self.wechat_qr_held.clone(),
        );
    }

    /// The text of `/metrics` (`OpenMetrics` 1.0).
    ///
    /// # Errors
    /// Never in practice: writing to a `String` cannot fail.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Counts a refusal.
    pub fn refuse(&self, name: &'static str) {
        self.refused.get_or_create(&NameLabel { name }).inc();
    }

    /// Counts a message that came to the push address.
    pub fn heard(&self, name: &'static str) {
        self.wechat_messages
            .get_or_create(&NameLabel { name })
            .inc();
    }

    /// Counts a call to WeChat.
    pub fn wechat(&self, endpoint: &'static str, outcome: &'static str, took: Duration) {
        self.wechat_requests
            .get_or_create(&WechatLabel { endpoint, outcome })
            .inc();
        self.wechat_request_time.observe(took.as_secs_f64());
    }
}
