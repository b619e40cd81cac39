//! Black-box tests: a real gateway on real sockets, a browser, and a phone that speaks to the sandbox.

mod support;

mod first_login;
mod tidy;
