//! The shape of the source, held by a test: which module may import which, how long a file may be.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

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
            "config",
            "event",
            "geo",
            "http",
            "ids",
            "login",
            "outbound",
            "callback",
            "password",
            "phone",
            "push",
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
    ("admin", &["code", "ids", "login", "telemetry", "wechat"]),
    ("api", &DOOR),
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
        &["clock", "protocol", "scene", "telemetry", "token"],
    ),
    (
        "backend",
        &[
            "clock", "cluster", "config", "event", "ids", "scene", "token", "user",
        ],
    ),
    (
        "wechat",
        &["clock", "code", "config", "ids", "outbound", "tasks"],
    ),
    ("protocol", &["clock", "code", "config", "ids", "scene"]),
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
const DOOR: [&str; 15] = [
    "clock",
    "code",
    "config",
    "http",
    "ids",
    "login",
    "password",
    "protocol",
    "push",
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
            "http",
            "sandbox",
        ],
    ),
    ("actix_ws", &["websocket"]),
    (
        "reqwest",
        &["wechat", "outbound", "avatar", "cli", "event", "sandbox"],
    ),
    ("moka", &["avatar"]),
    ("sqlx", &["backend"]),
    ("dashmap", &["backend", "push"]),
    ("jsonwebtoken", &["token"]),
    ("maxminddb", &["geo"]),
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
    for file in files(&root().join("src"))
        .into_iter()
        .chain(files(&root().join("tests")))
        .chain(files(&root().join("loadtest")))
    {
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

/// Every source file: its path, its top-level module, its code without tests.
fn sources() -> Vec<(PathBuf, String, String)> {
    let src = root().join("src");
    let rust = files(&src)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let shipped = rust.filter(|file| !is_test(file));
    shipped
        .filter_map(|path| {
            let inside = path.strip_prefix(&src).unwrap();
            let first = inside.iter().next().unwrap().to_str().unwrap();
            let module = first.trim_end_matches(".rs").to_owned();
            let code = fs::read_to_string(&path).unwrap();
            let code = code
                .split("#[cfg(test)]\nmod tests {")
                .next()
                .unwrap()
                .to_owned();
            (module != "lib").then_some((path, module, code))
        })
        .collect()
}

/// Files that only tests compile.
fn is_test(file: &Path) -> bool {
    const NAMES: [&str; 6] = [
        "tests",
        "conformance",
        "state_properties",
        "fakes",
        "vectors",
        "fake",
    ];
    file.iter()
        .any(|part| NAMES.contains(&part.to_str().unwrap_or_default().trim_end_matches(".rs")))
        || file
            .file_stem()
            .is_some_and(|stem| stem.to_str().is_some_and(|stem| stem.ends_with("_tests")))
}

/// Top-level modules named after `crate::`, also inside one pair of braces.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => found.push(word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (at, letter) in list.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        _ if start && letter.is_alphabetic() => {
                            found.push(word(&list[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let skipped = ["node_modules", "target"];
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|name| skipped.iter().any(|skip| name == *skip))
        })
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
