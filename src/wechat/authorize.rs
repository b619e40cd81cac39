//! Addresses of WeChat's own pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// Everything but RFC 3986's unreserved characters, so that one value stays one value.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// How much the phone is asked to tell about its person inside WeChat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The openid alone, without a question.
    Base,
    /// Name, picture and unionid, after a question.
    UserInfo,
}

impl Scope {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "snsapi_base",
            Self::UserInfo => "snsapi_userinfo",
        }
    }
}

/// `oauth2/authorize`, for a page inside WeChat.
///
/// WeChat checks the order of the parameters and wants the fragment. `redirect_uri` is encoded once, as it
/// stands.
pub(super) fn authorize_url(
    open_base: &Url,
    app_id: &str,
    redirect_uri: &str,
    scope: Scope,
    state: &str,
) -> String {
    page(
        open_base,
        "oauth2/authorize",
        app_id,
        redirect_uri,
        scope.name(),
        state,
    )
}

/// `qrconnect`, WeChat's login page for websites (scope `snsapi_login`).
pub fn qrconnect_url(open_base: &Url, app_id: &str, redirect_uri: &str, state: &str) -> String {
    page(
        open_base,
        "qrconnect",
        app_id,
        redirect_uri,
        "snsapi_login",
        state,
    )
}

/// The picture of a parametric QR code. Old tickets hold `+`, `/` and `=`.
pub fn showqrcode_url(mp_base: &Url, ticket: &str) -> String {
    let ticket = utf8_percent_encode(ticket, VALUE);
    format!("{}/cgi-bin/showqrcode?ticket={ticket}", base(mp_base))
}

fn page(
    open_base: &Url,
    path: &str,
    app_id: &str,
    redirect_uri: &str,
    scope: &str,
    state: &str,
) -> String {
    let [app_id, redirect_uri, scope, state] =
        [app_id, redirect_uri, scope, state].map(|value| utf8_percent_encode(value, VALUE));
    format!(
        "{}/connect/{path}?appid={app_id}&redirect_uri={redirect_uri}&response_type=code&scope={scope}\
         &state={state}#wechat_redirect",
        base(open_base)
    )
}

fn base(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}
