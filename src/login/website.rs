//! The `website` flow: WeChat's own login page shows the code and asks the person, and sends the browser back here.
//!
//! The state is bound to the browser cookie that the scene was opened with, so that nobody else can bring a code: what
//! goes wrong here is this browser's own, and ends its scene.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tracing::Instrument;

use super::{
    Login, LoginError,
    oauth_return::{OauthCallback, Outcome},
    oauth_state::{OauthState, Step},
    visit::{Next, Notice},
};
use crate::{
    code::{Code, Locale},
    config::{Flow, Origin},
    scene::{Input, Opening, Scene, SceneId, State},
    wechat::{Frame, WeChatError},
};

/// Where a browser ends up that comes back from WeChat's login page: in a frame of the page that opened the scene, or
/// in its place.
pub struct Landing {
    /// What has become of the login.
    pub notice: Notice,
    /// The pages that may frame it.
    pub framed_by: Vec<Origin>,
    /// Where the page that was left is found again.
    pub return_to: Option<String>,
}

impl Login {
    /// The address of WeChat's login page for a new scene of this flow; none for the other flows.
    ///
    /// One address serves frames and whole pages: only in a frame does WeChat look at `self_redirect`.
    pub(super) fn login_page(
        &self,
        id: &SceneId,
        opening: &Opening,
    ) -> Result<Option<Arc<str>>, LoginError> {
        if opening.flow != Flow::Website {
            return Ok(None);
        }
        let account = self.account(opening.flow)?;
        // Without it nobody could come back.
        let browser = opening.browser_cookie.ok_or(Code::RefusedByPolicy)?;
        let key = self.parts().state_key.expose_secret();
        let state = OauthState::new(Step::Login, *id);
        let state = state.seal(&opening.app, key, &browser, self.clock().wall());
        let frame = Frame {
            english: opening.locale == Locale::En,
            ..Frame::default()
        };
        let url = account.qrconnect_frame_url(&self.callback_url(), &state, &frame);
        Ok(Some(url.into()))
    }

    /// A callback whose state says that it is this flow's.
    pub(super) async fn website_return(
        &self,
        callback: OauthCallback<'_>,
    ) -> Result<Next, LoginError> {
        let Some((scene, state)) = self.scene_of(&callback).await? else {
            return Ok(self.landing(None, Notice::BadLink));
        };
        let span = tracing::info_span!("website return", scene = %scene.id, trace_id = %scene.opening.trace_id);
        let work = async {
            match callback.code.filter(|code| !code.is_empty()) {
                None => self
                    .advance(&scene.id, &Input::Decline)
                    .await
                    .map(|_| Outcome::Scene)
                    .map_err(LoginError::from),
                Some(code) => self.website_code(&scene, &state, code).await,
            }
        };
        let notice = match work.instrument(span).await? {
            Outcome::Scene => self.what_became_of(&scene.id).await?,
            Outcome::Notice(notice) => notice,
        };
        Ok(self.landing(Some(&scene), notice))
    }

    /// The scene of a state that was made for this browser, as long as anything is known of it.
    async fn scene_of(
        &self,
        callback: &OauthCallback<'_>,
    ) -> Result<Option<(Scene, OauthState)>, LoginError> {
        let Some(browser) = callback.browser else {
            return Ok(None);
        };
        let key = self.parts().state_key.expose_secret();
        let state = OauthState::open(callback.state, key, &browser, self.clock().wall());
        let Some(state) = state.filter(|state| state.step == Step::Login) else {
            return Ok(None);
        };
        let scene = self.parts().scenes.get(&state.scene).await?;
        let now = self.clock().now();
        Ok(scene
            .filter(|scene| scene.is_opened_in(&browser) && !scene.is_forgotten_at(now))
            .map(|scene| (scene, state)))
    }

    async fn website_code(
        &self,
        scene: &Scene,
        state: &OauthState,
        code: &str,
    ) -> Result<Outcome, LoginError> {
        let (login, scene_then, code) = (self.clone(), scene.clone(), code.to_owned());
        let work = async move { login.sign_in(&scene_then, &code).await };
        let outcome = self.exchange_once(state, work).await?;
        if outcome == Outcome::Notice(Notice::Trouble) {
            // The address of WeChat's page is good for one exchange, and this was it.
            return self.website_failed(&scene.id, Code::Overloaded).await;
        }
        Ok(outcome)
    }

    /// WeChat says who it is, and that they want to sign in.
    async fn sign_in(&self, scene: &Scene, code: &str) -> Result<Outcome, LoginError> {
        if scene.state != State::Pending || self.clock().now() >= scene.deadline {
            return Ok(Outcome::Scene);
        }
        let account = self.account(scene.opening.flow)?;
        let failed = |error: WeChatError| self.website_failed(&scene.id, error.code());
        let proof = match account.exchange(code).await {
            Ok(proof) => proof,
            Err(error) => return failed(error).await,
        };
        if proof.snapshot {
            return Ok(Outcome::Notice(Notice::Snapshot));
        }
        let user = match self.enrol(account, &proof).await? {
            Ok(user) => user,
            Err(error) => return failed(error).await,
        };
        let openid = proof.openid;
        self.advance(&scene.id, &Input::SignIn { openid, user })
            .await?;
        Ok(Outcome::Scene)
    }

    async fn website_failed(&self, id: &SceneId, code: Code) -> Result<Outcome, LoginError> {
        self.advance(id, &Input::Fail { tie: None, code }).await?;
        Ok(Outcome::Scene)
    }

    /// The same for the first callback and for all that come after it, whoever else has ended the scene meanwhile.
    async fn what_became_of(&self, id: &SceneId) -> Result<Notice, LoginError> {
        let scene = self.parts().scenes.get(id).await?;
        let now = self.clock().now();
        Ok(match scene.map(|scene| (scene.state, scene.deadline)) {
            Some((State::Pending | State::Authorized { redeemed: None, .. }, deadline))
                if now >= deadline =>
            {
                Notice::Expired
            }
            Some((State::Authorized { .. }, _)) => Notice::SignedIn,
            Some((State::Rejected { .. }, _)) => Notice::Rejected,
            Some((State::Cancelled, _)) => Notice::Cancelled,
            Some((State::Failed { .. }, _)) => Notice::Failed,
            Some((State::Expired, _)) | None => Notice::Expired,
            Some((State::Pending | State::Scanned { .. } | State::Verifying { .. }, _)) => {
                Notice::Trouble
            }
        })
    }

    /// Framed by the gateway's own page, and by those of the scene's app.
    fn landing(&self, scene: Option<&Scene>, notice: Notice) -> Next {
        let settings = self.settings();
        let app = scene.and_then(|scene| settings.apps.get(&scene.opening.app));
        let listed = app.into_iter().flat_map(|app| app.origins.iter().cloned());
        Next::Landing(Landing {
            notice,
            framed_by: Origin::of(&settings.public_url)
                .into_iter()
                .chain(listed)
                .collect(),
            return_to: scene
                .and_then(|scene| scene.opening.return_to.as_deref().map(str::to_owned)),
        })
    }
}
