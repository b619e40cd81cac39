//! The browser opens a scene, renews it, gives it up.

use std::{sync::Arc, time::Duration};

use super::{Login, LoginError, RETRY_AFTER, recent};
use crate::{
    code::{Code, Locale},
    config::{AppId, Flow},
    ids::{self, TraceId},
    protocol::{Encoded, Start},
    scene::{Advanced, Asker, CreateError, Input, Opening, Refused, Scene, SceneId, Secret, State},
    telemetry::StateLabel,
};

/// A scene just opened, and what its owner must be told.
pub struct Opened {
    /// The scene.
    pub scene: Scene,
    /// `pending`.
    pub event: Encoded,
}

/// Where `start` came from: what the gateway saw, not what the caller said.
#[derive(Clone, Debug)]
pub struct Origination {
    /// Browser, system, address.
    pub asker: Asker,
    /// SHA-256 of the browser cookie.
    pub browser_cookie: Option<[u8; 32]>,
    /// The language the browser prefers, for a `start` that names none.
    pub locale: Locale,
    /// The trace id of the request.
    pub trace_id: TraceId,
}

impl Login {
    /// Opens a scene.
    ///
    /// # Errors
    /// 40300 for an unknown app, 40301 for a flow or `return_to` that is not the app's, 50300 when full, 50301
    /// while draining.
    pub async fn open(&self, start: &Start, from: Origination) -> Result<Opened, LoginError> {
        let id = AppId::parse(&start.app).ok_or(Code::OriginRefused)?;
        let named = self.settings().apps.named(&id);
        let (id, app) = named.ok_or(Code::OriginRefused)?;
        let flow = start.flow.unwrap_or_else(|| self.settings().default_flow);
        if !app.flows.contains(&flow) {
            return Err(Code::RefusedByPolicy.into());
        }
        // The gateway's own login page is the default app's.
        let own_page = id.is_default().then_some(&self.settings().public_url);
        let is_listed = |to: &String| {
            let mut listed = app.return_urls.iter().chain(own_page);
            listed.any(|url| url.as_str() == to)
        };
        if !start.return_to.iter().all(is_listed) {
            return Err(Code::RefusedByPolicy.into());
        }
        self.create(Arc::new(Opening {
            app: id.clone(),
            flow,
            asked: flow,
            challenge: start.challenge,
            locale: start.locale.unwrap_or(from.locale),
            svg: start.svg,
            return_to: start.return_to.as_deref().map(Into::into),
            browser_cookie: from.browser_cookie,
            asker: from.asker,
            opened_at: self.clock().now(),
            trace_id: from.trace_id,
        }))
        .await
    }

    /// Replaces a pending or ended scene by a new one with everything of its `start`. The old one is not told.
    ///
    /// # Errors
    /// 40900 when it was scanned meanwhile, 41000 when it was redeemed, 40401 when it is forgotten; else as
    /// [`Login::open`].
    pub async fn refresh(&self, id: &SceneId) -> Result<Opened, LoginError> {
        let old = self.parts().scenes.get(id).await?;
        let old = old.ok_or(Code::SceneNotFound)?;
        if old.is_redeemed() {
            return Err(Code::SceneRedeemed.into());
        }
        if old.state.is_live() && old.state != State::Pending {
            return Err(Code::StateConflict.into());
        }
        // The new one first: when there is no room for it, the old one is still good.
        let opened_at = self.clock().now();
        let opening = Opening {
            flow: old.opening.asked,
            opened_at,
            ..Opening::clone(&old.opening)
        };
        let opened = self.create(Arc::new(opening)).await?;
        let refused = match self.advance(id, &Input::Replace).await? {
            Advanced::Done { .. } | Advanced::Refused(Refused::Ended, _) => return Ok(opened),
            Advanced::Refused(Refused::Redeemed, _) => Code::SceneRedeemed,
            Advanced::Refused(..) => Code::StateConflict,
            Advanced::Unknown => Code::SceneNotFound,
        };
        self.advance(&opened.scene.id, &Input::Cancel).await?;
        Err(refused.into())
    }

    /// Gives a live scene up: `cancelled` is announced, and a grant that waits is burnt.
    ///
    /// # Errors
    /// 40900 when it has ended, 41000 when it was redeemed, 40401 when it is forgotten.
    pub async fn cancel(&self, id: &SceneId) -> Result<Scene, LoginError> {
        match self.advance(id, &Input::Cancel).await? {
            Advanced::Done { scene, .. } => Ok(scene),
            Advanced::Refused(Refused::Redeemed, _) => Err(Code::SceneRedeemed.into()),
            Advanced::Refused(..) => Err(Code::StateConflict.into()),
            Advanced::Unknown => Err(Code::SceneNotFound.into()),
        }
    }

    async fn create(&self, opening: Arc<Opening>) -> Result<Opened, LoginError> {
        if self.is_draining() {
            return Err(LoginError {
                code: Code::Draining,
                // Any other node would open it at once; who is sent there comes spread over a second.
                retry_after: Some(Duration::from_millis(500 + ids::below(1_000))),
            });
        }
        self.stem(&opening.asker).await?;
        let id = SceneId::random();
        let (opening, link) = self.prepare(&id, opening).await?;
        let (now, secret) = (self.clock().now(), Secret::random());
        let scene = Scene::open(id, &secret, opening, link, now, &self.settings().lives);
        match self.parts().scenes.create(scene.clone()).await {
            Ok(()) => {}
            Err(CreateError::Full(limit)) => {
                tracing::warn!(limit, "limits.live_scenes reached: a scene was refused");
                return Err(LoginError {
                    code: Code::Overloaded,
                    retry_after: Some(RETRY_AFTER),
                });
            }
            Err(CreateError::Store(error)) => return Err(error.into()),
        }
        self.0.deadlines.set(scene.id, None, scene.deadline);
        if let Ok(address) = scene.opening.asker.ip.parse() {
            self.0.recent.count(address, now);
        }
        let metrics = &self.parts().metrics;
        metrics.scenes_created.inc();
        metrics
            .scenes
            .get_or_create(&StateLabel {
                state: scene.state.name(),
            })
            .inc();
        tracing::info!(scene = %scene.id, trace_id = %scene.opening.trace_id, app = %scene.opening.app, "scene opened");
        let event = self.event(&scene, &secret, false);
        Ok(Opened { scene, event })
    }

    /// Refuses a network that floods all nodes together. Without Redis nothing is opened anyway.
    async fn stem(&self, asker: &Asker) -> Result<(), LoginError> {
        let (Some(quota), Ok(address)) = (&self.parts().quota, asker.ip.parse()) else {
            return Ok(());
        };
        let key = format!("scenes:{}", recent::network(address));
        let taken = quota.take(&key, self.settings().scenes_per_minute).await;
        match taken.ok().flatten() {
            None => Ok(()),
            Some(wait) => Err(LoginError {
                code: Code::RateLimited,
                retry_after: Some(wait),
            }),
        }
    }

    /// What WeChat must have ready before the scene begins, and the opening of the flow that is really used.
    async fn prepare(
        &self,
        id: &SceneId,
        opening: Arc<Opening>,
    ) -> Result<(Arc<Opening>, Option<Arc<str>>), LoginError> {
        if opening.flow != Flow::OfficialAccount {
            let link = self.login_page(id, &opening)?;
            return Ok((opening, link));
        }
        match (
            self.parametric_code(id).await,
            self.settings().fallback_flow,
        ) {
            (Ok(code), _) => Ok((opening, Some(code))),
            (Err(error), Some(flow)) if self.is_enabled(&opening.app, flow) => {
                let trace_id = opening.trace_id;
                tracing::warn!(%error, %trace_id, ?flow, "no parametric code: another flow stands in");
                let opening = Opening {
                    flow,
                    ..Opening::clone(&opening)
                };
                Ok((Arc::new(opening), None))
            }
            (Err(error), _) => Err(error),
        }
    }

    fn is_enabled(&self, app: &AppId, flow: Flow) -> bool {
        let app = self.settings().apps.get(app);
        app.is_some_and(|app| app.flows.contains(&flow))
    }
}
