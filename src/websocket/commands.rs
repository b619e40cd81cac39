//! What each command of a page does.

use std::time::Duration;

use super::{Refusal, Socket, step::Phase};
use crate::{
    code::Code,
    config::AppId,
    login::Opened,
    protocol::{Attach, Control, Resume, Start, Verify},
    push::Full,
    scene::{Scene, SceneId, Secret},
    token::TokenError,
};

/// What a tab is asked to wait whose session has too many attached: about as long as one that has vanished is kept.
const TOO_MANY_TABS: Duration = Duration::from_secs(30);

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self {
            retry_after: Some(TOO_MANY_TABS),
            ..Code::RateLimited.into()
        }
    }
}

impl Socket {
    pub(super) async fn start(&mut self, start: &Start) -> Result<(), Refusal> {
        let app = AppId::parse(&start.app).ok_or(Code::OriginRefused)?;
        self.admit(&app)?;
        self.door.limits.scene(self.limit_key)?;
        // Until a command was carried out it is there, and no start comes after one.
        let greeting = self.greeting.as_ref().ok_or(Code::Internal)?;
        let from = greeting.origination.clone();
        let opened = self.door.login.open(start, from).await?;
        self.bind_opened(opened);
        Ok(())
    }

    pub(super) async fn refresh(&mut self, scene: &SceneId) -> Result<(), Refusal> {
        self.door.limits.scene(self.limit_key)?;
        let opened = self.door.login.refresh(scene).await?;
        self.leave();
        self.door.push.finish(*scene);
        self.bind_opened(opened);
        Ok(())
    }

    pub(super) async fn verify(&self, scene: &SceneId, verify: Verify) -> Result<(), Refusal> {
        self.door.login.verify(scene, verify.code).await?;
        Ok(())
    }

    pub(super) async fn cancel(&self, scene: &SceneId) -> Result<(), Refusal> {
        self.door.login.cancel(scene).await?;
        Ok(())
    }

    pub(super) async fn resume(&mut self, resume: Resume) -> Result<(), Refusal> {
        self.door.limits.may_resume(self.limit_key)?;
        let secret = Secret::claimed(resume.secret);
        let found = self.door.login.find(&resume.scene, &secret).await;
        if found
            .as_ref()
            .is_err_and(|error| error.code == Code::SceneNotFound)
        {
            self.door.limits.resume_failed(self.limit_key);
        }
        let scene = found?;
        self.admit(&scene.opening.app)?;
        self.door.login.hold(&scene.id).await?;
        self.bind(&scene);
        // Read again now that every event from here on is heard: nothing falls in between.
        let scene = self.door.login.find(&resume.scene, &secret).await?;
        self.door.login.still_holds(&scene.id).await?;
        let event = self.door.login.event(&scene, &secret, true);
        let _ = self.connection.send_event(scene.id, &event);
        Ok(())
    }

    /// Becomes the channel of the token's session.
    pub(super) async fn attach(&mut self, attach: &Attach) -> Result<(), Refusal> {
        self.door.limits.may_resume(self.limit_key)?;
        let caller = self.door.tokens.authenticate(&attach.access_token);
        if matches!(caller, Err(TokenError::Unauthenticated)) {
            self.door.limits.resume_failed(self.limit_key);
        }
        let caller = caller?;
        self.admit(&caller.app)?;
        let channels = &self.door.channels;
        channels.attach(&caller.session_id, self.connection.clone())?;
        self.phase = Phase::Attached(caller.session_id.clone());
        self.greeting = None;
        // Read only now that its end is heard: nothing falls in between.
        let session = self.door.tokens.session_of(&caller).await?;
        let session_id = &session.id.0;
        self.connection
            .attach(&Control::Attached { session_id }.encode());
        Ok(())
    }

    fn admit(&self, app: &AppId) -> Result<(), Refusal> {
        let greeting = self.greeting.as_ref();
        let origin = greeting.and_then(|greeting| greeting.origin.as_ref());
        self.door
            .origins
            .admits(app, origin)
            .map_err(|_refused| Code::OriginRefused.into())
    }

    fn bind_opened(&mut self, opened: Opened) {
        self.bind(&opened.scene);
        let _ = self.connection.send_event(opened.scene.id, &opened.event);
    }

    fn bind(&mut self, scene: &Scene) {
        self.connection.watch(scene.id, scene.opening.locale);
        self.door.push.take_over(scene.id, self.connection.clone());
        self.phase = Phase::Bound(scene.id);
        self.greeting = None;
    }
}
