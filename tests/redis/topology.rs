//! More than one server.

use std::process::{Command, Stdio};

use super::server::{Redis, free_port};

impl Redis {
    /// A copy of a master.
    pub(crate) fn replica_of(master: u16) -> Self {
        Self::start_with(&["--replicaof", "127.0.0.1", &master.to_string()])
    }

    /// A sentinel that knows the master as "main"; `quorum` of them have to agree that it is down.
    pub(crate) fn sentinel_of(master: u16, quorum: u16) -> Self {
        let (master, quorum) = (master.to_string(), quorum.to_string());
        Self::start_with(&["--sentinel-of", &master, &quorum])
    }

    /// A cluster of three masters.
    pub(crate) fn cluster() -> [Self; 3] {
        let nodes = [(); 3].map(|()| {
            let bus = free_port().to_string();
            Self::start_with(&["--cluster-enabled", "yes", "--cluster-port", &bus])
        });
        let made = Command::new("redis-cli")
            .args(["--cluster", "create", "--cluster-yes"])
            .args(
                nodes
                    .each_ref()
                    .map(|node| format!("127.0.0.1:{}", node.port)),
            )
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success(), "the cluster was not made");
        nodes
    }
}
