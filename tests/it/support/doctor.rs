use std::{
    net::SocketAddr,
    process::{Output, Stdio},
};

use scangate::config::{
    SANDBOX_APP_SECRET, SANDBOX_ENCODING_AES_KEY, SANDBOX_TOKEN, SANDBOX_WEBSITE_APP_SECRET,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::Command,
};

use super::{Gateway, process::program, within};

/// What the last part of a secret's key is.
const SECRETS: [&str; 5] = [
    "app_secret",
    "token",
    "encoding_aes_key",
    "previous_encoding_aes_key",
    "admin_token",
];

/// `scangate check` under some settings.
#[derive(Clone)]
pub(crate) struct Doctor {
    settings: Vec<String>,
    options: Vec<String>,
}

/// What it said.
pub(crate) struct Findings {
    pub(crate) code: i32,
    pub(crate) json: Value,
}

impl Doctor {
    /// Where nothing runs; keys and files are looked for in `data`.
    pub(crate) fn new(data: &TempDir) -> Self {
        let doctor = Self {
            settings: Vec::new(),
            options: Vec::new(),
        };
        doctor
            .set("server.data_dir", data.path().display())
            .set("server.bind", "127.0.0.1:1")
            .set("server.admin_bind", "127.0.0.1:2")
            .set("sandbox.bind", "127.0.0.1:3")
    }

    /// Beside a gateway with its sandbox.
    pub(crate) fn beside(gateway: &Gateway, data: &TempDir) -> Self {
        Self::new(data)
            .set("server.bind", gateway.addr)
            .set("server.admin_bind", gateway.admin)
            .set("sandbox.bind", gateway.sandbox)
    }

    pub(crate) fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push(format!("{key}={}", value.to_string()));
        self
    }

    /// Several, as on the command line.
    pub(crate) fn with(mut self, settings: &[&str]) -> Self {
        self.settings
            .extend(settings.iter().copied().map(str::to_owned));
        self
    }

    pub(crate) fn option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = program("check");
        for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
            command.env_remove(name);
        }
        command.args(&self.options);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end. Whatever it finds, it tells no secret and does not panic.
    pub(crate) async fn output(&self) -> Output {
        self.told_by(self.command()).await
    }

    /// As [`Doctor::output`], of a command that was changed.
    pub(crate) async fn told_by(&self, mut command: Command) -> Output {
        let output = within("the doctor", command.output()).await.unwrap();
        let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
        let given = self
            .settings
            .iter()
            .filter_map(|setting| setting.split_once('='));
        let given = given.filter(|(key, _)| SECRETS.iter().any(|secret| key.ends_with(secret)));
        let own = [
            SANDBOX_APP_SECRET,
            SANDBOX_WEBSITE_APP_SECRET,
            SANDBOX_TOKEN,
            SANDBOX_ENCODING_AES_KEY,
        ];
        for secret in own.into_iter().chain(given.map(|(_, value)| value)) {
            for said in &said {
                assert!(!said.contains(secret), "{secret} is told: {said}");
            }
        }
        assert!(!said[1].contains("panicked"), "{}", said[1]);
        output
    }

    /// What it says to scripts.
    pub(crate) async fn findings(&self) -> Findings {
        let output = self.clone().option("--json").output().await;
        assert!(
            output.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let findings = Findings {
            code: output.status.code().unwrap(),
            json: serde_json::from_slice(&output.stdout).unwrap(),
        };
        let is_ok = findings
            .list()
            .iter()
            .all(|(_, verdict)| *verdict != "wrong");
        assert_eq!(findings.json["ok"], is_ok);
        assert_eq!(findings.code, i32::from(!is_ok), "{}", findings.json);
        findings
    }

    /// What it says to people.
    pub(crate) async fn text(&self) -> String {
        String::from_utf8(self.output().await.stdout).unwrap()
    }
}

impl Findings {
    /// Items with their verdicts, in order.
    pub(crate) fn list(&self) -> Vec<(&str, &str)> {
        let items = self.json["items"].as_array().unwrap().iter();
        items
            .map(|item| {
                (
                    item["item"].as_str().unwrap(),
                    item["verdict"].as_str().unwrap(),
                )
            })
            .collect()
    }

    /// Some finding about the item has this verdict, and a message with these words.
    pub(crate) fn say(&self, item: &str, verdict: &str, words: &str) {
        let items = self.json["items"].as_array().unwrap();
        let is_said = items.iter().any(|found| {
            found["item"] == item
                && found["verdict"] == verdict
                && found["message"].as_str().unwrap().contains(words)
        });
        assert!(is_said, "{item} {verdict} {words:?}: {:#}", self.json);
    }

    /// Nothing is said about the item.
    pub(crate) fn omit(&self, item: &str) {
        let is_said = self.list().iter().any(|(found, _)| *found == item);
        assert!(!is_said, "{item}: {:#}", self.json);
    }
}

/// Somebody who gives everybody the same answer, or none at all and holds the line, until the test ends.
pub(crate) async fn answering(answer: Option<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let Some(answer) = answer.clone() else {
                held.push(stream);
                continue;
            };
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}
