//! PostgreSQL servers for tests, on a Unix socket each: no port is taken, and nothing is left behind (`keep.sh`).

use std::{
    io::{BufRead, BufReader, Lines, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

const KEEPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres/keep.sh");

/// A server that runs as long as this does.
pub(crate) struct Server {
    keeper: Child,
    input: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    folder: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::try_start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn try_start() -> Result<Self, String> {
        let mut keeper = Command::new(KEEPER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests; the keeper notices their end.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut server = Self {
            input: keeper.stdin.take(),
            answers: BufReader::new(keeper.stdout.take().unwrap()).lines(),
            keeper,
            folder: String::new(),
        };
        server.folder = server.answer()?;
        Ok(server)
    }

    /// Has the keeper do something, and gives what it says to it.
    pub(crate) fn tell(&mut self, command: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
        self.answer().unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn answer(&mut self) -> Result<String, String> {
        let line = self.answers.next().ok_or("the keeper has gone")?.unwrap();
        let answer = line.strip_prefix("ok").ok_or_else(|| line.clone())?;
        Ok(answer.trim().to_owned())
    }

    /// Makes an empty database; gives its name.
    pub(crate) fn create(&mut self) -> String {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.tell(&format!("sql postgres CREATE DATABASE {name}"));
        name
    }

    /// Where a role finds a database: `postgres`, or `role:password`.
    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        format!(
            "postgres://{role}@localhost/{database}?host={}",
            self.folder
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.input.take();
        let _ = self.keeper.wait();
    }
}

/// A database of a test's own, on the server that all tests of this process share.
pub(crate) struct Database {
    name: String,
}

impl Database {
    pub(crate) fn create() -> Self {
        let name = with_shared(Server::create);
        Self { name }
    }

    /// As the superuser.
    pub(crate) fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// As a role, or `role:password`.
    pub(crate) fn url_of(&self, role: &str) -> String {
        with_shared(|server| server.url(role, &self.name))
    }

    /// Runs a statement as the superuser; gives what it shows.
    pub(crate) fn sql(&self, text: &str) -> String {
        with_shared(|server| server.tell(&format!("sql {} {text}", self.name)))
    }
}

fn with_shared<T>(work: impl FnOnce(&mut Server) -> T) -> T {
    // Nobody drops it: its keeper ends it when this process has gone.
    static SHARED: OnceLock<Result<Mutex<Server>, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| Server::try_start().map(Mutex::new));
    let shared = shared.as_ref().unwrap_or_else(|reason| panic!("{reason}"));
    work(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}
