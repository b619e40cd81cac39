//! The parts together, as a door puts them together.

use actix_web::{
    App, HttpRequest, HttpResponse, Responder,
    dev::ServiceResponse,
    http::{StatusCode, header},
    middleware::from_fn,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{code::Code, config};

#[derive(Deserialize)]
struct Greeting {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    size: u32,
}

async fn greet(
    req: HttpRequest,
    limits: web::Data<Limits>,
    context: RequestContext,
    Body(greeting): Body<Greeting>,
) -> Result<impl Responder, ApiError> {
    limits.token(context.limit_key())?;
    let name = greeting.name.ok_or(Code::NotFound)?;
    Ok(ok(&req, StatusCode::OK, json!({ "hello": name })))
}

async fn list(page: web::Query<Page>) -> HttpResponse {
    HttpResponse::Ok().body(page.size.to_string())
}

async fn number(number: web::Path<u32>) -> HttpResponse {
    HttpResponse::Ok().body(number.to_string())
}

async fn broken() -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(Code::Internal).because("disk full"))
}

async fn answered(req: TestRequest) -> ServiceResponse {
    let http = Http::new(&config::load(&config::Overrides::default()).unwrap());
    let api = web::scope("/api/v1")
        .wrap(http.headers.api())
        .wrap(cors(http.origins.clone()))
        .route("/greet", web::post().to(greet))
        .route("/list", web::get().to(list))
        .service(web::resource("/number/{n}").get(number))
        .route("/broken", web::get().to(broken));
    let app = App::new()
        .configure(|app| http.install(app))
        .wrap(from_fn(hosts))
        .wrap(from_fn(context))
        .service(api);
    let app = init_service(app).await;
    let req = req.insert_header((header::ACCEPT_LANGUAGE, "en"));
    call_service(&app, req.to_request())
        .await
        .map_into_boxed_body()
}

fn own(req: TestRequest) -> TestRequest {
    req.insert_header((header::HOST, "127.0.0.1:8080"))
}

fn greeting(body: &str) -> TestRequest {
    own(TestRequest::post().uri("/api/v1/greet"))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .set_payload(body.to_owned())
}

async fn envelope(response: ServiceResponse) -> Value {
    let id = response
        .headers()
        .get("x-request-id")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(id.len(), 32);
    assert_eq!(
        response.headers().get(header::CONTENT_TYPE).unwrap(),
        "application/json"
    );
    assert_eq!(
        response.headers().get(header::CACHE_CONTROL).unwrap(),
        "no-store"
    );
    let envelope: Value = serde_json::from_slice(&read_body(response).await).unwrap();
    assert_eq!(envelope["request_id"], id);
    envelope
}

async fn refused(req: TestRequest, code: Code) {
    let response = answered(req).await;
    assert_eq!(response.status().as_u16(), code.status());
    let envelope = envelope(response).await;
    assert_eq!(envelope["code"], code.number());
    assert_eq!(envelope["name"], code.name());
    assert_eq!(envelope["message"], code.message(crate::code::Locale::En));
}

#[tokio::test]
async fn a_call_is_answered_in_the_envelope() {
    let response = answered(greeting(r#"{"name":"Li"}"#)).await;
    assert_eq!(response.status(), 200);
    let envelope = envelope(response).await;
    assert_eq!(envelope["code"], 0);
    assert_eq!(envelope["data"], json!({"hello": "Li"}));
}

#[tokio::test]
async fn every_refusal_is_answered_in_the_callers_language() {
    refused(greeting(""), Code::NotFound).await;
    refused(greeting("{"), Code::BadRequest).await;
    refused(greeting(&" ".repeat(70_000)), Code::TooLarge).await;
    refused(own(TestRequest::with_uri("/api/v1/broken")), Code::Internal).await;
}

#[tokio::test]
async fn what_actix_refuses_is_answered_in_the_envelope() {
    let get = |uri| own(TestRequest::with_uri(uri));
    refused(get("/api/v1/list?size=many"), Code::BadRequest).await;
    refused(get("/api/v1/number/many"), Code::NotFound).await;
    refused(get("/api/v1/nothing"), Code::NotFound).await;
    refused(get("/nothing"), Code::NotFound).await;
    let post = own(TestRequest::post().uri("/api/v1/number/1"));
    refused(post, Code::MethodNotAllowed).await;
    let post = own(TestRequest::post().uri("/api/v1/number/1"));
    let allow = answered(post)
        .await
        .headers()
        .get(header::ALLOW)
        .unwrap()
        .clone();
    assert_eq!(allow, "GET");
}

#[tokio::test]
async fn a_foreign_host_is_refused_before_anything_else() {
    let req = TestRequest::with_uri("/api/v1/number/1");
    refused(req, Code::BadRequest).await;
    let req = TestRequest::with_uri("/").insert_header((header::HOST, "evil.example"));
    refused(req, Code::Misdirected).await;
}

#[tokio::test]
async fn a_refusal_can_be_read_by_the_page() {
    let req = greeting("{").insert_header((header::ORIGIN, "http://127.0.0.1:8080"));
    let response = answered(req).await;
    assert_eq!(response.status(), 400);
    let allowed = response
        .headers()
        .get(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        .unwrap();
    assert_eq!(allowed, "http://127.0.0.1:8080");
}

#[tokio::test]
async fn an_error_of_an_inner_middleware_is_dressed_too() {
    let app = App::new().wrap(from_fn(context)).service(
        web::resource("/")
            .wrap(from_fn(refuse))
            .to(HttpResponse::Ok),
    );
    let app = init_service(app).await;
    let request = TestRequest::get().to_request();
    let error = actix_web::dev::Service::call(&app, request)
        .await
        .unwrap_err();
    let response = error.error_response();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "1");
    assert!(response.headers().contains_key("x-request-id"));
}

async fn refuse(
    _req: actix_web::dev::ServiceRequest,
    _next: actix_web::middleware::Next<actix_web::body::BoxBody>,
) -> Result<ServiceResponse, actix_web::Error> {
    let wait = std::time::Duration::from_millis(200);
    Err(ApiError::new(Code::Draining).retry_after(wait).into())
}
