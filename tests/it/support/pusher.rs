use aes::{
    Aes256,
    cipher::{Block, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Client, Response, redirect::Policy};
use sha1::{Digest, Sha1};
use url::Url;

use super::{Gateway, http, within};

/// WeChat's side of the message push, written for these tests alone.
pub(crate) struct Pusher {
    http: Client,
    gateway: Url,
    sandbox: Url,
    pub(crate) app_id: String,
    token: String,
    key: [u8; 32],
}

/// What the gateway answered.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A signed request that is not sent yet.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Gateway {
    /// What pushes to this gateway, with the sandbox's own token and key.
    pub(crate) fn pusher(&self) -> Pusher {
        use scangate::config::{SANDBOX_APP_ID, SANDBOX_ENCODING_AES_KEY, SANDBOX_TOKEN};
        // The last character holds bits that do not count; this decoder wants them to be zero.
        let key = SANDBOX_ENCODING_AES_KEY.to_owned() + "=";
        let lenient = base64::engine::GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
        );
        Pusher {
            http: http().redirect(Policy::none()).build().unwrap(),
            gateway: self.url.clone(),
            sandbox: Url::parse(&format!("http://{}", self.sandbox)).unwrap(),
            app_id: SANDBOX_APP_ID.to_owned(),
            token: SANDBOX_TOKEN.to_owned(),
            key: lenient.decode(key).unwrap().try_into().unwrap(),
        }
    }

    /// Unix seconds on the gateway's clock.
    pub(crate) fn now_s(&self) -> u64 {
        self.clock.wall() / 1_000
    }
}

/// The XML of an event.
pub(crate) fn event(openid: &str, at: u64, name: &str, key: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>\
         <CreateTime>{at}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{name}]]></Event>\
         <EventKey><![CDATA[{key}]]></EventKey><Ticket><![CDATA[gQ]]></Ticket></xml>"
    )
}

impl Pusher {
    /// An encrypted message, as in safe mode.
    pub(crate) fn sealed(&self, xml: &str, at: u64, nonce: &str) -> Push {
        let encrypt = STANDARD.encode(self.seal(xml.as_bytes()));
        let mut push = self.signed(at, nonce);
        push.query.push(("encrypt_type", "aes".to_owned()));
        push.query.push((
            "msg_signature",
            self.sign(&[&at.to_string(), nonce, &encrypt]),
        ));
        push.body = format!(
            "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
        );
        push
    }

    /// A message in the clear.
    pub(crate) fn clear(&self, xml: &str, at: u64, nonce: &str) -> Push {
        Push {
            body: xml.to_owned(),
            ..self.signed(at, nonce)
        }
    }

    fn signed(&self, at: u64, nonce: &str) -> Push {
        let at = at.to_string();
        let signature = self.sign(&[&at, nonce]);
        let query = vec![
            ("signature", signature),
            ("timestamp", at),
            ("nonce", nonce.to_owned()),
        ];
        Push {
            query,
            body: String::new(),
        }
    }

    /// What the console sends to see an `echo`.
    pub(crate) fn verification(&self, at: u64, nonce: &str, echo: &str) -> Push {
        let mut push = self.signed(at, nonce);
        push.query.push(("echostr", echo.to_owned()));
        push
    }

    /// The console asks for `echo`.
    pub(crate) async fn verify(&self, at: u64, nonce: &str, echo: &str) -> Pushed {
        let push = self.verification(at, nonce, echo);
        let url = self.gateway.join("callback/wechat/message").unwrap();
        let sent = self.http.get(url).query(&push.query).send();
        Pushed::of(within("an echo", sent).await.unwrap()).await
    }

    pub(crate) async fn push(&self, push: &Push) -> Pushed {
        let url = self.gateway.join("callback/wechat/message").unwrap();
        let sent = self
            .http
            .post(url)
            .query(&push.query)
            .header("content-type", "text/xml")
            .body(push.body.clone())
            .send();
        Pushed::of(within("an answer to a push", sent).await.unwrap()).await
    }

    /// The text of an encrypted reply, and to whom it goes.
    pub(crate) fn read(&self, reply: &Pushed) -> (String, String) {
        assert_eq!(reply.status, 200, "{reply:?}");
        let sealed = inside(&reply.body, "Encrypt");
        let (at, nonce) = (
            inside(&reply.body, "TimeStamp"),
            inside(&reply.body, "Nonce"),
        );
        assert_eq!(
            inside(&reply.body, "MsgSignature"),
            self.sign(&[&at, &nonce, &sealed])
        );
        let xml = self.open(&STANDARD.decode(sealed).unwrap());
        (inside(&xml, "Content"), inside(&xml, "ToUserName"))
    }

    /// Who a sandbox user is to the account.
    pub(crate) async fn openid(&self, user: &str) -> String {
        let mut page = self.sandbox.join("connect/oauth2/authorize").unwrap();
        page.query_pairs_mut()
            .append_pair("appid", &self.app_id)
            .append_pair("redirect_uri", "http://127.0.0.1/cb")
            .append_pair("response_type", "code")
            .append_pair("scope", "snsapi_base")
            .append_pair("state", "s");
        let cookie = format!("sandbox_user={user}");
        let sent = self.http.get(page).header("cookie", cookie).send();
        let back = within("a code", sent).await.unwrap();
        let back = Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap();
        let mut exchange = self.sandbox.join("sns/oauth2/access_token").unwrap();
        exchange
            .query_pairs_mut()
            .append_pair("appid", &self.app_id)
            .append_pair("secret", scangate::config::SANDBOX_APP_SECRET)
            .append_pair("code", &code.1)
            .append_pair("grant_type", "authorization_code");
        let answer = within("an openid", self.http.get(exchange).send());
        let text = answer.await.unwrap().text().await.unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json["openid"].as_str().unwrap().to_owned()
    }

    fn sign(&self, parts: &[&str]) -> String {
        let mut parts = [&[self.token.as_str()], parts].concat();
        parts.sort_unstable();
        scangate::ids::hex(&Sha1::digest(parts.concat()))
    }

    fn seal(&self, message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let mut sealed = [&[7; 16], &length[..], message, self.app_id.as_bytes()].concat();
        let padding = 32 - sealed.len() % 32;
        sealed.resize(sealed.len() + padding, u8::try_from(padding).unwrap());
        let (blocks, _) = Block::<Aes256>::slice_as_chunks_mut(&mut sealed);
        cbc::Encryptor::<Aes256>::new(&self.key.into(), &self.iv().into()).encrypt_blocks(blocks);
        sealed
    }

    fn open(&self, sealed: &[u8]) -> String {
        let mut plain = sealed.to_vec();
        let (blocks, _) = Block::<Aes256>::slice_as_chunks_mut(&mut plain);
        cbc::Decryptor::<Aes256>::new(&self.key.into(), &self.iv().into()).decrypt_blocks(blocks);
        let length = u32::from_be_bytes(plain[16..20].try_into().unwrap());
        let end = 20 + usize::try_from(length).unwrap();
        String::from_utf8(plain[20..end].to_vec()).unwrap()
    }

    fn iv(&self) -> [u8; 16] {
        self.key[..16].try_into().unwrap()
    }
}

impl Pushed {
    async fn of(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            body: response.text().await.unwrap(),
        }
    }

    /// That WeChat is told that all is well, and the chat nothing.
    pub(crate) fn is_success(&self) {
        assert_eq!((self.status, self.body.as_str()), (200, "success"));
    }
}

/// What stands in an element, CDATA or not.
fn inside(xml: &str, name: &str) -> String {
    let text = xml.split(&format!("<{name}>")).nth(1);
    let text = text.and_then(|rest| rest.split(&format!("</{name}>")).next());
    let text = text.unwrap_or_else(|| panic!("no {name} in {xml}"));
    let text = text.strip_prefix("<![CDATA[").unwrap_or(text);
    text.strip_suffix("]]>").unwrap_or(text).to_owned()
}
