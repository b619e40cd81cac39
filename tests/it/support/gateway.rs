use std::{net::SocketAddr, time::Duration};

use scangate::{
    app::App,
    clock::Clock,
    config::{self, Overrides},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};
use url::Url;

use super::{Browser, Phone, call, within};

/// A whole gateway in this process, with its sandbox, on free ports and a data directory of its own.
pub(crate) struct Gateway {
    pub(crate) url: Url,
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) sandbox: SocketAddr,
    pub(crate) clock: Clock,
    stop: Option<oneshot::Sender<()>>,
    done: Option<JoinHandle<anyhow::Result<()>>>,
    data: Option<TempDir>,
}

pub(crate) async fn spawn_gateway() -> Gateway {
    spawn_gateway_with(&[]).await
}

/// With some keys of the configuration set.
pub(crate) async fn spawn_gateway_with(settings: &[(&str, &str)]) -> Gateway {
    Gateway::spawn(tempfile::tempdir().unwrap(), settings).await
}

/// Another gateway on the data directory of one that has stopped.
pub(crate) async fn respawn_gateway(data: TempDir) -> Gateway {
    respawn_gateway_with(data, &[]).await
}

/// The same with other settings.
pub(crate) async fn respawn_gateway_with(data: TempDir, settings: &[(&str, &str)]) -> Gateway {
    Gateway::spawn(data, settings).await
}

impl Gateway {
    async fn spawn(data: TempDir, settings: &[(&str, &str)]) -> Self {
        let defaults = [
            ("server.bind", "127.0.0.1:0"),
            ("server.admin_bind", "127.0.0.1:0"),
            ("sandbox.bind", "127.0.0.1:0"),
            ("server.workers", "1"),
            ("server.drain_delay_s", "0"),
            ("server.data_dir", data.path().to_str().unwrap()),
            ("limits.scenes_per_address_per_min", "1000"),
            ("limits.token_per_address_per_min", "1000"),
        ];
        let set = defaults
            .iter()
            .chain(settings)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = config::load(&Overrides {
            file: None,
            set: set.collect(),
        })
        .unwrap();
        let clock = Clock::new();
        let app = App::build(config, clock.clone()).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (url, addr, admin) = (app.public_url(), app.addr(), app.admin_addr());
        // When WeChat is live there is none; nobody listens at port 0.
        let sandbox = app
            .sandbox_addr()
            .unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        let done = tokio::spawn(app.run_until(async {
            let _ = stopped.await;
        }));
        let gateway = Self {
            url,
            addr,
            admin,
            sandbox,
            clock,
            stop: Some(stop),
            done: Some(done),
            data: Some(data),
        };
        within("the gateway to be ready", gateway.ready()).await;
        gateway
    }

    /// One that runs elsewhere; its time cannot be moved, and whoever started it stops it.
    pub(crate) fn elsewhere(login: &str, admin: &str, sandbox: &str, clock: Clock) -> Self {
        let addr = |url: &str| Url::parse(url).unwrap().socket_addrs(|| None).unwrap()[0];
        Self {
            url: Url::parse(login).unwrap(),
            addr: addr(login),
            admin: addr(admin),
            sandbox: addr(sandbox),
            clock,
            stop: None,
            done: None,
            data: None,
        }
    }

    pub(crate) async fn ready(&self) {
        let url = format!("http://{}/readyz", self.admin);
        while !self
            .get(&url)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            tokio::task::yield_now().await;
        }
    }

    /// A page just opened.
    pub(crate) async fn browser(&self) -> Browser {
        Browser::open(self).await
    }

    /// A phone in the hands of this sandbox user.
    pub(crate) fn phone(&self, user: &str) -> Phone {
        Phone::new(self, user)
    }

    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub(crate) fn api(&self, path: &str) -> String {
        format!("{}api/v1{path}", self.url)
    }

    /// Moves the time of scenes, sessions and heartbeats.
    pub(crate) fn later(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// The value of one line of `/metrics`.
    pub(crate) async fn metric(&self, line: &str) -> f64 {
        let url = format!("http://{}/metrics", self.admin);
        let text = call(self.get(&url)).await.text;
        let value = text
            .lines()
            .find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a line of `/metrics` has this value.
    pub(crate) async fn until_metric(&self, line: &str, value: f64) {
        let reached = async { while (self.metric(line).await - value).abs() > f64::EPSILON {} };
        within(line, reached).await;
    }

    /// The status of `/readyz`.
    pub(crate) async fn readiness(&self) -> u16 {
        let url = format!("http://{}/readyz", self.admin);
        call(self.get(&url)).await.status
    }

    /// Asks it to stop, as SIGTERM does; [`Gateway::stop`] then waits for the end.
    pub(crate) fn ask_to_stop(&mut self) {
        self.stop.take();
    }

    /// Sets the sandbox's faults.
    pub(crate) async fn faults(&self, faults: Value) {
        let url = format!("http://{}/sandbox/api/faults", self.sandbox);
        let answer = call(self.method("PUT", &url).json(&faults)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Stops it as SIGTERM does, and gives the data directory back.
    pub(crate) async fn stop(mut self) -> TempDir {
        self.stop.take();
        within("the gateway to stop", self.done.take().unwrap())
            .await
            .unwrap()
            .unwrap();
        self.data.take().unwrap()
    }
}
