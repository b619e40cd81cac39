//! `confirm = bearer_link`: a link that proves who opens it, for accounts that have no web authorisation.
//!
//! Only the chat of the person who scanned has it. It opens once, within five minutes, for one browser; whoever gets
//! hold of it before that person can confirm in their place, which is why `link` is the default.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;
use url::Url;

use super::{
    Login, LoginError,
    phone_cookie::PhoneCookie,
    visit::{Next, Notice, PhoneRequest},
};
use crate::{
    clock::Millis,
    cluster::Claim,
    ids,
    scene::{Advanced, Input, Phone, Scene, State},
};

/// How long a link opens.
const LIFE: Duration = Duration::from_secs(5 * 60);
/// Clocks of two nodes may differ by this much.
const SKEW_MS: Millis = 5_000;
/// Bytes of the MAC.
const MAC: usize = 16;
/// The parameter that holds it.
pub const LINK_KEY: &str = "k";

impl Login {
    /// `url` with the proof that the chat of `openid` got it.
    pub(super) fn bearer_link(&self, mut url: Url, scene: &Scene, openid: &str) -> String {
        let now = self.clock().wall();
        let tag = self.bearer_mac(scene, openid, now).finalize().into_bytes();
        let key = [&now.to_be_bytes()[..], &tag[..MAC]].concat();
        url.query_pairs_mut().append_pair(LINK_KEY, &ids::hex(&key));
        url.into()
    }

    /// `POST /s/{scene}/open`: the browser that sends the key of a link is from here on the one that may confirm.
    ///
    /// # Errors
    /// 50300 when a store is away.
    pub async fn open_link(
        &self,
        request: PhoneRequest<'_>,
        key: &str,
    ) -> Result<Next, LoginError> {
        let Some(scene) = self.visited_scene(request.scene).await? else {
            return Ok(Next::Notice(Notice::Expired, None));
        };
        let Some(openid) = self.opens(&scene, key) else {
            return Ok(Next::Notice(Notice::BadLink, Some(scene.id)));
        };
        let cookie = self.open_cookie(request.cookie);
        let mut cookie = cookie.unwrap_or_else(PhoneCookie::new);
        // The browser that opened it first may send the form again.
        let claimant = ids::hex(&cookie.tie());
        let claim = format!("bearer:{key}");
        let once = &self.parts().once;
        match once.claim(&claim, LIFE, Duration::from_secs(1)).await? {
            Claim::First => once.settle(&claim, &claimant).await?,
            Claim::Again(first) if first == claimant => {}
            Claim::Again(_) | Claim::Pending => {
                return Ok(Next::Notice(Notice::BadLink, Some(scene.id)));
            }
        }
        cookie.visit(scene.id, self.clock().wall());
        let phone = Phone {
            openid,
            tie: Some(cookie.tie()),
        };
        let refusal = self.refusal(&scene, &phone).await?;
        let scan = refusal.unwrap_or(Input::Scan { phone, known: None });
        Ok(match self.advance(&scene.id, &scan).await? {
            Advanced::Unknown => Next::Notice(Notice::Expired, None),
            Advanced::Done { .. } | Advanced::Refused(..) => Next::Tied {
                scene: scene.id,
                cookie: cookie.seal(self.parts().phone_key.expose_secret()),
            },
        })
    }

    /// Whom a key speaks for: the person who scanned, if it was made for their chat and is not too old.
    pub(super) fn opens(&self, scene: &Scene, key: &str) -> Option<String> {
        let in_hand = matches!(scene.state, State::Scanned { .. } | State::Verifying { .. });
        let phone = scene.phone.as_ref().filter(|_| in_hand)?;
        let bytes: [u8; 8 + MAC] = ids::from_hex(key)?;
        let (made, tag) = bytes.split_at(8);
        let made = Millis::from_be_bytes(made.try_into().ok()?);
        let mac = self.bearer_mac(scene, &phone.openid, made);
        mac.verify_truncated_left(tag).ok()?;
        let now = self.clock().wall();
        let life = Millis::try_from(LIFE.as_millis()).unwrap_or(Millis::MAX);
        let fresh = made <= now.saturating_add(SKEW_MS) && now < made.saturating_add(life);
        fresh.then(|| phone.openid.clone())
    }

    fn bearer_mac(&self, scene: &Scene, openid: &str, made: Millis) -> Hmac<Sha256> {
        let key = self.parts().phone_key.expose_secret();
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of 32 bytes");
        mac.update(b"bearer\0");
        mac.update(&scene.id.0);
        mac.update(&made.to_be_bytes());
        mac.update(openid.as_bytes());
        mac
    }
}
