//! Pictures of users, drawn: initials on a colour.

use actix_web::{HttpResponse, web};
use maud::html;

use super::User;
use crate::sandbox::shared::Shared;

/// Dark enough for white letters (4.5:1).
const COLOURS: [&str; 8] = [
    "#2f7d4f", "#2b6cb0", "#9b4d96", "#b3541e", "#0f7a86", "#6b5bc7", "#a83a4b", "#5f6b2f",
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
        format!("/sandbox/avatars/{}.svg", self.id)
    }
}

/// `GET /sandbox/avatars/{id}.svg`
pub(in crate::sandbox) async fn serve(
    shared: web::Data<Shared>,
    id: web::Path<String>,
) -> HttpResponse {
    let drawn = shared.lock().users.get(&id).map(draw);
    match drawn {
        Some(svg) => HttpResponse::Ok()
            .content_type("image/svg+xml")
            .insert_header(("Cache-Control", "max-age=300"))
            .insert_header(("Content-Security-Policy", "default-src 'none'"))
            .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .body(svg),
        None => HttpResponse::NotFound().finish(),
    }
}

fn draw(user: &User) -> String {
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96" {
            rect width="96" height="96" fill=(colour(&user.id)) {}
            text x="48" y="50" fill="#fff" font-size="44" font-weight="600" text-anchor="middle"
                dominant-baseline="central"
                font-family="PingFang SC, Noto Sans CJK SC, Segoe UI, sans-serif" {
                (initial(&user.name))
            }
        }
    };
    picture.into_string()
}

/// The family name in Chinese, the first letter elsewhere.
fn initial(name: &str) -> String {
    name.chars()
        .find(|letter| letter.is_alphanumeric())
        .map_or_else(|| "?".to_owned(), |letter| letter.to_uppercase().collect())
}

fn colour(id: &str) -> &'static str {
    let sum = id.bytes().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    COLOURS.get(sum % COLOURS.len()).copied().unwrap_or("#555")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_letters() {
        assert_eq!(initial("李小龙"), "李");
        assert_eq!(initial("zoë"), "Z");
        assert_eq!(initial("🦄 <b>"), "B");
        assert_eq!(initial("🦄"), "?");
    }
}
