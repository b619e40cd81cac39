use std::sync::Arc;

use reqwest::{
    Client, RequestBuilder, Response,
    cookie::{CookieStore, Jar},
    header::HeaderMap,
    redirect::Policy,
};
use url::Url;

use super::{Gateway, Page, http, within};

/// The phone's cookie when `public_url` is plain http.
const PHONE_COOKIE: &str = "scangate-p";

/// A phone that stops at each step, so that a test can look and meddle.
pub(crate) struct Steps {
    pub(crate) http: Client,
    jar: Arc<Jar>,
    gateway: Url,
    sandbox: Url,
}

/// What one step led to.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) headers: HeaderMap,
    /// Where it is sent on to.
    pub(crate) location: Option<Url>,
    pub(crate) page: Page,
}

impl Gateway {
    /// A phone that follows nothing by itself, in the hands of this sandbox user.
    pub(crate) fn steps(&self, user: &str) -> Steps {
        let jar = Arc::new(Jar::default());
        let http = http().cookie_provider(jar.clone()).redirect(Policy::none());
        let http = http.user_agent("MicroMessenger/8.0.50").build().unwrap();
        let sandbox = Url::parse(&format!("http://{}", self.sandbox)).unwrap();
        let phone = Steps {
            http,
            jar,
            gateway: self.url.clone(),
            sandbox,
        };
        phone.is_now(user);
        phone
    }
}

impl Steps {
    /// Hands the phone to another user.
    pub(crate) fn is_now(&self, user: &str) {
        let cookie = format!("sandbox_user={user}; Path=/");
        self.jar.add_cookie_str(&cookie, &self.sandbox);
    }

    /// The phone cookie it has.
    pub(crate) fn cookie(&self) -> Option<String> {
        let all = self.jar.cookies(&self.gateway)?;
        let mut pairs = all.to_str().unwrap().split("; ").map(str::to_owned);
        pairs.find_map(|pair| {
            pair.strip_prefix(&format!("{PHONE_COOKIE}="))
                .map(str::to_owned)
        })
    }

    /// Gives it a phone cookie.
    pub(crate) fn wear(&self, cookie: &str) {
        let cookie = format!("{PHONE_COOKIE}={cookie}; Path=/");
        self.jar.add_cookie_str(&cookie, &self.gateway);
    }

    pub(crate) async fn open(&self, url: impl AsRef<str>) -> Step {
        self.take(self.http.get(url.as_ref())).await
    }

    /// Goes wherever it is sent, to the page at the end.
    pub(crate) async fn follow(&self, url: impl AsRef<str>) -> Step {
        let mut step = self.open(url).await;
        while let Some(next) = step.location {
            step = self.open(next).await;
        }
        step
    }

    /// Presses the button of the form of that name.
    pub(crate) async fn press(&self, page: &Page, form: &str) -> Step {
        let (action, fields) = page.form(form);
        let url = page.url.join(&action).unwrap();
        let origin = url.origin().ascii_serialization();
        self.take(self.http.post(url).header("origin", origin).form(&fields))
            .await
    }

    /// Sends a request as this phone.
    pub(crate) async fn take(&self, request: RequestBuilder) -> Step {
        Step::of(within("a step on the phone", request.send()).await.unwrap()).await
    }

    /// Scans, and comes back from WeChat: the callback's address, not opened yet.
    pub(crate) async fn to_callback(&self, text: &str) -> Url {
        let to_wechat = self.open(text).await.location.unwrap();
        self.open(to_wechat).await.location.unwrap()
    }

    /// Scans: the page that asks.
    pub(crate) async fn scan(&self, text: &str) -> Page {
        let page = self.follow(text).await.page;
        assert!(page.has_form("confirm"), "{page:?}");
        page
    }

    /// Confirms as a new user and consents: the second callback's address, not opened yet.
    pub(crate) async fn to_second_callback(&self, asks: &Page) -> Url {
        let to_wechat = self.press(asks, "confirm").await.location.unwrap();
        let consent = self.open(to_wechat).await.page;
        self.press(&consent, "confirm").await.location.unwrap()
    }
}

impl Step {
    async fn of(response: Response) -> Self {
        let headers = response.headers().clone();
        let location = headers
            .get("location")
            .map(|value| response.url().join(value.to_str().unwrap()).unwrap());
        Self {
            headers,
            location,
            page: Page::of(response).await,
        }
    }

    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// That it is a page of this status which says this.
    pub(crate) fn says(&self, status: u16, text: &str) {
        self.page.says(status, text);
    }
}

impl Page {
    /// That it has this status and says this.
    pub(crate) fn says(&self, status: u16, text: &str) {
        assert!(
            self.status == status && self.html.contains(text),
            "not {status} {text}: {self:?}"
        );
    }
}
