//! `/phone`: a simulated phone. It works without script; script reads pictures and opens the drawer.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    http::{StatusCode, header},
    web,
};
use maud::{Markup, html};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::{
    api, fault,
    page::{self, Document, LANGUAGE_COOKIE, Language},
    shared::Shared,
    user::User,
    wording::Wording,
};

const PHONE: &str = "/phone";
/// What the drawer offers, beside [`Wording::effects`].
const EFFECTS: [&str; 8] = [
    r#"{"errcode":-1}"#,
    r#"{"errcode":40029}"#,
    r#"{"errcode":45011}"#,
    r#"{"status":502}"#,
    r#"{"body":""}"#,
    r#"{"latency_ms":3000}"#,
    r#"{"reset":"before"}"#,
    r#"{"reset":"after"}"#,
];

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/").get(async || moved(StatusCode::FOUND, PHONE)))
        .service(web::resource(PHONE).get(phone))
        .service(web::resource("/phone/user").post(switch_user));
}

/// What the screen shows.
#[derive(Debug, Default, Deserialize)]
struct Screen {
    /// The text of a scanned code.
    scan: Option<String>,
    /// `scan`: the camera.
    view: Option<String>,
    lang: Option<String>,
}

async fn phone(
    shared: web::Data<Shared>,
    request: HttpRequest,
    screen: web::Query<Screen>,
) -> HttpResponse {
    if let Some(elsewhere) = canonical(&shared, &request) {
        return moved(StatusCode::FOUND, &elsewhere);
    }
    let asked = screen.lang.as_deref().and_then(Language::parse);
    let language = asked.unwrap_or_else(|| Language::of(&request));
    let users: Vec<User> = shared.lock().users.iter().cloned().collect();
    let current = page::phone_user(&request);
    let current = users
        .iter()
        .find(|user| Some(&user.id) == current.as_ref())
        .or(users.first());
    let body = html! {
        div.stage {
            (frame(&screen, language, &users, current))
            (drawer(language.wording()))
        }
    };
    let mut response = Document {
        language,
        title: language.wording().title,
        body,
        script: true,
    }
    .respond(None);
    if let Some(language) = asked {
        let cookie = Cookie::build(LANGUAGE_COOKIE, language.tag())
            .path("/")
            .same_site(SameSite::Lax)
            .permanent()
            .finish();
        // A cookie of constants is always a valid header.
        let _ = response.add_cookie(&cookie);
    }
    response
}

/// Cookies belong to one host name: under another name the phone would forget whose it is.
fn canonical(shared: &Shared, request: &HttpRequest) -> Option<String> {
    let canonical = shared.own.canonical()?;
    let host = page::text(request, header::HOST)?;
    (shared.own.is(host) && host != canonical)
        .then(|| format!("http://{canonical}{}", request.uri()))
}

#[derive(Deserialize)]
struct Switch {
    user: String,
    #[serde(default)]
    scan: String,
    #[serde(default)]
    view: String,
}

async fn switch_user(
    shared: web::Data<Shared>,
    request: HttpRequest,
    form: web::Form<Switch>,
) -> HttpResponse {
    if !page::is_own_form(&request, shared.own) {
        return HttpResponse::Forbidden().finish();
    }
    let Switch { user, scan, view } = form.into_inner();
    let id = shared.lock().users.get_or_first(Some(&user)).id.clone();
    let mut response = moved(StatusCode::SEE_OTHER, &screen_url(&scan, &view, None));
    // A user's id is always a valid cookie value.
    let _ = response.add_cookie(&api::user_cookie(id));
    response
}

fn moved(status: StatusCode, location: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

fn screen_url(scan: &str, view: &str, language: Option<Language>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("scan", scan), ("view", view)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    if let Some(language) = language {
        query.append_pair("lang", language.tag());
    }
    match query.finish() {
        query if query.is_empty() => PHONE.to_owned(),
        query => format!("{PHONE}?{query}"),
    }
}

fn frame(screen: &Screen, language: Language, users: &[User], current: Option<&User>) -> Markup {
    let wording = language.wording();
    let scan = screen.scan.as_deref().unwrap_or_default();
    let view = screen.view.as_deref().unwrap_or_default();
    let home = scan.is_empty() && view != "scan";
    html! {
        main.phone {
            header.bar {
                @if home {
                    span.badge { (wording.sandbox) }
                } @else {
                    a.back href=(PHONE) { span aria-hidden="true" { "‹" } (wording.back) }
                }
                h1 { @if home { (wording.title) } @else { (wording.scan) } }
                a.language href=(screen_url(scan, view, Some(language.other()))) lang=(language.other().tag())
                    hreflang=(language.other().tag()) { (wording.switch_language) }
            }
            (switcher(scan, view, wording, users, current))
            @if !scan.is_empty() {
                (card(scan, wording, current))
            } @else if view == "scan" {
                (camera(wording))
            } @else {
                (home_screen(wording))
            }
        }
    }
}

fn switcher(
    scan: &str,
    view: &str,
    wording: &Wording,
    users: &[User],
    current: Option<&User>,
) -> Markup {
    html! {
        form.people method="post" action="/phone/user" aria-label=(wording.whose_phone) {
            input type="hidden" name="scan" value=(scan);
            input type="hidden" name="view" value=(view);
            @for user in users {
                button type="submit" name="user" value=(user.id)
                    aria-pressed=(current.is_some_and(|current| current.id == user.id)) {
                    img.avatar src=(user.drawing()) alt="" width="52" height="52";
                    span { (user.name) }
                    @if user.snapshot { small { (wording.snapshot) } }
                }
            }
        }
    }
}

fn home_screen(wording: &Wording) -> Markup {
    html! {
        nav.home {
            a.tile href="/phone?view=scan" {
                (scan_icon())
                span {
                    strong { (wording.scan) }
                    small { (wording.scan_about) }
                }
                span.chevron aria-hidden="true" { "›" }
            }
        }
        p.note { (wording.home_hint) }
    }
}

fn camera(wording: &Wording) -> Markup {
    html! {
        section.camera {
            div.viewfinder #drop {
                (scan_icon())
                label.button.secondary #picture hidden {
                    (wording.picture)
                    input.sr-only type="file" accept="image/*" data-none=(wording.no_code_found);
                }
                p #picture-hint hidden { (wording.picture_hint) }
                p #no-reader hidden { (wording.no_picture_reader) }
                p.says #picture-says role="status" {}
            }
            form.paste method="get" action=(PHONE) {
                label for="text" { (wording.paste) }
                textarea #text name="scan" rows="3" required maxlength=(api::MAX_SCAN) autocomplete="off"
                    autocapitalize="off" spellcheck="false" placeholder=(wording.paste_placeholder) {}
                button.button.primary type="submit" { (wording.next) }
            }
        }
    }
}

/// What was scanned; one tap opens it, as a page of its own and as the current user.
fn card(scan: &str, wording: &Wording, current: Option<&User>) -> Markup {
    html! {
        section.card {
            @match api::read_link(scan) {
                Some(url) => {
                    div.target {
                        (scan_icon())
                        h2 { (wording.card_title) }
                        p.host { (authority(&url)) }
                        p.url { (url) }
                    }
                    @if let Some(user) = current {
                        p.as { (wording.card_as) " " strong { (user.name) } }
                    }
                    a.button.primary #open href=(url) rel="noreferrer" { (wording.card_open) }
                }
                None => {
                    div.target {
                        h2 { (wording.not_a_link) }
                        p.url { (scan) }
                        p { (wording.not_a_link_about) }
                    }
                    a.button.secondary href="/phone?view=scan" { (wording.back) }
                }
            }
        }
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn scan_icon() -> Markup {
    html! {
        svg.scan-icon viewBox="0 0 48 48" width="48" height="48" aria-hidden="true" fill="none"
            stroke="currentColor" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round" {
            path d="M6 16v-6a4 4 0 0 1 4-4h6M32 6h6a4 4 0 0 1 4 4v6M42 32v6a4 4 0 0 1-4 4h-6M16 42h-6a4 4 0 0 1-4-4v-6M12 24h24" {}
        }
    }
}

fn drawer(wording: &Wording) -> Markup {
    html! {
        aside.developer #developer hidden data-done=(wording.done) data-failed=(wording.failed)
            data-remove=(wording.remove) data-always=(wording.always) {
            details {
                summary { (wording.developer) }
                p { (wording.developer_about) }
                section {
                    h2 { (wording.clock) }
                    p { (wording.clock_about) }
                    p.row {
                        @for (seconds, label) in [("60", "+1 min"), ("300", "+5 min"), ("7200", "+2 h")] {
                            button.button.small type="button" data-advance=(seconds) { (label) }
                        }
                    }
                }
                section {
                    h2 { (wording.faults) }
                    ul #faults data-none=(wording.faults_none) {}
                    (fault_form(wording))
                }
                section {
                    h2 { (wording.reset) }
                    p { (wording.reset_about) }
                    button.button.small type="button" data-reset { (wording.reset) }
                }
                p.says #developer-says role="status" {}
            }
        }
    }
}

fn fault_form(wording: &Wording) -> Markup {
    html! {
        form #fault {
            label {
                (wording.endpoint)
                select name="endpoint" {
                    @for endpoint in fault::ENDPOINTS {
                        option selected[endpoint == "/sns/oauth2/access_token"] { (endpoint) }
                    }
                }
            }
            label {
                (wording.effect)
                select name="effect" {
                    @for (value, label) in EFFECTS.into_iter().zip(wording.effects) {
                        option value=(value) { (label) }
                    }
                }
            }
            label {
                (wording.times)
                select name="times" {
                    option value="1" { (wording.once) }
                    option value="" { (wording.always) }
                }
            }
            button.button.small type="submit" { (wording.add) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::fault::{Fault, Faults};

    #[test]
    fn every_effect_of_the_drawer_is_a_fault() {
        for effect in EFFECTS {
            let mut value: serde_json::Value = serde_json::from_str(effect).unwrap();
            value["endpoint"] = fault::ENDPOINTS[0].into();
            let fault: Fault = serde_json::from_value(value).unwrap();
            assert!(Faults::checked(vec![fault]).is_ok(), "{effect}");
        }
    }

    #[test]
    fn a_screen_keeps_its_scan_when_the_user_changes() {
        assert_eq!(screen_url("", "", None), "/phone");
        assert_eq!(
            screen_url("http://a/?b=c", "", None),
            "/phone?scan=http%3A%2F%2Fa%2F%3Fb%3Dc"
        );
        assert_eq!(
            screen_url("", "scan", Some(Language::English)),
            "/phone?view=scan&lang=en"
        );
    }
}
