use serde_json::json;

use super::{Answer, Gateway, call, spawn_gateway_with};

/// Nobody guesses it.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A gateway with accounts; one address may make as many as a test needs.
pub(crate) async fn spawn_with_accounts(settings: &[(&str, &str)]) -> Gateway {
    let mut all = vec![
        ("accounts.enabled", "true"),
        ("limits.registrations_per_address_per_hour", "1000"),
    ];
    all.extend(settings);
    spawn_gateway_with(&all).await
}

impl Gateway {
    pub(crate) async fn register(&self, name: &str, password: &str) -> Answer {
        let body = json!({ "username": name, "password": password });
        call(self.post("/auth/register", &body)).await
    }

    /// A name and a password for who is signed in.
    pub(crate) async fn add_password(&self, token: &str, name: &str) -> Answer {
        let body = json!({ "username": name, "password": PASSWORD });
        call(self.post("/auth/register", &body).bearer_auth(token)).await
    }

    /// From a browser that was never seen.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.sign_in_by("", name, password).await
    }

    /// From the browser with these cookies.
    pub(crate) async fn sign_in_by(&self, cookie: &str, name: &str, password: &str) -> Answer {
        let body = json!({ "username": name, "password": password });
        let request = self.post("/auth/login", &body).header("cookie", cookie);
        call(request).await
    }

    pub(crate) async fn change_password(&self, token: &str, current: &str, new: &str) -> Answer {
        let body = json!({ "current": current, "new": new });
        call(self.post("/auth/password", &body).bearer_auth(token)).await
    }

    /// How many passwords were hashed.
    pub(crate) async fn hashes(&self) -> f64 {
        self.metric("scangate_password_hashes_total").await
    }
}

impl Answer {
    /// That the call was refused so.
    pub(crate) fn refused(&self, code: u64) {
        assert_eq!(self.code(), code, "{self:?}");
        assert_eq!(u64::from(self.status), code / 100, "{self:?}");
        assert_eq!(self.json.get("data"), None);
    }

    /// The id of whom the answer is about.
    pub(crate) fn user(&self) -> &str {
        let id = self.json["data"]["user"]["id"].as_str();
        id.unwrap_or_else(|| panic!("no user: {self:?}"))
    }
}
