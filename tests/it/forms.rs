//! The two forms of the confirm page, sent by those who should not.

use serde_json::{Value, json};

use crate::support::{Gateway, Page, Steps, spawn_gateway};

const URLENCODED: &str = "application/x-www-form-urlencoded";

/// What the QR says.
fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

/// The hex text with another first digit.
fn changed(hex: &str) -> String {
    let digit = if hex.starts_with('0') { "1" } else { "0" };
    format!("{digit}{}", &hex[1..])
}

fn form_token(page: &Page) -> String {
    let (_, fields) = page.form("confirm");
    let field = fields.into_iter().find(|(name, _)| name == "form_token");
    field.unwrap().1
}

/// A form as somebody might send it.
#[derive(Clone)]
struct Form<'a> {
    phone: &'a Steps,
    origin: Option<&'a str>,
    kind: &'a str,
    body: String,
}

impl<'a> Form<'a> {
    fn from(self, origin: Option<&'a str>) -> Self {
        Self { origin, ..self }
    }

    fn by(self, phone: &'a Steps) -> Self {
        Self { phone, ..self }
    }

    fn saying(self, kind: &'a str, body: String) -> Self {
        Self { kind, body, ..self }
    }

    /// That both buttons get a page of this status.
    async fn is_refused(&self, scene: &Value, status: u16) {
        for button in ["confirm", "reject"] {
            let mut request = self.phone.http.post(format!("{}/{button}", text(scene)));
            if let Some(origin) = self.origin {
                request = request.header("origin", origin);
            }
            let request = request.header("content-type", self.kind);
            let page = self.phone.take(request.body(self.body.clone())).await.page;
            assert_eq!(
                page.status, status,
                "{:?} {} {page:?}",
                self.origin, self.body
            );
            assert!(page.html.starts_with("<!DOCTYPE html>"), "a page: {page:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_counts_from_a_page_of_ours_alone() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("lixiaolong");
    let token = form_token(&phone.scan(text(&pending)).await);
    let (own, sandbox) = (gateway.origin(), format!("http://{}", gateway.sandbox));
    let right = format!("form_token={token}");
    let form = Form {
        phone: &phone,
        origin: Some(&own),
        kind: URLENCODED,
        body: right.clone(),
    };

    for origin in [
        None,
        Some("https://evil.example"),
        Some("null"),
        Some(&*sandbox),
        Some(""),
    ] {
        form.clone().from(origin).is_refused(&pending, 403).await;
    }
    for (kind, body, status) in [
        (URLENCODED, String::new(), 403),
        (URLENCODED, "form_token=".to_owned(), 403),
        (URLENCODED, format!("form_token={}", changed(&token)), 403),
        (URLENCODED, format!("{right}&{right}"), 400),
        (URLENCODED, format!("{right}&x={}", "x".repeat(5_000)), 413),
        ("text/plain", right.clone(), 400),
        (
            "application/json",
            json!({ "form_token": token }).to_string(),
            400,
        ),
    ] {
        form.clone()
            .saying(kind, body)
            .is_refused(&pending, status)
            .await;
    }
    gateway.stands_at(&pending, "scanned", 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_counts_from_the_phone_that_scanned_alone() {
    let gateway = spawn_gateway().await;
    gateway.login("lixiaolong").await;
    let (pending, other) = two_codes(&gateway).await;
    let (phone, stranger) = (gateway.steps("lixiaolong"), gateway.steps("zoe"));
    let (nobody, forger) = (gateway.steps("lixiaolong"), gateway.steps("lixiaolong"));
    let asks = phone.scan(text(&pending)).await;
    let token = form_token(&asks);
    let of_the_other = form_token(&phone.scan(text(&other)).await);
    assert_ne!(token, of_the_other);
    stranger.follow(text(&pending)).await;
    forger.wear(&changed(&phone.cookie().unwrap()));
    let own = gateway.origin();
    let body = format!("form_token={token}");
    let form = Form {
        phone: &phone,
        origin: Some(&own),
        kind: URLENCODED,
        body,
    };

    for somebody in [&nobody, &stranger, &forger] {
        form.clone().by(somebody).is_refused(&pending, 403).await;
    }
    let crossed = format!("form_token={of_the_other}");
    form.clone()
        .saying(URLENCODED, crossed)
        .is_refused(&pending, 403)
        .await;
    form.clone().is_refused(&other, 403).await;
    gateway.stands_at(&pending, "scanned", 2).await;
    gateway.stands_at(&other, "scanned", 2).await;

    let step = phone.press(&asks, "confirm").await;
    assert_eq!(step.page.status, 303, "the right one: {step:?}");
    gateway.stands_at(&pending, "authorized", 3).await;
    gateway.stop().await;
}

async fn two_codes(gateway: &Gateway) -> (Value, Value) {
    let (mut one, mut other) = (gateway.browser().await, gateway.browser().await);
    (one.start().await, other.start().await)
}
