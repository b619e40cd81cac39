//! A phone: a browser with a cookie jar that opens links, follows redirects and taps buttons.

use cookie_store::CookieStore;
use hyper::{
    Method, StatusCode,
    header::{self, HeaderName},
};
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::ground::Ground;
use crate::{
    form::Form,
    http::{Answer, Call, call, call_with, set},
    socket::Failure,
};

/// Where WeChat sends the phone back to.
const CALLBACK: &str = "/callback/wechat";
const MAX_HOPS: usize = 10;
const HEADERS: [(HeaderName, &str); 3] = [
    (
        header::USER_AGENT,
        "Mozilla/5.0 (Linux; Android 15; loadtest) AppleWebKit/537.36 (KHTML, like Gecko) \
         Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.60",
    ),
    (header::ACCEPT, "text/html"),
    (header::ACCEPT_LANGUAGE, "en"),
];

pub(super) struct Phone<'a> {
    ground: &'a Ground,
    jar: CookieStore,
    /// Which login it is: its requests go where that one's go.
    turn: usize,
}

/// Where a tap or a scan ended.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) url: Url,
    status: StatusCode,
    html: String,
    /// When the request was sent that can have told the gateway something: the last callback on the way, else the
    /// first request.
    pub(super) told_at: Instant,
    called_back: bool,
}

/// What came of the tap on "confirm".
#[derive(Debug)]
pub(super) struct Confirmed {
    pub(super) told_at: Instant,
    pub(super) is_new: bool,
}

/// One request on the way.
struct Hop {
    method: Method,
    url: Url,
    /// Fields of a form, and the origin of the page it was on.
    form: Option<(Vec<(String, String)>, String)>,
}

impl<'a> Phone<'a> {
    /// The phone of who logs in as number `turn`.
    pub(super) fn new(ground: &'a Ground, turn: usize) -> Self {
        let mut jar = CookieStore::default();
        if let Some(sandbox) = &ground.sandbox {
            let cookie = format!("sandbox_user={}; Path=/", ground.user(turn));
            // A name and a number: it cannot be refused.
            let _ = jar.parse(&cookie, sandbox);
        }
        Self { ground, jar, turn }
    }

    /// Scans the code; the person is asked then.
    pub(super) async fn scan(&mut self, link: &str) -> Result<Screen, Failure> {
        let Ok(url) = Url::parse(link) else {
            return Err(Failure::new("scan", "the QR code holds no link"));
        };
        let hop = Hop {
            method: Method::GET,
            url,
            form: None,
        };
        self.travel("scan", hop).await
    }

    /// Taps "confirm", a new user on WeChat's own consent page too.
    pub(super) async fn confirm(&mut self, asked: &Screen) -> Result<Confirmed, Failure> {
        let screen = self.submit("confirm", asked, "confirm").await?;
        let sandbox = self.ground.sandbox.as_ref().map(Url::origin);
        let is_new = sandbox.is_some_and(|sandbox| sandbox == screen.url.origin());
        let screen = if is_new {
            self.submit("consent", &screen, "confirm").await?
        } else {
            screen
        };
        if is_new && !screen.called_back {
            let why = "WeChat did not send the phone back";
            return Err(Failure::new("consent", why));
        }
        Ok(Confirmed {
            told_at: screen.told_at,
            is_new,
        })
    }

    /// Taps "reject"; returns when. What the page of the phone shows then is not looked at.
    pub(super) async fn reject(&mut self, asked: &Screen) -> Result<Instant, Failure> {
        let step = "reject";
        let hop = tap(step, asked, "reject")?;
        let call = self.call(&hop);
        let told_at = Instant::now();
        let answer = self.ground.fetch(step, &hop.url, self.turn, call).await?;
        if answer.status == StatusCode::SEE_OTHER {
            Ok(told_at)
        } else {
            Err(Failure::new(step, format_args!("HTTP {}", answer.status)))
        }
    }

    /// Taps the button of the form called `name`.
    async fn submit(&mut self, step: &str, screen: &Screen, name: &str) -> Result<Screen, Failure> {
        self.travel(step, tap(step, screen, name)?).await
    }

    async fn travel(&mut self, step: &str, mut hop: Hop) -> Result<Screen, Failure> {
        let mut told_at = Instant::now();
        let mut called_back = false;
        for _ in 0..MAX_HOPS {
            let call = self.call(&hop);
            if hop.url.path() == CALLBACK {
                (told_at, called_back) = (Instant::now(), true);
            }
            let answer = self.ground.fetch(step, &hop.url, self.turn, call).await;
            let answer = answer
                .map_err(|Failure(why)| Failure(format!("{why} on {}", template(&hop.url))))?;
            self.keep_cookies(&hop.url, &answer);
            let status = answer.status;
            if status.is_client_error() || status.is_server_error() {
                let why = format!("HTTP {} on {}", status.as_u16(), template(&hop.url));
                return Err(Failure::new(step, why));
            }
            let Some(url) = leads_to(step, &hop.url, &answer)? else {
                return Ok(Screen {
                    url: hop.url,
                    status,
                    html: String::from_utf8_lossy(&answer.body).into_owned(),
                    told_at,
                    called_back,
                });
            };
            // No page here answers 307 or 308: a redirect is always a GET.
            hop = Hop {
                method: Method::GET,
                url,
                form: None,
            };
        }
        Err(Failure::new(step, "too many redirects"))
    }

    fn call(&self, hop: &Hop) -> Call {
        let mut request = match &hop.form {
            None => call(hop.method.clone(), &hop.url),
            Some((fields, origin)) => {
                let mut body = form_urlencoded::Serializer::new(String::new());
                let body = body.extend_pairs(fields).finish().into_bytes();
                let kind = "application/x-www-form-urlencoded";
                let mut request = call_with(hop.method.clone(), &hop.url, kind, body);
                set(&mut request, header::ORIGIN, origin);
                request
            }
        };
        for (name, value) in HEADERS {
            set(&mut request, name, value);
        }
        let cookies = self.jar.get_request_values(&hop.url);
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            set(&mut request, header::COOKIE, &cookies.join("; "));
        }
        request
    }

    fn keep_cookies(&mut self, url: &Url, answer: &Answer) {
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            if let Ok(cookie) = cookie.to_str() {
                // A browser too is silent about a cookie that it does not take.
                let _ = self.jar.parse(cookie, url);
            }
        }
    }
}

/// What tapping the button of the form called `name` asks for.
fn tap(step: &str, screen: &Screen, name: &str) -> Result<Hop, Failure> {
    let Some(mut form) = Form::find(&screen.html, name, &screen.url) else {
        let (place, status) = (template(&screen.url), screen.status.as_u16());
        let why = format!("no form `{name}` on {place} (HTTP {status})");
        return Err(Failure::new(step, why));
    };
    Ok(if form.post {
        let origin = screen.url.origin().ascii_serialization();
        Hop {
            method: Method::POST,
            url: form.action,
            form: Some((form.fields, origin)),
        }
    } else {
        let mut query = form.action.query_pairs_mut();
        query.clear().extend_pairs(form.fields);
        drop(query);
        Hop {
            method: Method::GET,
            url: form.action,
            form: None,
        }
    })
}

/// Where a redirect leads.
fn leads_to(step: &str, url: &Url, answer: &Answer) -> Result<Option<Url>, Failure> {
    let location = answer.headers.get(header::LOCATION);
    match location.map(|location| location.to_str()) {
        Some(Ok(location)) if answer.status.is_redirection() => {
            let next = url.join(location);
            next.map(Some).map_err(|error| Failure::new(step, error))
        }
        _ => Ok(None),
    }
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
