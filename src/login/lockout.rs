//! Two logins that failed by wrong digits lock their person out for a while: a hundred codes and three tries each are
//! no lock for somebody who may begin again and again.

use std::time::Duration;

use super::{Login, LoginError};
use crate::{
    cluster::{Claim, StoreError},
    code::Code,
    scene::{Input, Phone, Scene, State},
};

/// How long a failure counts, and how long its second locks out.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// Why, for the page.
pub(super) const TOO_MANY_WRONG_CODES: &str = "too_many_wrong_codes";

impl Login {
    /// What refuses this person, if anything does: then no scan of theirs counts, and no yes.
    pub(super) async fn refusal(
        &self,
        scene: &Scene,
        phone: &Phone,
    ) -> Result<Option<Input>, LoginError> {
        let app_id = self.account(scene.opening.flow)?.app_id();
        let key = lock_key(app_id, &phone.openid);
        let is_locked_out = self.parts().once.is_claimed(&key).await?;
        Ok(is_locked_out.then(|| Input::Deny {
            phone: phone.clone(),
            reason: TOO_MANY_WRONG_CODES,
        }))
    }

    /// Remembers a login that wrong digits have failed; the second within [`LIFE`] locks the person out. To be called
    /// before anybody is told of the failure.
    pub(super) async fn strike(&self, scene: &Scene) {
        if !matches!(
            scene.state,
            State::Failed {
                code: Code::WrongDigits
            }
        ) {
            return;
        }
        if let Err(error) = self.strike_now(scene).await {
            tracing::error!(%error, scene = %scene.id, "a login failed by wrong digits could not be remembered");
        }
    }

    async fn strike_now(&self, scene: &Scene) -> Result<(), StoreError> {
        let account = self.account(scene.opening.flow).ok();
        let Some((account, phone)) = account.zip(scene.phone.as_ref()) else {
            return Ok(());
        };
        let once = &self.parts().once;
        let strike = format!("wrong-digits:{}:{}", account.app_id(), phone.openid);
        if once.claim(&strike, LIFE, Duration::ZERO).await? == Claim::First {
            return Ok(());
        }
        let lock = lock_key(account.app_id(), &phone.openid);
        if once.claim(&lock, LIFE, Duration::ZERO).await? == Claim::First {
            let trace_id = scene.opening.trace_id;
            tracing::warn!(scene = %scene.id, %trace_id, "wrong digits again: this person is locked out for a while");
        }
        Ok(())
    }
}

fn lock_key(app_id: &str, openid: &str) -> String {
    format!("locked-out:{app_id}:{openid}")
}
