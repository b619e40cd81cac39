//! The real program: what it prints, how it ends.

use crate::support::{Process, refused_process};

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_to_open_and_ends_well() {
    let process = Process::start(&[]).await;
    assert!(
        process.welcome[0].starts_with("scangate "),
        "{:?}",
        process.welcome
    );
    for name in ["login page", "phone", "admin"] {
        let url = process.url(name);
        assert_ne!(url.port(), Some(0), "{name}: the port really taken");
        let answer = reqwest::get(url).await.unwrap();
        assert!(answer.status().is_success(), "{name}: {}", answer.status());
    }
    let ended = process.terminate().await;
    assert_eq!(ended.code(), Some(0), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_named() {
    for (setting, names) in [
        ("server.bnid=127.0.0.1:0", "server.bnid"),
        ("server.bind=somewhere", "server.bind"),
        ("limits.live_scenes=many", "limits.live_scenes"),
        ("scene.pending_ttl_s=-1", "scene.pending_ttl_s"),
    ] {
        let output = refused_process(&[setting]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{setting}: {said}");
        assert!(said.contains(names), "{setting}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let process = Process::start(&[]).await;
    let setting = format!("server.bind={}", process.addr());
    let output = refused_process(&[&setting, "telemetry.log=error"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("server.bind"), "{said}");
    assert!(process.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("places.csv");
    std::fs::write(&text, "192.0.2.0/24,Shanghai").unwrap();
    for path in [text, folder.path().join("missing.mmdb")] {
        let setting = format!("geo.database={}", path.display());
        let output = refused_process(&[&setting, "telemetry.log=error"]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let path = path.display().to_string();
        assert!(
            said.contains("geo.database") && said.contains(&path),
            "{said}"
        );
    }
}
