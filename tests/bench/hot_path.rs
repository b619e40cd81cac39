//! The way from a callback to the socket: one step in the store, one event encoded, one write; beside it what a
//! waiting page costs to open. `cargo bench` prints times; compare them within one run.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up has no result"
)]

mod signed;

use std::{
    hint::black_box,
    io,
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use actix_http::ws::OpCode;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use scangate::{
    backend::memory::MemoryScenes,
    code::Locale,
    config::{AppId, Flow},
    ids::TraceId,
    protocol::{Encoded, Head, Person, StateEvent},
    push::{Dismissal, Registry, Slow, Watcher},
    rfc6455::Line,
    scene::{
        Advanced, Asker, Input, Lives, Opening, Phone, Scene, SceneId, SceneStore, Secret, qr,
    },
    user::{AvatarId, User, UserId},
};

const NOW: u64 = 1_795_312_000_000;
/// Pages that wait while one is told.
const WAITING: usize = 15_000;
/// Nothing of what is sent gets lost, however fast it is sent.
const MAX_UNREAD: u32 = 1 << 30;

const LIVES: Lives = Lives {
    pending: Duration::from_secs(120),
    website: Duration::from_secs(300),
    scanned: Duration::from_secs(180),
    verifying: Duration::from_secs(60),
    authorized: Duration::from_secs(60),
    end: Duration::from_secs(300),
};

/// A socket.
struct Page(Line);

impl Page {
    /// Open, with a browser that reads.
    async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut browser = TcpStream::connect(listener.local_addr()?)?;
        thread::spawn(move || io::copy(&mut browser, &mut io::sink()));
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self(Line::open(socket, MAX_UNREAD).await?))
    }
}

impl Watcher for Page {
    fn deliver(&self, _: SceneId, event: &Encoded) -> Result<(), Slow> {
        let sent = self.0.send(OpCode::Text, event.json.as_bytes());
        sent.map_err(|_unread| Slow)
    }

    fn dismiss(&self, _: SceneId, _: Dismissal) {}
}

fn pending() -> Scene {
    let opening = Opening {
        app: AppId::default_app(),
        flow: Flow::H5,
        asked: Flow::H5,
        challenge: [1; 32],
        locale: Locale::ZhCn,
        svg: true,
        return_to: None,
        browser_cookie: None,
        asker: Asker::default(),
        opened_at: NOW,
        trace_id: TraceId::random(),
    };
    Scene::open(
        SceneId::random(),
        &Secret::random(),
        Arc::new(opening),
        None,
        NOW,
        &LIVES,
    )
}

fn phone() -> Phone {
    Phone {
        openid: "o3_SC52D0dGguiCVE6tHoO4buyvc".to_owned(),
        tie: Some([2; 32]),
    }
}

fn confirm() -> Input {
    let user = User {
        id: UserId("01a20417-4d9c-761f-9ba5-6f318c703c1c".to_owned()),
        name: Some("李小龙".to_owned()),
        avatar: Some(AvatarId("AAECAwQFBgcICQoLDA0ODw".to_owned())),
    };
    Input::Confirm {
        phone: phone(),
        user,
        digits: None,
    }
}

fn scanned() -> Scene {
    pending()
        .advance(
            &Input::Scan {
                phone: phone(),
                known: None,
            },
            NOW,
            &LIVES,
        )
        .map_or_else(|_| pending(), |(scene, _)| scene)
}

fn authorized_event(scene: &Scene) -> Encoded {
    let user = Person {
        name: Some("李小龙".to_owned()),
        avatar: None,
    };
    StateEvent::Authorized {
        head: Head::of(scene, false),
        expires_at: scene.deadline,
        grant: "g".repeat(75),
        user,
    }
    .encode()
}

/// Puts the scene into the store; memory answers at once.
fn create(store: &MemoryScenes, scene: Scene) {
    let _ = store.create(scene).now_or_never();
}

fn step(store: &MemoryScenes, id: &SceneId, input: &Input) -> Option<Scene> {
    match store.advance(id, input, NOW).now_or_never()?.ok()? {
        Advanced::Done { scene, .. } | Advanced::Refused(_, scene) => Some(scene),
        Advanced::Unknown => None,
    }
}

fn hot_path(criterion: &mut Criterion) {
    let confirm = confirm();
    criterion.bench_function("transition", |bencher| {
        let scene = scanned();
        bencher.iter(|| black_box(&scene).advance(&confirm, NOW, &LIVES));
    });
    criterion.bench_function("event encoding", |bencher| {
        let scene = scanned();
        bencher.iter(|| authorized_event(black_box(&scene)));
    });

    let store = MemoryScenes::new(usize::MAX, LIVES);
    let registry = Registry::default();
    let runtime = signed::runtime();
    let page = runtime.block_on(Page::open()).unwrap();
    let watcher: Arc<dyn Watcher> = Arc::new(page);
    for _ in 0..WAITING {
        let scene = pending();
        registry.take_over(scene.id, watcher.clone());
        create(&store, scene);
    }
    criterion.bench_function("confirm to socket, 15000 waiting", |bencher| {
        bencher.iter_batched(
            || {
                let scene = scanned();
                let id = scene.id;
                registry.take_over(id, watcher.clone());
                create(&store, scene);
                id
            },
            |id| {
                if let Some(scene) = step(&store, &id, &confirm) {
                    registry.deliver(id, &authorized_event(&scene));
                }
                registry.leave(id, &watcher);
            },
            BatchSize::SmallInput,
        );
    });
}

fn opening(criterion: &mut Criterion) {
    let text = "https://login.example.com/s/7QmZx0kq9Tb3vYw2LpRs1A";
    criterion.bench_function("draw the QR", |bencher| {
        bencher.iter(|| qr::svg(black_box(text)))
    });
    criterion.bench_function("open a scene", |bencher| {
        let store = MemoryScenes::new(usize::MAX, LIVES);
        bencher.iter(|| create(&store, pending()));
    });
}

criterion_group!(benches, hot_path, opening, signed::message, signed::tokens);
criterion_main!(benches);
