//! The page trades its grant for a session, or to join an account.

use serde::{Deserialize, Serialize};

use super::{Login, LoginError};
use crate::{
    code::Code,
    config::AppId,
    event::Via,
    scene::{Advanced, Input, Opening, Redeemed, Refused, Scene, SceneId, State},
    token::{Challenge, Device, Issued, Stamp, TokenError, Verifier},
    user::{User, UserId},
};

/// What a grant was redeemed for, as the scene's record keeps it.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Receipt {
    /// A session.
    Session(Stamp),
    /// To become one with the user of that id.
    Join(String),
}

impl Receipt {
    fn read(redeemed: &Redeemed) -> Result<Self, LoginError> {
        let receipt = serde_json::from_str(&redeemed.receipt).ok();
        Ok(receipt.ok_or(Code::Internal)?)
    }
}

impl From<TokenError> for LoginError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Store(error) => error.into(),
            TokenError::Internal(cause) => {
                tracing::error!(cause, "a token could not be made");
                Code::Internal.into()
            }
            error => error.code().into(),
        }
    }
}

impl Login {
    /// `POST /auth/token`. The same verifier again gets the same answer for a while: a lost response is not a lost
    /// login. Another verifier burns the grant, and the session it opened. `admits` tells whether the caller may speak
    /// for the grant's app.
    ///
    /// # Errors
    /// 40300 when it may not; 40002 for a grant that is unknown, over, burnt, or not this verifier's; 50300 when a store is away.
    pub async fn redeem(
        &self,
        grant: &str,
        verifier: &str,
        admits: impl Fn(&AppId) -> bool,
    ) -> Result<(Issued, AppId), LoginError> {
        let receipt = Receipt::Session(self.parts().tokens.stamp());
        let scene = self.redeem_for(grant, verifier, admits, &receipt).await?;
        let issued = self.session_of(&scene).await?;
        Ok((issued, scene.opening.app.clone()))
    }

    /// Redeems a grant without a session: who scanned, to become one with `into`. Nobody else can redeem it afterwards,
    /// for this or for a session.
    ///
    /// # Errors
    /// As [`Login::redeem`].
    pub async fn claim(
        &self,
        grant: &str,
        verifier: &str,
        into: &UserId,
        admits: impl Fn(&AppId) -> bool,
    ) -> Result<User, LoginError> {
        let receipt = Receipt::Join(into.0.clone());
        let scene = self.redeem_for(grant, verifier, admits, &receipt).await?;
        let (user, settled) = self.redeemed_for(&scene)?;
        if settled != receipt {
            return Err(Code::BadGrant.into());
        }
        Ok(user.clone())
    }

    /// The grant's scene, redeemed: with this receipt, or before with the one that it keeps.
    async fn redeem_for(
        &self,
        grant: &str,
        verifier: &str,
        admits: impl Fn(&AppId) -> bool,
        receipt: &Receipt,
    ) -> Result<Scene, LoginError> {
        let (id, seq) = self
            .parts()
            .tokens
            .open_grant(grant)
            .ok_or(Code::BadGrant)?;
        let id = SceneId(id);
        let scene = self
            .parts()
            .scenes
            .get(&id)
            .await?
            .filter(|scene| scene.seq == seq)
            .ok_or(Code::BadGrant)?;
        if !admits(&scene.opening.app) {
            return Err(Code::OriginRefused.into());
        }
        let challenge = Challenge::from_bytes(scene.opening.challenge);
        if !Verifier::parse(verifier).is_some_and(|verifier| challenge.fits(&verifier)) {
            self.burn(id).await?;
            return Err(Code::BadGrant.into());
        }
        let receipt = serde_json::to_string(receipt).ok().ok_or(Code::Internal)?;
        match self.advance(&id, &Input::Redeem { receipt }).await? {
            Advanced::Done { scene, .. } => {
                if let Some((user, _)) = redeemed(&scene) {
                    self.remember_browser(&scene, user).await;
                }
                Ok(scene)
            }
            Advanced::Refused(_, scene) => Ok(scene),
            Advanced::Unknown => Err(Code::BadGrant.into()),
        }
    }

    /// Who scanned, and what their grant was redeemed for, while that can be answered again.
    fn redeemed_for<'a>(&self, scene: &'a Scene) -> Result<(&'a User, Receipt), LoginError> {
        let (user, redeemed) = redeemed(scene).ok_or(Code::BadGrant)?;
        let life = u64::try_from(self.settings().lives.authorized.as_millis()).unwrap_or(u64::MAX);
        if redeemed.burnt || self.clock().now() >= redeemed.at.saturating_add(life) {
            return Err(Code::BadGrant.into());
        }
        Ok((user, Receipt::read(redeemed)?))
    }

    /// The session that a redeemed scene opened, or opens now.
    async fn session_of(&self, scene: &Scene) -> Result<Issued, LoginError> {
        let (user, Receipt::Session(stamp)) = self.redeemed_for(scene)? else {
            return Err(Code::BadGrant.into());
        };
        let asker = &scene.opening.asker;
        let device = Device {
            browser: asker.browser.clone().into_owned(),
            system: asker.system.clone().into_owned(),
            ip: asker.ip.to_string(),
        };
        let Opening { app, flow, .. } = &*scene.opening;
        let trace_id = scene.opening.trace_id.to_string();
        let via = Via::scene(*flow, scene.id.to_string(), trace_id);
        let opened = self
            .parts()
            .tokens
            .open_session(&stamp, user, app, &device, &via);
        Ok(opened.await?)
    }

    /// Goes on to its end even when the caller hangs up; shown once more, it ends the session once more, in case the
    /// store was away the first time.
    async fn burn(&self, id: SceneId) -> Result<(), LoginError> {
        let login = self.clone();
        let work = self
            .parts()
            .tasks
            .spawn("burn a grant", async move { login.burn_now(&id).await });
        work.await
            .unwrap_or_else(|_panicked| Err(Code::Internal.into()))
    }

    async fn burn_now(&self, id: &SceneId) -> Result<(), LoginError> {
        let scene = match self.advance(id, &Input::Burn).await? {
            Advanced::Done { scene, .. } => {
                let trace_id = scene.opening.trace_id;
                tracing::warn!(scene = %id, %trace_id, "a grant was shown with another verifier and is burnt");
                scene
            }
            Advanced::Refused(Refused::Redeemed, scene) => scene,
            Advanced::Refused(..) | Advanced::Unknown => return Ok(()),
        };
        if let Some((user, redeemed)) = redeemed(&scene).filter(|(_, redeemed)| redeemed.burnt) {
            // What has become one stays one.
            let Receipt::Session(stamp) = Receipt::read(redeemed)? else {
                return Ok(());
            };
            self.parts()
                .tokens
                .burn(&stamp, &user.id, &scene.opening.app)
                .await?;
        }
        Ok(())
    }
}

fn redeemed(scene: &Scene) -> Option<(&User, &Redeemed)> {
    match &scene.state {
        State::Authorized {
            user,
            redeemed: Some(redeemed),
        } => Some((user, redeemed)),
        _ => None,
    }
}
