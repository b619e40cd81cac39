//! WeChat sends the phone back with a code, or without one.

use std::{net::IpAddr, time::Duration};

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

use super::{
    Login, LoginError,
    number_match::Source,
    oauth_state::{self, OauthState, Step},
    visit::{Next, Notice},
};
use crate::{
    cluster::Claim,
    scene::{Advanced, Input, Phone, Refused, Scene},
    user::{Identity, Profile, User},
    wechat::{Exchanged, Reaction, WeChat, WeChatError},
};

/// How long a duplicate waits for the first callback's result.
const DUPLICATE_WAIT: Duration = Duration::from_secs(8);

/// `GET /callback/wechat` as it came; each parameter at most once.
#[derive(Clone, Copy)]
pub struct OauthCallback<'a> {
    /// Absent when the person refused, or WeChat did not go through with it.
    pub code: Option<&'a str>,
    /// Ours, sealed.
    pub state: &'a str,
    /// The phone cookie's text.
    pub cookie: Option<&'a str>,
    /// The phone's address.
    pub address: IpAddr,
    /// SHA-256 of the browser cookie.
    pub browser: Option<[u8; 32]>,
}

/// Whose callback: the tie of the browser on the phone, and where it is.
type Sender = ([u8; 32], Source);

/// What came of one callback; kept with its claim for duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// What has become of the scene says it; `/s/{scene}` shows it.
    Scene,
    /// One sentence.
    Notice(Notice),
}

impl Login {
    /// Takes a callback: with our state, from the browser it was made for, once. A duplicate gets the first one's
    /// result; WeChat is not asked twice.
    ///
    /// # Errors
    /// 50300 when a store is away.
    pub async fn oauth_return(&self, callback: OauthCallback<'_>) -> Result<Next, LoginError> {
        if Step::claimed(callback.state) == Some(Step::Login) {
            return self.website_return(callback).await;
        }
        let bad_link = Next::Notice(Notice::BadLink, None);
        let Some(cookie) = self.open_cookie(callback.cookie) else {
            return Ok(bad_link);
        };
        let key = self.parts().state_key.expose_secret();
        let state = OauthState::open(callback.state, key, cookie.binding(), self.clock().wall());
        let Some(state) = state.filter(|state| cookie.visited(&state.scene)) else {
            return Ok(bad_link);
        };
        let Some(scene) = self.kept_scene(&state.scene).await? else {
            return Ok(Next::Notice(Notice::Expired, None));
        };
        let span = tracing::info_span!("oauth return", scene = %scene.id, trace_id = %scene.opening.trace_id);
        let work = async {
            match callback.code.filter(|code| !code.is_empty()) {
                None => self.without_code(&scene, state.step, cookie.tie()).await,
                Some(code) => {
                    let source = Source {
                        address: callback.address,
                        browser: callback.browser,
                    };
                    let from = (cookie.tie(), source);
                    self.with_code(&scene, state, from, code).await
                }
            }
        };
        work.instrument(span).await
    }

    /// At the consent step the phone that scanned has refused; at the scan step nothing is proved, so nothing changes.
    async fn without_code(
        &self,
        scene: &Scene,
        step: Step,
        tie: [u8; 32],
    ) -> Result<Next, LoginError> {
        match step {
            Step::Consent => self.decide(scene, &Input::Reject { tie }).await,
            Step::Scan | Step::Login => Ok(Next::Notice(Notice::NoCode, Some(scene.id))),
        }
    }

    async fn with_code(
        &self,
        scene: &Scene,
        state: OauthState,
        from: Sender,
        code: &str,
    ) -> Result<Next, LoginError> {
        let (login, scene_then, code) = (self.clone(), scene.clone(), code.to_owned());
        let work = async move {
            match state.step {
                Step::Scan | Step::Login => login.scan(&scene_then, from.0, &code).await,
                Step::Consent => login.consent(&scene_then, from, &code).await,
            }
        };
        Ok(match self.exchange_once(&state, work).await? {
            Outcome::Scene => Next::Scene(scene.id),
            Outcome::Notice(notice) => Next::Notice(notice, Some(scene.id)),
        })
    }

    /// Does the work of the first callback with this state; a duplicate gets what came of it.
    pub(super) async fn exchange_once(
        &self,
        state: &OauthState,
        work: impl Future<Output = Result<Outcome, LoginError>> + Send + 'static,
    ) -> Result<Outcome, LoginError> {
        let (once, key) = (&self.parts().once, state.claim_key());
        let permit = self.0.exchanges.clone().try_acquire_owned().ok();
        // Nothing is claimed that cannot be done: the same callback may be tried again.
        if permit.is_none() && !once.is_claimed(&key).await? {
            tracing::warn!("too many calls to WeChat are under way: somebody has to try again");
            return Ok(Outcome::Notice(Notice::Trouble));
        }
        // It goes on even when the caller hangs up: the claim is taken for good, and what comes of it is for duplicates
        // and for the browser.
        let (login, state) = (self.clone(), *state);
        let exchange = async move { login.claimed(&state, permit, work).await };
        let exchange = self.parts().tasks.spawn("oauth exchange", exchange);
        exchange
            .await
            .unwrap_or(Ok(Outcome::Notice(Notice::Trouble)))
    }

    async fn claimed(
        &self,
        state: &OauthState,
        permit: Option<OwnedSemaphorePermit>,
        work: impl Future<Output = Result<Outcome, LoginError>> + Send,
    ) -> Result<Outcome, LoginError> {
        let (once, key) = (&self.parts().once, state.claim_key());
        Ok(
            match once.claim(&key, oauth_state::LIFE, DUPLICATE_WAIT).await? {
                Claim::First => {
                    let outcome = work.await.unwrap_or(Outcome::Notice(Notice::Trouble));
                    drop(permit);
                    self.settle(state, outcome).await;
                    outcome
                }
                Claim::Again(text) => {
                    serde_json::from_str(&text).unwrap_or(Outcome::Notice(Notice::BadLink))
                }
                Claim::Pending => Outcome::Notice(Notice::StillWorking),
            },
        )
    }

    async fn settle(&self, state: &OauthState, outcome: Outcome) {
        let text = serde_json::to_string(&outcome).unwrap_or_default();
        if let Err(error) = self.parts().once.settle(&state.claim_key(), &text).await {
            tracing::error!(%error, "a callback's result could not be kept for its duplicates");
        }
    }

    /// The scan step: WeChat says who it is, and the scene is theirs.
    async fn scan(&self, scene: &Scene, tie: [u8; 32], code: &str) -> Result<Outcome, LoginError> {
        let account = self.account(scene.opening.flow)?;
        let proof = match account.exchange(code).await {
            Ok(proof) => proof,
            Err(error) => return self.wechat_failed(scene, Step::Scan, tie, &error).await,
        };
        if proof.snapshot {
            return Ok(Outcome::Notice(Notice::Snapshot));
        }
        let known = self
            .parts()
            .users
            .find(account.app_id(), &proof.openid)
            .await?;
        let phone = Phone {
            openid: proof.openid,
            tie: Some(tie),
        };
        let refusal = self.refusal(scene, &phone).await?;
        let scan = refusal.unwrap_or(Input::Scan { phone, known });
        Ok(match self.advance(&scene.id, &scan).await? {
            Advanced::Refused(Refused::OtherPhone, _) => Outcome::Notice(Notice::InUse),
            Advanced::Unknown => Outcome::Notice(Notice::Expired),
            Advanced::Done { .. } | Advanced::Refused(..) => Outcome::Scene,
        })
    }

    /// The consent step: the same person on the same phone, now with name and picture.
    async fn consent(
        &self,
        scene: &Scene,
        (tie, source): Sender,
        code: &str,
    ) -> Result<Outcome, LoginError> {
        let account = self.account(scene.opening.flow)?;
        let proof = match account.exchange(code).await {
            Ok(proof) => proof,
            Err(error) => return self.wechat_failed(scene, Step::Consent, tie, &error).await,
        };
        if proof.snapshot {
            return Ok(Outcome::Notice(Notice::Snapshot));
        }
        if !scene.is_openid(&proof.openid) || !scene.is_tied_to(Some(&tie)) {
            return Ok(Outcome::Notice(Notice::OtherAccount));
        }
        let user = match self.enrol(account, &proof).await? {
            Ok(user) => user,
            Err(error) => return self.wechat_failed(scene, Step::Consent, tie, &error).await,
        };
        let phone = Phone {
            openid: proof.openid,
            tie: Some(tie),
        };
        let confirm = self.confirmation(scene, phone, user, source).await?;
        Ok(match self.decide(scene, &confirm).await? {
            Next::Notice(notice, _) => Outcome::Notice(notice),
            _ => Outcome::Scene,
        })
    }

    /// The user of `proof`, with the name and picture that WeChat gives of them. Somebody known logs in without, when
    /// WeChat does not give them.
    pub(super) async fn enrol(
        &self,
        account: &WeChat,
        proof: &Exchanged,
    ) -> Result<Result<User, WeChatError>, LoginError> {
        let (users, app_id) = (&self.parts().users, account.app_id());
        let (unionid, profile) = match account.userinfo(proof).await {
            Ok(info) => {
                let profile = Profile {
                    name: info.nickname,
                    avatar: info.avatar,
                };
                (info.unionid, profile)
            }
            Err(error) if users.find(app_id, &proof.openid).await?.is_some() => {
                tracing::warn!(%error, "a person logs in by the name and picture known so far");
                (None, Profile::default())
            }
            Err(error) => return Ok(Err(error)),
        };
        let identity = Identity {
            app_id: app_id.to_owned(),
            openid: proof.openid.clone(),
            unionid: unionid.or_else(|| proof.unionid.clone()),
        };
        let now = self.clock().wall();
        Ok(Ok(users.enrol(&identity, &profile, now).await?))
    }

    /// The browser is told only of errors that no phone can cause, or that hit the phone that scanned; anything else a
    /// stranger could have sent, and it stays on the stranger's page.
    async fn wechat_failed(
        &self,
        scene: &Scene,
        step: Step,
        tie: [u8; 32],
        error: &WeChatError,
    ) -> Result<Outcome, LoginError> {
        // WeChat was spared this call, because it did not answer others: a few seconds later the phone may try again.
        if error.retry_after().is_some() {
            return Ok(Outcome::Notice(Notice::Trouble));
        }
        let by_phone = (!error.is_ours()).then_some(tie);
        if by_phone.is_none() || step == Step::Consent {
            let fail = Input::Fail {
                code: error.code(),
                tie: by_phone,
            };
            let advanced = self.advance(&scene.id, &fail).await?;
            // A newer page on this phone holds the scene by now: the error is this page's alone.
            if !matches!(advanced, Advanced::Refused(Refused::OtherPhone, _)) {
                return Ok(Outcome::Scene);
            }
        }
        // A code that WeChat does not take is the sender's trouble, not ours.
        let is_bad_code = error.reaction() == Reaction::FailLogin;
        Ok(Outcome::Notice(if is_bad_code {
            Notice::NoCode
        } else {
            Notice::Trouble
        }))
    }
}
