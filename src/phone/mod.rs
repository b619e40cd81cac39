use crate::{http::SecurityHeaders, login::Login};
use actix_web::web;
pub(crate) struct Door {
    pub(crate) login: Login,
    pub(crate) is_sandbox: bool,
}
pub(crate) fn routes(_: &SecurityHeaders) -> impl FnOnce(&mut web::ServiceConfig) {
    |_| {}
}
