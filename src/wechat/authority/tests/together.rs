//! Several nodes are one authority.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;

use super::*;
use crate::cluster::{Lease, StoreError, conformance};

/// What nodes share, in this process; it can be away.
#[derive(Default)]
struct Table {
    values: Mutex<HashMap<String, (SecretString, Millis)>>,
    leases: Mutex<HashMap<String, (String, Millis)>>,
    is_away: AtomicBool,
    clock: Mutex<Option<Clock>>,
}

impl Table {
    fn now(&self) -> Result<Millis, StoreError> {
        if self.is_away.load(Ordering::Acquire) {
            let message = "away".to_owned();
            return Err(StoreError {
                store: "table",
                message,
            });
        }
        Ok(self.clock.lock().unwrap().as_ref().unwrap().now())
    }
}

#[async_trait]
impl Shared for Table {
    async fn read(&self, key: &str) -> Result<Option<SecretString>, StoreError> {
        let now = self.now()?;
        let values = self.values.lock().unwrap();
        let living = values.get(key).filter(|(_, until)| *until > now);
        Ok(living.map(|(value, _)| value.clone()))
    }

    async fn lease(&self, key: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let now = self.now()?;
        let mut leases = self.leases.lock().unwrap();
        if leases.get(key).is_some_and(|(_, until)| *until > now) {
            return Ok(None);
        }
        let (key, owner) = (
            key.to_owned(),
            crate::ids::base64url(&crate::ids::random::<16>()),
        );
        let until = now + u64::try_from(ttl.as_millis()).unwrap();
        leases.insert(key.clone(), (owner.clone(), until));
        Ok(Some(Lease { key, owner }))
    }

    async fn write(
        &self,
        lease: &Lease,
        value: &SecretString,
        life: Duration,
    ) -> Result<bool, StoreError> {
        let now = self.now()?;
        let mut leases = self.leases.lock().unwrap();
        let held = leases.get(&lease.key);
        let is_held = held.is_some_and(|(owner, until)| *owner == lease.owner && *until > now);
        if is_held {
            leases.remove(&lease.key);
            let mut values = self.values.lock().unwrap();
            let until = now + u64::try_from(life.as_millis()).unwrap();
            values.insert(lease.key.clone(), (value.clone(), until));
        }
        Ok(is_held)
    }
}

/// Three nodes with one table.
struct Nodes {
    world: World,
    table: Arc<Table>,
    nodes: [Authority; 3],
}

async fn nodes(endpoint: TokenEndpoint, script: Vec<Play>) -> Nodes {
    let (world, table) = (
        World::with(endpoint, script).await,
        Arc::new(Table::default()),
    );
    *table.clock.lock().unwrap() = Some(world.clock.clone());
    let nodes = [(); 3].map(|()| {
        let Inner {
            api,
            account,
            endpoint,
            clock,
            ..
        } = &*world.authority.0;
        Authority::new(
            api.clone(),
            account.clone(),
            *endpoint,
            clock.clone(),
            Tasks::new(),
            Some(table.clone()),
        )
    });
    Nodes {
        world,
        table,
        nodes,
    }
}

impl Nodes {
    async fn texts(&self) -> Vec<String> {
        let asked = self.nodes.iter().flat_map(|node| [node, node, node]);
        let all = join_all(asked.map(Authority::token)).await;
        all.into_iter().map(|token| text(&token.unwrap())).collect()
    }

    async fn heal(&self, stale: &str) -> Vec<String> {
        let digest = sha256(&stale.into());
        let all = join_all(self.nodes.iter().map(|node| node.heal(&digest))).await;
        all.into_iter().map(|token| text(&token.unwrap())).collect()
    }

    fn asked(&self) -> usize {
        self.world.fake.bodies().len()
    }
}

#[tokio::test]
async fn the_table_keeps_the_contract() {
    let nodes = nodes(TokenEndpoint::Stable, Vec::new()).await;
    let later = async |span| nodes.world.clock.advance(span);
    conformance::shared(&*nodes.table, later).await;
}

#[tokio::test]
async fn one_node_fetches_for_all() {
    let nodes = nodes(TokenEndpoint::Stable, vec![token("one")]).await;
    assert_eq!(nodes.texts().await, ["one"; 9]);
    assert_eq!(nodes.asked(), 1);
}

#[tokio::test]
async fn a_token_that_wechat_refuses_is_healed_once_for_all() {
    let script = vec![token("one"), token("one"), token("two")];
    let nodes = nodes(TokenEndpoint::Stable, script).await;
    nodes.texts().await;
    assert_eq!(nodes.heal("one").await, ["two"; 3]);
    assert_eq!(nodes.world.forced(), [false, false, true]);
    assert_eq!(nodes.texts().await, ["two"; 9]);
}

#[tokio::test]
async fn the_endpoint_that_ends_tokens_is_asked_by_one() {
    let script = vec![token("one"), token("two")];
    let nodes = nodes(TokenEndpoint::Token, script).await;
    assert_eq!(nodes.texts().await, ["one"; 9]);
    assert_eq!(nodes.heal("one").await, ["two"; 3]);
    // The times are shared too: the next heal is 30 s away, for all.
    let digest = sha256(&"two".into());
    for node in &nodes.nodes {
        assert!(node.heal(&digest).await.is_err());
    }
}

#[tokio::test]
async fn a_node_that_dies_at_wechat_leaves_its_place() {
    let nodes = nodes(TokenEndpoint::Stable, vec![token("one")]).await;
    let key = format!("access-token:{}", nodes.nodes[0].app_id());
    let lease = nodes.table.lease(&key, Duration::from_secs(20)).await;
    assert!(lease.unwrap().is_some(), "taken, and never given back");
    let [first, ..] = &nodes.nodes;
    let waiting = first.token();
    let died = async {
        tokio::task::yield_now().await;
        nodes.world.later(21);
    };
    let (token, ()) = tokio::join!(waiting, died);
    // It may have waited too long by then; the next one gets it.
    let token = match token {
        Ok(token) => token,
        Err(_) => first.token().await.unwrap(),
    };
    assert_eq!(text(&token), "one");
}

#[tokio::test]
async fn without_redis_nothing_is_ended_that_others_may_have() {
    let script = vec![token("one"), token("one"), token("one"), token("two")];
    let stable = nodes(TokenEndpoint::Stable, script).await;
    stable.table.is_away.store(true, Ordering::Release);
    let [first, second, _] = &stable.nodes;
    assert_eq!(text(&first.token().await.unwrap()), "one");
    assert_eq!(
        text(&second.token().await.unwrap()),
        "one",
        "the same for all"
    );
    let digest = sha256(&"one".into());
    assert!(first.heal(&digest).await.is_err(), "nothing is forced");
    stable.world.later(2);
    let healed = first.heal(&digest).await.unwrap();
    assert_eq!(text(&healed), "two", "others had it replaced");
    assert_eq!(stable.world.forced(), [false; 4]);

    let other = nodes(TokenEndpoint::Token, Vec::new()).await;
    other.table.is_away.store(true, Ordering::Release);
    assert!(other.nodes[0].token().await.is_err());
    assert_eq!(other.asked(), 0);
}
