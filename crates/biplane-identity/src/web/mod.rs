//! The web app's sign-in: passwords, sessions in a cookie, protection from forged requests.
//!
//! The session cookie is unreadable to scripts. Beside it goes `biplane_csrf`, derived from the session:
//! a page of ours can read it and send it back as a header, a page of another site cannot.

mod cookies;
pub mod http;
mod limits;
pub mod ops;
mod passwords;
mod store;

pub use cookies::{check_csrf, session_cookie};
pub use passwords::Passwords;
