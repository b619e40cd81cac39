//! The `official_account` flow: a parametric code that WeChat makes, and what the account is told about it.
//!
//! Scanning is never logging in, unless the operator says so: the event names the person, the chat gets a link to the
//! confirm page, and opening that proves again who it is.

use std::{sync::Arc, time::Duration};

use super::{Login, LoginError};
use crate::{
    code::{Code, Locale},
    config::{Flow, ScanConfirm},
    scene::{Advanced, Asker, Input, Phone, Refused, Scene, SceneId, State},
    user::{Identity, Profile},
    wechat::{OfficialAccount, WeChatError, message::Kind},
};

/// How long a page waits for its code; behind one call may stand several, for a token that has to be healed first. The
/// token is healed to its end also when the page waits no longer.
const CODE_WITHIN: Duration = Duration::from_secs(6);

/// What the chat is told, in the language of the login page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatReply {
    /// The app's name.
    pub app: String,
    /// Who asks.
    pub asker: Asker,
    /// The language.
    pub locale: Locale,
    /// What is said.
    pub says: Says,
}

/// What a scan in the chat is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// The confirm page is there.
    Confirm(String),
    /// The scan is the login.
    SigningIn,
    /// It was, or the person has confirmed.
    SignedIn,
    /// Somebody else scanned this code.
    InUse,
    /// Wrong digits have locked this person out for a while.
    LockedOut,
    /// Too late, or given up.
    Over,
}

impl Login {
    /// The text of a parametric code for a scene. Made once for each scene: reconnecting sockets get the same.
    pub(super) async fn parametric_code(&self, id: &SceneId) -> Result<Arc<str>, LoginError> {
        let account = self.official_account()?;
        let life = self.settings().lives.pending;
        // WeChat counts whole seconds; a code that ends sooner than its scene would be a code that lies.
        let life = life + Duration::from_millis(999);
        let id = id.to_string();
        let made = tokio::time::timeout(CODE_WITHIN, account.create_qr(&id, life));
        let Ok(made) = made.await else {
            return Err(Code::WechatTimeout.into());
        };
        match made {
            Ok(code) => Ok(code.url.into()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// What a message of the account means for a login, and what the chat is to be told. Harmless when repeated.
    ///
    /// # Errors
    /// 50300 when a store is away: WeChat sends the message again.
    pub(super) async fn heard(
        &self,
        openid: &str,
        kind: &Kind,
    ) -> Result<Option<ChatReply>, LoginError> {
        match kind {
            Kind::Scan { scene, .. } | Kind::SubscribeScan { scene, .. } => {
                self.scanned_in_chat(openid, scene).await
            }
            Kind::Unsubscribe => {
                // Following is no condition of a session: whoever leaves stays signed in until they sign out.
                tracing::info!("a person left the official account");
                Ok(None)
            }
            Kind::Subscribe | Kind::Other | Kind::Message { .. } => Ok(None),
        }
    }

    async fn scanned_in_chat(
        &self,
        openid: &str,
        scene: &str,
    ) -> Result<Option<ChatReply>, LoginError> {
        // The account may have codes of other services.
        let Some(id) = SceneId::parse(scene) else {
            return Ok(None);
        };
        let Some(scene) = self.parts().scenes.get(&id).await? else {
            return Ok(None);
        };
        if scene.opening.flow != Flow::OfficialAccount {
            return Ok(None);
        }
        let app_id = self.official_account()?.oauth().app_id();
        let known = self.parts().users.find(app_id, openid).await?;
        let phone = Phone {
            openid: openid.to_owned(),
            tie: None,
        };
        let refusal = self.refusal(&scene, &phone).await?;
        let is_locked_out = refusal.is_some();
        let input = refusal.unwrap_or(Input::Scan { phone, known });
        let says = match self.advance(&id, &input).await? {
            Advanced::Done { .. } if is_locked_out => Says::LockedOut,
            Advanced::Done { scene, .. } => self.proved(&scene, openid),
            Advanced::Refused(Refused::Again, scene) => self.again(&scene, openid),
            Advanced::Refused(Refused::OtherPhone, _) => Says::InUse,
            Advanced::Refused(..) | Advanced::Unknown => Says::Over,
        };
        Ok(Some(self.chat_reply(&scene, says)))
    }

    /// The first proof of who scanned.
    fn proved(&self, scene: &Scene, openid: &str) -> Says {
        if self.settings().scan_confirm == ScanConfirm::None {
            self.sign_in_by_scan(scene.clone(), openid.to_owned());
            return Says::SigningIn;
        }
        Says::Confirm(self.confirm_link(scene, openid))
    }

    /// The same person again: a repeated event, or a second scan.
    fn again(&self, scene: &Scene, openid: &str) -> Says {
        match scene.state {
            State::Authorized { .. } => Says::SignedIn,
            _ => self.proved(scene, openid),
        }
    }

    /// Where the chat sends the person.
    fn confirm_link(&self, scene: &Scene, openid: &str) -> String {
        let url = self.scene_url(&scene.id);
        match self.settings().scan_confirm {
            ScanConfirm::BearerLink => self.bearer_link(url, scene, openid),
            ScanConfirm::Link | ScanConfirm::None => url.into(),
        }
    }

    fn chat_reply(&self, scene: &Scene, says: Says) -> ChatReply {
        let opening = &scene.opening;
        ChatReply {
            app: self.app_name(&opening.app),
            asker: opening.asker.clone(),
            locale: opening.locale,
            says,
        }
    }

    /// `confirm = none`: WeChat has its answer already; who it is takes a call.
    fn sign_in_by_scan(&self, scene: Scene, openid: String) {
        let login = self.clone();
        let work = async move {
            if let Err(error) = login.sign_in_follower(&scene, &openid).await {
                tracing::error!(%error, scene = %scene.id, trace_id = %scene.opening.trace_id, "a scan did not sign in");
                let fail = Input::Fail {
                    code: error.code,
                    tie: None,
                };
                // When the store is away too, time ends the scene.
                let _ = login.advance(&scene.id, &fail).await;
            }
        };
        self.parts().tasks.spawn("sign in by scan", work);
    }

    async fn sign_in_follower(&self, scene: &Scene, openid: &str) -> Result<(), LoginError> {
        let user = self.enrol_follower(openid).await?;
        let openid = openid.to_owned();
        let input = Input::SignIn { openid, user };
        self.advance(&scene.id, &input).await?;
        Ok(())
    }

    /// The user behind a person of whom only an event told; new ones have no name. Their unionid is asked for first, so
    /// that whoever is known from another account stays the same user. WeChat is not asked again about somebody known:
    /// the call has a quota, and a unionid that comes later is told by the web authorisation.
    pub(super) async fn enrol_follower(
        &self,
        openid: &str,
    ) -> Result<crate::user::User, LoginError> {
        let account = self.official_account()?;
        let app_id = account.oauth().app_id();
        if let Some(known) = self.parts().users.find(app_id, openid).await? {
            return Ok(known.user);
        }
        let follower = account.follower(openid).await;
        let follower = follower.map_err(|error| failed(&error))?;
        let identity = Identity {
            app_id: app_id.to_owned(),
            openid: openid.to_owned(),
            unionid: follower.unionid,
        };
        let now = self.clock().wall();
        let users = &self.parts().users;
        Ok(users.enrol(&identity, &Profile::default(), now).await?)
    }

    pub(super) fn official_account(&self) -> Result<&OfficialAccount, LoginError> {
        let account = self.parts().accounts.official.as_ref();
        Ok(account.ok_or(Code::RefusedByPolicy)?)
    }
}

const fn failed(error: &WeChatError) -> LoginError {
    LoginError {
        code: error.code(),
        retry_after: error.retry_after(),
    }
}
