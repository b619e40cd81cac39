//! The phone opens `/s/{scene}`: what it may see there, or where it must go first.

use std::net::IpAddr;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::{
    Login, LoginError, Matching,
    oauth_state::{OauthState, Step},
    phone_cookie::PhoneCookie,
    website::Landing,
};
use crate::{
    clock::Millis,
    code::Locale,
    config::{Flow, ScanConfirm},
    scene::{Asker, By, Scene, SceneId, State},
    wechat::Scope,
};

/// What a browser on a phone sends along.
#[derive(Clone, Copy)]
pub struct PhoneRequest<'a> {
    /// The scene of the path; any text.
    pub scene: &'a str,
    /// The phone cookie's text.
    pub cookie: Option<&'a str>,
    /// The key of a link that is its own proof.
    pub key: Option<&'a str>,
    /// The phone's address.
    pub address: IpAddr,
    /// The language of its pages.
    pub locale: Locale,
    /// SHA-256 of the browser cookie: the login page may be open in this very browser.
    pub browser: Option<[u8; 32]>,
}

/// What the phone gets.
pub enum Next {
    /// The page that asks.
    Confirm(Confirming),
    /// The page with the digits.
    Digits(Matching),
    /// On to WeChat, with this phone cookie.
    Wechat {
        /// Where.
        url: String,
        /// The cookie's text.
        cookie: String,
    },
    /// Back to `/s/{scene}`, with this phone cookie.
    Tied {
        /// The scene.
        scene: SceneId,
        /// The cookie's text.
        cookie: String,
    },
    /// The page of a link that is its own proof: opening it needs a tap, because prefetchers follow links.
    OpenLink {
        /// The scene.
        scene: SceneId,
        /// The app's name.
        app: String,
        /// The link's key.
        key: String,
    },
    /// Back to `/s/{scene}`, which shows what has become of it.
    Scene(SceneId),
    /// A page of one sentence.
    Notice(Notice, Option<SceneId>),
    /// The same, in the browser that opened the scene: it goes back to where it came from.
    Return {
        /// What has become of the scene.
        notice: Notice,
        /// One of the app's return addresses.
        to: String,
    },
    /// The end of the way over WeChat's own login page.
    Landing(Landing),
}

/// What the confirm page shows: who asks, from where, since when.
pub struct Confirming {
    /// The scene.
    pub scene: SceneId,
    /// The app's name.
    pub app: String,
    /// Browser, system, address.
    pub asker: Asker,
    /// Where that address is, as far as the map knows; in the page's language.
    pub place: Option<String>,
    /// How long ago the browser opened the scene, in milliseconds.
    pub age: Millis,
    /// When it did, epoch milliseconds.
    pub opened_at: Millis,
    /// The hidden field of both forms.
    pub form_token: String,
}

/// A page of one sentence on the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// This phone confirmed: it may close the page.
    SignedIn,
    /// This phone rejected.
    Rejected,
    /// The browser gave up.
    Cancelled,
    /// Too late, or no such scene.
    Expired,
    /// Somebody else scanned it.
    InUse,
    /// This person has failed twice by wrong digits, and has to wait.
    LockedOut,
    /// An error ended it; the browser offers a new code.
    Failed,
    /// Only WeChat can go on from here.
    OpenInWechat,
    /// The code on the computer has to be scanned first: this page proves nothing.
    ScanFirst,
    /// Only the link that the chat got can go on from here.
    OpenFromChat,
    /// The address does not fit this phone: forged, replayed, foreign, or the cookie is gone.
    BadLink,
    /// A newer page on this phone holds the scene.
    NotYours,
    /// Consent was given by another account than the one that scanned.
    OtherAccount,
    /// WeChat's preview account: the person must open the full service.
    Snapshot,
    /// WeChat did not say who it is; trying again may help.
    NoCode,
    /// WeChat or the gateway is in trouble; trying again may help.
    Trouble,
    /// The same callback is being worked on.
    StillWorking,
}

impl Login {
    /// `GET /s/{scene}`: consumes nothing, whoever opens it how often.
    ///
    /// # Errors
    /// 50300 when a store is away.
    pub async fn visit(
        &self,
        request: PhoneRequest<'_>,
        inside_wechat: bool,
    ) -> Result<Next, LoginError> {
        let Some(scene) = self.visited_scene(request.scene).await? else {
            return Ok(Next::Notice(Notice::Expired, None));
        };
        let cookie = self.open_cookie(request.cookie);
        let is_tied = cookie
            .as_ref()
            .is_some_and(|cookie| scene.is_tied_to(Some(&cookie.tie())));
        let notice = match (&scene.state, cookie) {
            // A cookie that dropped the scene for newer ones makes no form that counts: WeChat is asked again.
            (State::Scanned { .. }, Some(cookie)) if is_tied && cookie.visited(&scene.id) => {
                return Ok(Next::Confirm(self.confirming(
                    &scene,
                    &cookie,
                    request.locale,
                )));
            }
            (State::Verifying { digits, .. }, Some(cookie))
                if is_tied && cookie.visited(&scene.id) =>
            {
                return Ok(Next::Digits(self.matching(&scene, &cookie, *digits)));
            }
            (State::Pending, _) if scene.opening.flow == Flow::OfficialAccount => Notice::ScanFirst,
            (State::Pending | State::Scanned { .. }, _) if !inside_wechat => Notice::OpenInWechat,
            (State::Verifying { .. }, _) if !inside_wechat => Notice::InUse,
            (State::Scanned { .. } | State::Verifying { .. }, _) if self.needs_link(&scene) => {
                match request.key.filter(|key| self.opens(&scene, key).is_some()) {
                    Some(key) => return Ok(self.link_page(&scene, key)),
                    None => Notice::OpenFromChat,
                }
            }
            // Whether it is the same person in another browser, WeChat says; others are told that it is in use.
            (State::Pending | State::Scanned { .. } | State::Verifying { .. }, cookie) => {
                let cookie = cookie.unwrap_or_else(PhoneCookie::new);
                return self.to_wechat(&scene, Step::Scan, cookie);
            }
            (State::Authorized { .. }, _) if is_tied => Notice::SignedIn,
            (State::Rejected { by: By::Policy, .. }, _) if is_tied => Notice::LockedOut,
            (State::Rejected { .. }, _) if is_tied => Notice::Rejected,
            (State::Authorized { .. } | State::Rejected { .. }, _) => Notice::InUse,
            (State::Expired, _) => Notice::Expired,
            (State::Cancelled, _) => Notice::Cancelled,
            (State::Failed { .. }, _) => Notice::Failed,
        };
        Ok(match way_back(&scene, request.browser.as_ref()) {
            Some(to) => Next::Return { notice, to },
            None => Next::Notice(notice, Some(scene.id)),
        })
    }

    /// The scene of a path, as [`Login::kept_scene`] has it; in the `website` flow phones have no page here.
    pub(super) async fn visited_scene(&self, text: &str) -> Result<Option<Scene>, LoginError> {
        let Some(id) = SceneId::parse(text) else {
            return Ok(None);
        };
        let scene = self.kept_scene(&id).await?;
        Ok(scene.filter(|scene| scene.opening.flow != Flow::Website))
    }

    /// The scene of that id, while the phone may know of it; one past its deadline that nobody expired yet counts as
    /// expired.
    pub(super) async fn kept_scene(&self, id: &SceneId) -> Result<Option<Scene>, LoginError> {
        let now = self.clock().now();
        Ok(self
            .parts()
            .scenes
            .get(id)
            .await?
            .filter(|scene| now < scene.deadline))
    }

    pub(super) fn open_cookie(&self, text: Option<&str>) -> Option<PhoneCookie> {
        PhoneCookie::open(
            text?,
            self.parts().phone_key.expose_secret(),
            self.clock().wall(),
        )
    }

    /// On to WeChat with a fresh state, bound to this browser; the cookie gets the scene.
    pub(super) fn to_wechat(
        &self,
        scene: &Scene,
        step: Step,
        mut cookie: PhoneCookie,
    ) -> Result<Next, LoginError> {
        let account = self.account(scene.opening.flow)?;
        let (parts, now) = (self.parts(), self.clock().wall());
        cookie.visit(scene.id, now);
        let key = parts.state_key.expose_secret();
        let state =
            OauthState::new(step, scene.id).seal(&scene.opening.app, key, cookie.binding(), now);
        let scope = match step {
            Step::Scan | Step::Login => Scope::Base,
            Step::Consent => Scope::UserInfo,
        };
        let callback = self.callback_url();
        Ok(Next::Wechat {
            url: account.authorize_url(scope, &callback, &state),
            cookie: cookie.seal(parts.phone_key.expose_secret()),
        })
    }

    /// Whether nothing but a link from the chat proves who opens this scene's page.
    pub(super) fn needs_link(&self, scene: &Scene) -> bool {
        scene.opening.flow == Flow::OfficialAccount
            && self.settings().scan_confirm != ScanConfirm::Link
    }

    fn link_page(&self, scene: &Scene, key: &str) -> Next {
        Next::OpenLink {
            scene: scene.id,
            app: self.app_name(&scene.opening.app),
            key: key.to_owned(),
        }
    }

    fn confirming(&self, scene: &Scene, cookie: &PhoneCookie, locale: Locale) -> Confirming {
        let opening = &scene.opening;
        Confirming {
            scene: scene.id,
            app: self.app_name(&opening.app),
            asker: opening.asker.clone(),
            place: self.place(&opening.asker.ip, locale),
            age: self.clock().now().saturating_sub(opening.opened_at),
            opened_at: opening.opened_at,
            form_token: cookie.form_token(self.parts().phone_key.expose_secret(), &scene.id),
        }
    }
}

/// Where the login page is found again that is open in this very browser, once there is something to tell it.
fn way_back(scene: &Scene, browser: Option<&[u8; 32]>) -> Option<String> {
    let is_over = !matches!(
        scene.state,
        State::Pending | State::Scanned { .. } | State::Verifying { .. }
    );
    let is_here = browser.is_some_and(|browser| scene.is_opened_in(browser));
    let to = scene.opening.return_to.as_deref();
    to.filter(|_| is_over && is_here).map(str::to_owned)
}
