//! `/phone`: a simulated phone. It works without script; script reads pictures and opens the drawer.

mod drawer;
mod scanner;

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
    account::{Account, Kind},
    chat,
    page::{self, Document, LANGUAGE_COOKIE, Language},
    scan,
    shared::Shared,
    user::User,
    wording::Wording,
};

const PHONE: &str = "/phone";

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/").get(async || page::moved(StatusCode::FOUND, PHONE)))
        .service(web::resource(PHONE).get(phone))
        .service(web::resource("/phone/user").post(switch_user))
        .service(web::resource("/phone/open").get(open));
}

/// What the screen shows; also the hidden fields of a form that comes back to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Screen {
    /// The text of a scanned code.
    pub(super) scan: String,
    /// `scan`: the camera; `chat`: the chat.
    pub(super) view: String,
    /// Whose chat; the sandbox's own official account's when empty.
    pub(super) app_id: String,
}

#[derive(Deserialize)]
struct Choice {
    lang: Option<String>,
}

impl Screen {
    /// The camera.
    pub(super) fn camera() -> Self {
        Self {
            view: "scan".to_owned(),
            ..Self::default()
        }
    }

    /// The chat with that account.
    pub(super) fn chat(app_id: &str) -> Self {
        Self {
            view: "chat".to_owned(),
            app_id: app_id.to_owned(),
            ..Self::default()
        }
    }

    /// What was scanned.
    pub(super) fn scanned(text: &str) -> Self {
        Self {
            scan: text.to_owned(),
            ..Self::default()
        }
    }

    fn fields(&self) -> [(&'static str, &str); 3] {
        [
            ("scan", &self.scan),
            ("view", &self.view),
            ("app_id", &self.app_id),
        ]
    }

    /// Where it is; in that language, if one is named.
    pub(super) fn url(&self, language: Option<Language>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let given = self
            .fields()
            .into_iter()
            .filter(|(_, value)| !value.is_empty());
        query.extend_pairs(given);
        if let Some(language) = language {
            query.append_pair("lang", language.tag());
        }
        match query.finish() {
            query if query.is_empty() => PHONE.to_owned(),
            query => format!("{PHONE}?{query}"),
        }
    }
}

async fn phone(
    shared: web::Data<Shared>,
    request: HttpRequest,
    screen: web::Query<Screen>,
    choice: web::Query<Choice>,
) -> HttpResponse {
    if let Some(elsewhere) = page::canonical(&request, shared.own) {
        return page::moved(StatusCode::FOUND, &elsewhere);
    }
    let asked = choice.lang.as_deref().and_then(Language::parse);
    let language = asked.unwrap_or_else(|| Language::of(&request));
    let users = shared.lock().users.iter().cloned().collect();
    let view = View {
        screen: &screen,
        language,
        shared: &shared,
        users,
        current: current_user(&shared, &request),
    };
    let body = html! {
        div.stage {
            (frame(&view))
            (drawer::drawer(language.wording()))
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

/// Whose phone it is: a phone always belongs to somebody.
pub(super) fn current_user(shared: &Shared, request: &HttpRequest) -> User {
    let id = page::phone_user(request);
    shared.lock().users.get_or_first(id.as_deref()).clone()
}

#[derive(Deserialize)]
struct Switch {
    user: String,
    #[serde(flatten)]
    screen: Screen,
}

async fn switch_user(
    shared: web::Data<Shared>,
    request: HttpRequest,
    form: web::Form<Switch>,
) -> HttpResponse {
    if !page::is_own_form(&request, shared.own) {
        return HttpResponse::Forbidden().finish();
    }
    let Switch { user, screen } = form.into_inner();
    let id = shared.lock().users.get_or_first(Some(&user)).id.clone();
    page::moved_as(id, StatusCode::SEE_OTHER, &screen.url(None))
}

#[derive(Deserialize)]
struct Open {
    user: String,
    scan: String,
}

/// The tap on the card: makes the phone that of the user it names, whatever another tab did meanwhile, and
/// leads to the page. A link of another site only gets to the card.
async fn open(
    shared: web::Data<Shared>,
    request: HttpRequest,
    tap: web::Query<Open>,
) -> HttpResponse {
    let site = request.headers().get("sec-fetch-site");
    let own = site.is_none_or(|site| site == "same-origin" || site == "none");
    let Some(url) = scan::read_link(&tap.scan).filter(|_| own) else {
        return page::moved(StatusCode::FOUND, &Screen::scanned(&tap.scan).url(None));
    };
    let id = shared.lock().users.get_or_first(Some(&tap.user)).id.clone();
    let mut response = page::moved_as(id, StatusCode::FOUND, url.as_str());
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        header::HeaderValue::from_static("no-referrer"),
    );
    response
}

pub(super) fn open_url(user: &User, scan: &Url) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("user", &user.id);
    query.append_pair("scan", scan.as_str());
    format!("/phone/open?{}", query.finish())
}

/// What a screen is drawn from.
pub(super) struct View<'a> {
    pub(super) screen: &'a Screen,
    pub(super) language: Language,
    pub(super) shared: &'a Shared,
    pub(super) users: Vec<User>,
    pub(super) current: User,
}

impl View<'_> {
    pub(super) const fn wording(&self) -> &'static Wording {
        self.language.wording()
    }
}

fn frame(view: &View<'_>) -> Markup {
    let Screen {
        scan, view: name, ..
    } = view.screen;
    match name.as_str() {
        _ if !scan.is_empty() => screen(view, view.wording().scan, &scanner::card(view)),
        "scan" => screen(view, view.wording().scan, &scanner::camera(view.wording())),
        "chat" => chat::screen(view),
        _ => screen(view, "", &home(view)),
    }
}

/// The bar, whose phone it is, and below it what is open; without a `title` it is the first screen.
pub(super) fn screen(view: &View<'_>, title: &str, content: &Markup) -> Markup {
    let wording = view.wording();
    let other = view.language.other();
    html! {
        main.phone {
            header.bar {
                @if title.is_empty() {
                    span.badge { (wording.sandbox) }
                    h1 { (wording.title) }
                } @else {
                    a.back href=(PHONE) { span aria-hidden="true" { "‹" } (wording.back) }
                    h1 { (title) }
                }
                a.language href=(view.screen.url(Some(other))) lang=(other.tag()) hreflang=(other.tag()) {
                    (wording.switch_language)
                }
            }
            (switcher(view))
            (content)
        }
    }
}

fn switcher(view: &View<'_>) -> Markup {
    let wording = view.wording();
    html! {
        form.people method="post" action="/phone/user" aria-label=(wording.whose_phone) {
            @for (name, value) in view.screen.fields() {
                input type="hidden" name=(name) value=(value);
            }
            @for user in &view.users {
                button type="submit" name="user" value=(user.id) aria-pressed=(view.current.id == user.id) {
                    img.avatar src=(user.drawing()) alt="" width="52" height="52";
                    span { (user.name) }
                    @if user.snapshot { small { (wording.snapshot) } }
                }
            }
        }
    }
}

/// The camera, and the chat with each official account.
fn home(view: &View<'_>) -> Markup {
    let wording = view.wording();
    let accounts: Vec<Account> = view
        .shared
        .lock()
        .accounts
        .iter()
        .filter(|account| account.kind == Kind::OfficialAccount)
        .cloned()
        .collect();
    html! {
        nav.home {
            a.tile href=(Screen::camera().url(None)) {
                span.tile-icon { (scanner::icon()) }
                strong { (wording.scan) }
                small { (wording.scan_about) }
            }
            @for account in &accounts {
                a.tile href=(Screen::chat(&account.app_id).url(None)) {
                    span.tile-icon { (chat_icon()) }
                    strong { (account.name) }
                    small { (wording.chat_about) }
                }
            }
        }
        p.note { (wording.home_hint) }
    }
}

fn chat_icon() -> Markup {
    html! {
        svg viewBox="0 0 48 48" width="48" height="48" aria-hidden="true" fill="none"
            stroke="currentColor" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round" {
            path d="M24 8c10 0 17 6 17 14.500s-7 14.500-17 14.500c-2.500 0-4.800-.4-7-1.100L8 40l2.600-7.300C8.300 30 7 26.500 7 22.500 7 14 14 8 24 8z" {}
            path d="M17 22.500h.1M24 22.500h.1M31 22.500h.1" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_keeps_its_scan_when_the_user_changes() {
        assert_eq!(Screen::default().url(None), "/phone");
        assert_eq!(
            Screen::scanned("http://a/?b=c").url(None),
            "/phone?scan=http%3A%2F%2Fa%2F%3Fb%3Dc"
        );
        assert_eq!(
            Screen::camera().url(Some(Language::English)),
            "/phone?view=scan&lang=en"
        );
        assert_eq!(Screen::chat("wx1").url(None), "/phone?view=chat&app_id=wx1");
    }
}
