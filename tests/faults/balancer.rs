//! HAProxy and nginx with the files of `config/`, as they are shipped but for addresses, and without TLS.

use std::{net::SocketAddr, path::Path};

use tokio::{net::TcpStream, process::Child};

use crate::{
    gateway::{Gateway, program, signal},
    until,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    HaProxy,
    Nginx,
}

/// What stands in front of the gateways.
pub(crate) struct Balancer(Child);

impl Balancer {
    pub(crate) async fn start(
        kind: Kind,
        addr: SocketAddr,
        gateways: &[Gateway],
        folder: &Path,
    ) -> Self {
        let mut command = match kind {
            Kind::HaProxy => {
                let file = folder.join("haproxy.cfg");
                std::fs::write(&file, haproxy(addr, gateways)).unwrap();
                let mut command = program("haproxy", "TERM");
                command.arg("-db").arg("-f").arg(file);
                command
            }
            Kind::Nginx => {
                let file = folder.join("nginx.conf");
                std::fs::write(&file, nginx(addr, gateways, folder)).unwrap();
                let global = format!("daemon off; pid {}/nginx.pid;", folder.display());
                let mut command = program("nginx", "TERM");
                command
                    .arg("-p")
                    .arg(folder)
                    .args(["-e", "stderr", "-g", &global]);
                command.arg("-c").arg(file);
                command
            }
        };
        let log = std::fs::File::create(folder.join("balancer.log")).unwrap();
        let child = command.stderr(log).spawn().unwrap();
        let mut balancer = Self(child);
        until(&format!("{kind:?} listens"), async || {
            assert!(
                balancer.0.try_wait().unwrap().is_none(),
                "{kind:?} has ended"
            );
            TcpStream::connect(addr).await.is_ok()
        })
        .await;
        balancer
    }
}

impl Drop for Balancer {
    /// Not killed: nginx's workers would be left behind.
    fn drop(&mut self) {
        signal(&self.0, "-TERM");
    }
}

fn haproxy(addr: SocketAddr, gateways: &[Gateway]) -> String {
    let mut changes = vec![
        ("maxconn 50000".to_owned(), "maxconn 2000".to_owned()),
        (
            "bind :443 ssl crt /etc/haproxy/login.example.com.pem".to_owned(),
            format!("bind {addr}"),
        ),
    ];
    for (nth, gateway) in (1..).zip(gateways) {
        let (to, admin) = (gateway.addr, gateway.admin.port());
        let before = format!("10.0.0.1{nth}:8080 check port 8081");
        changes.push((before, format!("{to} check port {admin}")));
    }
    shipped("haproxy/haproxy.cfg", &changes)
}

fn nginx(addr: SocketAddr, gateways: &[Gateway], folder: &Path) -> String {
    let folder = folder.display();
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = kinds.map(|kind| format!("{kind}_temp_path {folder}/{kind};"));
    let name = "/etc/ssl/login.example.com";
    let mut changes = vec![
        (
            "http {".to_owned(),
            format!("http {{ {}", temporary.concat()),
        ),
        ("listen 443 ssl;".to_owned(), format!("listen {addr};")),
        (format!("ssl_certificate     {name}.pem;"), String::new()),
        (format!("ssl_certificate_key {name}.key;"), String::new()),
        (
            "/var/log/nginx/access.log".to_owned(),
            format!("{folder}/access.log"),
        ),
        (
            "worker_rlimit_nofile 100000".to_owned(),
            "worker_rlimit_nofile 4000".to_owned(),
        ),
        (
            "worker_connections 49152".to_owned(),
            "worker_connections 2000".to_owned(),
        ),
    ];
    for (nth, gateway) in (1..).zip(gateways) {
        changes.push((format!("10.0.0.1{nth}:8080"), gateway.addr.to_string()));
    }
    shipped("nginx/cluster.conf", &changes)
}

/// A file of `config/`; each change must find its place.
fn shipped(file: &str, changes: &[(String, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config")
        .join(file);
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (before, after) in changes {
        assert!(text.contains(before.as_str()), "{file} has no {before}");
        text = text.replace(before, after);
    }
    text
}
