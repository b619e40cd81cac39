//! What a browser on the phone carries from its first visit to its confirm: a random name, and the scenes it
//! visited. Sealed, so that no store is needed and any node can read it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use crate::{clock::Millis, ids, scene::SceneId};

/// Scenes one phone may have open; a further one drops the oldest.
const MAX_SCENES: usize = 5;
/// How long a cookie is good after its last scene.
const LIFE_MS: Millis = 5 * 60 * 1_000;
const HEAD: usize = 16 + 8;
const MAC: usize = 16;

/// The phone cookie, read or new. Its text is `random ‖ end ‖ scenes ‖ MAC` in hex. Has no `Debug`.
#[derive(Clone)]
pub(super) struct PhoneCookie {
    random: [u8; 16],
    ends: Millis,
    scenes: SmallVec<[SceneId; MAX_SCENES]>,
}

impl PhoneCookie {
    /// A browser seen for the first time.
    pub(super) fn new() -> Self {
        Self {
            random: ids::random(),
            ends: 0,
            scenes: SmallVec::new(),
        }
    }

    /// Reads a cookie's text; anything not sealed by `key` or past its end is `None`.
    pub(super) fn open(text: &str, key: &[u8; 32], now: Millis) -> Option<Self> {
        if !text.len().is_multiple_of(2) || text.len() > 2 * (HEAD + 16 * MAX_SCENES + MAC) {
            return None;
        }
        let bytes = from_hex(text)?;
        let (body, tag) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        mac(key, b"cookie", body).verify_truncated_left(tag).ok()?;
        let (head, scenes) = body.split_at_checked(HEAD)?;
        let (random, ends) = head.split_at_checked(16)?;
        let cookie = Self {
            random: random.try_into().ok()?,
            ends: Millis::from_be_bytes(ends.try_into().ok()?),
            scenes: scenes
                .chunks_exact(16)
                .filter_map(|id| id.try_into().ok().map(SceneId))
                .collect(),
        };
        (cookie.ends > now).then_some(cookie)
    }

    /// The text to set.
    pub(super) fn seal(&self, key: &[u8; 32]) -> String {
        let mut bytes = Vec::with_capacity(HEAD + 16 * MAX_SCENES + MAC);
        bytes.extend_from_slice(&self.random);
        bytes.extend_from_slice(&self.ends.to_be_bytes());
        self.scenes
            .iter()
            .for_each(|scene| bytes.extend_from_slice(&scene.0));
        let tag = mac(key, b"cookie", &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag[..MAC]);
        ids::hex(&bytes)
    }

    /// Adds a scene, and lives on for five minutes.
    pub(super) fn visit(&mut self, scene: SceneId, now: Millis) {
        self.scenes.retain(|known| *known != scene);
        if self.scenes.len() == MAX_SCENES {
            self.scenes.remove(0);
        }
        self.scenes.push(scene);
        self.ends = now + LIFE_MS;
    }

    /// Whether this browser visited the scene.
    pub(super) fn visited(&self, scene: &SceneId) -> bool {
        self.scenes.contains(scene)
    }

    /// What a scene keeps of this browser.
    pub(super) fn tie(&self) -> [u8; 32] {
        Sha256::digest(self.random).into()
    }

    /// What the forms of a scene's confirm page carry: nobody without this cookie can make it.
    pub(super) fn form_token(&self, key: &[u8; 32], scene: &SceneId) -> String {
        let tag = self.form_mac(key, scene).finalize().into_bytes();
        ids::hex(&tag[..MAC])
    }

    /// Whether a form came from this browser's own confirm page, in constant time.
    pub(super) fn made_form(&self, key: &[u8; 32], scene: &SceneId, token: &str) -> bool {
        ids::from_hex::<MAC>(token).is_some_and(|tag| {
            self.form_mac(key, scene)
                .verify_truncated_left(&tag)
                .is_ok()
        })
    }

    /// What binds an OAuth state to this browser.
    pub(super) const fn binding(&self) -> &[u8; 16] {
        &self.random
    }

    fn form_mac(&self, key: &[u8; 32], scene: &SceneId) -> Hmac<Sha256> {
        let mut body = [0; 32];
        body[..16].copy_from_slice(&self.random);
        body[16..].copy_from_slice(&scene.0);
        mac(key, b"form", &body)
    }
}

fn mac(key: &[u8; 32], purpose: &[u8], body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of 32 bytes");
    mac.update(purpose);
    mac.update(&[0]);
    mac.update(body);
    mac
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(ids::from_hex::<1>)
                .map(|[byte]| byte)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [9; 32];
    const NOW: Millis = 1_795_312_000_000;

    fn visited(count: u8) -> PhoneCookie {
        let mut cookie = PhoneCookie::new();
        (0..count).for_each(|n| cookie.visit(SceneId([n; 16]), NOW));
        cookie
    }

    #[test]
    fn a_sealed_cookie_opens_with_its_key_in_its_time() {
        let cookie = visited(3);
        let text = cookie.seal(&KEY);
        let opened = PhoneCookie::open(&text, &KEY, NOW + LIFE_MS - 1).unwrap();
        assert_eq!(opened.tie(), cookie.tie());
        assert!(opened.visited(&SceneId([2; 16])) && !opened.visited(&SceneId([3; 16])));
        assert!(
            PhoneCookie::open(&text, &[8; 32], NOW).is_none(),
            "another key"
        );
        assert!(
            PhoneCookie::open(&text, &KEY, NOW + LIFE_MS).is_none(),
            "too late"
        );
    }

    #[test]
    fn a_sixth_scene_drops_the_oldest() {
        let cookie = visited(6);
        assert!(!cookie.visited(&SceneId([0; 16])));
        assert!((1..6).all(|n| cookie.visited(&SceneId([n; 16]))));
        assert!(PhoneCookie::open(&cookie.seal(&KEY), &KEY, NOW).is_some());
    }

    #[test]
    fn a_form_token_is_one_browsers_for_one_scene() {
        let (cookie, stranger, scene) = (visited(1), visited(1), SceneId([0; 16]));
        let token = cookie.form_token(&KEY, &scene);
        assert!(cookie.made_form(&KEY, &scene, &token));
        assert!(!stranger.made_form(&KEY, &scene, &token));
        assert!(!cookie.made_form(&KEY, &SceneId([1; 16]), &token));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,300}") {
            proptest::prop_assert!(PhoneCookie::open(&text, &KEY, NOW).is_none());
        }

        #[test]
        fn a_changed_cookie_is_refused(at in 0_usize..80, digit in "[0-9a-f]") {
            let text = visited(1).seal(&KEY);
            let mut changed = text.clone();
            let at = at % text.len();
            changed.replace_range(at..=at, &digit);
            proptest::prop_assume!(changed != text);
            proptest::prop_assert!(PhoneCookie::open(&changed, &KEY, NOW).is_none());
        }
    }
}
