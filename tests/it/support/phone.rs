use reqwest::{Client, Response, cookie::Jar, redirect::Policy};
use std::sync::Arc;
use url::Url;

use super::{Gateway, http, within};

/// A phone: WeChat's browser with its cookies, in the hands of one sandbox user.
pub(crate) struct Phone {
    pub(crate) http: Client,
    origin: String,
}

/// A page on the phone.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) url: Url,
    pub(crate) html: String,
}

impl Phone {
    pub(crate) fn new(gateway: &Gateway, user: &str) -> Self {
        let jar = Jar::default();
        let sandbox = Url::parse(&format!("http://{}", gateway.sandbox)).unwrap();
        jar.add_cookie_str(&format!("sandbox_user={user}; Path=/"), &sandbox);
        let http = http()
            .cookie_provider(Arc::new(jar))
            .redirect(Policy::limited(10));
        let http = http
            .user_agent("Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50")
            .build()
            .unwrap();
        Self {
            http,
            origin: gateway.origin(),
        }
    }

    /// Opens what the QR says and follows wherever it leads.
    pub(crate) async fn scan(&self, text: &str) -> Page {
        self.open(text).await
    }

    pub(crate) async fn open(&self, url: &str) -> Page {
        Page::of(
            within("a page on the phone", self.http.get(url).send())
                .await
                .unwrap(),
        )
        .await
    }

    /// Presses the button of the form of that name.
    pub(crate) async fn press(&self, page: &Page, form: &str) -> Page {
        let (action, fields) = page.form(form);
        self.submit(&page.url.join(&action).unwrap(), &fields).await
    }

    pub(crate) async fn submit(&self, url: &Url, fields: &[(String, String)]) -> Page {
        // As browsers do, the origin of the page the form is on: the gateway's or the sandbox's.
        let origin = url.origin().ascii_serialization();
        let sent = self
            .http
            .post(url.clone())
            .header("origin", origin)
            .form(fields)
            .send();
        Page::of(within("a form on the phone", sent).await.unwrap()).await
    }

    /// Scans and confirms; a new user consents on the way.
    pub(crate) async fn confirm(&self, text: &str) -> Page {
        let page = self.scan(text).await;
        let page = self.press(&page, "confirm").await;
        if page.is_consent(&self.origin) {
            self.press(&page, "confirm").await
        } else {
            page
        }
    }
}

impl Page {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, url) = (response.status().as_u16(), response.url().clone());
        Self {
            status,
            url,
            html: response.text().await.unwrap(),
        }
    }

    /// Whether this is WeChat's page that asks for name and picture.
    fn is_consent(&self, gateway: &str) -> bool {
        self.url.origin().ascii_serialization() != gateway && self.has_form("confirm")
    }

    pub(crate) fn has_form(&self, name: &str) -> bool {
        self.html.contains(&format!(r#"name="{name}""#)) && self.html.contains("<form")
    }

    /// Action and hidden fields of the form of that name.
    pub(crate) fn form(&self, name: &str) -> (String, Vec<(String, String)>) {
        let forms = self
            .html
            .split("<form")
            .skip(1)
            .map(|rest| rest.split("</form>").next().unwrap());
        let form = forms
            .into_iter()
            .find(|form| attribute(form, "name").as_deref() == Some(name));
        let form = form.unwrap_or_else(|| {
            panic!(
                "no form {name} on {} {}:\n{}",
                self.status, self.url, self.html
            )
        });
        let inputs = form.split("<input").skip(1);
        let fields = inputs
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)));
        (
            attribute(form, "action").unwrap_or_default(),
            fields.collect(),
        )
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let value = tag
        .split(&format!(r#" {name}=""#))
        .nth(1)?
        .split('"')
        .next()?;
    Some(value.replace("&amp;", "&"))
}
