//! Sessions of the customer's role. One is assumed per role and region and kept until shortly before it
//! ends; who comes while it is renewed waits for that one.

use crate::errors::{self, Asked, invalid};
use crate::http::Http;
use crate::{AwsConfig, AwsKey};
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use biplane_compute::provider::{Place, ProviderResult};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const SESSION: Duration = Duration::from_secs(3600);
/// Renewed this long before its end.
const SPARE: Duration = Duration::from_secs(300);
const KEPT_MAX: usize = 1024;
const ATTEMPTS: u32 = 3;
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
const TIMEOUT: Duration = Duration::from_secs(60);

/// EC2 as the customer's role.
#[derive(Clone)]
pub struct Session {
    pub ec2: aws_sdk_ec2::Client,
    pub region: String,
    pub role: String,
}

impl Session {
    pub fn asked<'a>(&'a self, what: &'a str) -> Asked<'a> {
        Asked { what, role: &self.role }
    }
}

type Key = (String, String, String);
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Session)>>>;

pub struct Sessions {
    base: SdkConfig,
    kept: Mutex<HashMap<Key, Slot>>,
}

impl Sessions {
    pub async fn new(config: &AwsConfig) -> Result<Self, rustls::Error> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(Http::new()?)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts)
            .region(Region::new("us-east-1"));
        if let Some(endpoint) = &config.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(AwsKey { access_key_id, secret_access_key }) = &config.key {
            let own = Credentials::new(access_key_id, secret_access_key, None, None, "operator");
            loader = loader.credentials_provider(own);
        }
        Ok(Self { base: loader.load().await, kept: Mutex::default() })
    }

    pub async fn open(&self, place: &Place) -> ProviderResult<Session> {
        let Some(role) = &place.role_arn else {
            return Err(invalid("The workspace has no credentials: a role of the AWS account."));
        };
        let key = (role.clone(), place.external_id.clone(), place.region.clone());
        let slot = {
            let mut kept = self.kept.lock();
            if kept.len() >= KEPT_MAX {
                // One that is in use is in other hands too.
                kept.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
            kept.entry(key).or_default().clone()
        };
        let mut slot = slot.lock().await;
        if let Some((until, session)) = &*slot
            && Instant::now() < *until
        {
            return Ok(session.clone());
        }
        let session = self.assume(role, place).await?;
        *slot = Some((Instant::now() + SESSION - SPARE, session.clone()));
        Ok(session)
    }

    async fn assume(&self, role: &str, place: &Place) -> ProviderResult<Session> {
        let region = Region::new(place.region.clone());
        let asked = Asked { what: "be assumed", role };
        let config = aws_sdk_sts::config::Builder::from(&self.base).region(region.clone()).build();
        let answer = aws_sdk_sts::Client::from_conf(config)
            .assume_role()
            .role_arn(role)
            .external_id(&place.external_id)
            .role_session_name(format!("biplane-{}", place.workspace_id))
            .duration_seconds(i32::try_from(SESSION.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| trust(errors::of(asked, error), place))?;
        let Some(given) = answer.credentials else {
            return Err(errors::unavailable("AWS gave no credentials for the role.".into()));
        };
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            None,
            "assumed role",
        );
        let config = aws_sdk_ec2::config::Builder::from(&self.base)
            .region(region)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Ok(Session {
            ec2: aws_sdk_ec2::Client::from_conf(config),
            region: place.region.clone(),
            role: role.to_owned(),
        })
    }
}

/// A role that may not be assumed mostly trusts somebody else, or another external id.
fn trust(
    mut error: biplane_compute::provider::ProviderError,
    place: &Place,
) -> biplane_compute::provider::ProviderError {
    if error.kind == biplane_compute::provider::ProviderErrorKind::Unauthorized {
        error.message = format!(
            "The role {} may not be assumed with the external id {}. Let its trust policy name this server's \
             principal and that external id (docs/aws/trust-policy.json).",
            place.role_arn.as_deref().unwrap_or_default(),
            place.external_id
        );
    }
    error
}
