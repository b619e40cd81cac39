//! What lies on the disk of this machine.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::report::{Report, Verdict};
use crate::{
    clock::{Clock, Millis},
    config::{Config, Mode},
    geo::Geo,
    token::{KeyError, KeySource, KeyState, Keys},
};

/// Files in `wechat.verify_dir` that are looked at, at most.
const MAX_FILES: usize = 16;

/// What was found there and can be compared with what the gateway shows.
#[derive(Default)]
pub(super) struct Found {
    /// The public keys, if a gateway has ever run on this machine.
    pub(super) jwks: Option<Value>,
    /// The files that prove to WeChat whose the domain is.
    pub(super) proofs: Vec<PathBuf>,
}

pub(super) async fn check(report: &mut Report, config: &Config) -> Found {
    places(report, config);
    Found {
        jwks: keys(report, config).await,
        proofs: proofs(report, config),
    }
}

fn places(report: &mut Report, config: &Config) {
    let Some(path) = &config.geo.database else {
        report.add(
            "geo",
            Verdict::Weak,
            "没有 geo.database：确认页只显示 IP 地址，risk 无法判断远近",
            "no geo.database: the confirm page shows the address alone, and risk cannot tell near from far",
        );
        return;
    };
    let shown = path.display();
    match Geo::open(path) {
        Ok(_) => report.add(
            "geo",
            Verdict::Right,
            format_args!("{shown} 可用"),
            format_args!("{shown} can be used"),
        ),
        Err(error) => report.add(
            "geo",
            Verdict::Wrong,
            format_args!("{shown} 无法使用，网关不会启动：{error}"),
            format_args!("{shown} cannot be used, and the gateway will not start: {error}"),
        ),
    }
}

/// Makes none: that is for the gateway's own account.
async fn keys(report: &mut Report, config: &Config) -> Option<Value> {
    if config.token.master_key.is_some() {
        report.add(
            "keys",
            Verdict::Unknown,
            "密钥在数据库中，由 token.master_key 加密：scangate keys list 会列出它们",
            "the keys are in the database, wrapped with token.master_key: scangate keys list tells about them",
        );
        return None;
    }
    let dir = config.key_dir();
    let now = Clock::new().wall();
    match KeySource::of(config, None).read().await {
        Ok(Some(keys)) => {
            usable_keys(report, &dir, &keys, now);
            Some(keys.jwks(now))
        }
        Ok(None) => {
            let shown = dir.display();
            report.add(
                "keys",
                Verdict::Unknown,
                format_args!("{shown} 还没有密钥：网关首次启动时生成"),
                format_args!("{shown} has no keys yet: the gateway makes them at its first start"),
            );
            None
        }
        Err(error) => {
            unusable_keys(report, &dir, &error);
            None
        }
    }
}

fn usable_keys(report: &mut Report, dir: &Path, keys: &Keys, now: Millis) {
    let shown = dir.display();
    let is_late = keys.status(now).iter().any(|key| {
        let until = key.until.filter(|_| key.state == KeyState::Signing);
        until.is_some_and(|until| until < now)
    });
    if is_late {
        report.add(
            "keys",
            Verdict::Weak,
            format_args!("{shown} 的签名密钥早该轮换：网关在运行吗？它能写这个目录吗？"),
            format_args!(
                "{shown}: the signing key should have been rotated: does the gateway run, and can it write there?"
            ),
        );
    } else {
        report.add(
            "keys",
            Verdict::Right,
            format_args!("{shown} 的密钥只有所有者能读"),
            format_args!("{shown}: the keys are for their owner only"),
        );
    }
}

fn unusable_keys(report: &mut Report, dir: &Path, error: &KeyError) {
    let shown = dir.display();
    match error {
        KeyError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => report.add(
            "keys",
            Verdict::Unknown,
            format_args!("无权读取 {shown}：请以网关的账号运行检查"),
            format_args!("{shown} may not be read: run the check as the gateway's own account"),
        ),
        _ => report.add(
            "keys",
            Verdict::Wrong,
            format_args!("密钥不可用，网关不会启动：{error}"),
            format_args!("the keys cannot be used, and the gateway will not start: {error}"),
        ),
    }
}

/// WeChat asks for such a file once, when the domain is entered in its console.
fn proofs(report: &mut Report, config: &Config) -> Vec<PathBuf> {
    let dir = config.verify_dir();
    let shown = dir.display();
    let mut paths: Vec<_> = fs::read_dir(&dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| file_name(path).contains("_verify_"))
        .take(MAX_FILES)
        .collect();
    paths.sort_unstable();
    let names: Vec<_> = paths.iter().map(|path| file_name(path)).collect();
    if let Some(name) = names.iter().find(|name| !is_proof(name)) {
        report.add(
            "verify_files",
            Verdict::Wrong,
            format_args!("{shown}：{name} 不会被提供；名称须是 MP_verify_ 加 16 个字母或数字和 .txt"),
            format_args!(
                "{shown}: {name} is not served; MP_verify_, 16 letters or digits and .txt are expected"
            ),
        );
    } else if !names.is_empty() {
        let names = names.join(", ");
        report.add("verify_files", Verdict::Right, &names, &names);
    } else if config.wechat.mode == Mode::Live {
        report.add(
            "verify_files",
            Verdict::Unknown,
            format_args!("{shown} 没有 MP_verify_….txt：在公众平台填写域名时需要它（除非由代理提供）"),
            format_args!(
                "{shown} has no MP_verify_….txt: WeChat's console asks for one when the domain is entered (unless a proxy serves it)"
            ),
        );
    }
    paths.retain(|path| is_proof(&file_name(path)));
    paths
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Whether the gateway serves a file of that name.
fn is_proof(name: &str) -> bool {
    let code = ["MP_verify_", "WW_verify_"]
        .into_iter()
        .find_map(|prefix| name.strip_prefix(prefix)?.strip_suffix(".txt"));
    code.is_some_and(|code| {
        code.len() == 16 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_are_served_count_as_proofs() {
        for good in [
            "MP_verify_0123456789abcDEF.txt",
            "WW_verify_0123456789abcDEF.txt",
        ] {
            assert!(is_proof(good), "{good}");
        }
        for bad in [
            "MP_verify_0123456789abcDE.txt",
            "MP_verify_0123456789abcDEF.txt.txt",
            "MP_verify_0123456789abcDE-.txt",
            "mp_verify_0123456789abcDEF.txt",
            "MP_verify_0123456789abcDEF",
        ] {
            assert!(!is_proof(bad), "{bad}");
        }
    }
}
