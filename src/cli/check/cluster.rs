//! The Redis that gateways share.

use super::report::{Report, Verdict};
use crate::{
    app::{Look, cluster},
    config::Config,
};

pub(super) async fn check(report: &mut Report, config: &Config) {
    let Some(looked) = cluster::look(config).await else {
        return;
    };
    match looked {
        Ok(look) => judge(report, &look),
        Err(error) => report.add(
            "cluster",
            Verdict::Wrong,
            format_args!("cluster.url 的 Redis 无法使用，网关不会启动：{error}"),
            format_args!(
                "the Redis of cluster.url cannot be used, and the gateway will not start: {error}"
            ),
        ),
    }
    if config.store_path().is_some() {
        report.add(
            "cluster_database",
            Verdict::Weak,
            "设了 cluster.url，用户和会话却在本机的 SQLite 文件里：多个网关请共用 PostgreSQL",
            "cluster.url is set, and users and sessions lie in a file of this machine: let several gateways share a PostgreSQL",
        );
    }
}

fn judge(report: &mut Report, look: &Look) {
    let (server, apart) = (&look.server, look.apart);
    if !look.is_new_enough() {
        return report.add(
            "cluster",
            Verdict::Wrong,
            format_args!("Redis {server} 太旧：需要 7 或更新"),
            format_args!("Redis {server} is too old: 7 or newer is needed"),
        );
    }
    if !look.is_in_time() {
        return report.add(
            "cluster",
            Verdict::Wrong,
            format_args!("Redis 与本机的时钟相差 {apart} 毫秒，网关不会启动：请用 NTP 校准"),
            format_args!("the clocks of Redis and of this machine are {apart} ms apart, and the gateway will not start: set both by NTP"),
        );
    }
    report.add(
        "cluster",
        Verdict::Right,
        format_args!("Redis {server}，时钟相差 {apart} 毫秒"),
        format_args!("Redis {server}, clocks {apart} ms apart"),
    );
    match look.policy.as_deref() {
        Some("noeviction") => {}
        Some(policy) => report.add(
            "cluster_memory",
            Verdict::Weak,
            format_args!("Redis 的 maxmemory-policy 是 {policy}：内存不足时会悄悄丢掉进行中的登录，请设为 noeviction"),
            format_args!("the maxmemory-policy of Redis is {policy}: short of memory it drops logins under way; set noeviction"),
        ),
        None => report.add(
            "cluster_memory",
            Verdict::Unknown,
            "Redis 不透露 maxmemory-policy：应为 noeviction",
            "Redis does not tell its maxmemory-policy: it should be noeviction",
        ),
    }
    if !look.is_private {
        report.add(
            "cluster_tls",
            Verdict::Weak,
            "与 Redis 的连接未加密，其中有用户名、openid 和登录状态：请用 rediss://",
            "the connection to Redis is not encrypted, and names, openids and logins are on it: use rediss://",
        );
    }
}
