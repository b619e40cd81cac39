//! The routes and `web/openapi.json` name the same calls.

use std::collections::BTreeSet;

use actix_web::{
    introspection::{IntrospectionReportItem, IntrospectionTree},
    test::{TestRequest, call_and_read_body, init_service},
    web,
};
use serde_json::Value;

use super::App;
use crate::{
    admin,
    clock::Clock,
    config::{self, Overrides},
};

/// What people and WeChat open, and files: no calls of an API. `/{name}` is what proves to WeChat whose the domain is.
const UNDESCRIBED: [&str; 13] = [
    "/",
    "/app",
    "/assets/{path}",
    "/asyncapi.json",
    "/asyncapi.yaml",
    "/callback/wechat",
    "/callback/wechat/message",
    "/docs",
    "/openapi.json",
    "/s/{scene}",
    "/s/{scene}/open",
    "/s/{scene}/{decision}",
    "/{name}",
];
/// Where the test asks.
const ASK: &str = "/routes";

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let app = app().await;
    let public = registered(|routes| app.services.routes(routes)).await;
    let admin = registered(admin::routes).await;
    let (others, calls): (BTreeSet<_>, BTreeSet<_>) = public
        .into_iter()
        .partition(|(_, path)| UNDESCRIBED.contains(&path.as_str()));
    let others: BTreeSet<_> = others.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(others, UNDESCRIBED.into());
    assert_eq!(&calls | &admin, described());
}

/// A gateway with everything switched on.
async fn app() -> App {
    let data = tempfile::tempdir().unwrap();
    let set = [
        ("server.bind", "127.0.0.1:0"),
        ("server.admin_bind", "127.0.0.1:0"),
        ("sandbox.bind", "127.0.0.1:0"),
        ("accounts.enabled", "true"),
        ("server.data_dir", data.path().to_str().unwrap()),
    ];
    let set = set.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let overrides = Overrides {
        file: None,
        set: set.to_vec(),
    };
    App::build(config::load(&overrides).unwrap(), Clock::new())
        .await
        .unwrap()
}

/// Method and path of every route. Whoever may GET may HEAD, so that is left out; a route for any method is written as GET.
async fn registered(routes: impl FnOnce(&mut web::ServiceConfig)) -> BTreeSet<(String, String)> {
    let app = actix_web::App::new()
        .configure(routes)
        .route(ASK, web::get().to(report));
    let app = init_service(app).await;
    let report = call_and_read_body(&app, TestRequest::with_uri(ASK).to_request()).await;
    let report: Vec<Value> = serde_json::from_slice(&report).unwrap();
    let calls = report
        .iter()
        .filter(|item| item["resource_type"] == "resource")
        .flat_map(|item| {
            let path = without_patterns(item["full_path"].as_str().unwrap());
            let methods = item["methods"].as_array().unwrap().iter();
            let mut methods: BTreeSet<_> = methods
                .map(|method| method.as_str().unwrap().to_lowercase())
                .collect();
            methods.remove("head");
            if methods.is_empty() {
                methods.insert("get".to_owned());
            }
            methods
                .into_iter()
                .map(move |method| (method, path.clone()))
        });
    calls.filter(|(_, path)| path != ASK).collect()
}

async fn report(tree: web::Data<IntrospectionTree>) -> web::Json<Vec<IntrospectionReportItem>> {
    web::Json((&tree.root).into())
}

/// `/{name:pattern}` as `/{name}`.
fn without_patterns(path: &str) -> String {
    let mut depth = 0;
    let mut in_pattern = false;
    path.chars()
        .filter(|letter| {
            match letter {
                '{' => depth += 1,
                ':' if depth == 1 => in_pattern = true,
                '}' => {
                    depth -= 1;
                    in_pattern &= depth > 0;
                }
                _ => {}
            }
            !in_pattern
        })
        .collect()
}

fn described() -> BTreeSet<(String, String)> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/web/openapi.json");
    let document = std::fs::read_to_string(file).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let calls = paths.flat_map(|(path, calls)| {
        let methods = calls
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "servers");
        methods.map(|method| (method.clone(), path.clone()))
    });
    calls.collect()
}
