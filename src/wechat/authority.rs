//! The access token of a service account: one for everybody, fetched by one.
//!
//! WeChat gives an account one token at a time, so whoever fetches one may end that of others. Here it is fetched
//! once however many ask, kept until shortly before its end, and renewed while the old one is still good. Other
//! services of the company get it from the admin listener instead of fetching their own.
//!
//! What goes wrong:
//! - A call answers 40001, 40014 or 42001: [`Authority::heal`] fetches another token, if nobody has yet, and the call
//!   is repeated once. The stable endpoint is asked plainly first, at most every [`HEAL_EVERY`], and forced only when it
//!   gives the refused token again, at most every [`FORCE_EVERY`] and [`FORCES_PER_DAY`] times a day. The other endpoint
//!   ends the old token each time, so all its heals are [`FORCE_EVERY`] apart.
//! - The token endpoint itself refuses (wrong secret, address not on the list, frozen account …): fetching stops and
//!   an alarm is logged. The next try comes by itself after 30 s, then 1, 2, 4, 8 min, then every 10 min; a restart
//!   tries at once. Callers get the same error until then, or the kept token while it is good.
//! - WeChat does not answer or is busy: the same error for one second (45011: for a minute), so that those who waited
//!   do not each try again.
//! - Another node of this gateway is at WeChat: its token is waited for (`authority/together.rs`).
//! - Whoever asked hangs up: what was begun is finished, because the old token may be dead once WeChat has the request.

mod kept;
mod together;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tracing::{error, info};

use self::kept::{Kept, Token};
use super::{
    account::Account,
    answer::Answer,
    api::{Api, Call, Repeat},
    endpoint::Endpoint,
    error::{Fault, WeChatError},
    reaction::Reaction,
};
use crate::{
    clock::{Clock, Millis},
    cluster::Shared,
    config::TokenEndpoint,
    tasks::Tasks,
};

/// The longest life of a token.
const MAX_LIFE: Duration = Duration::from_secs(7_200);
/// Between two heals that only ask the stable endpoint.
const HEAL_EVERY: Millis = 1_000;
/// Between two heals that end the old token; also the least that WeChat wants between two forced refreshes.
const FORCE_EVERY: Millis = 30_000;
/// Forced refreshes that WeChat grants in a day.
const FORCES_PER_DAY: u32 = 20;

/// The account's token at one moment.
#[derive(Clone)]
pub struct AccessToken {
    /// For `access_token=` of every `cgi-bin` call.
    pub token: SecretString,
    /// What is left of its life.
    pub expires_in: Duration,
    sha256: [u8; 32],
}

/// How the authority is; times are [`Clock::now`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nobody has asked yet, or the last token is over and nobody asked since.
    Unknown,
    /// There is a token.
    Ok {
        /// The end of its life.
        expires_at: Millis,
    },
    /// WeChat refuses to give one and somebody has to act.
    Stopped {
        /// Its reason; none when its answer made no sense.
        errcode: Option<i64>,
        /// The first refusal.
        since: Millis,
    },
}

/// The one who fetches the token of one account. Cheap to clone.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

struct Inner {
    api: Api,
    account: Account,
    endpoint: TokenEndpoint,
    clock: Clock,
    tasks: Tasks,
    kept: Mutex<Kept>,
    /// Where the other nodes are told; `None` when there are none.
    shared: Option<Arc<dyn Shared>>,
    /// Who holds it is the one at WeChat.
    seat: Arc<Semaphore>,
    /// Somebody used a token that nears its end.
    due: Notify,
}

impl Authority {
    /// The authority for `account`; nothing is fetched before somebody asks. Several nodes are one by what they share.
    pub fn new(
        api: Api,
        account: Account,
        endpoint: TokenEndpoint,
        clock: Clock,
        tasks: Tasks,
        shared: Option<Arc<dyn Shared>>,
    ) -> Self {
        Self(Arc::new(Inner {
            api,
            account,
            endpoint,
            clock,
            tasks,
            kept: Mutex::default(),
            shared,
            seat: Arc::new(Semaphore::new(1)),
            due: Notify::new(),
        }))
    }

    /// The account (`wx…`) that the token is for.
    pub fn app_id(&self) -> &str {
        &self.0.account.app_id
    }

    /// The token, good for at least a minute (a tenth of its life, when that is less). Waits only when there is none.
    ///
    /// # Errors
    /// [`WeChatError`] of the fetch, or of the last one while it is not tried again.
    pub async fn token(&self) -> Result<AccessToken, WeChatError> {
        if let Some(token) = self.good_token() {
            return Ok(token);
        }
        let seat = self.seat().await;
        match self.good_token() {
            Some(token) => Ok(token),
            None => self.finish(seat, Want::Any).await,
        }
    }

    /// Another token than the one with this SHA-256, which WeChat has refused. When that is not the current one any
    /// more, this is [`Authority::token`].
    ///
    /// # Errors
    /// As [`Authority::token`]; [`Fault::Stale`] when WeChat gives no other one, or was asked for one just now.
    pub async fn heal(&self, stale_sha256: &[u8; 32]) -> Result<AccessToken, WeChatError> {
        let seat = self.seat().await;
        self.finish(seat, Want::Other(*stale_sha256)).await
    }

    /// What is wanted, from WeChat where what is kept is not it; whoever calls this has the seat, and among several
    /// nodes the lease; no more than `most` is done.
    async fn make(&self, want: Want, most: Force) -> Result<AccessToken, WeChatError> {
        if let Some(token) = self.satisfies(want) {
            return Ok(token);
        }
        let Want::Other(stale_sha256) = want else {
            return self.fetch(Force::No).await;
        };
        if !self.lock().is_current(&stale_sha256) {
            return self.fetch(Force::No).await;
        }
        let every = match self.0.endpoint {
            TokenEndpoint::Stable => HEAL_EVERY,
            TokenEndpoint::Token => FORCE_EVERY,
        };
        if let Some(wait) = self.lock().heal_wait(self.0.clock.now(), every) {
            return Err(self.stale(wait));
        }
        self.replace(stale_sha256, most).await
    }

    /// A kept token that is what is wanted.
    fn satisfies(&self, want: Want) -> Option<AccessToken> {
        let now = self.0.clock.now();
        let kept = self.lock();
        let is_wanted = match want {
            Want::Any => true,
            Want::Fresh => !kept.is_due(now),
            Want::Other(stale_sha256) => !kept.is_current(&stale_sha256),
        };
        kept.good_token(now).filter(|_| is_wanted)
    }

    /// Asks for another token, by force where that is due and allowed.
    async fn replace(&self, stale: [u8; 32], most: Force) -> Result<AccessToken, WeChatError> {
        let clock = &self.0.clock;
        let began = clock.now();
        let mut token = self.fetch(Force::No).await?;
        self.lock().healed_at = Some(clock.now());
        let can_force = most == Force::Yes && self.0.endpoint == TokenEndpoint::Stable;
        if token.sha256 == stale && can_force && self.lock().may_force(began, clock.wall()) {
            info!("WeChat refuses the access token and gives it again: asking for another one");
            let forced = self.fetch(Force::Yes).await;
            // Also when no answer came: WeChat may have done it.
            self.lock().forced_at = Some(clock.now());
            token = forced?;
        }
        if token.sha256 == stale {
            return Err(self.stale(HEAL_EVERY));
        }
        Ok(token)
    }

    /// Gets it to the end in the seat, even when whoever waits for it here hangs up. Others find what came of it in what
    /// is kept.
    async fn finish(
        &self,
        seat: Option<OwnedSemaphorePermit>,
        want: Want,
    ) -> Result<AccessToken, WeChatError> {
        let authority = self.clone();
        let work = async move {
            let _seat = seat;
            match &authority.0.shared {
                Some(shared) => authority.make_together(shared, want).await,
                None => authority.make(want, Force::Yes).await,
            }
        };
        let done = self.0.tasks.spawn("access token", work).await;
        done.unwrap_or_else(|_ended_with_the_process| Err(self.stale(HEAL_EVERY)))
    }

    /// Renews a token that nears its end, whenever one is used: for a loop of the node.
    pub async fn keep_fresh(&self) {
        loop {
            self.0.due.notified().await;
            let seat = self.seat().await;
            if self.lock().is_due(self.0.clock.now()) {
                // The fetch has logged what went wrong, and the old token is good for a while.
                let _ = self.finish(seat, Want::Fresh).await;
            }
        }
    }

    /// How it is, for health checks and metrics.
    pub fn health(&self) -> Health {
        self.lock().health(self.0.clock.now())
    }

    /// A kept token that is still good; asks for a new one in the background when it nears its end.
    fn good_token(&self) -> Option<AccessToken> {
        let now = self.0.clock.now();
        let kept = self.lock();
        if kept.is_due(now) {
            self.0.due.notify_one();
        }
        kept.good_token(now)
    }

    /// Asks WeChat for the token and keeps it.
    async fn fetch(&self, force: Force) -> Result<AccessToken, WeChatError> {
        let clock = &self.0.clock;
        if let Some(error) = self.lock().resting(clock.now()) {
            return Err(error);
        }
        let began = clock.now();
        let asked = self.ask(force).await;
        let mut kept = self.lock();
        match asked {
            Ok((token, life)) => Ok(kept.keep(Token::new(token, life, began), clock.now())),
            Err(error) => {
                let wait = kept.rest(&error, clock.now());
                drop(kept);
                if error.reaction() == Reaction::Alert {
                    let wait_s = wait.as_secs();
                    error!(
                        errcode = error.errcode(),
                        wait_s, "the access token is not fetched until wait_s is over"
                    );
                }
                Err(error)
            }
        }
    }

    async fn ask(&self, force: Force) -> Result<(SecretString, Duration), WeChatError> {
        let account = &self.0.account;
        let secret = account.app_secret.expose_secret();
        let (endpoint, query, body) = match self.0.endpoint {
            TokenEndpoint::Stable => {
                let body = json!({
                    "grant_type": "client_credential",
                    "appid": account.app_id,
                    "secret": secret,
                    "force_refresh": force == Force::Yes,
                });
                (Endpoint::StableToken, Vec::new(), Some(body))
            }
            TokenEndpoint::Token => {
                let query = vec![
                    ("grant_type", "client_credential"),
                    ("appid", account.app_id.as_str()),
                    ("secret", secret),
                ];
                (Endpoint::Token, query, None)
            }
        };
        let call = Call {
            account: account.kind,
            endpoint,
            url: self.0.api.url(endpoint, &query),
            body: body.map(|body| body.to_string().into_bytes()),
            on_sent: None,
            // What is forced or replaced may have been so though the answer was lost.
            repeat: match (self.0.endpoint, force) {
                (TokenEndpoint::Stable, Force::No) => Repeat::Freely,
                _ => Repeat::IfUnsent,
            },
        };
        self.0.api.run(&call, read_token).await
    }

    async fn seat(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.0.seat).acquire_owned().await.ok()
    }

    fn stale(&self, wait: Millis) -> WeChatError {
        let endpoint = match self.0.endpoint {
            TokenEndpoint::Stable => Endpoint::StableToken,
            TokenEndpoint::Token => Endpoint::Token,
        };
        WeChatError::new(self.0.account.kind, endpoint, Fault::Stale)
            .again(Duration::from_millis(wait))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Want {
    /// One that is good.
    Any,
    /// One that does not near its end.
    Fresh,
    /// Another one than that with this SHA-256.
    Other([u8; 32]),
}

/// Whether the current token is ended to get another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Force {
    No,
    Yes,
}

impl AccessToken {
    /// What [`Authority::heal`] knows it by.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("app_id", &self.app_id())
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}

pub(super) fn read_token(answer: &Answer) -> Result<(SecretString, Duration), Fault> {
    let token = answer.token("access_token")?;
    let life = answer.number("expires_in").filter(|seconds| *seconds > 0);
    Ok((
        token.ok_or(Fault::Protocol("access_token"))?.into(),
        Duration::from_secs(life.ok_or(Fault::Protocol("expires_in"))?).min(MAX_LIFE),
    ))
}

fn sha256(token: &SecretString) -> [u8; 32] {
    Sha256::digest(token.expose_secret()).into()
}

#[cfg(test)]
mod tests;
