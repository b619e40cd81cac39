//! What a browser is told of its scene, now or when it comes back.

use super::{Login, LoginError};
use crate::{
    code::Code,
    config::{Flow, ScannedUser},
    protocol::{Encoded, ErrorBody, Head, Person, Qr, StateEvent},
    scene::{Digits, Scene, SceneId, Secret, State, qr},
    user::User,
};

impl Login {
    /// The scene that `secret` opens; both are whatever the caller says.
    ///
    /// # Errors
    /// 40401 for an unknown scene or a wrong secret alike, 41000 when its grant was redeemed.
    pub async fn find(&self, scene: &str, secret: &Secret) -> Result<Scene, LoginError> {
        let id = SceneId::parse(scene).ok_or(Code::SceneNotFound)?;
        let found = self.parts().scenes.get(&id).await?;
        let now = self.clock().now();
        let scene = found
            .filter(|scene| scene.is_opened_by(secret) && !scene.is_forgotten_at(now))
            .ok_or(Code::SceneNotFound)?;
        if scene.is_redeemed() {
            Err(Code::SceneRedeemed.into())
        } else {
            Ok(scene)
        }
    }

    /// The latest event of a scene, for its owner.
    pub fn event(&self, scene: &Scene, secret: &Secret, replay: bool) -> Encoded {
        self.encode(scene, Some(secret), replay)
    }

    /// The event of a step just taken, for whoever watches. Never `pending`, so no secret is in it.
    pub(super) fn announcement(&self, scene: &Scene) -> Encoded {
        self.encode(scene, None, false)
    }

    fn encode(&self, scene: &Scene, secret: Option<&Secret>, replay: bool) -> Encoded {
        let head = Head::of(scene, replay);
        let expires_at = scene.deadline;
        match &scene.state {
            State::Pending => StateEvent::Pending {
                head,
                expires_at,
                secret: secret.map(Secret::expose),
                flow: scene.opening.flow,
                qr: self.qr(scene),
                embed_url: scene
                    .link
                    .as_deref()
                    .filter(|_| scene.opening.flow == Flow::Website),
            },
            State::Scanned { known } => StateEvent::Scanned {
                head,
                expires_at,
                user: known.as_ref().and_then(|known| self.shown(&known.user)),
            },
            State::Verifying { tries_left, .. } => StateEvent::Verifying {
                head,
                expires_at,
                code_length: Digits::LENGTH,
                tries_left: *tries_left,
            },
            State::Authorized { user, .. } => StateEvent::Authorized {
                head,
                expires_at,
                grant: self.parts().tokens.grant(&scene.id.0, scene.seq),
                user: self.person(user),
            },
            State::Rejected { by, reason } => StateEvent::Rejected {
                head,
                by: *by,
                reason: reason.as_deref(),
            },
            State::Expired => StateEvent::Expired { head },
            State::Cancelled => StateEvent::Cancelled { head },
            State::Failed { code } => StateEvent::Failed {
                head,
                error: ErrorBody::new(*code, scene.opening.locale),
            },
        }
        .encode()
    }

    fn qr(&self, scene: &Scene) -> Option<Qr> {
        let text = match scene.opening.flow {
            Flow::H5 => String::from(self.scene_url(&scene.id)),
            Flow::OfficialAccount => scene.link.as_deref()?.to_owned(),
            Flow::Website => return None,
        };
        let svg = scene.opening.svg.then(|| qr::svg(&text)).transpose();
        let svg = svg
            .inspect_err(|error| tracing::error!(%error, "the address is too long for a QR"))
            .ok()
            .flatten();
        Some(Qr { text, svg })
    }

    /// What `scanned` tells of a known person.
    fn shown(&self, user: &User) -> Option<Person> {
        match self.settings().scanned_user {
            ScannedUser::None => None,
            ScannedUser::Full => Some(self.person(user)),
            ScannedUser::Masked => Some(Person {
                name: Some(masked(user.name.as_deref()?)?),
                avatar: None,
            }),
        }
    }

    fn person(&self, user: &User) -> Person {
        let public_url = &self.settings().public_url;
        Person {
            name: user.name.clone(),
            avatar: user.avatar.as_ref().map(|avatar| avatar.url(public_url)),
        }
    }
}

/// The first character and stars: enough to recognise oneself by, too little to learn somebody else's name.
fn masked(name: &str) -> Option<String> {
    let first = name.chars().next()?;
    let rest = name.chars().count().saturating_sub(1).clamp(1, 2);
    Some(format!("{first}{}", "*".repeat(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_name_tells_one_character() {
        for (name, shown) in [
            ("李小龙", "李**"),
            ("王芳", "王*"),
            ("Z", "Z*"),
            ("Zoë Example", "Z**"),
        ] {
            assert_eq!(masked(name).as_deref(), Some(shown));
        }
        assert_eq!(masked(""), None);
    }
}
