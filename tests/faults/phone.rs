//! A phone in somebody's hand: it shows a page, its person does what the page asks, and tries again where it says that
//! something went wrong.

use std::time::Duration;

use reqwest::{
    Method, RequestBuilder, Response,
    cookie::{CookieStore, Jar},
    header,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use url::Url;

use crate::{dice::Dice, fleet::World, journal::Fact};

const USER_AGENT: &str = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50";
const HOPS: usize = 10;
/// Where WeChat sends phones with a code.
const CALLBACK: &str = "/callback/wechat";
/// Of a hundred such loads, how many are made twice.
const TWICE: u64 = 30;
/// How long a person goes on trying.
const PATIENCE: Duration = Duration::from_secs(40);

/// What the person means to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Confirm,
    Reject,
    /// Scans, and puts the phone away.
    Leave,
}

pub(crate) struct Phone<'a> {
    world: &'a World,
    jar: Jar,
    dice: Dice,
}

/// What the phone shows.
enum Screen {
    /// Who asks, and two buttons.
    Asks(Url, String),
    /// WeChat's page that asks for name and picture.
    Consent(Url, String),
    Digits(String),
    SignedIn,
    /// An end that is none of these.
    Over,
    /// Something to try again, or no page at all.
    Trouble,
}

impl<'a> Phone<'a> {
    pub(crate) fn new(world: &'a World, user: &str, dice: Dice) -> Self {
        let jar = Jar::default();
        let sandbox = Url::parse(&format!("http://{}", world.sandbox)).unwrap();
        jar.add_cookie_str(&format!("sandbox_user={user}; Path=/"), &sandbox);
        Self { world, jar, dice }
    }

    /// Scans the code and does what is meant; tells whether success was shown.
    pub(crate) async fn scan(
        &mut self,
        code: &str,
        intent: Intent,
        digits: &watch::Sender<Option<String>>,
    ) -> bool {
        let code = Url::parse(code).unwrap();
        let scene = code.path().trim_start_matches("/s/").to_owned();
        let tired = Instant::now() + PATIENCE;
        let mut screen = self.travel(Method::GET, code.clone(), None).await;
        while Instant::now() < tired {
            sleep(self.dice.millis(30..250)).await;
            screen = match screen {
                Screen::Asks(..) if intent == Intent::Leave => return false,
                Screen::Asks(at, html) => self.decide(&scene, &at, &html, intent).await,
                Screen::Consent(at, html) => self.press(&at, &html, "confirm").await,
                Screen::Digits(shown) => {
                    self.world.journal.write(Fact::Promised { scene });
                    digits.send_replace(Some(shown));
                    return true;
                }
                Screen::SignedIn => {
                    self.world.journal.write(Fact::Promised { scene });
                    return true;
                }
                Screen::Over => return false,
                Screen::Trouble => {
                    sleep(self.dice.millis(100..600)).await;
                    self.travel(Method::GET, code.clone(), None).await
                }
            };
        }
        false
    }

    async fn decide(&mut self, scene: &str, at: &Url, html: &str, intent: Intent) -> Screen {
        if intent == Intent::Reject {
            return self.press(at, html, "reject").await;
        }
        let scene = scene.to_owned();
        self.world.journal.write(Fact::Confirmed { scene });
        self.press(at, html, "confirm").await
    }

    async fn press(&mut self, at: &Url, html: &str, button: &str) -> Screen {
        match form(html, button) {
            Some((action, fields)) => {
                let to = at.join(&action).unwrap();
                self.travel(Method::POST, to, Some(fields)).await
            }
            None => Screen::Trouble,
        }
    }

    /// Opens an address and goes where it leads.
    async fn travel(
        &mut self,
        mut method: Method,
        mut url: Url,
        mut fields: Option<Vec<(String, String)>>,
    ) -> Screen {
        for _ in 0..HOPS {
            let mut call = self.world.http.request(method, url.clone());
            call = call.header(header::USER_AGENT, USER_AGENT);
            call = call.header(header::ACCEPT_LANGUAGE, "en");
            if let Some(cookies) = self.jar.cookies(&url) {
                call = call.header(header::COOKIE, cookies);
            }
            if let Some(fields) = fields.take() {
                let origin = url.origin().ascii_serialization();
                call = call.header(header::ORIGIN, origin).form(&fields);
            }
            let Some(answer) = self.send(call, &url).await else {
                return Screen::Trouble;
            };
            let mut set = answer.headers().get_all(header::SET_COOKIE).iter();
            self.jar.set_cookies(&mut set, &url);
            let status = answer.status();
            let Some(to) = answer.headers().get(header::LOCATION) else {
                let html = answer.text().await.unwrap_or_default();
                return self.look(status.as_u16(), url, html);
            };
            url = url.join(to.to_str().unwrap()).unwrap();
            method = Method::GET;
        }
        Screen::Trouble
    }

    /// Some phones load the page with WeChat's code twice at the same time, which may reach two gateways.
    async fn send(&mut self, call: RequestBuilder, url: &Url) -> Option<Response> {
        let is_twice = url.path() == CALLBACK && self.dice.percent(TWICE);
        match call.try_clone().filter(|_| is_twice) {
            Some(again) => tokio::join!(call.send(), again.send()).0.ok(),
            None => call.send().await.ok(),
        }
    }

    fn look(&self, status: u16, url: Url, html: String) -> Screen {
        let is_ours = url.origin().ascii_serialization() == self.world.origin();
        match status {
            200 if !is_ours && form(&html, "confirm").is_some() => Screen::Consent(url, html),
            200 if form(&html, "confirm").is_some() => Screen::Asks(url, html),
            200 if html.contains("<data class=\"digits\"") => {
                let shown = html
                    .split("<data")
                    .nth(1)
                    .and_then(|tag| attribute(tag, "value"));
                Screen::Digits(shown.unwrap())
            }
            200 if html.contains("<h1>Signed in") => Screen::SignedIn,
            // Rejected, cancelled, expired, failed, in use.
            200 | 404 | 409 | 410 if is_ours && html.contains("<h1>") => Screen::Over,
            _ => Screen::Trouble,
        }
    }
}

/// Action and fields of the form of that name.
fn form(html: &str, name: &str) -> Option<(String, Vec<(String, String)>)> {
    let forms = html.split("<form").skip(1);
    let mut forms = forms.filter_map(|rest| rest.split("</form>").next());
    let form = forms.find(|form| attribute(form, "name").as_deref() == Some(name))?;
    let inputs = form.split("<input").skip(1);
    let fields = inputs.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)));
    Some((
        attribute(form, "action").unwrap_or_default(),
        fields.collect(),
    ))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let (_, rest) = tag.split_once(&format!(r#" {name}=""#))?;
    Some(rest.split('"').next()?.replace("&amp;", "&"))
}
