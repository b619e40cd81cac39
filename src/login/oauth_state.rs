//! OAuth `state`: what WeChat carries from the phone's visit back to the callback (RFC 9700 section 2.1).
//!
//! `version ‖ key id ‖ step ‖ app ‖ scene ‖ nonce ‖ time ‖ MAC` in hex, because WeChat allows 128 characters of
//! `[0-9A-Za-z]` only. The MAC covers what only one browser has, too: another browser's state is no state. That is the
//! random part of the phone cookie, or the hash of the browser cookie (`website`).

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{clock::Millis, config::AppId, ids, scene::SceneId};

/// A state's life, unless the scene's is shorter.
pub(super) const LIFE: Duration = Duration::from_secs(5 * 60);
/// Clocks of two nodes may differ by this much.
const SKEW_MS: Millis = 5_000;

const VERSION: u8 = 1;
const KEY_ID: u8 = 1;
const BODY: usize = 3 + 4 + 16 + 12 + 8;
const MAC: usize = 16;
const LENGTH: usize = BODY + MAC;

/// Which of the trips to WeChat this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `snsapi_base`: who scanned.
    Scan,
    /// `snsapi_userinfo`: a new user's name and picture.
    Consent,
    /// `snsapi_login`: the browser's own, to WeChat's page for websites.
    Login,
}

/// A state, sealed or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OauthState {
    pub(super) step: Step,
    pub(super) scene: SceneId,
    /// Names the one exchange this state allows.
    pub(super) nonce: [u8; 12],
}

impl OauthState {
    /// A fresh one.
    pub(super) fn new(step: Step, scene: SceneId) -> Self {
        Self {
            step,
            scene,
            nonce: ids::random(),
        }
    }

    /// The key under which its exchange is claimed.
    pub(super) fn claim_key(&self) -> String {
        format!("state:{}", ids::hex(&self.nonce))
    }

    /// Its text, bound to `browser`.
    pub(super) fn seal(&self, app: &AppId, key: &[u8; 32], browser: &[u8], now: Millis) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&[VERSION, KEY_ID, self.step.byte()]);
        bytes.extend_from_slice(&app_tag(app));
        bytes.extend_from_slice(&self.scene.0);
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&now.to_be_bytes());
        let tag = mac(key, browser, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag[..MAC]);
        ids::hex(&bytes)
    }

    /// Reads a text sealed for `browser` within its life; anything else is `None`.
    pub(super) fn open(text: &str, key: &[u8; 32], browser: &[u8], now: Millis) -> Option<Self> {
        let bytes: [u8; LENGTH] = ids::from_hex(text)?;
        let (body, tag) = bytes.split_at(BODY);
        mac(key, browser, body).verify_truncated_left(tag).ok()?;
        let [VERSION, KEY_ID, step] = *body.first_chunk()? else {
            return None;
        };
        let made = Millis::from_be_bytes(*body.last_chunk()?);
        let life = u64::try_from(LIFE.as_millis()).unwrap_or(u64::MAX);
        if made > now.saturating_add(SKEW_MS) || now >= made.saturating_add(life) {
            return None;
        }
        Some(Self {
            step: Step::of(step)?,
            scene: SceneId(body.get(7..23)?.try_into().ok()?),
            nonce: body.get(23..35)?.try_into().ok()?,
        })
    }
}

impl Step {
    /// What a text says of itself; nothing is proved yet, but whose cookie it would have to fit.
    pub(super) fn claimed(text: &str) -> Option<Self> {
        let [step] = ids::from_hex(text.get(4..6)?)?;
        Self::of(step)
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Scan => 1,
            Self::Consent => 2,
            Self::Login => 3,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Scan),
            2 => Some(Self::Consent),
            3 => Some(Self::Login),
            _ => None,
        }
    }
}

/// Enough of the app to tell a state of another one in a log; the MAC is what protects it.
fn app_tag(app: &AppId) -> [u8; 4] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(app.as_str()).into();
    [a, b, c, d]
}

fn mac(key: &[u8; 32], browser: &[u8], body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of 32 bytes");
    mac.update(browser);
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [3; 32];
    const BROWSER: [u8; 16] = [4; 16];
    const NOW: Millis = 1_795_312_000_000;

    fn sealed() -> (OauthState, String) {
        let state = OauthState::new(Step::Consent, SceneId::random());
        let text = state.seal(&AppId::default_app(), &KEY, &BROWSER, NOW);
        (state, text)
    }

    #[test]
    fn fits_what_wechat_allows() {
        let (_, text) = sealed();
        assert!(text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn says_which_step_it_is_before_it_is_proved() {
        for step in [Step::Scan, Step::Consent, Step::Login] {
            let state = OauthState::new(step, SceneId::random());
            let text = state.seal(&AppId::default_app(), &KEY, &BROWSER, NOW);
            assert_eq!(Step::claimed(&text), Some(step));
        }
        for text in ["", "01010", "010104", "0101é3", "zzzzzz"] {
            assert_eq!(Step::claimed(text), None, "{text}");
        }
    }

    #[test]
    fn opens_for_its_browser_in_its_time_only() {
        let (state, text) = sealed();
        assert_eq!(
            OauthState::open(&text, &KEY, &BROWSER, NOW + 299_999),
            Some(state)
        );
        assert_eq!(
            OauthState::open(&text, &KEY, &BROWSER, NOW + 300_000),
            None,
            "too late"
        );
        assert_eq!(
            OauthState::open(&text, &KEY, &BROWSER, NOW - 6_000),
            None,
            "from the future"
        );
        assert_eq!(
            OauthState::open(&text, &KEY, &[5; 16], NOW),
            None,
            "another browser's"
        );
        assert_eq!(
            OauthState::open(&text, &[5; 32], &BROWSER, NOW),
            None,
            "another gateway's"
        );
        assert_eq!(OauthState::open("", &KEY, &BROWSER, NOW), None);
    }

    proptest::proptest! {
        #[test]
        fn a_changed_state_is_refused(at in 0_usize..LENGTH * 2, digit in "[0-9a-f]") {
            let (_, text) = sealed();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &digit);
            proptest::prop_assume!(changed != text);
            proptest::prop_assert_eq!(OauthState::open(&changed, &KEY, &BROWSER, NOW), None);
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}") {
            proptest::prop_assert_eq!(OauthState::open(&text, &KEY, &BROWSER, NOW), None);
        }
    }
}
