//! A gateway that this program starts, on ports and in a directory of its own, and stops.

use std::{
    fs::{self, DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use url::Url;

use crate::process::Process;

/// How long it may take to say where its login page is.
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What the line begins with that says where people log in.
const LOGIN_PAGE: &str = "login page";
/// What the line begins with that says which gateway it is.
const NAME: &str = "scangate ";
/// What it wrote, in its directory.
const OUTPUT: &str = "output";

#[derive(Debug)]
pub(crate) struct Gateway {
    command: String,
    folder: PathBuf,
    child: Child,
    /// What people type.
    pub(crate) url: Url,
    pub(crate) version: Option<String>,
}

impl Gateway {
    /// Starts it and waits until it serves.
    pub(crate) async fn start(command: &str) -> anyhow::Result<Self> {
        let folder = own_folder()?;
        match launch(command, &folder, None).await {
            Ok((child, url)) => Ok(Self {
                command: command.to_owned(),
                version: version(&fs::read_to_string(folder.join(OUTPUT)).unwrap_or_default()),
                folder,
                child,
                url,
            }),
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    pub(crate) fn process(&self) -> anyhow::Result<Process> {
        let pid = self.child.id().context("the gateway is gone")?;
        Ok(Process { pid })
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.process()?.pid)?;
        let pid = Pid::from_raw(pid).context("no process")?;
        kill_process(pid, Signal::TERM).context("the gateway cannot be asked to stop")?;
        let status: ExitStatus = timeout(STOP, self.child.wait())
            .await
            .with_context(|| format!("the gateway did not stop within {STOP:?}"))??;
        ensure!(status.success(), "the gateway stopped with {status}");
        Ok(())
    }

    /// Starts it again, where it was.
    pub(crate) async fn start_again(&mut self) -> anyhow::Result<()> {
        let port = self.url.port_or_known_default();
        (self.child, self.url) = launch(&self.command, &self.folder, port).await?;
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It ends with its handle (`kill_on_drop`), if it has not been stopped; what it wrote is of no use to anybody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A new directory that only its owner reads: keys will lie there.
fn own_folder() -> anyhow::Result<PathBuf> {
    let base = std::env::temp_dir();
    for number in 0..1_000 {
        let folder = base.join(format!("loadtest-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| folder.display().to_string()),
        }
    }
    bail!("{} is full of earlier runs", base.display())
}

async fn launch(command: &str, folder: &Path, port: Option<u16>) -> anyhow::Result<(Child, Url)> {
    let output = folder.join(OUTPUT);
    let out = File::create(&output).with_context(|| output.display().to_string())?;
    let data = format!("server.data_dir={}", folder.join("data").display());
    let bind = format!("server.bind=127.0.0.1:{}", port.unwrap_or(0));
    let own = [
        data.as_str(),
        &bind,
        "server.admin_bind=127.0.0.1:0",
        "sandbox.bind=127.0.0.1:0",
    ];
    let mut shell = Command::new("sh");
    // With `exec` the process is the gateway itself, also behind taskset or nice.
    shell
        .arg("-c")
        .arg(format!("exec {command} \"$@\""))
        .arg("gateway");
    for setting in own {
        shell.arg("--set").arg(setting);
    }
    let child = shell
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("--gateway")?;
    let (child, url) = until_it_serves(child, &output).await?;
    Ok((child, url))
}

async fn until_it_serves(mut child: Child, output: &Path) -> anyhow::Result<(Child, Url)> {
    let gives_up_at = Instant::now() + START;
    loop {
        let said = fs::read_to_string(output).unwrap_or_default();
        if let Some(url) = login_page(&said) {
            return Ok((child, url));
        }
        let ended = child.try_wait()?;
        if ended.is_some() || Instant::now() >= gives_up_at {
            bail!("--gateway did not say where its login page is; it said:\n{said}");
        }
        sleep(LOOK_EVERY).await;
    }
}

fn login_page(said: &str) -> Option<Url> {
    let (_, line) = said.split_once(LOGIN_PAGE)?;
    // Without the end of the line it may not be the whole address.
    let (url, _) = line.split_once('\n')?;
    Url::parse(url.trim()).ok()
}

fn version(said: &str) -> Option<String> {
    let version = said.lines().find_map(|line| line.strip_prefix(NAME));
    version.map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_page_is_found() {
        let said = "scangate 0.1.0\n  login page  http://127.0.0.1:34567/\n  admin  http://x/\n";
        let url = Url::parse("http://127.0.0.1:34567/").unwrap();
        assert_eq!(login_page(said), Some(url));
        assert_eq!(version(said).as_deref(), Some("0.1.0"));
        assert_eq!(login_page("  login page  http://127.0.0.1:345"), None);
        assert_eq!(login_page("error: port taken\n"), None);
    }

    #[tokio::test]
    async fn a_gateway_is_started_stopped_and_cleaned_up() {
        let script =
            "echo login page http://127.0.0.1:1/; trap 'exit 0' TERM; while :; do sleep 0.01; done";
        let command = format!("sh -c {}", quoted(script));
        let mut gateway = Gateway::start(&command).await.unwrap();
        let folder = gateway.folder.clone();
        assert_eq!(gateway.url.as_str(), "http://127.0.0.1:1/");
        gateway.stop().await.unwrap();
        gateway.start_again().await.unwrap();
        gateway.stop().await.unwrap();
        assert!(folder.exists());
        drop(gateway);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn what_a_gateway_said_is_told_when_it_does_not_start() {
        let error = Gateway::start("sh -c 'echo no room; exit 3'").await;
        assert!(error.unwrap_err().to_string().contains("no room"));
        let error = Gateway::start("/nowhere/scangate").await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/scangate"), "{error}");
    }

    fn quoted(script: &str) -> String {
        format!("'{}'", script.replace('\'', r"'\''"))
    }
}
