//! The chat with an official account on the phone.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    Line, Person,
    act::{self, MAX_TEXT},
    links::{self, Part},
};
use crate::sandbox::{
    account::{Account, Kind},
    page,
    phone::{self, Screen, View},
    push::{Code, Outcome},
    shared::Shared,
    user::User,
};

pub(in crate::sandbox) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/phone/scan").post(scan))
        .service(web::resource("/phone/follow").post(follow))
        .service(web::resource("/phone/unfollow").post(unfollow))
        .service(web::resource("/phone/say").post(say));
}

/// A tap, by the user whose screen it was on.
#[derive(Deserialize)]
struct Tap {
    user: String,
    #[serde(default)]
    app_id: String,
    #[serde(default)]
    text: String,
}

impl Tap {
    /// Who taps; `None` when the user or the account is not there, or another site's page posted the form.
    fn person(&self, shared: &Shared, request: &HttpRequest) -> Option<Person> {
        let state = shared.lock();
        let person = Person {
            app_id: state.accounts.get(&self.app_id)?.app_id.clone(),
            user_id: state.users.get(&self.user)?.id.clone(),
        };
        page::is_own_form(request, shared.own).then_some(person)
    }
}

/// To the chat, on the phone of the user who tapped.
fn to_chat(person: Person) -> HttpResponse {
    let chat = Screen::chat(&person.app_id).url(None);
    page::moved_as(person.user_id, StatusCode::SEE_OTHER, &chat)
}

async fn scan(
    shared: web::Data<Shared>,
    request: HttpRequest,
    mut tap: web::Form<Tap>,
) -> HttpResponse {
    let now = shared.clock.now();
    let code = shared.lock().tickets.find_by_url(&tap.text, now);
    let Some(code) = code else {
        let gone = Screen::scanned(&tap.text).url(None);
        return page::moved(StatusCode::SEE_OTHER, &gone);
    };
    tap.app_id.clone_from(&code.app_id);
    let Some(person) = tap.person(&shared, &request) else {
        return HttpResponse::Forbidden().finish();
    };
    act::scan(&shared, &person, Code::from(&code)).await;
    to_chat(person)
}

async fn follow(
    shared: web::Data<Shared>,
    request: HttpRequest,
    tap: web::Form<Tap>,
) -> HttpResponse {
    tapped(&shared, &request, &tap, act::follow).await
}

async fn unfollow(
    shared: web::Data<Shared>,
    request: HttpRequest,
    tap: web::Form<Tap>,
) -> HttpResponse {
    tapped(&shared, &request, &tap, act::unfollow).await
}

async fn tapped(
    shared: &web::Data<Shared>,
    request: &HttpRequest,
    tap: &Tap,
    act: impl AsyncFnOnce(&web::Data<Shared>, &Person) -> Outcome,
) -> HttpResponse {
    let Some(person) = tap.person(shared, request) else {
        return HttpResponse::Forbidden().finish();
    };
    act(shared, &person).await;
    to_chat(person)
}

async fn say(shared: web::Data<Shared>, request: HttpRequest, tap: web::Form<Tap>) -> HttpResponse {
    let Some(person) = tap.person(&shared, &request) else {
        return HttpResponse::Forbidden().finish();
    };
    // What cannot be sent is not sent; the page's own form sends nothing else.
    let _ = act::say(&shared, &person, tap.text.trim()).await;
    to_chat(person)
}

/// The chat of the phone's user with the account; the first screen's bar when there is no such account.
pub(in crate::sandbox) fn screen(view: &View<'_>) -> Markup {
    let wording = view.wording();
    let state = view.shared.lock();
    let account = state
        .accounts
        .get(&view.screen.app_id)
        .filter(|account| account.kind == Kind::OfficialAccount)
        .unwrap_or_else(|| state.accounts.official())
        .clone();
    let person = Person {
        app_id: account.app_id.clone(),
        user_id: view.current.id.clone(),
    };
    let follows = state.users.follows(&person.user_id, &person.app_id);
    let lines: Vec<Line> = state.chats.lines(&person).cloned().collect();
    drop(state);
    let content = html! {
        section.chat {
            @if follows {
                (tap_form("unfollow", "unfollow", view, &account, html! {
                    button.quiet type="submit" { (wording.unfollow) }
                }))
            }
            div.lines #lines role="log" aria-label=(account.name) tabindex="0" {
                @for line in &lines {
                    (bubble(line, view, &account))
                }
                @if lines.is_empty() && follows {
                    p.notice { (wording.chat_empty) }
                }
            }
            @if follows {
                (tap_form("say", "say", view, &account, html! {
                    input type="text" name="text" required maxlength=(MAX_TEXT / 4) autocomplete="off"
                        aria-label=(wording.message) placeholder=(wording.message);
                    button.button.primary type="submit" { (wording.send) }
                }))
            } @else {
                (profile(view, &account))
            }
        }
    };
    phone::screen(view, &account.name, &content)
}

/// The account as somebody sees it who does not follow it.
fn profile(view: &View<'_>, account: &Account) -> Markup {
    let wording = view.wording();
    html! {
        div.profile {
            img.account-icon src="/sandbox/assets/icon.svg" alt="" width="64" height="64";
            h2 { (account.name) }
            p { (wording.profile_about) }
            (tap_form("follow", "wide", view, account, html! {
                button.button.primary.wide type="submit" { (wording.follow) }
            }))
        }
    }
}

fn tap_form(
    action: &str,
    class: &str,
    view: &View<'_>,
    account: &Account,
    content: Markup,
) -> Markup {
    html! {
        form class=(class) name=(action) method="post" action={ "/phone/" (action) } {
            input type="hidden" name="user" value=(view.current.id);
            input type="hidden" name="app_id" value=(account.app_id);
            (content)
        }
    }
}

fn bubble(line: &Line, view: &View<'_>, account: &Account) -> Markup {
    let wording = view.wording();
    html! {
        @match line {
            Line::Sent(text) => {
                div.line.sent {
                    p.bubble { (text) }
                    img.avatar src=(view.current.drawing()) alt=(view.current.name) width="40" height="40";
                }
            }
            Line::Reply(text) => {
                div.line {
                    img.avatar src="/sandbox/assets/icon.svg" alt=(account.name) width="40" height="40";
                    p.bubble { (linked(text, &view.current)) }
                }
            }
            Line::Followed => p.notice { (wording.followed) },
            Line::Left => p.notice { (wording.left) },
            Line::OutOfService(why) => {
                p.notice lang="zh-CN" { "该公众号暂时无法提供服务，请稍后再试" }
                p.notice.why lang="en" { "Sandbox: " (why) }
            }
        }
    }
}

/// With its links, which open as WeChat's browser does: top-level, as the user whose chat it is.
fn linked(text: &str, user: &User) -> Markup {
    html! {
        @for part in links::parts(text) {
            @match part {
                Part::Text(text) => (text),
                Part::Link { url, label } => a href=(phone::open_url(user, &url)) { (label) },
            }
        }
    }
}
