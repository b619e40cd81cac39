#[expect(dead_code, reason = "outages are for tests/it")]
#[path = "../../../tests/postgres/server.rs"]
mod server;

use std::sync::Arc;

use futures_util::future::join_all;

use self::server::Database as Place;
use super::*;
use crate::{
    backend::conformance::{database, enrol},
    config::{EventType, Overrides, load},
    event::{Outbox, Via},
    token::{KeySource, SessionStore, conformance::session, key_conformance},
    user::{UserRecords, UserStore},
};

fn settings() -> config::Store {
    load(&Overrides::default()).unwrap().store
}

async fn open(url: &str) -> Result<Postgres, OpenError> {
    Postgres::open(url, &settings()).await
}

/// What is said instead of opening it, and whether another try may succeed.
async fn refusal(url: &str) -> (String, bool) {
    let error = open(url).await.err().unwrap();
    (error.to_string(), matches!(error, OpenError::Away(_)))
}

#[tokio::test]
async fn it_is_a_database() {
    let place = Place::create();
    database(Arc::new(open(&place.url()).await.unwrap())).await;
}

fn key_source(store: &Postgres, algorithm: &str) -> KeySource {
    let config = key_conformance::config(&[
        (
            "token.master_key",
            "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=",
        ),
        ("token.key_dir", "/nonexistent"),
        ("token.algorithm", algorithm),
        ("store.url", "postgres://gateway@localhost/logins"),
    ]);
    KeySource::of(&config, store.key_records())
}

#[tokio::test]
async fn it_is_a_place_for_keys() {
    let place = Place::create();
    let store = open(&place.url()).await.unwrap();
    key_conformance::key_source(async || {
        place.sql("DELETE FROM sealed_keys");
        |algorithm: &str| key_source(&store, algorithm)
    })
    .await;
}

#[tokio::test]
async fn who_reads_the_table_reads_no_key() {
    let place = Place::create();
    let store = open(&place.url()).await.unwrap();
    let keys = key_source(&store, "EdDSA").open(0).await.unwrap();
    let kid = keys.status(0).remove(0).kid;
    for text in ["PRIVATE", "derivation", "EdDSA", &kid] {
        let sql = format!("SELECT position('{text}'::bytea IN sealed) FROM sealed_keys");
        assert_eq!(place.sql(&sql), "0", "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_told_does_not_happen() {
    let place = Place::create();
    let store = open(&place.url()).await.unwrap();
    let user = enrol(&store, "o1").await;
    store.subscribe("crm", &EventType::ALL, 1).await.unwrap();
    let session = session(&user.id);
    place.sql("ALTER TABLE events RENAME TO lost");
    let opened = store.open(&session, Some(&Via::Password)).await;
    assert!(opened.is_err(), "{opened:?}");
    let found = SessionStore::get(&store, &session.id).await.unwrap();
    assert_eq!(found, None, "both or none");
    place.sql("ALTER TABLE lost RENAME TO events");
    let opened = store.open(&session, Some(&Via::Password)).await;
    assert_eq!(opened.unwrap(), session);
    assert_eq!(place.sql("SELECT type FROM events"), "session.opened");

    place.sql("ALTER TABLE events RENAME TO lost");
    assert!(store.erase(&user.id, 1).await.is_err());
    let found = UserStore::get(&store, &user.id).await.unwrap();
    assert_eq!(found, Some(user), "they are still there");
}

#[tokio::test]
async fn processes_that_start_at_once_share_one_database() {
    let place = Place::create();
    let url = place.url();
    let stores = join_all((0..8).map(|_| open(&url))).await;
    let stores: Vec<_> = stores.into_iter().map(Result::unwrap).collect();
    let users = join_all(stores.iter().map(|store| enrol(store, "o1"))).await;
    assert!(users.windows(2).all(|pair| pair[0] == pair[1]));
    let twice = "SELECT count(*) - count(DISTINCT version) FROM schema_version";
    assert_eq!(place.sql(twice), "0");
}

#[tokio::test]
async fn what_a_person_must_put_right_is_not_waited_for() {
    let place = Place::create();
    place.sql("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    for (url, says) in [
        (place.url_of("guarded:s3cr3t"), "password"),
        (place.url_of("nobody"), "nobody"),
        (place.url().replace("/test", "/missing"), "does not exist"),
        (place.url() + "&sslmode=require", "does not support TLS"),
        ("postgres://h:port/d".to_owned(), "port"),
    ] {
        let (said, is_away) = refusal(&url).await;
        assert!(said.contains(says) && !is_away, "{url}: {said}");
        assert!(!said.contains("s3cr3t"), "{said}");
    }
    let name = format!("latin_{}", place.sql("SELECT current_database()"));
    place.sql(&format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1'"
    ));
    let (said, is_away) = refusal(&place.url().replace("/test", "/latin_test")).await;
    assert!(said.contains("UTF8") && !is_away, "{said}");
    place.sql("DROP ROLE guarded");
}

#[tokio::test]
async fn what_may_come_back_is_waited_for() {
    let place = Place::create();
    let nowhere = "postgres://postgres@localhost/x?host=/nonexistent";
    let (said, is_away) = refusal(nowhere).await;
    assert!(is_away, "{said}");
    let standby = place.url() + "&options=-cdefault_transaction_read_only%3Don";
    let (said, is_away) = refusal(&standby).await;
    assert!(said.contains("no writes") && is_away, "{said}");
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let place = Place::create();
    open(&place.url()).await.unwrap();
    place.sql("INSERT INTO schema_version VALUES (99)");
    let (said, is_away) = refusal(&place.url()).await;
    assert!(said.contains("version 99") && !is_away, "{said}");
}

#[tokio::test]
async fn the_tables_lie_in_the_search_path_and_a_role_needs_no_right_to_create_them_twice() {
    let place = Place::create();
    let role = format!("clerk_{}", place.sql("SELECT current_database()"));
    place.sql(&format!("CREATE ROLE {role} LOGIN"));
    let (said, is_away) = refusal(&place.url_of(&role)).await;
    assert!(said.contains("needs CREATE") && !is_away, "{said}");

    place.sql("CREATE SCHEMA logins");
    place.sql(&format!("GRANT USAGE ON SCHEMA logins TO {role}"));
    place.sql(&format!("ALTER ROLE {role} SET search_path = logins"));
    open(&(place.url() + "&options=-csearch_path%3Dlogins"))
        .await
        .unwrap();
    place.sql(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA logins TO {role}"
    ));
    let store = open(&place.url_of(&role)).await.unwrap();
    enrol(&store, "o1").await;
    assert_eq!(place.sql("SELECT count(*) FROM logins.users"), "1");
    assert_eq!(place.sql("SELECT to_regclass('public.users') IS NULL"), "t");
}

#[tokio::test]
async fn a_connection_is_set_up_as_it_should_be() {
    let place = Place::create();
    let isolation = "&options=-cdefault_transaction_isolation%3Dserializable";
    let store = open(&(place.url() + isolation)).await.unwrap();
    for (name, due) in [
        ("application_name", "scangate"),
        ("statement_timeout", "5s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("transaction_isolation", "read committed"),
    ] {
        let query = sqlx::query_scalar("SELECT current_setting($1)").bind(name);
        let found: String = query.fetch_one(&store.pool).await.unwrap();
        assert_eq!(found, due, "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_costs_a_connection_and_no_more() {
    let place = Place::create();
    let mut settings = settings();
    settings.max_connections = 1;
    // The server itself would wait longer.
    settings.statement_timeout = Duration::from_millis(200);
    let url = place.url() + "&application_name=slow";
    let store = Postgres::open(&url, &settings).await.unwrap();
    sqlx::query("SET statement_timeout = 0")
        .execute(&store.pool)
        .await
        .unwrap();
    let slept = sqlx::query("SELECT pg_sleep(60)")
        .execute(&store.pool)
        .await;
    assert!(matches!(slept, Err(sqlx::Error::Io(_))), "{slept:?}");
    let unfinished = store.begin(&["x"]).await.unwrap();
    drop(unfinished);
    let asked = sqlx::query("SELECT pg_sleep(60)").execute(&store.pool);
    let left = timeout(Duration::from_millis(50), asked).await;
    assert!(left.is_err(), "{left:?}");
    enrol(&store, "o1").await;
    let rest = store.begin(&["x"]).await.unwrap();
    rest.commit().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_died_is_replaced() {
    let place = Place::create();
    let store = open(&place.url()).await.unwrap();
    let user = enrol(&store, "o1").await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..3 {
        place.sql(&kill.replace('\n', " "));
        let found = UserStore::get(&store, &user.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&user));
    }
}

#[test]
fn a_place_is_named_without_its_password() {
    for (url, due) in [
        ("postgres://r:s3cr3t@db.example/d", "d at db.example:5432"),
        ("postgresql://r:s3cr3t@[::1]:6000", "r at [::1]:6000"),
        (
            "postgres://r@localhost/d?host=/run/pg&password=s3cr3t",
            "d in /run/pg",
        ),
    ] {
        assert_eq!(place(url), due);
    }
}
