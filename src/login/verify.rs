//! The browser sends the digits that the phone shows.

use super::{Login, LoginError};
use crate::{
    code::Code,
    scene::{Advanced, Digits, Input, Refused, Scene, SceneId},
};

impl Login {
    /// `verify`: the right digits sign in; wrong ones leave a try less, the third ones fail the login. What came of it
    /// is announced.
    ///
    /// # Errors
    /// 40900 when none are asked for, 41000 when the grant was redeemed, 40401 when the scene is forgotten.
    pub async fn verify(&self, id: &SceneId, digits: Digits) -> Result<Scene, LoginError> {
        match self.advance(id, &Input::Verify { digits }).await? {
            Advanced::Done { scene, .. } => Ok(scene),
            Advanced::Refused(Refused::Redeemed, _) => Err(Code::SceneRedeemed.into()),
            Advanced::Refused(..) => Err(Code::StateConflict.into()),
            Advanced::Unknown => Err(Code::SceneNotFound.into()),
        }
    }
}
