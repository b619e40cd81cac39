//! What answers a message at once ("passive reply").

use super::{Message, query::Delivery, xml::cdata};

/// A text in the chat with who sent `message`.
pub(super) fn text(message: &Message, text: &str, now_s: u64) -> String {
    format!(
        "<xml><ToUserName>{}</ToUserName><FromUserName>{}</FromUserName><CreateTime>{now_s}</CreateTime>\
         <MsgType><![CDATA[text]]></MsgType><Content>{}</Content></xml>",
        cdata(&message.openid),
        cdata(&message.to),
        cdata(text),
    )
}

/// What carries a sealed answer.
pub(super) fn sealed(encrypt: &str, signature: &str, delivery: &Delivery) -> String {
    format!(
        "<xml>\n<Encrypt>{}</Encrypt>\n<MsgSignature>{}</MsgSignature>\n<TimeStamp>{}</TimeStamp>\n\
         <Nonce>{}</Nonce>\n</xml>",
        cdata(encrypt),
        cdata(signature),
        delivery.timestamp(),
        cdata(delivery.nonce()),
    )
}
