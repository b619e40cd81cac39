use super::*;
use crate::wechat::fake::{Fake, Play};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// A fetcher that may ask `fake`, as the sandbox, and is soon impatient.
fn fetcher(fake: &Fake) -> Fetcher {
    let sources = Sources::new(vec!["qlogo.cn".to_owned()], Some(fake.base()));
    Fetcher::new(sources, Duration::from_millis(300)).unwrap()
}

async fn fetched(play: Play) -> Result<Picture, Unusable> {
    let fake = Fake::start(vec![play]).await;
    fetcher(&fake).fetch(fake.base().as_str()).await
}

fn raw(head: &str, body: &[u8]) -> Play {
    let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
    Play::Raw([head.as_bytes(), body].concat())
}

#[test]
fn pictures_are_known_by_their_first_bytes() {
    let webp = b"RIFF\x10\0\0\0WEBPVP8 ";
    for (bytes, expected) in [
        (PNG, Some("image/png")),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
        (b"GIF87a", Some("image/gif")),
        (b"GIF89a=1;alert(1)//<script>", Some("image/gif")),
        (webp, Some("image/webp")),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", None),
        (b"<?xml version=\"1.0\"?><svg/>", None),
        (b"<svg><!-- \x89PNG\r\n\x1a\n --></svg>", None),
        (b"<!DOCTYPE html><html>", None),
        (b" GIF89a", None),
        (b"\xef\xbb\xbf<svg/>", None),
        (b"RIFF\x10\0\0\0AVI LIST", None),
        (b"RIFF\x10\0\0\0WEBP", None),
        (b"\xff\xd8", None),
        (b"BM\x36\0", None),
        (b"%PDF-1.7", None),
        (b"", None),
    ] {
        assert_eq!(kind(bytes), expected, "{}", bytes.escape_ascii());
    }
}

#[tokio::test]
async fn the_bytes_count_and_not_what_the_header_says() {
    let picture = fetched(raw("200 OK\r\ncontent-type: text/html", PNG)).await;
    let picture = picture.unwrap();
    assert_eq!((picture.kind, &*picture.bytes), ("image/png", PNG));
    let page = raw("200 OK\r\ncontent-type: image/png", b"<html>");
    assert!(matches!(fetched(page).await, Err(Unusable::Kind)));
}

#[tokio::test]
async fn a_picture_has_a_most() {
    let mut whole = vec![0; MAX_PICTURE];
    whole[..PNG.len()].copy_from_slice(PNG);
    let most = fetched(Play::Answer(200, whole.clone())).await.unwrap();
    assert_eq!(most.bytes.len(), MAX_PICTURE);
    whole.push(0);
    let announced = Play::Answer(200, whole.clone());
    assert!(matches!(fetched(announced).await, Err(Unusable::TooLarge)));
    let chunk = [format!("{:x}\r\n", whole.len()).into_bytes(), whole].concat();
    let unannounced = raw("200 OK\r\ntransfer-encoding: chunked", &chunk);
    assert!(matches!(
        fetched(unannounced).await,
        Err(Unusable::TooLarge)
    ));
}

#[tokio::test]
async fn a_redirect_is_an_answer_without_a_picture() {
    let inside = Fake::start(vec![Play::Answer(200, PNG.to_vec())]).await;
    for status in ["301", "302", "303", "307", "308"] {
        let head = format!("{status} Found\r\nlocation: {}", inside.base());
        let told = fetched(raw(&head, b"")).await.unwrap_err();
        assert_eq!(
            told.to_string(),
            format!(
                "the answer has status {}",
                StatusCode::from_bytes(status.as_bytes()).unwrap()
            )
        );
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn only_200_has_a_picture() {
    for status in [201, 204, 206, 304, 404, 500] {
        let told = fetched(Play::Answer(status, PNG.to_vec())).await;
        assert!(matches!(told, Err(Unusable::Status(_))), "{status}");
    }
}

#[tokio::test]
async fn whoever_does_not_come_to_an_end_is_left() {
    let drip = raw("200 OK\r\ncontent-length: 500", b"");
    for play in [Play::Silence, Play::Drip, Play::CutOff, Play::Reset, drip] {
        assert!(matches!(fetched(play).await, Err(Unusable::Call(_))));
    }
}

#[tokio::test]
async fn what_is_not_listed_is_not_connected_to() {
    let [asked, own] = [(); 2].map(|()| Fake::start(vec![Play::Answer(200, PNG.to_vec())]));
    let (asked, own) = (asked.await, own.await);
    let told = fetcher(&own).fetch(asked.base().as_str()).await;
    assert!(matches!(told, Err(Unusable::Source)));
    assert_eq!(asked.connections(), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let fake = Fake::start(vec![Play::Answer(200, PNG.to_vec())]).await;
    let inside = format!("http://localhost:{}/", fake.base().port().unwrap());
    let told = fetcher(&fake).client.get(&inside).send().await.unwrap_err();
    let causes = Unusable::from(told).causes();
    assert!(
        causes.ends_with("the name has no public address"),
        "{causes}"
    );
    assert!(!causes.contains("localhost:"), "{causes}");
    assert_eq!(fake.connections(), 0);
}
