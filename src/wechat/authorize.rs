//! Addresses of WeChat's own pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// Everything but RFC 3986's unreserved characters, so that one value stays one value.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Never reaches a server; WeChat wants it all the same.
const FRAGMENT: &str = "#wechat_redirect";

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
pub(super) fn qrconnect_url(
    open_base: &Url,
    app_id: &str,
    redirect_uri: &str,
    state: &str,
) -> String {
    page(
        open_base,
        "qrconnect",
        app_id,
        redirect_uri,
        "snsapi_login",
        state,
    )
}

/// How WeChat's login page looks inside a frame, as `wxLogin.js` lets a page choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame<'a> {
    /// White text, for dark pages.
    pub white_text: bool,
    /// A style sheet, or `data:text/css;base64,…`.
    pub href: Option<&'a str>,
    /// English instead of Chinese.
    pub english: bool,
    /// The small form: the QR code and little else, at least 220 × 220 pixels. Ignores `href`.
    pub is_lite: bool,
    /// Leaves out the offer to log in with the WeChat that runs on this computer.
    pub without_fast_login: bool,
}

/// `qrconnect` for a frame: WeChat's page sends the frame itself back to `redirect_uri`, not the page around it.
///
/// The documented parameters come first, in their order; behind them those of `wxLogin.js`.
pub(super) fn qrconnect_frame_url(
    open_base: &Url,
    app_id: &str,
    redirect_uri: &str,
    state: &str,
    frame: &Frame<'_>,
) -> String {
    let url = qrconnect_url(open_base, app_id, redirect_uri, state);
    let documented = url.trim_end_matches(FRAGMENT);
    let style = if frame.white_text { "white" } else { "black" };
    let mut url = format!("{documented}&login_type=jssdk&self_redirect=true&style={style}");
    if let Some(href) = frame.href {
        url.push_str("&href=");
        url.extend(utf8_percent_encode(href, VALUE));
    }
    for (is_set, parameter) in [
        (frame.english, "&lang=en"),
        (frame.is_lite, "&stylelite=1"),
        (frame.without_fast_login, "&fast_login=0"),
    ] {
        if is_set {
            url.push_str(parameter);
        }
    }
    url + FRAGMENT
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
         &state={state}{FRAGMENT}",
        base(open_base)
    )
}

fn base(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_gets_the_documented_parameters_first_and_returns_by_itself() {
        let open = Url::parse("https://open.weixin.qq.com").unwrap();
        let url = |frame| qrconnect_frame_url(&open, "wx1", "https://a.cn/c?x=1", "s1", &frame);
        let documented = "https://open.weixin.qq.com/connect/qrconnect?appid=wx1\
             &redirect_uri=https%3A%2F%2Fa.cn%2Fc%3Fx%3D1&response_type=code&scope=snsapi_login&state=s1";
        let plain = url(Frame::default());
        assert_eq!(
            plain,
            format!("{documented}&login_type=jssdk&self_redirect=true&style=black#wechat_redirect")
        );
        let all = url(Frame {
            white_text: true,
            href: Some("data:text/css;base64,Lg=="),
            english: true,
            is_lite: true,
            without_fast_login: true,
        });
        let behind = "&login_type=jssdk&self_redirect=true&style=white&href=data%3Atext%2Fcss%3Bbase64%2CLg%3D%3D\
             &lang=en&stylelite=1&fast_login=0#wechat_redirect";
        assert_eq!(all, format!("{documented}{behind}"));
    }
}
