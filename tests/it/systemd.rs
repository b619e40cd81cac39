//! What systemd hears of the real program, at a socket of its own.

use tempfile::TempDir;
use tokio::net::UnixDatagram;

use crate::support::{Process, call, within};

const READY: &str = "READY=1\n";
const STOPPING: &str = "STOPPING=1\n";
const ALIVE: &str = "WATCHDOG=1\n";

/// Systemd's end.
struct Systemd {
    socket: UnixDatagram,
    path: String,
    _folder: TempDir,
}

impl Systemd {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        Self {
            socket: UnixDatagram::bind(&path).unwrap(),
            path: path.to_str().unwrap().to_owned(),
            _folder: folder,
        }
    }

    async fn told(&self) -> String {
        let mut text = [0; 64];
        let length = within("a word to systemd", self.socket.recv(&mut text)).await;
        String::from_utf8(text[..length.unwrap()].to_vec()).unwrap()
    }

    /// Everything that was said before now and not read yet.
    fn told_since(&self) -> Vec<String> {
        let mut text = [0; 64];
        let words = std::iter::from_fn(|| {
            let length = self.socket.try_recv(&mut text).ok()?;
            Some(String::from_utf8(text[..length].to_vec()).unwrap())
        });
        words.collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_when_it_is_ready_and_when_it_stops() {
    let systemd = Systemd::new();
    let mut process = Process::begin_under(&[], &[("NOTIFY_SOCKET", &systemd.path)]);
    assert_eq!(systemd.told().await, READY);
    process.welcomed().await;
    let ready = process.url("admin").join("/readyz").unwrap();
    let answer = call(reqwest::Client::new().get(ready)).await;
    assert_eq!(answer.status, 200, "everything serves at that moment");
    assert_eq!(systemd.told_since(), [] as [&str; 0], "and until it stops");

    assert!(process.terminate().await.success());
    assert_eq!(systemd.told_since(), [STOPPING], "once");
}

/// Also while it stops, which may take longer than systemd waits for a sign of life.
#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_that_it_lives_until_its_end() {
    let systemd = Systemd::new();
    let environment = [
        ("NOTIFY_SOCKET", systemd.path.as_str()),
        ("WATCHDOG_USEC", "100000"),
    ];
    let process = Process::begin_under(&["server.drain_delay_ms=500"], &environment);
    assert_eq!(systemd.told().await, READY);
    for _ in 0..3 {
        assert_eq!(systemd.told().await, ALIVE);
    }
    process.ask_to_stop().await;
    while systemd.told().await != STOPPING {}
    for _ in 0..3 {
        assert_eq!(systemd.told().await, ALIVE);
    }
    assert!(process.ended().await.success());
}

/// As systemd says with `WATCHDOG_PID`: the environment is inherited by whoever is started next.
#[tokio::test(flavor = "multi_thread")]
async fn a_watchdog_of_another_process_is_not_fed() {
    let systemd = Systemd::new();
    let environment = [
        ("NOTIFY_SOCKET", systemd.path.as_str()),
        ("WATCHDOG_USEC", "20000"),
        ("WATCHDOG_PID", "1"),
    ];
    let mut process = Process::begin_under(&[], &environment);
    process.served().await;
    assert!(process.terminate().await.success());
    assert_eq!(systemd.told_since(), [READY, STOPPING]);
}
