use std::{path::PathBuf, sync::Arc};

use futures_util::future::join_all;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;
use crate::{
    backend::conformance::{database, enrol},
    clock::Clock,
    config::{AppId, Overrides, load},
    event::Via,
    token::{Device, EndReason, Keys, SessionId, SessionStore, Tokens},
    user::{User, UserStore},
};

struct Bench {
    store: Sqlite,
    path: PathBuf,
    /// Goes away with the bench.
    _home: TempDir,
}

async fn bench() -> Bench {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data/scangate.db");
    Bench {
        store: Sqlite::open(path.to_str().unwrap()).await.unwrap(),
        path,
        _home: home,
    }
}

#[tokio::test]
async fn it_is_a_database() {
    let bench = bench().await;
    database(Arc::new(bench.store)).await;
}

#[tokio::test]
async fn processes_that_start_at_once_share_one_file() {
    let home = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", home.path().join("a/b.db").display());
    let stores = join_all((0..8).map(|_| Sqlite::open(&url))).await;
    let stores: Vec<_> = stores.into_iter().map(Result::unwrap).collect();
    let users = join_all(stores.iter().map(|store| enrol(store, "o1"))).await;
    assert!(users.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn rows_outlive_the_process() {
    let bench = bench().await;
    let user = enrol(&bench.store, "o1").await;
    bench.store.close().await;
    assert!(bench.store.get_user(&user).await.is_err(), "closed");
    let again = Sqlite::open(bench.path.to_str().unwrap()).await.unwrap();
    assert_eq!(again.get_user(&user).await.unwrap(), Some(user));
}

impl Sqlite {
    /// Both traits have a `get`.
    async fn get_user(&self, user: &User) -> Result<Option<User>, StoreError> {
        UserStore::get(self, &user.id).await
    }
}

#[tokio::test]
#[cfg(unix)]
async fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let bench = bench().await;
    enrol(&bench.store, "o1").await;
    let dir = bench.path.parent().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(dir), 0o700);
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn the_connection_is_set_up_as_it_should_be() {
    let bench = bench().await;
    let mode = "SELECT journal_mode FROM pragma_journal_mode";
    let mode: String = scalar(&bench.store, mode).await;
    assert_eq!(mode, "wal");
    for (sql, due) in [
        ("SELECT foreign_keys FROM pragma_foreign_keys", 1),
        ("SELECT synchronous FROM pragma_synchronous", 1),
        ("SELECT timeout FROM pragma_busy_timeout", 3000),
    ] {
        let found: i64 = scalar(&bench.store, sql).await;
        assert_eq!(found, due, "{sql}");
    }
}

async fn scalar<T>(store: &Sqlite, sql: &'static str) -> T
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    sqlx::query_scalar(sql)
        .fetch_one(&store.pool)
        .await
        .unwrap()
}

async fn refusal(url_or_path: &str) -> String {
    Sqlite::open(url_or_path).await.err().unwrap().to_string()
}

#[tokio::test]
async fn what_cannot_work_is_refused_in_a_sentence() {
    assert!(refusal("sqlite::memory:").await.contains("give a file"));
    let bench = bench().await;
    let inside = bench.path.join("x.db");
    assert!(
        refusal(inside.to_str().unwrap())
            .await
            .contains("scangate.db"),
        "a file as a directory"
    );
    sqlx::raw_sql("PRAGMA user_version = 99")
        .execute(&bench.store.pool)
        .await
        .unwrap();
    let newer = refusal(bench.path.to_str().unwrap()).await;
    assert!(newer.contains("version 99"), "{newer}");
    let text = bench.path.with_extension("txt");
    std::fs::write(
        &text,
        "no database at all, but long enough to be read as one".repeat(9),
    )
    .unwrap();
    assert!(
        refusal(text.to_str().unwrap())
            .await
            .contains("not a database")
    );
}

#[tokio::test]
async fn only_hashes_of_refresh_tokens_are_kept() {
    let bench = bench().await;
    let user = enrol(&bench.store, "o1").await;
    let config = load(&Overrides::default()).unwrap();
    let store = Arc::new(bench.store.clone());
    let (keys, clock) = (Keys::generate().unwrap(), Clock::new());
    let watch = Arc::new(());
    let tokens = Tokens::new(&config, keys, store.clone(), store, watch, clock.clone());
    let (app, stamp) = (AppId::default_app(), tokens.stamp());
    let device = Device::default();
    let opened = tokens
        .open_session(&stamp, &user, &app, &device, &Via::Password)
        .await;
    let shown = opened.unwrap().refresh_token.unwrap();
    clock.advance(Duration::from_secs(60));
    let rotated = tokens
        .refresh(&app, shown.expose_secret(), String::new())
        .await;
    let next = rotated.ok().unwrap().refresh_token.unwrap();
    let bytes = std::fs::read(&bench.path).unwrap();
    let wal = std::fs::read(bench.path.with_extension("db-wal")).unwrap_or_default();
    for secret in [shown.expose_secret(), next.expose_secret()] {
        let on_disk = |bytes: &[u8]| {
            bytes
                .windows(secret.len())
                .any(|one| one == secret.as_bytes())
        };
        assert!(!on_disk(&bytes) && !on_disk(&wal), "only hashes are kept");
    }
}

#[tokio::test]
async fn a_file_of_an_earlier_version_is_brought_up_to_date() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("scangate.db");
    let file = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let pool = connect(file).await.unwrap();
    for sql in [
        include_str!("migrations/0001_users_and_sessions.sql"),
        "INSERT INTO users VALUES ('u', '李小龙', 'https://thirdwx.qlogo.cn/a/132', 1)",
        "INSERT INTO identities VALUES ('wx1', 'o1', 'u', 1)",
        "INSERT INTO sessions VALUES ('s', 'u', 'default', '', '', '', 0, 1, zeroblob(32), 1, 1, 7)",
        "PRAGMA user_version = 1",
    ] {
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let store = Sqlite::open(path.to_str().unwrap()).await.unwrap();
    let known = store.find("wx1", "o1").await.unwrap().unwrap();
    let user = known.user;
    assert_eq!(user.name.as_deref(), Some("李小龙"));
    assert_eq!(known.profiled_at, Some(1));
    let session = SessionStore::get(&store, &SessionId("s".to_owned())).await;
    let end = session.unwrap().unwrap().end.unwrap();
    assert_eq!((end.at, end.why), (7, EndReason::SignedOut));
    store.saw_browser(&user.id, &[1; 32], 1).await.unwrap();
    assert!(store.knows_browser(&user.id, &[1; 32]).await.unwrap());
}
