//! How often a password may be tried: per address and user, per user, per address, in five minutes.
//! Memory is bounded; what is forgotten first is what was tried least.

use biplane_platform::{ApiError, ErrorCode, Result};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(300);
const KEYS_MAX: u64 = 20_000;
const PER_USER_AND_ADDRESS: u32 = 10;
const PER_ADDRESS: u32 = 50;
/// High, so that a stranger cannot lock somebody out easily, and low enough against many addresses.
const PER_USER: u32 = 100;

pub struct Limits(moka::sync::Cache<String, Arc<AtomicU32>>);

/// Counts as a failure unless `succeeded`.
pub struct Attempt(Vec<Arc<AtomicU32>>);

impl Default for Limits {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(KEYS_MAX).time_to_live(WINDOW).build())
    }
}

impl Limits {
    /// Counted before the password is looked at, so that many at once do not slip through.
    pub fn attempt(&self, user_key: &str, address: Option<IpAddr>) -> Result<Attempt> {
        let user_key = &user_key.chars().take(255).collect::<String>();
        let mut keys = vec![(format!("u {user_key}"), PER_USER)];
        if let Some(address) = address {
            keys.push((format!("a {address}"), PER_ADDRESS));
            keys.push((format!("b {address} {user_key}"), PER_USER_AND_ADDRESS));
        } else {
            keys.push((format!("b {user_key}"), PER_USER_AND_ADDRESS));
        }
        let mut counters = Vec::with_capacity(keys.len());
        let mut over = false;
        for (key, limit) in keys {
            let counter = self.0.get_with(key, Default::default);
            over |= counter.fetch_add(1, Ordering::Relaxed) >= limit;
            counters.push(counter);
        }
        let attempt = Attempt(counters);
        if over {
            attempt.succeeded();
            return Err(ApiError {
                retry_after_s: Some(60),
                ..ApiError::new(
                    ErrorCode::RequestLimitExceeded,
                    "Too many attempts to sign in. Wait some minutes.",
                )
            });
        }
        Ok(attempt)
    }
}

impl Attempt {
    pub fn succeeded(&self) {
        for counter in &self.0 {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_and_successes_do_not() {
        let limits = Limits::default();
        let address = Some("10.0.0.1".parse().unwrap());
        for _ in 0..100 {
            limits.attempt("a@x", address).unwrap().succeeded();
        }
        for _ in 0..PER_USER_AND_ADDRESS {
            limits.attempt("a@x", address).unwrap();
        }
        assert!(limits.attempt("a@x", address).is_err());
        // Another address still may, and so may another user.
        limits.attempt("a@x", Some("10.0.0.2".parse().unwrap())).unwrap();
        limits.attempt("b@x", address).unwrap();
    }
}
