//! REST of sessions.
