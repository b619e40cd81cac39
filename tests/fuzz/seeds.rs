//! Inputs to begin with: the cases of `tests/vectors` and the golden commands.

use base64::{Engine, engine::general_purpose::STANDARD};
use scangate::wechat::Endpoint;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::sender;

macro_rules! cases {
    ($file:literal) => {
        cases(include_str!(concat!("../vectors/", $file, ".json")))
    };
}

pub(crate) fn url() -> Vec<Vec<u8>> {
    let seed = |case: &Value| format!("{}\n{}", text(case, "token"), query(case)).into_bytes();
    cases!("url_verify").iter().map(seed).collect()
}

pub(crate) fn envelope() -> Vec<Vec<u8>> {
    let seed = |case: &Value| {
        let mut seed = String::new();
        for name in ["token", "encoding_aes_key", "appid"] {
            seed = seed + text(case, name) + "\n";
        }
        [format!("{seed}{}\n", query(case)).into_bytes(), body(case)].concat()
    };
    let cases = [cases!("envelope_good"), cases!("envelope_bad")].concat();
    cases.iter().map(seed).collect()
}

pub(crate) fn sealed() -> Vec<Vec<u8>> {
    xml()
        .iter()
        .map(|message| sender::padded(message))
        .collect()
}

pub(crate) fn xml() -> Vec<Vec<u8>> {
    let cases = [cases!("events_good"), cases!("events_bad")].concat();
    cases.iter().map(body).collect()
}

pub(crate) fn answer() -> Vec<Vec<u8>> {
    let seed = |case: &Value| {
        let path = text(case, "endpoint");
        let endpoint = Endpoint::ALL
            .iter()
            .position(|endpoint| endpoint.path() == path);
        [vec![u8::try_from(endpoint.unwrap()).unwrap()], body(case)].concat()
    };
    cases!("api_responses").iter().map(seed).collect()
}

pub(crate) fn command() -> Vec<Vec<u8>> {
    [
        include_str!("../golden/command-start.json"),
        include_str!("../golden/command-resume.json"),
        include_str!("../golden/command-refresh.json"),
        include_str!("../golden/command-cancel.json"),
        include_str!("../golden/command-pong.json"),
    ]
    .iter()
    .flat_map(|file| match serde_json::from_str(file).unwrap() {
        Value::Array(commands) => commands,
        command => vec![command],
    })
    .map(|command| command.to_string().into_bytes())
    .collect()
}

fn cases(file: &str) -> Vec<Value> {
    let mut file: Value = serde_json::from_str(file).unwrap();
    serde_json::from_value(file["cases"].take()).unwrap()
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap()
}

fn body(case: &Value) -> Vec<u8> {
    match case["body_b64"].as_str() {
        Some(body) => STANDARD.decode(body).unwrap(),
        None => text(case, "body").as_bytes().to_vec(),
    }
}

fn query(case: &Value) -> String {
    let pairs = case["query"].as_object().unwrap().iter();
    let pairs = pairs.map(|(name, value)| (name, value.as_str().unwrap()));
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}
