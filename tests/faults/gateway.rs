//! Programs as somebody runs them, and the signals they get. They die with the tests, whatever ends those.

use std::{net::SocketAddr, path::Path, process::Stdio};

use tokio::process::{Child, Command};

use crate::until;

/// A program under a keeper that sends it `signal` when the tests are gone.
pub(crate) fn program(name: &str, signal: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal, name]);
    command.kill_on_drop(true).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    for (name, _) in std::env::vars() {
        if name.starts_with("SCANGATE_") {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn signal(child: &Child, signal: &str) {
    if let Some(id) = child.id() {
        let sent = std::process::Command::new("kill")
            .args([signal, &id.to_string()])
            .status();
        assert!(sent.unwrap().success(), "kill {signal}");
    }
}

/// One gateway: a place for it, and the process that is there now.
pub(crate) struct Gateway {
    pub(crate) name: String,
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    settings: Vec<String>,
    log: std::fs::File,
    child: Option<Child>,
}

impl Gateway {
    /// In a place of its own, not yet started. Nobody connects from `host`, so its ports stay free when it is away.
    pub(crate) fn at(host: &str, name: &str, folder: &Path, shared: &[String]) -> Self {
        let (addr, admin) = (free(host), free(host));
        let data = folder.join(name);
        std::fs::create_dir_all(&data).unwrap();
        let own = [
            format!("server.bind={addr}"),
            format!("server.admin_bind={admin}"),
            format!("server.data_dir={}", data.display()),
            format!("cluster.node={name}"),
            "sandbox.bind=127.0.0.1:0".to_owned(),
        ];
        let log = std::fs::File::create(folder.join(format!("{name}.log"))).unwrap();
        Self {
            name: name.to_owned(),
            addr,
            admin,
            settings: shared.iter().cloned().chain(own).collect(),
            log,
            child: None,
        }
    }

    /// Starts it, and waits until it is ready.
    pub(crate) async fn start(&mut self) {
        let loadtest = concat!(env!("CARGO_MANIFEST_DIR"), "/config/loadtest.toml");
        let mut command = program(env!("CARGO_BIN_EXE_scangate"), "KILL");
        command.args(["serve", "--config", loadtest]);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        let log = self.log.try_clone().unwrap();
        self.child = Some(command.stderr(log).spawn().unwrap());
        self.ready().await;
    }

    pub(crate) async fn ready(&mut self) {
        let url = format!("http://{}/readyz", self.admin);
        let http = crate::http().build().unwrap();
        until(&format!("{} is ready", self.name), async || {
            let child = self.child.as_mut().unwrap();
            assert!(
                child.try_wait().unwrap().is_none(),
                "{} has ended",
                self.name
            );
            let answer = http.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }

    /// `kill -9`, as a machine that loses its power.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        signal(&child, "-KILL");
        child.wait().await.unwrap();
    }

    /// SIGTERM, and the end it comes to.
    pub(crate) async fn terminate(&mut self) {
        let mut child = self.child.take().unwrap();
        signal(&child, "-TERM");
        let ended = tokio::time::timeout(crate::PATIENCE, child.wait()).await;
        let status = ended.expect("a gateway stops in time").unwrap();
        assert!(status.success(), "{} ended with {status}", self.name);
    }

    pub(crate) fn pause(&self) {
        signal(self.child.as_ref().unwrap(), "-STOP");
    }

    pub(crate) fn resume(&self) {
        signal(self.child.as_ref().unwrap(), "-CONT");
    }
}

/// An address there that nobody listens on right now, nor takes for a connection of his own.
pub(crate) fn free(host: &str) -> SocketAddr {
    let listener = std::net::TcpListener::bind((host, 0)).unwrap();
    listener.local_addr().unwrap()
}
