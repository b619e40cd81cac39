//! After the yes: whether the phone shows two digits that the browser must send, and what it shows then.

use std::net::IpAddr;

use secrecy::ExposeSecret;

use super::{
    Login, LoginError, lockout,
    phone_cookie::PhoneCookie,
    risk::{self, Apart, Signs},
};
use crate::{
    clock::Millis,
    cluster::StoreError,
    code::Code,
    config::NumberMatch,
    scene::{Digits, Input, Phone, Scene, SceneId, State, Was},
    telemetry::OutcomeLabel,
    user::User,
};

/// Where a yes comes from.
#[derive(Clone, Copy)]
pub(super) struct Source {
    /// The phone's address.
    pub(super) address: IpAddr,
    /// SHA-256 of the browser cookie that came along.
    pub(super) browser: Option<[u8; 32]>,
}

/// What the phone shows while the browser is asked for digits.
pub struct Matching {
    /// The scene.
    pub scene: SceneId,
    /// What to type.
    pub digits: Digits,
    /// The only place where to type it: host and port.
    pub host: String,
    /// How long it may be typed, in milliseconds.
    pub left: Millis,
    /// The hidden field of the form that rejects.
    pub form_token: String,
}

impl Source {
    /// Whether the login page is open in this very browser.
    fn is_opener_of(&self, scene: &Scene) -> bool {
        self.browser
            .is_some_and(|browser| scene.is_opened_in(&browser))
    }
}

impl Login {
    /// The step that this person's yes leads to.
    pub(super) async fn confirmation(
        &self,
        scene: &Scene,
        phone: Phone,
        user: User,
        source: Source,
    ) -> Result<Input, LoginError> {
        if let Some(refusal) = self.refusal(scene, &phone).await? {
            return Ok(refusal);
        }
        let asks = match self.settings().number_match {
            NumberMatch::Off => false,
            // The digits tell that one person sees both screens. Here there is one, and nowhere to type them.
            _ if source.is_opener_of(scene) => false,
            NumberMatch::Always => true,
            NumberMatch::Risk => self.is_risky(scene, &user, source.address).await?,
        };
        Ok(Input::Confirm {
            phone,
            user,
            digits: asks.then(Digits::random),
        })
    }

    async fn is_risky(
        &self,
        scene: &Scene,
        user: &User,
        phone: IpAddr,
    ) -> Result<bool, StoreError> {
        let opening = &scene.opening;
        let browser = opening.asker.ip.parse().ok();
        let now = self.clock().now();
        let mut signs = Signs {
            apart: browser.and_then(|browser| Apart::between(&self.parts().geo, browser, phone)),
            opened: browser.map_or(0, |browser| self.0.recent.of(browser, now)),
            is_first_sight: true,
        };
        // First sight adds to other signs; without any, nobody has to be asked whether it is.
        if risk::reasons(&signs).is_empty() {
            return Ok(false);
        }
        if let Some(hash) = &opening.browser_cookie {
            signs.is_first_sight = !self.parts().users.knows_browser(&user.id, hash).await?;
        }
        let reasons = risk::reasons(&signs);
        if !reasons.is_empty() {
            let (trace_id, reasons) = (opening.trace_id, reasons.join(" "));
            tracing::info!(scene = %scene.id, %trace_id, reasons, "digits are asked for");
        }
        Ok(!reasons.is_empty())
    }

    /// Remembers the browser of a login, so that it is not first sight next time; a login does not fail by it.
    pub(super) async fn remember_browser(&self, scene: &Scene, user: &User) {
        let asks = self.settings().number_match == NumberMatch::Risk;
        let Some(hash) = scene.opening.browser_cookie.as_ref().filter(|_| asks) else {
            return;
        };
        let users = &self.parts().users;
        if let Err(error) = users.saw_browser(&user.id, hash, self.clock().wall()).await {
            tracing::error!(%error, scene = %scene.id, "the browser of a login could not be remembered");
        }
    }

    pub(super) fn matching(&self, scene: &Scene, cookie: &PhoneCookie, digits: Digits) -> Matching {
        // A front end of its own shows the code on its own pages: people type where they saw it. The gateway has
        // checked that origin; a page elsewhere that only shows the picture cannot make its name appear here.
        let host = scene.opening.asker.host.as_deref();
        Matching {
            scene: scene.id,
            digits,
            host: host
                .unwrap_or_else(|| self.settings().public_url.authority())
                .to_owned(),
            left: scene.deadline.saturating_sub(self.clock().now()),
            form_token: cookie.form_token(self.parts().phone_key.expose_secret(), &scene.id),
        }
    }

    pub(super) fn count_number_match(&self, scene: &Scene, was: &Was) {
        let outcome = match &scene.state {
            State::Verifying { .. } if was.state == "scanned" => "asked",
            State::Verifying { .. } => "wrong",
            State::Failed {
                code: Code::WrongDigits,
            } => "wrong",
            State::Authorized { .. } if was.state == "verifying" => "right",
            State::Rejected { reason, .. }
                if reason.as_deref() == Some(lockout::TOO_MANY_WRONG_CODES) =>
            {
                "locked_out"
            }
            _ => return,
        };
        let counter = &self.parts().metrics.number_match;
        counter.get_or_create(&OutcomeLabel { outcome }).inc();
    }
}
