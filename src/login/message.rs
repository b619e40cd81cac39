//! WeChat's message push: proved, taken once, answered the same when it is repeated.

use std::time::Duration;

use super::{ChatReply, Login, LoginError};
use crate::{
    cluster::Claim,
    wechat::message::{Delivery, Inbox, REMEMBER_S, Received, Refused},
};

/// How long an answer is kept for repeats: WeChat sends three times within 20 s.
const KEEP_ANSWER: Duration = Duration::from_secs(120);
/// How long a repeat waits for the first one's answer; WeChat itself hangs up after 5 s.
const REPEAT_WAIT: Duration = Duration::from_secs(2);

/// Why a push is not answered.
#[derive(Debug)]
pub enum PushError {
    /// There is no account with a message push.
    Off,
    /// Not WeChat's, or not readable; all are answered alike.
    Refused(Refused),
    /// WeChat's, but signed before for something else.
    Replayed,
    /// A store is away: WeChat sends it again.
    Away(LoginError),
}

impl From<Refused> for PushError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<LoginError> for PushError {
    fn from(error: LoginError) -> Self {
        Self::Away(error)
    }
}

impl Login {
    /// `GET` of the push address: what to echo.
    ///
    /// # Errors
    /// [`PushError`]; nothing is echoed then.
    pub async fn verify_push_url(&self, query: &str) -> Result<String, PushError> {
        let verified = self.inbox()?.verify_url(query, self.now_s())?;
        self.take(&verified.delivery, &verified.echo).await?;
        Ok(verified.echo)
    }

    /// `POST` to the push address: a message that WeChat sent.
    ///
    /// # Errors
    /// [`PushError`]
    pub async fn receive(&self, query: &str, body: &[u8]) -> Result<Received, PushError> {
        let received = self.inbox()?.open(query, body, self.now_s())?;
        // What was sealed says the same each time; where it moves nothing, nothing needs to be remembered of it.
        if received.message.kind.is_scan() || !received.is_sealed() {
            let key = &received.message.dedupe_key;
            self.take(&received.delivery, key).await?;
        }
        Ok(received)
    }

    /// Does what a message asks for, and gives the text for the chat; `word` makes it. A repeat gets the first one's.
    ///
    /// # Errors
    /// 50300 when a store is away.
    pub async fn hear(
        &self,
        received: &Received,
        word: impl Fn(&ChatReply) -> String,
    ) -> Result<Option<String>, LoginError> {
        let message = &received.message;
        if !message.kind.is_scan() {
            self.heard(&message.openid, &message.kind).await?;
            return Ok(None);
        }
        let key = format!("message:{}", message.dedupe_key);
        let once = &self.parts().once;
        if let Claim::Again(text) = once.claim(&key, KEEP_ANSWER, REPEAT_WAIT).await? {
            return Ok((!text.is_empty()).then_some(text));
        }
        // Also when the first one came to nothing, or is not done yet: what it does is harmless twice.
        let reply = self.heard(&message.openid, &message.kind).await?;
        let text = reply.as_ref().map(word);
        once.settle(&key, text.as_deref().unwrap_or_default())
            .await?;
        Ok(text)
    }

    /// The body that puts `text` into the chat.
    ///
    /// # Errors
    /// [`PushError::Off`]
    pub fn seal_reply(&self, received: &Received, text: &str) -> Result<String, PushError> {
        let random = crate::ids::random();
        Ok(self.inbox()?.reply(received, text, self.now_s(), random))
    }

    /// A signed request counts for what it was first sent for: a repeat is WeChat's own, anything else a stranger's.
    async fn take(&self, delivery: &Delivery, what: &str) -> Result<(), PushError> {
        let key = format!("push:{}", delivery.claim_key());
        let life = Duration::from_secs(REMEMBER_S);
        let once = &self.parts().once;
        let away = |error| PushError::Away(LoginError::from(error));
        match once.claim(&key, life, REPEAT_WAIT).await.map_err(away)? {
            Claim::First => once.settle(&key, what).await.map_err(away),
            Claim::Again(before) if before == what => Ok(()),
            Claim::Again(_) => Err(PushError::Replayed),
            // Whoever took it may have died before saying what for. The first word stays, whosever it is.
            Claim::Pending => {
                once.settle(&key, what).await.map_err(away)?;
                match once.claim(&key, life, Duration::ZERO).await.map_err(away)? {
                    Claim::Again(before) if before == what => Ok(()),
                    _ => Err(PushError::Replayed),
                }
            }
        }
    }

    fn inbox(&self) -> Result<&Inbox, PushError> {
        self.parts().inbox.as_ref().ok_or(PushError::Off)
    }

    fn now_s(&self) -> u64 {
        self.clock().wall() / 1_000
    }
}
