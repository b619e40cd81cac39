//! The calls of the `h5` flow.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time;
use tracing::{debug, error, warn};
use url::Url;

use super::{
    answer::{Answer, MAX_BODY},
    authorize::{self, Frame, Scope},
    error::{Fault, WeChatError},
    reaction::{Endpoint, Reaction},
    user_info::{Exchanged, UserInfo},
};
use crate::{clock::Clock, ids};

/// How often a call is repeated at most.
const REPEATS: u32 = 2;

/// One service account at WeChat. Clones share their connections.
#[derive(Clone)]
pub struct WeChat {
    http: reqwest::Client,
    open_base: Url,
    api_base: Url,
    app_id: String,
    app_secret: SecretString,
    patience: Patience,
    // Measures calls for the log. Not the application's clock: who moves that one does not make WeChat slower.
    stopwatch: Clock,
}

/// How long WeChat is waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// For all tries together.
    budget: Duration,
    /// For one try of a call that may be repeated.
    attempt: Duration,
    /// Before the first repetition; doubled for each further one, and half of it is random.
    pause: Duration,
}

const PATIENCE: Patience = Patience {
    budget: Duration::from_secs(5),
    attempt: Duration::from_secs(2),
    pause: Duration::from_millis(200),
};

impl WeChat {
    /// The client of one account. `open_base` is where phones meet WeChat, `api_base` where it is called.
    pub fn new(
        http: reqwest::Client,
        open_base: Url,
        api_base: Url,
        app_id: String,
        app_secret: SecretString,
    ) -> Self {
        Self {
            http,
            open_base,
            api_base,
            app_id,
            app_secret,
            patience: PATIENCE,
            stopwatch: Clock::new(),
        }
    }

    /// The account (`wx…`) that openids belong to.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Where a phone inside WeChat is sent; it comes back to `redirect_uri` with `code` and `state`.
    ///
    /// `state` is 1 to 128 of `[a-zA-Z0-9]`, WeChat returns it unchanged.
    pub fn authorize_url(&self, scope: Scope, redirect_uri: &Url, state: &str) -> String {
        authorize::authorize_url(
            &self.open_base,
            &self.app_id,
            redirect_uri.as_str(),
            scope,
            state,
        )
    }

    /// WeChat's own login page, for a website application; the browser comes back to `redirect_uri` with
    /// `code` and `state`. Scope `snsapi_login`. In a frame of our page it is the frame alone that comes back.
    pub fn qrconnect_frame_url(
        &self,
        redirect_uri: &Url,
        state: &str,
        frame: &Frame<'_>,
    ) -> String {
        authorize::qrconnect_frame_url(
            &self.open_base,
            &self.app_id,
            redirect_uri.as_str(),
            state,
            frame,
        )
    }

    /// Gives `code` to WeChat and learns who the person is, within 5 s.
    ///
    /// A code is good for one exchange, so nothing is repeated once WeChat may have seen it: only a failure
    /// to connect, or WeChat's own "busy" (-1), is tried again, twice at most. Dropping the future leaves it
    /// open whether the code was used.
    ///
    /// # Errors
    /// [`WeChatError`]; the code must then be taken as used.
    pub async fn exchange(&self, code: &str) -> Result<Exchanged, WeChatError> {
        let url = self.url(
            Endpoint::Exchange,
            &[
                ("appid", &self.app_id),
                ("secret", self.app_secret.expose_secret()),
                ("code", code),
                ("grant_type", "authorization_code"),
            ],
        );
        let call = Call {
            endpoint: Endpoint::Exchange,
            url,
            attempt: self.patience.budget,
            repeatable: Fault::had_no_effect,
        };
        self.run(call, Exchanged::from_answer).await
    }

    /// Name and picture of the person of `exchanged`, within 5 s; repeated twice at most.
    ///
    /// # Errors
    /// [`WeChatError`]; errcode 48001 when the person allowed `snsapi_base` only.
    pub async fn userinfo(&self, exchanged: &Exchanged) -> Result<UserInfo, WeChatError> {
        let url = self.url(
            Endpoint::UserInfo,
            &[
                ("access_token", exchanged.access_token.expose_secret()),
                ("openid", &exchanged.openid),
                ("lang", "zh_CN"),
            ],
        );
        let call = Call {
            endpoint: Endpoint::UserInfo,
            url,
            attempt: self.patience.attempt,
            repeatable: Fault::may_pass,
        };
        self.run(call, |answer| {
            UserInfo::from_answer(answer, exchanged, [&self.open_base, &self.api_base])
        })
        .await
    }

    fn url(&self, endpoint: Endpoint, query: &[(&str, &str)]) -> Url {
        let mut url = self.api_base.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{}", endpoint.path()));
        url.query_pairs_mut().clear().extend_pairs(query);
        url
    }

    /// Makes the call, in time, and logs what came of it.
    async fn run<T>(
        &self,
        call: Call,
        read: impl Fn(&Answer) -> Result<T, Fault>,
    ) -> Result<T, WeChatError> {
        let began = self.stopwatch.now();
        let tries = self.tries(&call, read);
        let result = time::timeout(self.patience.budget, tries)
            .await
            .unwrap_or(Err(Fault::Timeout))
            .map_err(|fault| WeChatError::new(call.endpoint, fault));
        let elapsed_ms = self.stopwatch.now().saturating_sub(began);
        log(call.endpoint, result.as_ref().err(), elapsed_ms);
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
            if repeats == REPEATS || !(call.repeatable)(&fault) {
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
        let mut response = self
            .http
            .get(call.url.clone())
            .timeout(call.attempt)
            .send()
            .await
            .map_err(Fault::transfer)?;
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
}

/// One call, ready to be made.
struct Call {
    endpoint: Endpoint,
    // Holds the secret or a token: never logged.
    url: Url,
    attempt: Duration,
    repeatable: fn(&Fault) -> bool,
}

fn log(endpoint: Endpoint, error: Option<&WeChatError>, elapsed_ms: u64) {
    let endpoint = endpoint.path();
    let Some(error) = error else {
        debug!(endpoint, outcome = "ok", elapsed_ms, "WeChat answered");
        return;
    };
    let (outcome, errcode, rid) = (error.outcome(), error.errcode(), error.rid());
    if error.reaction() == Reaction::Alert {
        error!(
            endpoint, outcome, errcode, rid, elapsed_ms, reason = %error.fault(),
            "a login failed at WeChat and somebody has to act: {}", error.advice()
        );
    } else {
        warn!(
            endpoint, outcome, errcode, rid, elapsed_ms, reason = %error.fault(),
            "a login failed at WeChat: {}", error.advice()
        );
    }
}

#[cfg(test)]
mod tests;
