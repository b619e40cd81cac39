//! The phone's door: `/s/{scene}`, its two forms, and where WeChat sends the phone back; the `website` flow's browser
//! comes back there too.
//!
//! Pages are drawn here without a line of script ([`page`], [`result`]), in the phone's language ([`wording`]); what has become
//! of the scene is [`Login`]'s to say, and [`answer`] gives it its status.

mod answer;
mod glyph;
mod link;
mod matching;
mod moment;
mod page;
mod parameters;
mod result;
mod wording;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use secrecy::{ExposeSecret, SecretString};

use self::{answer::Answer, parameters::Returned};
use crate::{
    code::Code,
    http::{Cookies, Limits, Origins, RequestContext, SecurityHeaders, user_agent},
    login::{Login, LoginError, OauthCallback, PhoneRequest},
};

/// What every answer to a phone needs.
pub(crate) struct Door {
    pub(crate) login: Login,
    /// Any browser counts as WeChat, and every page says so.
    pub(crate) is_sandbox: bool,
    /// Who may frame what.
    pub(crate) headers: web::Data<SecurityHeaders>,
}

/// The door's routes. They find [`Door`], [`Cookies`] and [`Origins`] in the app's data.
///
/// A HEAD is answered without looking anything up: link checkers send them.
pub(crate) fn routes(headers: &SecurityHeaders) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let (pages, callback) = (headers.phone(), headers.callback());
    move |app| {
        let scene = web::resource("/{scene}")
            .get(visit)
            .route(web::head().to(untouched));
        let decision = web::resource("/{scene}/{decision:confirm|reject}")
            .post(decide)
            .get(back);
        let link = web::resource("/{scene}/open").post(open).get(back);
        let pages = web::scope("/s")
            .wrap(pages)
            .service(scene)
            .service(link)
            .service(decision)
            .default_service(web::get().to(nothing_here));
        let callback = web::resource("/callback/wechat")
            .wrap(callback)
            .get(oauth_return)
            .route(web::head().to(untouched));
        app.service(pages).service(callback);
    }
}

async fn visit(
    request: HttpRequest,
    door: web::Data<Door>,
    cookies: web::Data<Cookies>,
) -> HttpResponse {
    let answer = Answer::to(&request, &door);
    let key = match parameters::link_key(request.query_string().as_bytes()) {
        Ok(key) => key,
        Err(code) => return answer.refused(code),
    };
    let cookie = cookies.phone(request.headers());
    let phone = PhoneRequest {
        key: key.as_deref(),
        ..phone_request(&request, &cookies, cookie.as_ref())
    };
    let inside_wechat = door.is_sandbox || is_wechat(&request);
    let next = door.login.visit(phone, inside_wechat).await;
    answer.next(next, &cookies)
}

/// The tap on the page of a link that is its own proof.
async fn open(
    request: HttpRequest,
    payload: web::Payload,
    door: web::Data<Door>,
    cookies: web::Data<Cookies>,
    origins: web::Data<Origins>,
) -> HttpResponse {
    let answer = Answer::to(&request, &door);
    let form = own_form(&request, payload, &origins).await;
    let key = match form.and_then(|form| parameters::link_key(&form)) {
        Ok(key) => key.unwrap_or_default(),
        Err(code) => return answer.refused(code),
    };
    let cookie = cookies.phone(request.headers());
    let phone = phone_request(&request, &cookies, cookie.as_ref());
    let next = door.login.open_link(phone, &key).await;
    answer.next(next, &cookies)
}

/// One of the two buttons; the route knows no third.
async fn decide(
    request: HttpRequest,
    payload: web::Payload,
    door: web::Data<Door>,
    cookies: web::Data<Cookies>,
    origins: web::Data<Origins>,
) -> HttpResponse {
    let answer = Answer::to(&request, &door);
    let form_token = match form_token(&request, payload, &origins).await {
        Ok(form_token) => form_token,
        Err(code) => return answer.refused(code),
    };
    let cookie = cookies.phone(request.headers());
    let phone = phone_request(&request, &cookies, cookie.as_ref());
    let next = match request.match_info().query("decision") {
        "confirm" => door.login.confirm(phone, &form_token).await,
        _ => door.login.reject(phone, &form_token).await,
    };
    answer.next(next, &cookies)
}

/// The field of a form that a page of ours sent; missing, it is empty, which is never right.
async fn form_token(
    request: &HttpRequest,
    payload: web::Payload,
    origins: &Origins,
) -> Result<String, Code> {
    let form = own_form(request, payload, origins).await?;
    Ok(parameters::form_token(&form)?.unwrap_or_default())
}

/// A form that a page of ours sent.
async fn own_form(
    request: &HttpRequest,
    payload: web::Payload,
    origins: &Origins,
) -> Result<web::BytesMut, Code> {
    origins
        .own_page(request.headers())
        .map_err(|_refused| Code::OriginRefused)?;
    parameters::read_form(request.headers(), payload).await
}

async fn oauth_return(
    request: HttpRequest,
    door: web::Data<Door>,
    cookies: web::Data<Cookies>,
    limits: web::Data<Limits>,
) -> HttpResponse {
    let answer = Answer::to(&request, &door);
    if let Err(limited) = limits.callback(RequestContext::of(&request).limit_key()) {
        let refused = LoginError {
            code: limited.code,
            retry_after: Some(limited.retry_after),
        };
        return answer.next(Err(refused), &cookies);
    }
    let returned = match Returned::parse(request.query_string()) {
        Ok(returned) => returned,
        Err(code) => return answer.refused(code),
    };
    let cookie = cookies.phone(request.headers());
    // An empty state is nobody's: the login says so.
    let callback = OauthCallback {
        code: returned.code.as_deref(),
        state: returned.state.as_deref().unwrap_or_default(),
        cookie: cookie.as_ref().map(|cookie| cookie.expose_secret()),
        address: RequestContext::of(&request).address,
        browser: browser(&request, &cookies),
    };
    let next = door.login.oauth_return(callback).await;
    answer.next(next, &cookies)
}

/// A form's address opened by hand, after a reload or from the history: the page shows what has become of it.
async fn back(request: HttpRequest, door: web::Data<Door>) -> HttpResponse {
    Answer::to(&request, &door).back()
}

async fn untouched() -> HttpResponse {
    HttpResponse::Ok().content_type(answer::HTML).finish()
}

async fn nothing_here(request: HttpRequest, door: web::Data<Door>) -> HttpResponse {
    Answer::to(&request, &door).refused(Code::NotFound)
}

fn phone_request<'a>(
    request: &'a HttpRequest,
    cookies: &Cookies,
    cookie: Option<&'a SecretString>,
) -> PhoneRequest<'a> {
    let context = RequestContext::of(request);
    PhoneRequest {
        scene: scene(request),
        cookie: cookie.map(|cookie| cookie.expose_secret()),
        key: None,
        browser: browser(request, cookies),
        address: context.address,
        locale: context.locale,
    }
}

fn scene(request: &HttpRequest) -> &str {
    request.match_info().query("scene")
}

/// What the gateway keeps of the browser cookie.
fn browser(request: &HttpRequest, cookies: &Cookies) -> Option<[u8; 32]> {
    let browser = cookies.browser(request.headers());
    browser.map(|browser| browser.hash())
}

fn is_wechat(request: &HttpRequest) -> bool {
    let user_agent = request.headers().get(header::USER_AGENT);
    user_agent
        .and_then(|value| value.to_str().ok())
        .is_some_and(user_agent::inside_wechat)
}
