//! A peer that this program starts (`loadtest/peers`) and ends.

use std::{net::TcpListener, process::Stdio, time::Duration};

use anyhow::{Context, bail, ensure};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};
use url::Url;

use crate::process::Process;

/// How long it may take to listen.
const START: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What its command has in place of the port.
const PORT: &str = "{port}";

#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    pub(crate) url: Url,
}

impl Peer {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(command: &str) -> anyhow::Result<Self> {
        ensure!(
            command.contains(PORT),
            "--peer: {command} has no {PORT} to listen on"
        );
        let port = free_port()?;
        let command = command.replace(PORT, &port.to_string());
        let mut child = Command::new("sh")
            .arg("-c")
            // With `exec` the process is the peer itself, also behind taskset or nice.
            .arg(format!("exec {command}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("--peer")?;
        let gives_up_at = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("--peer {command} ended with {status} before it listened");
            }
            ensure!(
                Instant::now() < gives_up_at,
                "--peer {command} does not listen"
            );
            sleep(LOOK_EVERY).await;
        }
        let url = Url::parse(&format!("http://127.0.0.1:{port}/"))?;
        Ok(Self { child, url })
    }

    pub(crate) fn process(&self) -> anyhow::Result<Process> {
        let pid = self.child.id().context("the peer is gone")?;
        Ok(Process { pid })
    }

    /// Ends it; it has nothing to lose.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the peer ended by itself, with {status}");
        }
        Ok(self.child.kill().await?)
    }
}

/// A port that nobody listens on now; whoever takes it before the peer does is told of by the peer.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_that_does_not_start_is_named() {
        let error = Peer::start("sh -c 'exit 3' {port}").await.unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        let error = Peer::start("true").await.unwrap_err();
        assert!(error.to_string().contains("{port}"), "{error}");
    }
}
