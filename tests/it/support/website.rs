use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};
use url::Url;

use super::{Answer, Gateway, Phone, Step, Steps, call, read};

/// SHA-256 of a verifier that nobody needs here.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// WeChat's login page for websites, open in a browser.
pub(crate) struct WechatPage {
    uuid: String,
    sandbox: String,
    callback: Url,
}

impl Steps {
    /// Opens a scene in this browser, by a `start` with these fields too.
    pub(crate) async fn start(&self, gateway: &Gateway, fields: Value) -> Value {
        let mut body = json!({ "challenge": CHALLENGE });
        let wishes = fields.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(wishes);
        let call = self.http.post(gateway.api("/scenes"));
        let (status, answer) = read(call.header("origin", gateway.origin()).json(&body)).await;
        assert_eq!(status, 201, "{answer}");
        answer["data"].clone()
    }

    /// Opens a scene of the `website` flow.
    pub(crate) async fn start_website(&self, gateway: &Gateway) -> Value {
        self.start(gateway, json!({ "flow": "website" })).await
    }

    /// WeChat's page of a scene: each load has a code of its own.
    pub(crate) async fn wechat_page(&self, gateway: &Gateway, pending: &Value) -> WechatPage {
        let link = Url::parse(pending["embed_url"].as_str().unwrap()).unwrap();
        let page = self.open(&link).await.page;
        let (_, rest) = page
            .html
            .split_once(r#"src="/connect/qrcode/"#)
            .unwrap_or_else(|| panic!("no code: {page:?}"));
        let mut callback = Url::parse(&parameter(&link, "redirect_uri")).unwrap();
        let state = parameter(&link, "state");
        callback.query_pairs_mut().append_pair("state", &state);
        WechatPage {
            uuid: rest.split('"').next().unwrap().to_owned(),
            sandbox: format!("http://{}", gateway.sandbox),
            callback,
        }
    }

    /// A login on WeChat's page by this person: the callback's address, not opened yet.
    pub(crate) async fn to_website_callback(
        &self,
        gateway: &Gateway,
        pending: &Value,
        user: &str,
    ) -> Url {
        let page = self.wechat_page(gateway, pending).await;
        page.confirm(&gateway.phone(user)).await
    }

    /// As [`Steps::open`], in a frame of a page.
    pub(crate) async fn open_framed(&self, url: &Url) -> Step {
        self.take(framed(self.http.get(url.clone()))).await
    }
}

impl WechatPage {
    /// What the code says.
    pub(crate) fn text(&self) -> String {
        format!("{}/connect/confirm?uuid={}", self.sandbox, self.uuid)
    }

    /// A person scans and confirms: where the page's script goes then.
    pub(crate) async fn confirm(&self, phone: &Phone) -> Url {
        let sheet = phone.open(&self.text()).await;
        let done = phone.press(&sheet, "confirm").await;
        assert_eq!(done.status, 200, "{done:?}");
        let poll = format!(
            "{}/connect/l/qrconnect?uuid={}&last=404",
            self.sandbox, self.uuid
        );
        let said = call(phone.http.get(poll)).await.text;
        let (_, code) = said
            .split_once("wx_errcode=405;window.wx_code='")
            .unwrap_or_else(|| panic!("no code: {said}"));
        self.with_code(code.split('\'').next().unwrap())
    }

    /// The callback with this code.
    pub(crate) fn with_code(&self, code: &str) -> Url {
        let mut url = self.callback.clone();
        url.query_pairs_mut().append_pair("code", code);
        url
    }

    /// The callback after a refusal: the state alone.
    pub(crate) fn without_code(&self) -> Url {
        self.callback.clone()
    }
}

impl Gateway {
    /// A callback in a frame, of a browser with these cookies.
    pub(crate) async fn framed_with(&self, url: &Url, cookies: &str) -> Answer {
        let request = self.get(url.as_str()).header("cookie", cookies);
        call(framed(request)).await
    }
}

fn framed(request: RequestBuilder) -> RequestBuilder {
    request.header("sec-fetch-dest", "iframe")
}

/// One parameter of an address.
pub(crate) fn parameter(url: &Url, name: &str) -> String {
    let pair = url.query_pairs().find(|(key, _)| key == name);
    pair.unwrap().1.into_owned()
}

/// Who may frame an answer.
pub(crate) fn frame_ancestors(headers: &HeaderMap) -> String {
    let policy = headers["content-security-policy"].to_str().unwrap();
    let (_, ancestors) = policy.split_once("frame-ancestors ").unwrap();
    ancestors.split(';').next().unwrap().to_owned()
}
