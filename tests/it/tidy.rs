//! The shape of the source, held by a test: which module may import which, how long a file may be.

use std::{collections::BTreeMap, fs};

use crate::support::source::{files, imports, root, sources};

/// What each module may import from this crate. Below it means above in this list only by chance: the edges are what
/// counts, and they form no circle (checked below).
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "app",
            "clock",
            "code",
            "config",
            "event",
            "geo",
            "ids",
            "outbound",
            "sandbox",
            "tasks",
            "telemetry",
            "token",
            "user",
            "wechat",
        ],
    ),
    (
        "app",
        &[
            "admin",
            "api",
            "avatar",
            "backend",
            "clock",
            "cluster",
            "config",
            "docs",
            "event",
            "geo",
            "http",
            "ids",
            "login",
            "outbound",
            "callback",
            "password",
            "phone",
            "protocol",
            "push",
            "rfc6455",
            "sandbox",
            "scene",
            "tasks",
            "telemetry",
            "token",
            "user",
            "websocket",
            "wechat",
        ],
    ),
    (
        "admin",
        &["code", "ids", "login", "telemetry", "token", "wechat"],
    ),
    ("api", &DOOR),
    ("docs", &["http"]),
    ("websocket", &DOOR),
    ("phone", &DOOR),
    ("callback", &["clock", "login", "telemetry", "code"]),
    (
        "avatar",
        &[
            "cluster", "code", "config", "http", "ids", "outbound", "user",
        ],
    ),
    (
        "http",
        &["clock", "code", "config", "ids", "login", "scene", "token"],
    ),
    (
        "login",
        &[
            "clock",
            "cluster",
            "code",
            "config",
            "event",
            "geo",
            "ids",
            "protocol",
            "push",
            "scene",
            "tasks",
            "telemetry",
            "token",
            "user",
            "wechat",
        ],
    ),
    (
        "password",
        &[
            "clock",
            "code",
            "config",
            "event",
            "ids",
            "login",
            "tasks",
            "telemetry",
            "token",
            "user",
        ],
    ),
    (
        "push",
        &[
            "clock",
            "cluster",
            "ids",
            "protocol",
            "scene",
            "tasks",
            "telemetry",
            "token",
        ],
    ),
    (
        "backend",
        &[
            "clock", "cluster", "config", "event", "ids", "scene", "token", "user",
        ],
    ),
    (
        "wechat",
        &[
            "clock", "cluster", "code", "config", "ids", "outbound", "tasks",
        ],
    ),
    ("rfc6455", &["clock"]),
    (
        "protocol",
        &["clock", "code", "config", "ids", "scene", "token"],
    ),
    (
        "scene",
        &["clock", "cluster", "code", "config", "ids", "user"],
    ),
    (
        "token",
        &["clock", "cluster", "code", "config", "event", "ids", "user"],
    ),
    (
        "event",
        &[
            "clock",
            "cluster",
            "config",
            "ids",
            "outbound",
            "tasks",
            "telemetry",
        ],
    ),
    ("user", &["clock", "cluster", "ids"]),
    ("cluster", &["clock"]),
    (
        "sandbox",
        &["clock", "config", "ids", "outbound", "tasks", "telemetry"],
    ),
    ("tasks", &["telemetry"]),
    ("telemetry", &["config"]),
    ("outbound", &["config"]),
    ("config", &["clock", "code", "ids"]),
    ("geo", &["code"]),
    ("ids", &["clock"]),
    ("clock", &[]),
    ("code", &[]),
];

/// What a door may know: never another door, never a store.
const DOOR: [&str; 16] = [
    "clock",
    "code",
    "config",
    "http",
    "ids",
    "login",
    "password",
    "protocol",
    "push",
    "rfc6455",
    "scene",
    "tasks",
    "telemetry",
    "token",
    "user",
    "cluster",
];

/// Crates that end in certain modules.
const CONFINED: &[(&str, &[&str])] = &[
    (
        "actix_web",
        &[
            "app",
            "admin",
            "api",
            "websocket",
            "phone",
            "callback",
            "avatar",
            "docs",
            "http",
            "sandbox",
        ],
    ),
    ("actix_http", &["app", "http", "rfc6455", "websocket"]),
    ("actix_ws", &["rfc6455", "websocket"]),
    (
        "reqwest",
        &["wechat", "outbound", "avatar", "cli", "event", "sandbox"],
    ),
    ("moka", &["avatar"]),
    ("sqlx", &["backend"]),
    // The crate and our module share a name: `app` picks the module.
    ("redis", &["app", "backend"]),
    ("dashmap", &["backend", "push"]),
    ("jsonwebtoken", &["token"]),
    ("maxminddb", &["geo"]),
    ("sd_notify", &["cli"]),
    ("argon2", &["password"]),
    ("zxcvbn", &["password"]),
    ("quick_xml", &["sandbox", "wechat"]),
    ("cbc", &["sandbox", "wechat"]),
];

const FILE_LINES: usize = 400;

#[test]
fn modules_import_downwards_only() {
    let allowed: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, module, code) in sources() {
        let may = allowed
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{module}: say what it may import"));
        for import in imports(&code) {
            if import != module
                && allowed.contains_key(import.as_str())
                && !may.contains(&import.as_str())
            {
                wrong.push(format!("{}: {module} imports {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_layers_form_no_circle() {
    fn visit<'a>(
        module: &'a str,
        trail: &mut Vec<&'a str>,
        all: &BTreeMap<&'a str, &'a [&'a str]>,
    ) {
        assert!(!trail.contains(&module), "a circle: {trail:?} → {module}");
        trail.push(module);
        all[module].iter().for_each(|next| visit(next, trail, all));
        trail.pop();
    }
    let all: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    all.keys()
        .for_each(|module| visit(module, &mut Vec::new(), &all));
}

#[test]
fn crates_end_where_they_belong() {
    for (path, module, code) in sources() {
        for (krate, modules) in CONFINED {
            let used = code.contains(&format!("{krate}::"));
            assert!(
                !used || modules.contains(&module.as_str()),
                "{}: uses {krate}",
                path.display()
            );
        }
    }
}

#[test]
fn the_pure_part_knows_no_time_and_does_not_wait() {
    for file in ["scene/state.rs", "token/ring.rs"] {
        let code = fs::read_to_string(root().join("src").join(file)).unwrap();
        for word in ["async", "await", "tokio", "Clock", "Instant"] {
            assert!(!code.contains(word), "{file}: {word}");
        }
    }
}

#[test]
fn files_stay_small() {
    let mut long = Vec::new();
    let folders = ["src", "tests", "loadtest"];
    for file in folders.map(|folder| files(&root().join(folder))).concat() {
        if file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        if lines > FILE_LINES {
            long.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_top_level_stays_as_it_is() {
    const KNOWN: [&str; 12] = [
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "README.zh-CN.md",
        "config",
        "loadtest",
        "src",
        "tests",
        "web",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let passes = name.starts_with('.') || name == "target" || KNOWN.contains(&name.as_str());
        assert!(passes, "{name} does not belong at the top level");
    }
}
