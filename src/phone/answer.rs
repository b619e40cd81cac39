//! From what the login says to what the phone is sent: a status, a page or a way on.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web,
};
use maud::Markup;

use super::{
    Door, link, matching,
    page::{self, View},
    result,
};
use crate::{
    code::Code,
    http::{Cookies, RequestContext, SecurityHeaders},
    login::{Landing, LoginError, Next, Notice},
    scene::SceneId,
};

pub(super) const HTML: &str = "text/html; charset=utf-8";

/// Where a browser shows an answer (Fetch Metadata); older ones do not say.
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Everything about one request that its answer depends on.
pub(super) struct Answer {
    context: RequestContext,
    headers: web::Data<SecurityHeaders>,
    is_sandbox: bool,
    /// Whether a form was sent.
    is_post: bool,
    /// Whether the answer is shown inside another page.
    is_framed: bool,
    /// The scene of the path, when it can be one.
    scene: Option<SceneId>,
}

impl Answer {
    pub(super) fn to(request: &HttpRequest, door: &Door) -> Self {
        Self {
            context: RequestContext::of(request),
            headers: door.headers.clone(),
            is_sandbox: door.is_sandbox,
            is_post: request.method() == Method::POST,
            is_framed: is_framed(request),
            scene: SceneId::parse(super::scene(request)),
        }
    }

    /// The next thing the phone sees.
    pub(super) fn next(&self, next: Result<Next, LoginError>, cookies: &Cookies) -> HttpResponse {
        match next {
            Ok(Next::Confirm(confirming)) => {
                self.page(StatusCode::OK, page::confirm(&self.view(), &confirming))
            }
            Ok(Next::Digits(matching)) => {
                self.page(StatusCode::OK, matching::page(&self.view(), &matching))
            }
            Ok(Next::Wechat { url, cookie }) => self.wechat(&url, &cookie, cookies),
            Ok(Next::OpenLink { scene, app, key }) => {
                let markup = link::open_link(&self.view(), &scene, &app, &key);
                self.page(StatusCode::OK, markup)
            }
            Ok(Next::Tied { scene, cookie }) => {
                let mut response = see_other(&page::address(&scene));
                // Cannot fail: the cookie's text is ours.
                let _ = response.add_cookie(&cookies.set_phone(&cookie));
                response
            }
            Ok(Next::Scene(scene)) => see_other(&page::address(&scene)),
            Ok(Next::Notice(notice, scene)) => {
                let markup = page::notice(&self.view(), notice, scene.as_ref());
                self.page(status(notice, scene.is_some()), markup)
            }
            Ok(Next::Return { notice, to }) => self.way_back(notice, &to),
            Ok(Next::Landing(landing)) => self.landing(&landing),
            Err(LoginError { code, retry_after }) => self.failed(code, retry_after),
        }
    }

    /// A request that the login is not asked about.
    pub(super) fn refused(&self, code: Code) -> HttpResponse {
        self.failed(code, None)
    }

    /// To the page of the path's scene.
    pub(super) fn back(&self) -> HttpResponse {
        match &self.scene {
            Some(scene) => see_other(&page::address(scene)),
            None => self.refused(Code::NotFound),
        }
    }

    fn wechat(&self, url: &str, cookie: &str, cookies: &Cookies) -> HttpResponse {
        // After a form, 303: whatever the browser is, it goes on with a GET.
        let status = if self.is_post {
            StatusCode::SEE_OTHER
        } else {
            StatusCode::FOUND
        };
        HttpResponse::build(status)
            .insert_header((header::LOCATION, url))
            .cookie(cookies.set_phone(cookie))
            .finish()
    }

    /// A page that goes on by itself. Not a redirect: this may be the answer to a form, whose page's `form-action`, ours
    /// or WeChat's, would hold for it too.
    fn way_back(&self, notice: Notice, to: &str) -> HttpResponse {
        let markup = result::returning(&self.view(), notice, to);
        let mut response = self.page(status(notice, true), markup);
        if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={to}")) {
            response.headers_mut().insert(header::REFRESH, refresh);
        }
        response
    }

    /// In a frame, a page for those who may frame it; else back to the page that was left, if there is one.
    fn landing(&self, landing: &Landing) -> HttpResponse {
        let is_end = matches!(
            landing.notice,
            Notice::SignedIn
                | Notice::Rejected
                | Notice::Cancelled
                | Notice::Expired
                | Notice::Failed
        );
        let to = landing.return_to.as_deref().filter(|_| !self.is_framed);
        if let Some(to) = to.filter(|_| is_end) {
            return see_other(to);
        }
        let markup = result::landed(&self.view(), landing.notice, to);
        let mut response = self.page(status(landing.notice, true), markup);
        let policy = self.headers.framed_by(&landing.framed_by);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        response
    }

    fn failed(&self, code: Code, retry_after: Option<Duration>) -> HttpResponse {
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let markup = page::failure(&self.view(), code, self.scene.as_ref());
        let mut response = self.page(status, markup);
        if let Some(wait) = retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let seconds = HeaderValue::from(seconds.max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }

    fn page(&self, status: StatusCode, markup: Markup) -> HttpResponse {
        HttpResponse::build(status)
            .content_type(HTML)
            .insert_header((header::CONTENT_LANGUAGE, self.context.locale.tag()))
            .body(markup.into_string())
    }

    fn view(&self) -> View {
        View {
            locale: self.context.locale,
            is_sandbox: self.is_sandbox,
            request_id: self.context.request_id,
        }
    }
}

fn see_other(address: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, address))
        .finish()
}

fn is_framed(request: &HttpRequest) -> bool {
    let shown_in = request.headers().get(SEC_FETCH_DEST);
    shown_in.is_some_and(|shown_in| shown_in != "document")
}

/// The status of a page of one sentence. `is_known`: the scene is still there.
const fn status(notice: Notice, is_known: bool) -> StatusCode {
    match notice {
        Notice::SignedIn
        | Notice::Rejected
        | Notice::Cancelled
        | Notice::OpenInWechat
        | Notice::ScanFirst
        | Notice::OpenFromChat => StatusCode::OK,
        Notice::StillWorking => StatusCode::ACCEPTED,
        Notice::BadLink | Notice::NoCode => StatusCode::BAD_REQUEST,
        Notice::NotYours | Notice::OtherAccount | Notice::Snapshot | Notice::LockedOut => {
            StatusCode::FORBIDDEN
        }
        Notice::Expired if !is_known => StatusCode::NOT_FOUND,
        Notice::InUse => StatusCode::CONFLICT,
        Notice::Expired | Notice::Failed => StatusCode::GONE,
        Notice::Trouble => StatusCode::BAD_GATEWAY,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{body::to_bytes, test::TestRequest};
    use url::Url;

    use super::*;
    use crate::{code::Locale, config::Origin};

    const SCENE: SceneId = SceneId([7; 16]);

    fn answer(is_post: bool) -> Answer {
        let request = TestRequest::get().uri("/?lang=en").to_http_request();
        Answer {
            context: RequestContext::of(&request),
            headers: web::Data::new(headers()),
            is_sandbox: false,
            is_post,
            is_framed: false,
            scene: Some(SCENE),
        }
    }

    fn headers() -> SecurityHeaders {
        let url = |text| Url::parse(text).unwrap();
        SecurityHeaders::new(
            &url("https://login.example"),
            &url("https://open.weixin.qq.com"),
        )
    }

    fn cookies() -> Cookies {
        Cookies::new(&Url::parse("https://login.example").unwrap())
    }

    fn location(response: &HttpResponse) -> &str {
        let location = response.headers().get(header::LOCATION).unwrap();
        location.to_str().unwrap()
    }

    #[test]
    fn the_way_to_wechat_carries_the_cookie() {
        for (is_post, status) in [(false, 302), (true, 303)] {
            let next = Next::Wechat {
                url: "https://open.weixin.qq.com/connect?a=b#wechat_redirect".to_owned(),
                cookie: "ab12".to_owned(),
            };
            let response = answer(is_post).next(Ok(next), &cookies());
            assert_eq!(response.status(), status);
            assert_eq!(
                location(&response),
                "https://open.weixin.qq.com/connect?a=b#wechat_redirect"
            );
            let cookie = response.headers().get(header::SET_COOKIE).unwrap();
            assert!(
                cookie
                    .to_str()
                    .unwrap()
                    .starts_with("__Host-scangate-p=ab12;")
            );
        }
    }

    #[test]
    fn after_a_step_the_scene_says_what_became_of_it() {
        let response = answer(true).next(Ok(Next::Scene(SCENE)), &cookies());
        assert_eq!(response.status(), 303);
        assert_eq!(location(&response), format!("/s/{SCENE}"));
        assert_eq!(location(&answer(false).back()), format!("/s/{SCENE}"));
    }

    #[test]
    fn the_browser_that_opened_the_scene_goes_back_by_itself() {
        let next = Next::Return {
            notice: Notice::Rejected,
            to: "https://shop.example/login".to_owned(),
        };
        let response = answer(false).next(Ok(next), &cookies());
        assert_eq!(response.status(), 200);
        let refresh = response.headers().get(header::REFRESH).unwrap();
        assert_eq!(refresh, "0; url=https://shop.example/login");
    }

    #[test]
    fn a_frame_keeps_its_page_and_a_whole_page_goes_on() {
        for (is_framed, notice, return_to, status) in [
            (true, Notice::SignedIn, true, 200),
            (false, Notice::SignedIn, true, 303),
            (false, Notice::SignedIn, false, 200),
            (false, Notice::Expired, true, 303),
            (true, Notice::Expired, true, 410),
            (false, Notice::Snapshot, true, 403),
        ] {
            let answer = Answer {
                is_framed,
                ..answer(false)
            };
            let to = "https://shop.example/login";
            let landing = Landing {
                notice,
                framed_by: ["https://login.example", "https://shop.example"]
                    .map(|text| Origin::parse(text).unwrap())
                    .to_vec(),
                return_to: return_to.then(|| to.to_owned()),
            };
            let response = answer.next(Ok(Next::Landing(landing)), &cookies());
            assert_eq!(response.status(), status, "{notice:?}");
            if status == 303 {
                assert_eq!(location(&response), to);
            } else {
                let policy = response.headers().get(header::CONTENT_SECURITY_POLICY);
                let policy = policy.unwrap().to_str().unwrap();
                let framed = "frame-ancestors https://login.example https://shop.example";
                assert!(policy.ends_with(framed), "{policy}");
            }
        }
    }

    #[tokio::test]
    async fn a_failure_is_a_page_with_its_wait_and_its_id() {
        let answer = answer(false);
        let error = LoginError {
            code: Code::Overloaded,
            retry_after: Some(Duration::from_millis(2_001)),
        };
        let response = answer.next(Err(error), &cookies());
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "3");
        assert_eq!(
            response.headers().get(header::CONTENT_LANGUAGE).unwrap(),
            "en"
        );
        let body = to_bytes(response.into_body()).await.unwrap();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.contains(Code::Overloaded.message(Locale::En)));
        assert!(body.contains(&answer.context.request_id.to_string()));
        assert!(body.contains(&format!("href=\"/s/{SCENE}\"")));
    }

    #[test]
    fn every_notice_has_its_status() {
        let found = |notice, is_known| status(notice, is_known).as_u16();
        assert_eq!(found(Notice::SignedIn, true), 200);
        assert_eq!(found(Notice::Expired, true), 410);
        assert_eq!(found(Notice::Expired, false), 404);
        assert_eq!(found(Notice::InUse, true), 409);
        assert_eq!(found(Notice::NotYours, true), 403);
        assert_eq!(found(Notice::BadLink, false), 400);
        assert_eq!(found(Notice::Trouble, true), 502);
    }
}
