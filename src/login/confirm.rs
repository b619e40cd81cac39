//! The person with the phone says yes or no.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{
    Login, LoginError,
    number_match::Source,
    oauth_state::Step,
    phone_cookie::PhoneCookie,
    visit::{Next, Notice, PhoneRequest},
};
use crate::{
    scene::{Advanced, Input, Phone, Refused, Scene, State},
    user::Known,
};

impl Login {
    /// `POST /s/{scene}/confirm`: a known user is authorized, or shown digits first; a new one, and one whose name and
    /// picture were told too long ago, goes to WeChat's consent before.
    ///
    /// # Errors
    /// 50300 when a store is away.
    pub async fn confirm(
        &self,
        request: PhoneRequest<'_>,
        form_token: &str,
    ) -> Result<Next, LoginError> {
        let (scene, cookie) = match self.form_of(request, form_token).await? {
            Ok(found) => found,
            Err(next) => return Ok(next),
        };
        let (State::Scanned { known }, Some(phone)) = (&scene.state, scene.phone.as_deref()) else {
            return Ok(Next::Scene(scene.id));
        };
        let user = match self.known(&scene, known.as_deref(), phone).await? {
            Some(known) if self.needs_link(&scene) || !self.is_profile_due(&known) => known.user,
            None if self.needs_link(&scene) => self.enrol_follower(&phone.openid).await?,
            Some(_) | None => return self.to_wechat(&scene, Step::Consent, cookie),
        };
        let phone = Phone {
            openid: phone.openid.clone(),
            tie: Some(cookie.tie()),
        };
        let source = Source {
            address: request.address,
            browser: request.browser,
        };
        let confirm = self.confirmation(&scene, phone, user, source).await?;
        self.decide(&scene, &confirm).await
    }

    /// As they were when they scanned: then no database stands between the tap and the page, and whoever was erased or
    /// merged since is met when the grant is redeemed. Who was unknown may have logged in elsewhere meanwhile.
    async fn known(
        &self,
        scene: &Scene,
        known: Option<&Known>,
        phone: &Phone,
    ) -> Result<Option<Known>, LoginError> {
        if let Some(known) = known {
            return Ok(Some(known.clone()));
        }
        let app_id = self.account(scene.opening.flow)?.app_id();
        Ok(self.parts().users.find(app_id, &phone.openid).await?)
    }

    fn is_profile_due(&self, known: &Known) -> bool {
        let life = self.settings().profile_ttl;
        let told_at = known.profiled_at.map(Duration::from_millis);
        let due_at = told_at.map_or(Duration::ZERO, |at| at.saturating_add(life));
        !life.is_zero() && Duration::from_millis(self.clock().wall()) >= due_at
    }

    /// `POST /s/{scene}/reject`.
    ///
    /// # Errors
    /// 50300 when a store is away.
    pub async fn reject(
        &self,
        request: PhoneRequest<'_>,
        form_token: &str,
    ) -> Result<Next, LoginError> {
        match self.form_of(request, form_token).await? {
            Ok((scene, cookie)) => {
                self.decide(&scene, &Input::Reject { tie: cookie.tie() })
                    .await
            }
            Err(next) => Ok(next),
        }
    }

    /// The scene and the browser of a form, or the page that says why it does not count.
    async fn form_of(
        &self,
        request: PhoneRequest<'_>,
        form_token: &str,
    ) -> Result<Result<(Scene, PhoneCookie), Next>, LoginError> {
        let Some(scene) = self.visited_scene(request.scene).await? else {
            return Ok(Err(Next::Notice(Notice::Expired, None)));
        };
        let key = self.parts().phone_key.expose_secret();
        let cookie = self.open_cookie(request.cookie).filter(|cookie| {
            cookie.visited(&scene.id)
                && cookie.made_form(key, &scene.id, form_token)
                && scene.is_tied_to(Some(&cookie.tie()))
        });
        Ok(match cookie {
            Some(cookie) => Ok((scene, cookie)),
            None => Err(Next::Notice(Notice::NotYours, Some(scene.id))),
        })
    }

    /// Takes the step; `/s/{scene}` then shows what has become of the scene, also when it was too late.
    pub(super) async fn decide(&self, scene: &Scene, input: &Input) -> Result<Next, LoginError> {
        Ok(match self.advance(&scene.id, input).await? {
            Advanced::Refused(Refused::OtherPhone, _) => {
                Next::Notice(Notice::NotYours, Some(scene.id))
            }
            Advanced::Done { .. } | Advanced::Refused(..) | Advanced::Unknown => {
                Next::Scene(scene.id)
            }
        })
    }
}
