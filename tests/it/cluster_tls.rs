//! Redis over TLS.

use std::{path::Path, process::Command};

use crate::support::{Process, Redis, free_port, refused_process};

const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redis/certificate.sh");

/// One that speaks TLS beside the port that the keeper asks.
fn with_tls(folder: &Path) -> (Redis, String) {
    let made = Command::new(CERTIFICATE).arg(folder).status().unwrap();
    assert!(made.success());
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let port = free_port().to_string();
    let redis = Redis::start_with(&[
        "--tls-port",
        &port,
        "--tls-auth-clients",
        "no",
        "--tls-ca-cert-file",
        &path("ca.pem"),
        "--tls-cert-file",
        &path("server.pem"),
        "--tls-key-file",
        &path("server.key"),
    ]);
    (redis, format!("cluster.url=rediss://localhost:{port}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_has_to_prove_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (_redis, url) = with_tls(folder.path());
    let ca = folder.path().join("ca.pem");
    let trusting = [("SSL_CERT_FILE", ca.to_str().unwrap())];
    let mut gateway = Process::begin_under(&[&url], &trusting);
    gateway.served().await;
    let (_, body) = gateway.readiness().await;
    assert!(body.contains(r#""scenes":true"#), "{body}");
    assert!(gateway.terminate().await.success());

    let output = refused_process(&[&url, "store.wait_s=1", "telemetry.log=error"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("cluster.url"),
        "{said}"
    );
}
