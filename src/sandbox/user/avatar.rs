//! Pictures of users, drawn: somebody in front of a colour. A JPEG, as WeChat's are.

use actix_web::{HttpResponse, web};
use jpeg_encoder::{ColorType, Encoder};

use super::User;
use crate::sandbox::shared::Shared;

/// Pixels from side to side, of WeChat's pictures in a middle size.
const SIDE: u16 = 132;
const QUALITY: u8 = 90;
const WHITE: [u8; 3] = [0xff; 3];

/// Dark enough for white in front of them.
const COLOURS: [[u8; 3]; 8] = [
    [0x2f, 0x7d, 0x4f],
    [0x2b, 0x6c, 0xb0],
    [0x9b, 0x4d, 0x96],
    [0xb3, 0x54, 0x1e],
    [0x0f, 0x7a, 0x86],
    [0x6b, 0x5b, 0xc7],
    [0xa8, 0x3a, 0x4b],
    [0x5f, 0x6b, 0x2f],
];

impl User {
    /// The URL of the picture.
    pub(in crate::sandbox) fn picture(&self, base: &str) -> String {
        self.avatar
            .clone()
            .unwrap_or_else(|| format!("{base}{}", self.drawing()))
    }

    /// The path of the picture that the sandbox draws.
    pub(in crate::sandbox) fn drawing(&self) -> String {
        format!("/sandbox/avatars/{}.jpg", self.id)
    }
}

/// `GET /sandbox/avatars/{id}.jpg`
pub(in crate::sandbox) async fn serve(
    shared: web::Data<Shared>,
    id: web::Path<String>,
) -> HttpResponse {
    let is_known = shared.lock().users.get(&id).is_some();
    match is_known.then(|| draw(&id)).flatten() {
        Some(picture) => HttpResponse::Ok()
            .content_type("image/jpeg")
            .insert_header(("Cache-Control", "max-age=300"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .body(picture),
        None => HttpResponse::NotFound().finish(),
    }
}

/// A head and shoulders, on the colour of that user.
fn draw(id: &str) -> Option<Vec<u8>> {
    let ground = colour(id);
    let lines = 0..i32::from(SIDE);
    let dots = lines.flat_map(|y| (0..i32::from(SIDE)).map(move |x| (x, y)));
    let pixels: Vec<u8> = dots
        .flat_map(|dot| if is_body(dot) { WHITE } else { ground })
        .collect();
    let mut picture = Vec::new();
    Encoder::new(&mut picture, QUALITY)
        .encode(&pixels, SIDE, SIDE, ColorType::Rgb)
        .ok()?;
    Some(picture)
}

const fn is_body((x, y): (i32, i32)) -> bool {
    const fn within(x: i32, y: i32, radius: i32) -> bool {
        x * x + y * y <= radius * radius
    }
    within(x - 66, y - 52, 25) || within(x - 66, y - 134, 48)
}

fn colour(id: &str) -> [u8; 3] {
    let sum = id.bytes().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    COLOURS
        .get(sum % COLOURS.len())
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_white_on_a_colour() {
        let picture = draw("lixiaolong").unwrap();
        let mut decoder = jpeg_decoder::Decoder::new(&*picture);
        let pixels = decoder.decode().unwrap();
        let side = usize::from(SIDE);
        let at = |x: usize, y: usize| pixels[(y * side + x) * 3];
        assert!(at(66, 52) > 250 && at(66, 120) > 250, "head and shoulders");
        assert!(at(4, 4).abs_diff(colour("lixiaolong")[0]) < 8);
    }
}
