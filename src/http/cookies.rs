//! Names and attributes of every cookie the gateway sets, and the one way of reading them.
//!
//! `__Host-` makes browsers refuse the cookie from a neighbouring domain or over plain http. Where `public_url`
//! is plain http (a developer's machine) no browser would take it, so prefix and `Secure` are left away.

use actix_web::{
    cookie::{Cookie, CookieBuilder, SameSite, time},
    http::header::{self, HeaderMap},
};
use sha2::{Digest, Sha256};
use std::time::Duration;
use url::Url;

use crate::{config::AppId, ids};

/// The browser cookie outlives logins: it is how a browser is known again. 400 days is the most that is kept.
const BROWSER_LIFE: Duration = Duration::from_secs(400 * 24 * 3600);

/// The phone cookie lives as long as a scan may take.
const PHONE_LIFE: Duration = Duration::from_secs(300);

/// The cookies of one gateway.
#[derive(Clone, Debug)]
pub struct Cookies {
    secure: bool,
}

/// The random value that tells one browser from another: 256 bits. A secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserId([u8; 32]);

impl BrowserId {
    /// What may be kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl Cookies {
    /// Cookies as that URL allows.
    pub fn new(public_url: &Url) -> Self {
        Self {
            secure: public_url.scheme() == "https",
        }
    }

    /// The refresh token that came with a request.
    pub fn refresh(&self, headers: &HeaderMap, app: &AppId) -> Option<String> {
        read(headers, &self.refresh_name(app)).map(str::to_owned)
    }

    /// Gives the browser a refresh token for as long as its session may live.
    pub fn set_refresh(&self, app: &AppId, token: &str, life: Duration) -> Cookie<'static> {
        self.lax(self.refresh_name(app), token, life)
    }

    /// Takes the refresh token away.
    pub fn clear_refresh(&self, app: &AppId) -> Cookie<'static> {
        self.lax(self.refresh_name(app), "", Duration::ZERO)
    }

    /// Which browser a request came from. A malformed cookie is none.
    pub fn browser(&self, headers: &HeaderMap) -> Option<BrowserId> {
        let text = read(headers, &self.name("scangate-b"))?;
        ids::from_base64url(text).map(BrowserId)
    }

    /// Which browser a request came from, and the cookie to set when that was not known.
    pub fn browser_or_new(&self, headers: &HeaderMap) -> (BrowserId, Option<Cookie<'static>>) {
        if let Some(known) = self.browser(headers) {
            return (known, None);
        }
        let new = BrowserId(ids::random());
        let cookie = self.cookie(
            self.name("scangate-b"),
            &ids::base64url(&new.0),
            BROWSER_LIFE,
        );
        // WeChat's page comes back to it inside a foreign page's frame; None needs Secure.
        let site = if self.secure {
            SameSite::None
        } else {
            SameSite::Lax
        };
        (new, Some(cookie.same_site(site).finish()))
    }

    /// What the phone's cookie says.
    pub fn phone(&self, headers: &HeaderMap) -> Option<String> {
        read(headers, &self.name("scangate-p")).map(str::to_owned)
    }

    /// Ties the phone to what `value` says, for five minutes. `value` is made of letters, digits and `-_.~`.
    pub fn set_phone(&self, value: &str) -> Cookie<'static> {
        self.lax(self.name("scangate-p"), value, PHONE_LIFE)
    }

    /// Unties the phone.
    pub fn clear_phone(&self) -> Cookie<'static> {
        self.lax(self.name("scangate-p"), "", Duration::ZERO)
    }

    fn refresh_name(&self, app: &AppId) -> String {
        if app.is_default() {
            self.name("scangate")
        } else {
            self.name(&format!("scangate-{app}"))
        }
    }

    fn name(&self, base: &str) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}{base}")
    }

    fn lax(&self, name: String, value: &str, life: Duration) -> Cookie<'static> {
        self.cookie(name, value, life)
            .same_site(SameSite::Lax)
            .finish()
    }

    fn cookie(&self, name: String, value: &str, life: Duration) -> CookieBuilder<'static> {
        let life = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
        Cookie::build(name, value.to_owned())
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .max_age(time::Duration::seconds(life))
    }
}

/// The value of the first cookie of that name. Not actix's reading: that gives up on all of them when one, set
/// by somebody else on the same host, is not UTF-8.
fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https() -> Cookies {
        Cookies::new(&Url::parse("https://login.example").unwrap())
    }

    fn http() -> Cookies {
        Cookies::new(&Url::parse("http://127.0.0.1:8080").unwrap())
    }

    fn carrying(cookies: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = header::HeaderValue::from_bytes(cookies).unwrap();
        headers.append(header::COOKIE, value);
        headers
    }

    #[test]
    fn the_refresh_cookie_is_the_contracts() {
        let (default, shop) = (AppId::default_app(), AppId::parse("shop").unwrap());
        let life = Duration::from_secs(60);
        assert_eq!(
            https().set_refresh(&default, "t0ken", life).to_string(),
            "__Host-scangate=t0ken; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
        );
        assert_eq!(
            http().set_refresh(&shop, "t0ken", life).to_string(),
            "scangate-shop=t0ken; HttpOnly; SameSite=Lax; Path=/; Max-Age=60"
        );
        assert_eq!(
            https().clear_refresh(&shop).to_string(),
            "__Host-scangate-shop=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
        );
    }

    #[test]
    fn the_browser_cookie_crosses_sites_only_when_secure() {
        let (_, cookie) = https().browser_or_new(&HeaderMap::new());
        let cookie = cookie.unwrap();
        assert_eq!(cookie.name(), "__Host-scangate-b");
        assert_eq!(cookie.same_site(), Some(SameSite::None));
        let (_, cookie) = http().browser_or_new(&HeaderMap::new());
        let cookie = cookie.unwrap();
        assert_eq!(cookie.name(), "scangate-b");
        assert_eq!(cookie.same_site(), Some(SameSite::Lax));
        assert_eq!(cookie.secure(), Some(false));
    }

    #[test]
    fn a_browser_is_known_again_and_a_malformed_one_is_not() {
        let (id, cookie) = https().browser_or_new(&HeaderMap::new());
        let pair = format!("a=b; {}", cookie.unwrap().stripped());
        let (again, none) = https().browser_or_new(&carrying(pair.as_bytes()));
        assert!(again == id && none.is_none());
        assert_eq!(again.hash(), id.hash());
        for bad in ["short", &"A".repeat(44), &"!".repeat(43), ""] {
            let headers = carrying(format!("__Host-scangate-b={bad}").as_bytes());
            assert!(https().browser(&headers).is_none(), "{bad}");
            assert!(https().browser_or_new(&headers).1.is_some());
        }
    }

    #[test]
    fn one_strange_cookie_does_not_hide_the_others() {
        let headers = carrying(b"x=\xff; =; ; novalue;__Host-scangate=abc=; scangate=old");
        let default = AppId::default_app();
        assert_eq!(https().refresh(&headers, &default).as_deref(), Some("abc="));
        assert_eq!(http().refresh(&headers, &default).as_deref(), Some("old"));
        assert_eq!(https().phone(&headers), None);
    }

    #[test]
    fn the_phone_cookie_lives_five_minutes() {
        assert_eq!(
            https().set_phone("v").to_string(),
            "__Host-scangate-p=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=300"
        );
        assert_eq!(http().clear_phone().name(), "scangate-p");
        let headers = carrying(b"scangate-p=v");
        assert_eq!(http().phone(&headers).as_deref(), Some("v"));
    }
}
