//! The database, when it is not a file of this machine.

use super::report::{Report, Verdict};
use crate::{app::store, config::Config};

pub(super) async fn check(report: &mut Report, config: &Config) {
    let Some((place, looked)) = store::look(config).await else {
        return;
    };
    let look = match looked {
        Ok(look) => look,
        Err(error) => {
            return report.add(
                "database",
                Verdict::Wrong,
                format_args!("{place} 无法使用，网关不会启动：{error}"),
                format_args!("{place} cannot be used, and the gateway will not start: {error}"),
            );
        }
    };
    let (server, version, known) = (&look.server, look.version, look.known);
    if version > known {
        report.add(
            "database",
            Verdict::Wrong,
            format_args!("{place} 的表是版本 {version}，本程序只到 {known}，网关不会启动"),
            format_args!(
                "{place} has tables of version {version}, this program knows up to {known}: the gateway will not start"
            ),
        );
    } else if version < known && !look.may_create {
        report.add(
            "database",
            Verdict::Wrong,
            format_args!("{place} 的表须从版本 {version} 升到 {known}，而该角色无权建表：请授予 CREATE"),
            format_args!(
                "{place}: the tables must go from version {version} to {known}, and the role may not make any: grant it CREATE"
            ),
        );
    } else {
        report.add(
            "database",
            Verdict::Right,
            format_args!("PostgreSQL {server}，{place}：表的版本 {version}，本程序 {known}"),
            format_args!(
                "PostgreSQL {server}, {place}: tables of version {version}, this program's {known}"
            ),
        );
    }
    if !look.is_private {
        report.add(
            "database_tls",
            Verdict::Weak,
            "连接数据库未验证服务器证书：在 store.url 里加 sslmode=verify-full&sslrootcert=…",
            "whoever is in between can play the database: add sslmode=verify-full&sslrootcert=… to store.url",
        );
    }
}
