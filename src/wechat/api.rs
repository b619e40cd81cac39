//! Calls to `api.weixin.qq.com`: bounded, repeated where that does no harm, read, logged and counted in one place.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::CONTENT_TYPE;
use tokio::time;
use tracing::{debug, error, info, warn};
use url::Url;

use super::{
    account::AccountKind,
    answer::{Answer, MAX_BODY},
    breaker::{BreakerState, Breakers},
    endpoint::Endpoint,
    error::{Fault, WeChatError},
    reaction::Reaction,
};
use crate::{
    clock::{Clock, Stopwatch},
    code::Locale,
    ids,
};

/// How often a call is repeated at most.
const REPEATS: u32 = 2;

/// Is told of every call: what was called, `ok` or what went wrong in a word, and how long all tries took.
pub type OnCall = Arc<dyn Fn(Endpoint, &'static str, Duration) + Send + Sync>;

/// The way to WeChat, for all accounts of a gateway. Clones share connections and breakers.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: Url,
    pub(super) patience: Patience,
    breakers: Arc<Breakers>,
    clock: Clock,
    on_call: OnCall,
}

/// How long WeChat is waited for.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// For all tries together.
    pub(super) budget: Duration,
    /// For one try of a call that may be repeated freely; any other has the whole budget.
    pub(super) attempt: Duration,
    /// Before the first repetition; doubled for each further one, and half of it is random.
    pub(super) pause: Duration,
}

const PATIENCE: Patience = Patience {
    budget: Duration::from_secs(5),
    attempt: Duration::from_secs(2),
    pause: Duration::from_millis(200),
};

/// One call, ready to be made. Holds a secret or a token, so it has no `Debug`.
pub(super) struct Call {
    pub(super) account: AccountKind,
    pub(super) endpoint: Endpoint,
    pub(super) url: Url,
    /// JSON for a POST; without it the call is a GET.
    pub(super) body: Option<Vec<u8>>,
    pub(super) repeat: Repeat,
    /// For what is counted in tries and not in calls.
    pub(super) on_sent: Option<OnSent>,
}

/// Is told of each try that WeChat may have seen.
pub(super) type OnSent = Box<dyn Fn() + Send + Sync>;

/// When a call is made again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Whenever it may help: the call changes nothing that matters.
    Freely,
    /// Only when it certainly had no effect.
    IfUnsent,
}

impl Repeat {
    const fn allows(self, fault: &Fault) -> bool {
        match self {
            Self::Freely => fault.may_pass(),
            Self::IfUnsent => fault.had_no_effect(),
        }
    }
}

impl Api {
    /// Calls below `base`; `on_call` is told of each. `clock` is what the breakers rest by.
    pub fn new(http: reqwest::Client, base: Url, clock: Clock, on_call: OnCall) -> Self {
        Self {
            http,
            base,
            patience: PATIENCE,
            breakers: Arc::default(),
            clock,
            on_call,
        }
    }

    /// Whether everything of WeChat is called: the worst of what the groups of endpoints know.
    pub fn breaker(&self) -> BreakerState {
        self.breakers.worst()
    }

    pub(super) const fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn url(&self, endpoint: Endpoint, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{}", endpoint.path()));
        if query.is_empty() {
            url.set_query(None);
        } else {
            url.query_pairs_mut().clear().extend_pairs(query);
        }
        url
    }

    /// Makes the call, in time, and logs and counts what came of it.
    pub(super) async fn run<T>(
        &self,
        call: &Call,
        read: impl Fn(&Answer) -> Result<T, Fault>,
    ) -> Result<T, WeChatError> {
        let stopwatch = Stopwatch::start();
        let tries = time::timeout(self.patience.budget, self.tries(call, read));
        let result = tries.await.unwrap_or_else(|_elapsed| {
            self.heard(call.endpoint, Some(&Fault::Timeout));
            Err(Fault::Timeout)
        });
        let result = result.map_err(|fault| WeChatError::new(call.account, call.endpoint, fault));
        let elapsed = stopwatch.elapsed();
        let outcome = result.as_ref().map_or_else(WeChatError::outcome, |_| "ok");
        (self.on_call)(call.endpoint, outcome, elapsed);
        match &result {
            Ok(_) => debug!(
                endpoint = call.endpoint.path(),
                outcome,
                elapsed_ms = elapsed.as_millis(),
                "WeChat answered"
            ),
            Err(error) => log(error, elapsed),
        }
        result
    }

    async fn tries<T>(
        &self,
        call: &Call,
        read: impl Fn(&Answer) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut repeats = 0;
        loop {
            let fault = match self.attempt(call).await.and_then(|answer| read(&answer)) {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            };
            if repeats == REPEATS || !call.repeat.allows(&fault) {
                return Err(fault);
            }
            debug!(endpoint = call.endpoint.path(), %fault, "asking WeChat again");
            time::sleep(self.pause(repeats)).await;
            repeats += 1;
        }
    }

    /// Between half and the whole of the doubled pause, so that many nodes do not come back at once.
    fn pause(&self, repeats: u32) -> Duration {
        let longest = self.patience.pause * 2_u32.pow(repeats);
        let half = longest / 2;
        let jitter = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
        half + Duration::from_millis(ids::below(jitter))
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, Fault> {
        let admitted = self.breakers.of(call.endpoint).admit(self.clock.now());
        admitted.map_err(|wait| Fault::Away(Duration::from_millis(wait)))?;
        let mut sent = Sent(call.on_sent.as_ref());
        let answer = self.transfer(call).await;
        if matches!(answer, Err(Fault::Connect(_))) {
            sent.0 = None;
        }
        self.heard(call.endpoint, answer.as_ref().err());
        answer
    }

    async fn transfer(&self, call: &Call) -> Result<Answer, Fault> {
        let request = match &call.body {
            None => self.http.get(call.url.clone()),
            Some(body) => self
                .http
                .post(call.url.clone())
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone()),
        };
        let attempt = match call.repeat {
            Repeat::Freely => self.patience.attempt,
            Repeat::IfUnsent => self.patience.budget,
        };
        let response = request.timeout(attempt).send().await;
        let mut response = response.map_err(Fault::transfer)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Fault::transfer)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(Fault::Garbled("the body is over 64 KiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Answer::read(call.endpoint, status, &body)
    }

    /// Tells the breaker what came of one try.
    fn heard(&self, endpoint: Endpoint, fault: Option<&Fault>) {
        let mut breaker = self.breakers.of(endpoint);
        let group = endpoint.group();
        if !fault.is_some_and(Fault::is_silence) {
            if breaker.answered() {
                info!(?group, "WeChat answers again");
            }
        } else if breaker.unanswered(self.clock.now()) {
            error!(
                ?group,
                "WeChat does not answer: calls fail at once until it does, one is tried every few seconds"
            );
        }
    }

    /// A call that is not made, because too many of its kind are in flight: counted, and not logged one by one.
    pub(super) fn overloaded(&self, account: AccountKind, endpoint: Endpoint) -> WeChatError {
        let error = WeChatError::new(account, endpoint, Fault::Overloaded);
        (self.on_call)(endpoint, error.outcome(), Duration::ZERO);
        error
    }
}

/// One try that may reach WeChat: tells so when it is over, also when nobody waits for it any more.
struct Sent<'a>(Option<&'a OnSent>);

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if let Some(tell) = self.0 {
            tell();
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("breaker", &self.breaker())
            .finish_non_exhaustive()
    }
}

fn log(error: &WeChatError, elapsed: Duration) {
    let (endpoint, outcome) = (error.endpoint().path(), error.outcome());
    let (errcode, rid) = (error.errcode(), error.rid());
    let address = error.address().map(tracing::field::display);
    let elapsed_ms = elapsed.as_millis();
    let advice = error.advice(Locale::En);
    if error.reaction() == Reaction::Alert {
        error!(
            endpoint, outcome, errcode, rid, address, elapsed_ms, reason = %error.fault(),
            "a call to WeChat failed and somebody has to act: {advice}"
        );
    } else {
        warn!(
            endpoint, outcome, errcode, rid, address, elapsed_ms, reason = %error.fault(),
            "a call to WeChat failed: {advice}"
        );
    }
}

#[cfg(test)]
mod tests;
