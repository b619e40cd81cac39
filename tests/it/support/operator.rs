use std::{path::PathBuf, process::Output};

use serde_json::Value;
use tempfile::TempDir;

use super::{process::program, within};

/// Somebody with a shell beside the gateway, and the directory of its database.
pub(crate) struct Operator {
    pub(crate) data: TempDir,
}

impl Operator {
    pub(crate) fn new() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
        }
    }

    /// The `store.url` of both.
    pub(crate) fn store_url(&self) -> String {
        format!("sqlite://{}/scangate.db", self.data.path().display())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    /// `scangate users …`
    pub(crate) async fn users(&self, arguments: &[&str]) -> Output {
        self.command("users", arguments).await
    }

    /// `scangate events …`; it has to work. What it says.
    pub(crate) async fn events(&self, arguments: &[&str]) -> String {
        let output = self.command("events", arguments).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn command(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = program(name);
        command.args(arguments);
        for setting in [
            &format!("store.url={}", self.store_url()),
            "telemetry.log=error",
        ] {
            command.args(["--set", setting]);
        }
        within("the command", command.output()).await.unwrap()
    }

    /// The same; it has to work. What it says.
    pub(crate) async fn does(&self, arguments: &[&str]) -> String {
        let output = self.users(arguments).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same as JSON.
    pub(crate) async fn reads(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.does(arguments).await).unwrap()
    }

    /// Whether any file of the database holds these bytes.
    pub(crate) fn finds(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.data.path()).unwrap();
        let mut contents = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        contents.any(|bytes| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
    }
}
