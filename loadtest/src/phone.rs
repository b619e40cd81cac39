//! A phone: a browser with a cookie jar that opens links, follows redirects and taps buttons.

use reqwest::{
    Client, Method, StatusCode,
    cookie::{CookieStore, Jar},
    header::{self, HeaderValue},
};
use tokio::time::Instant;
use url::Url;

use crate::{form::Form, socket::Failure, target::permit};

/// Where WeChat sends the phone back to.
const CALLBACK: &str = "/callback/wechat";
const MAX_HOPS: usize = 10;
const USER_AGENT: &str = "Mozilla/5.0 (Linux; Android 15; loadtest) AppleWebKit/537.36 (KHTML, like Gecko) \
     Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.60";

#[derive(Debug)]
pub(crate) struct Phone<'a> {
    client: &'a Client,
    jar: Jar,
    allow_remote: bool,
}

/// Where a tap or a scan ended.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) html: String,
    /// When the request was sent that can have told the gateway something: the last callback on the way, else the
    /// first request.
    pub(crate) told_at: Instant,
    called_back: bool,
}

impl<'a> Phone<'a> {
    pub(crate) fn new(client: &'a Client, sandbox: &Url, user: &str, allow_remote: bool) -> Self {
        let jar = Jar::default();
        jar.add_cookie_str(&format!("sandbox_user={user}; Path=/"), sandbox);
        Self {
            client,
            jar,
            allow_remote,
        }
    }

    /// Opens a link, as scanning does.
    pub(crate) async fn open(&self, step: &str, url: Url) -> Result<Page, Failure> {
        self.travel(step, Method::GET, url, None).await
    }

    /// Taps the button of the form called `name`.
    pub(crate) async fn submit(
        &self,
        step: &str,
        page: &Page,
        name: &str,
    ) -> Result<Page, Failure> {
        let Some(mut form) = Form::find(&page.html, name, &page.url) else {
            let place = template(&page.url);
            let why = format!(
                "no form `{name}` on {place} (HTTP {})",
                page.status.as_u16()
            );
            return Err(Failure::new(step, why));
        };
        if form.post {
            let origin = page.url.origin().ascii_serialization();
            return self
                .travel(step, Method::POST, form.action, Some((form.fields, origin)))
                .await;
        }
        form.action
            .query_pairs_mut()
            .clear()
            .extend_pairs(form.fields);
        self.travel(step, Method::GET, form.action, None).await
    }

    async fn travel(
        &self,
        step: &str,
        mut method: Method,
        mut url: Url,
        mut body: Option<(Vec<(String, String)>, String)>,
    ) -> Result<Page, Failure> {
        let mut told_at = Instant::now();
        let mut called_back = false;
        for _ in 0..MAX_HOPS {
            permit(&url, self.allow_remote).map_err(|error| Failure::new(step, error))?;
            let mut request = self
                .client
                .request(method, url.clone())
                .header(header::USER_AGENT, USER_AGENT)
                .header(header::ACCEPT, "text/html")
                .header(header::ACCEPT_LANGUAGE, "en");
            if let Some(cookies) = self.jar.cookies(&url) {
                request = request.header(header::COOKIE, cookies);
            }
            if let Some((fields, origin)) = body.take() {
                request = request.header(header::ORIGIN, origin).form(&fields);
            }
            if url.path() == CALLBACK {
                (told_at, called_back) = (Instant::now(), true);
            }
            let answer = request
                .send()
                .await
                .map_err(|error| failed(step, &url, &error))?;
            self.jar.set_cookies(
                &mut answer.headers().get_all(header::SET_COOKIE).iter(),
                &url,
            );
            let status = answer.status();
            let next = answer
                .headers()
                .get(header::LOCATION)
                .map(HeaderValue::to_str);
            match next {
                Some(Ok(location)) if status.is_redirection() => {
                    // No page here answers 307 or 308: a redirect is always a GET.
                    method = Method::GET;
                    url = url
                        .join(location)
                        .map_err(|error| Failure::new(step, error))?;
                }
                _ => {
                    let html = answer
                        .text()
                        .await
                        .map_err(|error| failed(step, &url, &error))?;
                    if status.is_client_error() || status.is_server_error() {
                        let why = format!("HTTP {} on {}", status.as_u16(), template(&url));
                        return Err(Failure::new(step, why));
                    }
                    return Ok(Page {
                        url,
                        status,
                        html,
                        told_at,
                        called_back,
                    });
                }
            }
        }
        Err(Failure::new(step, "too many redirects"))
    }
}

impl Page {
    /// Whether the tap that led here also told the gateway by itself (it did, unless WeChat's page came first).
    pub(crate) fn is_of(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }

    pub(crate) fn called_back(&self) -> bool {
        self.called_back
    }
}

fn failed(step: &str, url: &Url, error: &reqwest::Error) -> Failure {
    let kind = if error.is_timeout() {
        "time-out"
    } else if error.is_connect() {
        "no connection"
    } else {
        "broken answer"
    };
    Failure::new(step, format_args!("{kind} on {}", template(url)))
}

/// The path without what differs from scene to scene, so that equal failures count as one.
fn template(url: &Url) -> String {
    let path: Vec<_> = url
        .path()
        .split('/')
        .map(|segment| {
            if segment.len() == 22 {
                ":scene"
            } else {
                segment
            }
        })
        .collect();
    path.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_on_two_scenes_read_the_same() {
        let url =
            Url::parse("http://127.0.0.1:8080/s/AAAAAAAAAAAAAAAAAAAAAA/confirm?state=x").unwrap();
        assert_eq!(template(&url), "/s/:scene/confirm");
    }
}
