//! Three gateways and all they need: Redis, PostgreSQL, somebody who plays WeChat, a balancer, and wires that fail.

use std::{io::Write, net::SocketAddr, process::Stdio, sync::Arc};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Child,
};

use crate::{
    balancer::{Balancer, Kind},
    gateway::{Gateway, free, program},
    journal::{Entry, Fact, Journal},
    postgres::Server,
    redis::Redis,
    say, until,
    wire::{Tap, Wire},
};

/// Where people find everything, and the book of what happens to them.
pub(crate) struct World {
    pub(crate) balancer: SocketAddr,
    pub(crate) sandbox: SocketAddr,
    pub(crate) http: reqwest::Client,
    pub(crate) journal: Journal,
}

/// What keeps the scenes.
pub(crate) enum Keeper {
    /// One Redis, behind a wire for each gateway.
    Alone {
        redis: Option<Redis>,
        wires: Vec<Wire>,
    },
    /// A master, its replica, and three sentinels that agree by two.
    Watched {
        master: Option<Redis>,
        replica: Redis,
        sentinels: [Redis; 3],
    },
}

pub(crate) struct Fleet {
    // In the order in which they go.
    _balancer: Balancer,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) wechat: Vec<Wire>,
    pub(crate) keeper: Keeper,
    pub(crate) postgres: Server,
    _sandbox: Child,
    pub(crate) world: Arc<World>,
    folder: TempDir,
}

impl World {
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.balancer)
    }
}

impl Keeper {
    async fn alone() -> Self {
        let redis = Redis::start();
        let server = SocketAddr::from(([127, 0, 0, 1], redis.port));
        let mut wires = Vec::new();
        for _ in 0..3 {
            wires.push(Wire::to_redis(server).await);
        }
        let redis = Some(redis);
        Self::Alone { redis, wires }
    }

    async fn watched() -> Self {
        // A replica is given everything at once, not after five seconds.
        let master = Redis::start_with(&["--repl-diskless-sync-delay", "0"]);
        let replica = Redis::replica_of(master.port);
        until("the replica has everything", async || {
            says(replica.port, "ROLE", "connected").await
        })
        .await;
        let sentinels = [(); 3].map(|()| Redis::sentinel_of(master.port, 2));
        Self::Watched {
            master: Some(master),
            replica,
            sentinels,
        }
    }

    fn url(&self, nth: usize) -> String {
        match self {
            Self::Alone { wires, .. } => format!("redis://{}", wires[nth].addr),
            Self::Watched { sentinels, .. } => {
                let all = sentinels
                    .each_ref()
                    .map(|one| format!("127.0.0.1:{}", one.port));
                format!("redis+sentinel://{}/main", all.join(","))
            }
        }
    }
}

impl Fleet {
    pub(crate) async fn start(kind: Kind) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("scangate-faults-")
            .tempdir()
            .unwrap();
        let (sandbox, wechat) = play_wechat().await;
        let world = Arc::new(World {
            balancer: free("127.0.2.1"),
            sandbox: wechat,
            http: crate::http().build().unwrap(),
            journal: Journal::new(),
        });
        let keeper = match kind {
            Kind::HaProxy => Keeper::alone().await,
            Kind::Nginx => Keeper::watched().await,
        };
        let mut postgres = Server::start();
        let database = postgres.create();
        let shared = shared(&world, &postgres.url("postgres", &database));
        let (mut gateways, mut wires) = (Vec::new(), Vec::new());
        for (nth, name) in ["a1", "a2", "a3"].into_iter().enumerate() {
            let wire = Wire::to_wechat(wechat, tap(&world, name)).await;
            let host = format!("127.0.1.{}", nth + 1);
            let own = own(nth, &keeper, &wire);
            let mut gateway =
                Gateway::at(&host, name, folder.path(), &[&shared[..], &own].concat());
            gateway.start().await;
            gateways.push(gateway);
            wires.push(wire);
        }
        let balancer = Balancer::start(kind, world.balancer, &gateways, folder.path()).await;
        Self {
            _balancer: balancer,
            gateways,
            wechat: wires,
            keeper,
            postgres,
            _sandbox: sandbox,
            world,
            folder,
        }
    }

    pub(crate) fn wires(&self) -> &[Wire] {
        match &self.keeper {
            Keeper::Alone { wires, .. } => wires,
            Keeper::Watched { .. } => &[],
        }
    }

    /// Its logs, and what happened, outlive it.
    pub(crate) fn keep(&mut self, entries: &[Entry]) {
        let lines: Vec<_> = entries.iter().map(|entry| format!("{entry:?}\n")).collect();
        let journal = self.folder.path().join("journal");
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(journal);
        let written = file.and_then(|mut file| file.write_all(lines.concat().as_bytes()));
        self.folder.disable_cleanup(true);
        say(&format!(
            "  kept in {}: {written:?}",
            self.folder.path().display()
        ));
    }

    /// Which one has that name.
    pub(crate) fn named(&self, name: &str) -> usize {
        let all = self.gateways.iter();
        all.map(|gateway| &gateway.name)
            .position(|other| other == name)
            .unwrap()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep(&self.world.journal.take());
        }
    }
}

/// What is one gateway's alone.
fn own(nth: usize, keeper: &Keeper, wechat: &Wire) -> [String; 3] {
    // One of them asks for digits, the others do not: both ways to `authorized` are gone.
    let asks = if nth == 1 { "always" } else { "off" };
    [
        format!("cluster.url={}", keeper.url(nth)),
        format!("wechat.api_base=http://{}", wechat.addr),
        format!("scene.number_match={asks}"),
    ]
}

fn shared(world: &World, store: &str) -> Vec<String> {
    let wechat = world.sandbox;
    vec![
        format!("server.public_url={}", world.origin()),
        "server.trusted_proxies=127.0.0.0/8".to_owned(),
        "server.workers=2".to_owned(),
        // Longer than HAProxy takes to notice, and not much.
        "server.drain_delay_s=3".to_owned(),
        "server.grace_s=15".to_owned(),
        // Codes that nobody scans end soon enough to wait for it.
        "scene.pending_ttl_s=12".to_owned(),
        // Whom a gateway knows is asked for name and picture again soon: many logins go over WeChat twice.
        "users.profile_ttl_s=10".to_owned(),
        format!("store.url={store}"),
        // The keys lie in the store, wrapped by this one.
        format!("token.master_key={}=", "A".repeat(43)),
        format!("wechat.open_base=http://{wechat}"),
        format!("wechat.mp_base=http://{wechat}"),
        "telemetry.log=info,actix_server=warn".to_owned(),
    ]
}

/// Whether a Redis answers a command with this word somewhere.
pub(crate) async fn says(port: u16, command: &str, word: &str) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .await?;
        let mut answer = vec![0; 256];
        let length = stream.read(&mut answer).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&answer[..length]).contains(word))
    };
    asked.await.unwrap_or(false)
}

/// `scangate sandbox`, and where it is.
async fn play_wechat() -> (Child, SocketAddr) {
    let mut command = program(env!("CARGO_BIN_EXE_scangate"), "KILL");
    command.args(["sandbox", "--set", "sandbox.bind=127.0.0.1:0"]);
    command.args(["--set", "telemetry.log=warn"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let welcome = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the sandbox runs");
            if let Some(rest) = line.trim().strip_prefix("phone") {
                let addr = rest.trim().strip_prefix("http://").unwrap();
                break addr.strip_suffix("/phone").unwrap().parse().unwrap();
            }
        }
    };
    let addr = tokio::time::timeout(crate::PATIENCE, welcome).await;
    (child, addr.expect("the sandbox starts"))
}

/// Writes down each code that a gateway exchanges, and asks under the sandbox's name, which is the only one it answers
/// to. A request of this length is one chunk.
fn tap(world: &Arc<World>, node: &str) -> Tap {
    let (world, node) = (Arc::clone(world), node.to_owned());
    Arc::new(move |asked| {
        let asked = String::from_utf8_lossy(asked);
        let exchanges = asked.split("GET /sns/oauth2/access_token?").skip(1);
        for query in exchanges.filter_map(|rest| rest.split(' ').next()) {
            let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
            let (node, code) = (node.clone(), code.unwrap_or_default().to_owned());
            world.journal.write(Fact::Exchanged { node, code });
        }
        let (before, host) = asked.split_once("\r\nhost: ").unwrap_or((&asked, ""));
        let after = host.split_once("\r\n").map_or("", |(_, after)| after);
        format!("{before}\r\nhost: {}\r\n{after}", world.sandbox).into_bytes()
    })
}
