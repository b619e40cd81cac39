//! Layers into one [`Config`].

use std::{ffi::OsString, fmt, fs, io, path::PathBuf};

use super::{
    Config, decode,
    tree::{self, Entry, Node, Value},
};

/// What the command line says; flags win over everything.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The file of `--config`.
    pub file: Option<PathBuf>,
    /// `--set section.key=value`, in order.
    pub set: Vec<(String, String)>,
}

/// Why no configuration came of it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The `--config` file cannot be read.
    #[error("configuration: cannot read {}: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The `--config` file is not TOML. The line itself is not shown, it may hold a secret.
    #[error("configuration: {} line {line}: {message}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// Values that do not fit, or not together; all that were found.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The whole path, as in `wechat.official_account.app_id`.
    pub key: String,
    /// The value, unless it is a secret.
    pub found: Option<String>,
    /// The file, variable or flag it came from.
    pub from: Option<String>,
    /// What would be right.
    pub allowed: String,
}

impl Problem {
    pub(super) fn new(key: &str, allowed: &str) -> Self {
        Self {
            key: key.to_owned(),
            found: None,
            from: None,
            allowed: allowed.to_owned(),
        }
    }

    pub(super) fn found(mut self, value: &Value) -> Self {
        self.found = Some(match value {
            Value::Text(text) => format!("{text:?}"),
            Value::Toml(value) => value.to_string(),
        });
        self
    }

    pub(super) fn from(mut self, from: &str) -> Self {
        self.from = Some(from.to_owned());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(found) = &self.found {
            write!(f, " = {found}")?;
        }
        if let Some(from) = &self.from {
            write!(f, " ({from})")?;
        }
        write!(f, ": {}", self.allowed)
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("configuration: {problem}"))
        .collect();
    lines.join("\n")
}

/// Merges the layers (built-in defaults, the file, the environment, the flags) and checks the whole.
///
/// # Errors
/// [`ConfigError`]; each sentence names the key, what was found, where, and what is allowed.
pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
    load_with(overrides, std::env::vars_os())
}

pub(super) fn load_with(
    overrides: &Overrides,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Config, ConfigError> {
    let tree = merge(overrides, variables)?;
    let mut config: Config = decode::decode(&tree)?;
    config.fill_flows();
    let mut problems = config.problems();
    if problems.is_empty() {
        return Ok(config);
    }
    for problem in &mut problems {
        problem.from = tree.origin(&problem.key).map(str::to_owned);
    }
    Err(ConfigError::Invalid(problems))
}

pub(super) fn merge(
    overrides: &Overrides,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Node, ConfigError> {
    let mut tree = Node::root();
    let defaults = include_str!("../../config/default.toml");
    tree.lay(file_layer(
        defaults,
        "config/default.toml".into(),
        "default",
    )?)?;
    if let Some(file) = &overrides.file {
        let text = fs::read_to_string(file).map_err(|error| ConfigError::Unreadable {
            file: file.clone(),
            error,
        })?;
        tree.lay(file_layer(
            &text,
            file.clone(),
            &file.display().to_string(),
        )?)?;
    }
    tree.lay(environment_layer(variables)?)?;
    for (key, value) in &overrides.set {
        tree.lay(vec![Entry {
            path: key.split('.').map(str::to_owned).collect(),
            value: Some(Value::Text(value.clone())),
            from: "--set".to_owned(),
        }])?;
    }
    Ok(tree)
}

fn file_layer(text: &str, file: PathBuf, from: &str) -> Result<Vec<Entry>, ConfigError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        ConfigError::Syntax {
            file,
            line: 1 + text
                .bytes()
                .take(start)
                .filter(|byte| *byte == b'\n')
                .count(),
            message: error.message().to_owned(),
        }
    })?;
    Ok(tree::entries(table, from))
}

/// `SCANGATE_SECTION__KEY`; other variables of that prefix belong to somebody else (`SCANGATE_HOME`, say).
fn environment_layer(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<Entry>, ConfigError> {
    let mut found = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let Some(key) = name
            .strip_prefix("SCANGATE_")
            .filter(|key| key.contains("__"))
        else {
            continue;
        };
        let path: Vec<String> = key.split("__").map(str::to_ascii_lowercase).collect();
        let Some(value) = value.to_str() else {
            let problem = Problem::new(&path.join("."), "a text in UTF-8 is expected");
            return Err(problem.from(name).into());
        };
        found.push(Entry {
            path,
            value: Some(Value::Text(value.to_owned())),
            from: name.to_owned(),
        });
    }
    Ok(found)
}
