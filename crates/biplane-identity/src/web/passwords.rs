//! Argon2id, off the async threads, a few at a time.

use super::limits::Limits;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use biplane_platform::{ApiError, ErrorCode, Result, Secret};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// 32 MiB and two passes: about 50 ms on one core, and dear to try in bulk.
const MEMORY_KIB: u32 = 32 * 1024;
const PASSES: u32 = 2;
const AT_ONCE: usize = 4;
const WAIT: Duration = Duration::from_secs(5);
const CHARS_MIN: usize = 8;
const BYTES_MAX: usize = 1024;

pub struct Passwords {
    turns: Arc<Semaphore>,
    /// Of no password: verified when the user does not exist, so that both take the same time.
    dummy: Arc<OnceLock<String>>,
    pub limits: Limits,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            dummy: Default::default(),
            limits: Limits::default(),
        }
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(ApiError::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<String> {
    let salt = SaltString::encode_b64(&crate::hash::random::<16>()?).map_err(ApiError::internal)?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(ApiError::internal)?;
    Ok(hash.to_string())
}

fn verify_now(password: &str, hash: &str) -> Result<bool> {
    let hash = PasswordHash::new(hash).map_err(ApiError::internal)?;
    Ok(argon2()?.verify_password(password.as_bytes(), &hash).is_ok())
}

impl Passwords {
    /// Checks what a new password must be, then hashes it.
    pub async fn hash(&self, password: &Secret) -> Result<String> {
        if password.expose().chars().count() < CHARS_MIN || password.expose().len() > BYTES_MAX {
            return Err(ApiError::invalid(format!(
                "A password has at least {CHARS_MIN} characters and at most {BYTES_MAX} bytes."
            )));
        }
        let (permit, password) = (self.turn().await?, password.clone());
        run(permit, move || hash_now(password.expose())).await
    }

    /// False too when there is no hash, after the same time.
    pub async fn verify(&self, password: &Secret, hash: Option<String>) -> Result<bool> {
        let (permit, password, dummy) = (self.turn().await?, password.clone(), self.dummy.clone());
        run(permit, move || {
            if password.expose().len() > BYTES_MAX {
                return Ok(false);
            }
            match hash {
                Some(hash) => verify_now(password.expose(), &hash),
                None => {
                    let dummy = match dummy.get() {
                        Some(dummy) => dummy.clone(),
                        None => dummy.get_or_init(|| hash_now("").unwrap_or_default()).clone(),
                    };
                    verify_now(password.expose(), &dummy).map(|_| false)
                }
            }
        })
        .await
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let busy = || {
            ApiError::new(ErrorCode::RequestLimitExceeded, "Too many sign-ins at once. Try again.")
        };
        match tokio::time::timeout(WAIT, self.turns.clone().acquire_owned()).await {
            Ok(permit) => permit.map_err(ApiError::internal),
            Err(_) => Err(busy()),
        }
    }
}

async fn run<T: Send + 'static>(
    permit: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    })
    .await
    .map_err(ApiError::internal)?
}
