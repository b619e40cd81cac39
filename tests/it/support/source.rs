//! The source of this repository, as the tests of its shape read it.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every source file: its path, its top-level module, its code without tests.
pub(crate) fn sources() -> Vec<(PathBuf, String, String)> {
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
pub(crate) fn imports(code: &str) -> Vec<String> {
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

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
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

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
