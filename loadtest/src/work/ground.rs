//! What all pages and phones of one process share.

use std::{future::Future, time::Duration};

use hyper::{Method, header::ORIGIN};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use url::Url;

use super::Voice;
use crate::{
    http::{Answer, Call, Pool, call_with, set},
    job::{Job, People, Share},
    random::{Pkce, Seed},
    sandbox::make_users,
    socket::Failure,
    target::Target,
};

pub(super) struct Ground {
    pub(super) target: Target,
    pub(super) share: Share,
    pub(super) voice: Voice,
    pub(super) sandbox: Option<Url>,
    seed: Seed,
    timeout: Duration,
    pool: Pool,
    users: Vec<String>,
}

#[derive(Deserialize)]
struct Session {
    access_token: String,
}

impl Ground {
    /// Without people.
    pub(super) fn new(job: Job, voice: Voice) -> Self {
        Self {
            target: job.target,
            share: job.share,
            voice,
            sandbox: None,
            seed: job.seed,
            timeout: job.timeout,
            pool: Pool::default(),
            users: Vec::new(),
        }
    }

    /// With this process' part of the people, one at least.
    pub(super) async fn with_people(self, people: &People) -> anyhow::Result<Self> {
        let Share { index, of } = self.share;
        let count = self.share.part(people.users).max(1);
        let numbers = (0..count).map(|user| index + user * of);
        let users = make_users(&self.target, &people.sandbox, &self.seed, numbers).await?;
        Ok(Self {
            sandbox: Some(people.sandbox.clone()),
            users,
            ..self
        })
    }

    pub(super) fn user_count(&self) -> usize {
        self.users.len()
    }

    /// Who logs in as number `index` of all processes'.
    pub(super) fn user(&self, index: usize) -> &str {
        let turn = index / self.share.of;
        self.users
            .get(turn % self.users.len().max(1))
            .map_or("", String::as_str)
    }

    pub(super) fn pkce(&self, index: usize) -> Pkce {
        self.seed.pkce(index)
    }

    /// A number from 0 up to 1, the same for the same seed.
    pub(super) fn chance(&self, index: usize) -> f64 {
        self.seed.chance(index)
    }

    /// Gives up after `--timeout`.
    pub(super) async fn in_time<T>(
        &self,
        step: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match timeout(self.timeout, work).await {
            Ok(done) => done,
            Err(_) => Err(Failure::new(step, "time-out")),
        }
    }

    /// Calls `url` over one of the shared connections.
    pub(super) async fn fetch(
        &self,
        step: &str,
        url: &Url,
        turn: usize,
        call: Call,
    ) -> Result<Answer, Failure> {
        let node = self.target.phone_node(url, turn).await;
        let node = node.map_err(|error| Failure::new(step, error))?;
        let answer = self.pool.send(node, call).await;
        answer.map_err(|trouble| Failure::new(step, trouble))
    }

    /// Trades the grant for a session, as the page does.
    pub(super) async fn redeem(
        &self,
        grant: &str,
        verifier: &str,
        turn: usize,
    ) -> Result<(), Failure> {
        let step = "redeem";
        let url = self.target.at("/api/v1/auth/token");
        let url = url.map_err(|error| Failure::new(step, error))?;
        let body = json!({"grant": grant, "verifier": verifier}).to_string();
        let mut post = call_with(Method::POST, &url, "application/json", body.into_bytes());
        set(&mut post, ORIGIN, &self.target.origin);
        let answer = self.fetch(step, &url, turn, post).await?;
        let session = answer.data::<Session>();
        let session = session.map_err(|why| Failure::new(step, why))?;
        if session.access_token.is_empty() {
            return Err(Failure::new(step, "no access token"));
        }
        Ok(())
    }
}
