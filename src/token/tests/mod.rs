//! The issuer over fake stores, on a clock that is moved.

mod rotation;
mod sessions;
mod tabs;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use secrecy::ExposeSecret;

use super::{
    fakes::{FakeSessions, FakeUsers, user},
    *,
};
use crate::{
    clock::Clock,
    code::Code,
    config::{AppId, Config, Overrides, load},
    event::Via,
    user::{User, UserId},
};

struct Bench {
    tokens: Tokens,
    sessions: Arc<FakeSessions>,
    watch: Arc<Heard>,
    clock: Clock,
    app: AppId,
    user: User,
    device: Device,
}

/// Every end that was announced.
#[derive(Default)]
struct Heard(Mutex<Vec<(SessionId, EndReason)>>);

impl SessionWatch for Heard {
    fn ended(&self, session: &SessionId, why: EndReason) {
        self.0.lock().unwrap().push((session.clone(), why));
    }
}

/// Where the browser is.
fn ip() -> String {
    "192.0.2.1".to_owned()
}

fn config() -> Config {
    load(&Overrides::default()).unwrap()
}

fn bench() -> Bench {
    let clock = Clock::new();
    let sessions = Arc::new(FakeSessions::default());
    let watch = Arc::new(Heard::default());
    let keys = Keys::generate().unwrap();
    Bench {
        tokens: Tokens::new(
            &config(),
            keys,
            sessions.clone(),
            Arc::new(FakeUsers),
            watch.clone(),
            clock.clone(),
        ),
        sessions,
        watch,
        clock,
        app: AppId::default_app(),
        user: user("u1"),
        device: Device::default(),
    }
}

impl Bench {
    async fn open(&self, stamp: &Stamp) -> Result<Issued, TokenError> {
        self.tokens
            .open_session(stamp, &self.user, &self.app, &self.device, &Via::Password)
            .await
    }

    /// A new session's refresh token.
    async fn opened(&self) -> (SessionId, String) {
        let issued = self.open(&self.tokens.stamp()).await.unwrap();
        let token = refresh_token(&issued);
        (issued.session_id, token)
    }

    async fn refresh(&self, token: &str) -> Result<Issued, TokenError> {
        self.tokens.refresh(&self.app, token, ip()).await
    }

    /// The ends announced since the last time this was asked.
    fn heard(&self) -> Vec<(SessionId, EndReason)> {
        std::mem::take(&mut self.watch.0.lock().unwrap())
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn refresh_token(issued: &Issued) -> String {
    let token = issued.refresh_token.as_ref();
    token.unwrap().expose_secret().to_owned()
}

fn code<T>(result: Result<T, TokenError>) -> Option<Code> {
    result.err().map(|error| error.code())
}
