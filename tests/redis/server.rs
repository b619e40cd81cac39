//! Redis servers for tests, on a port each; nothing is left behind (`keep.sh`).

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

const KEEPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redis/keep.sh");

/// Ports that are tried: another program may take one before the server does.
const TRIES: u32 = 10;

/// A server that runs as long as this does.
pub(crate) struct Redis {
    keeper: Child,
    process: String,
    pub(crate) port: u16,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further options of `redis-server`.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let mut failed = String::new();
        for _ in 0..TRIES {
            match Self::try_start(free_port(), options) {
                Ok(server) => return server,
                Err(reason) => failed = reason,
            }
        }
        panic!("{failed}");
    }

    /// On a port that was another one's before.
    pub(crate) fn start_at(port: u16, options: &[&str]) -> Self {
        Self::try_start(port, options).unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn try_start(port: u16, options: &[&str]) -> Result<Self, String> {
        let mut keeper = Command::new(KEEPER)
            .arg(port.to_string())
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the tests; the keeper notices their end.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut said = String::new();
        let output = keeper.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut said).unwrap();
        let mut server = Self {
            keeper,
            process: String::new(),
            port,
        };
        let process = said.strip_prefix("ok ").ok_or_else(|| said.clone())?;
        process.trim().clone_into(&mut server.process);
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// It stands still: connections stay, nothing is answered.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.keeper.stdin.take();
        let _ = self.keeper.wait();
    }
}

/// A port that nobody listens on right now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
