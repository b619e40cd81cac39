use std::{
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Output, Stdio},
};

use scangate::{
    clock::Clock,
    config::{self, Overrides},
    token::KeySource,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
};
use url::Url;

use super::{Gateway, within};

/// The real program, as somebody starts it.
pub(crate) struct Process {
    child: Child,
    pub(crate) welcome: Vec<String>,
    output: Option<Lines<BufReader<ChildStdout>>>,
    _data: TempDir,
}

/// A start that cannot succeed, to its end.
pub(crate) async fn refused_process(settings: &[&str]) -> Output {
    let data = tempfile::tempdir().unwrap();
    let output = command(&data, settings).output();
    within("the program to refuse", output).await.unwrap()
}

/// Keys as the first start of a gateway makes them.
pub(crate) async fn make_keys(dir: &Path) {
    let dir = dir.to_str().unwrap().to_owned();
    let overrides = Overrides {
        file: None,
        set: vec![("token.key_dir".to_owned(), dir)],
    };
    let config = config::load(&overrides).unwrap();
    let source = KeySource::of(&config, None);
    source.open(Clock::new().wall()).await.unwrap();
}

/// `scangate keys` on a directory of keys, to its end.
pub(crate) async fn keys_command(dir: &TempDir, words: &[&str]) -> Output {
    keys_command_with(&[format!("token.key_dir={}", dir.path().display())], words).await
}

/// The same with these settings.
pub(crate) async fn keys_command_with(settings: &[String], words: &[&str]) -> Output {
    let mut command = program("keys");
    command.args(words);
    for setting in settings {
        command.args(["--set", setting]);
    }
    within("scangate keys", command.output()).await.unwrap()
}

/// The program under that command; nothing of this environment is set for it.
pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scangate"));
    command.arg(name).kill_on_drop(true).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if name.starts_with("SCANGATE_") {
            command.env_remove(name);
        }
    }
    command
}

fn command(data: &TempDir, settings: &[&str]) -> Command {
    let mut command = program("serve");
    let data = format!("server.data_dir={}", data.path().display());
    let own = [
        "server.bind=127.0.0.1:0",
        "server.admin_bind=127.0.0.1:0",
        "sandbox.bind=127.0.0.1:0",
        "server.drain_delay_s=0",
        "server.workers=1",
        "telemetry.log=off",
        &data,
    ];
    for setting in own.iter().chain(settings) {
        command.args(["--set", setting]);
    }
    command
}

impl Process {
    /// Started, and ready to serve.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let mut process = Self::begin_under(settings, &[]);
        process.served().await;
        process
    }

    /// Started; it may have to wait before it serves. Gives its log, too.
    pub(crate) fn begin(settings: &[&str]) -> (Self, Lines<BufReader<ChildStderr>>) {
        let mut process = Self::spawn(settings, &[], Stdio::piped());
        let log = process.child.stderr.take().unwrap();
        (process, BufReader::new(log).lines())
    }

    /// Started with more in its environment; it may have to wait before it serves.
    pub(crate) fn begin_under(settings: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(settings, environment, Stdio::inherit())
    }

    fn spawn(settings: &[&str], environment: &[(&str, &str)], log: Stdio) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = command(&data, settings);
        command.envs(environment.iter().copied());
        let child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        Self {
            child,
            welcome: Vec::new(),
            output: None,
            _data: data,
        }
    }

    /// Waits until it serves.
    pub(crate) async fn served(&mut self) {
        self.welcomed().await;
        let ready = async { while self.readiness().await.0 != 200 {} };
        within("the program to be ready", ready).await;
    }

    /// Waits until its ports are open.
    pub(crate) async fn welcomed(&mut self) {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        while !self
            .welcome
            .last()
            .is_some_and(|line| line.trim().starts_with("data "))
        {
            let line = within("the welcome", lines.next_line()).await.unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended after {:?}", self.welcome));
            self.welcome.push(line);
        }
        self.output = Some(lines);
    }

    /// What `/readyz` says, and its status; 0 while nobody answers.
    pub(crate) async fn readiness(&self) -> (u16, String) {
        let url = self.url("admin").join("/readyz").unwrap();
        match reqwest::get(url).await {
            Ok(answer) => (answer.status().into(), answer.text().await.unwrap()),
            Err(_) => (0, String::new()),
        }
    }

    /// The address in the welcome's line of that name.
    pub(crate) fn url(&self, name: &str) -> Url {
        let line = self
            .welcome
            .iter()
            .find(|line| line.trim().starts_with(name));
        let mut words = line
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.welcome))
            .split_whitespace();
        Url::parse(words.find(|word| word.starts_with("http")).unwrap()).unwrap()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.url("login page").socket_addrs(|| None).unwrap()[0]
    }

    /// What browsers, phones and operators find there; its time cannot be moved.
    pub(crate) fn gateway(&self) -> Gateway {
        let [login, admin, phone] = ["login page", "admin", "phone"].map(|name| self.url(name));
        Gateway::elsewhere(login.as_str(), admin.as_str(), phone.as_str(), Clock::new())
    }

    /// The memory it has in use, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The next line of its output behind the welcome.
    pub(crate) async fn line(&mut self) -> String {
        let lines = self.output.as_mut().unwrap();
        let line = within("a line of output", lines.next_line()).await;
        line.unwrap().unwrap()
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) async fn kill(mut self) {
        within("the program to die", self.child.kill())
            .await
            .unwrap();
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) async fn terminate(self) -> ExitStatus {
        self.ask_to_stop().await;
        self.ended().await
    }

    /// Sends SIGTERM.
    pub(crate) async fn ask_to_stop(&self) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(within("kill", sent).await.unwrap().success());
    }

    /// Waits for the end.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        within("the program to end", self.child.wait())
            .await
            .unwrap()
    }
}
