//! Whether WeChat's pages take the account, the address that they lead back to and the scope.

use url::Url;

use super::{
    reach::{Failure, Reply, look},
    report::{Report, Verdict},
};
use crate::{
    code::Locale,
    config::Config,
    wechat::{AccountKind, Endpoint, Scope, WeChat, reaction},
};

/// What WeChat's page carries back; nobody comes back.
const STATE: &str = "scangateCheck";
/// What APIs say of an id that WeChat does not know.
const NO_SUCH_APP: i64 = 40_013;
/// What pages say about parameters that they do not take.
const REFUSED: &str = "参数错误";

/// The page that the flow `h5` sends phones to.
pub(super) async fn h5(report: &mut Report, config: &Config, account: &WeChat) {
    let callback = callback(config);
    let url = account.authorize_url(Scope::Base, &callback, STATE);
    page(
        report,
        "h5_page",
        AccountKind::OfficialAccount,
        &url,
        &callback,
    )
    .await;
}

/// WeChat's own login page, of the flow `website`.
pub(super) async fn website(report: &mut Report, config: &Config, account: &WeChat) {
    let callback = callback(config);
    let url = account.qrconnect_url(&callback, STATE);
    page(
        report,
        "website_page",
        AccountKind::Website,
        &url,
        &callback,
    )
    .await;
}

fn callback(config: &Config) -> Url {
    let mut url = config.server.public_url();
    url.set_path("/callback/wechat");
    url
}

async fn page(
    report: &mut Report,
    item: &'static str,
    kind: AccountKind,
    url: &str,
    callback: &Url,
) {
    let looked = match Url::parse(url) {
        Ok(url) => look(url).await,
        Err(_) => return,
    };
    let host = callback.host_str().unwrap_or_default();
    match judge(looked, kind, callback, report.locale()) {
        Judgement::Taken => report.add(
            item,
            Verdict::Right,
            format_args!("微信接受 AppID、回调域名 {host} 和 scope"),
            format_args!("WeChat takes the id, the callback domain {host} and the scope"),
        ),
        Judgement::Refused(sentence) => report.add(item, Verdict::Wrong, &sentence, &sentence),
        Judgement::Closed(failure) => report.add(
            item,
            Verdict::Unknown,
            format_args!("微信页面打不开：{failure}"),
            format_args!("WeChat's page does not open: {failure}"),
        ),
        Judgement::Silent => report.add(
            item,
            Verdict::Unknown,
            format_args!("此页面只在手机微信里显示结果；请确认公众平台的域名正好是 {host}"),
            format_args!(
                "this page tells only phones; make sure that the domain in WeChat's console is exactly {host}"
            ),
        ),
    }
}

/// What a page tells.
enum Judgement {
    Taken,
    /// With the reason.
    Refused(String),
    Closed(Failure),
    Silent,
}

fn judge(
    looked: Result<Reply, Failure>,
    kind: AccountKind,
    callback: &Url,
    locale: Locale,
) -> Judgement {
    let reply = match looked {
        Ok(reply) => reply,
        Err(failure) => return Judgement::Closed(failure),
    };
    let leads_back = reply.location.as_ref().is_some_and(|location| {
        location.origin() == callback.origin() && location.path() == callback.path()
    });
    if leads_back || reply.text.contains("/connect/qrcode/") {
        return Judgement::Taken;
    }
    match complaint(&reply.text, kind, locale) {
        Some(sentence) => Judgement::Refused(sentence),
        None => Judgement::Silent,
    }
}

/// Pages name a number, or only the parameter.
fn complaint(text: &str, kind: AccountKind, locale: Locale) -> Option<String> {
    let known = |code| {
        let sentence = reaction::page_error(code, locale)?;
        Some(format!("{code}: {sentence}"))
    };
    let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let numbered = words.find_map(|word| known(word.parse().ok()?));
    if numbered.is_some() || !text.contains(REFUSED) {
        return numbered;
    }
    if text.contains("redirect_uri") {
        known(10_003)
    } else if text.contains("Scope") {
        known(10_005)
    } else if text.contains("AppID") {
        Some(reaction::advice(
            kind,
            Endpoint::Exchange,
            NO_SUCH_APP,
            locale,
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(location: Option<&str>, text: &str) -> Judgement {
        let reply = Reply {
            status: 200,
            date: None,
            location: location.map(|url| Url::parse(url).unwrap()),
            text: text.to_owned(),
        };
        let callback = Url::parse("https://a.example/callback/wechat").unwrap();
        judge(Ok(reply), AccountKind::Website, &callback, Locale::En)
    }

    #[test]
    fn a_page_is_taken_when_it_leads_on_or_has_a_code() {
        let back = "https://a.example/callback/wechat?code=c&state=s";
        assert!(matches!(judged(Some(back), ""), Judgement::Taken));
        let code = "<img src=\"/connect/qrcode/031abc\">";
        assert!(matches!(judged(None, code), Judgement::Taken));
        for elsewhere in [
            "https://a.example/",
            "https://b.example/callback/wechat?code=c",
        ] {
            assert!(matches!(judged(Some(elsewhere), ""), Judgement::Silent));
        }
        let phones_only = "<title>请在微信客户端打开链接</title><i style=\"left:100035px\">";
        assert!(matches!(judged(None, phones_only), Judgement::Silent));
    }

    #[test]
    fn a_page_that_complains_says_why() {
        for (text, reason) in [
            ("<h1>redirect_uri 参数错误</h1>", "10003: The domain of"),
            ("<h1>Scope 参数错误或没有 Scope 权限</h1>", "10005: "),
            ("<p>错误码:10004</p>", "10004: WeChat has banned"),
            ("<h1>AppID 参数错误</h1>", "wechat.website.app_id"),
        ] {
            let Judgement::Refused(sentence) = judged(None, text) else {
                panic!("{text} is a complaint");
            };
            assert!(sentence.contains(reason), "{sentence}");
        }
    }
}
