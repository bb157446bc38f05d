//! Tokens that let a host in, once. What the node will be is written with its token: what a host claims
//! counts for nothing.

use super::token_store;
use crate::Compute;
use crate::ca::hex;
use biplane_api::ids::NodeId;
use biplane_api::nodes::{NewNodeToken, NodeTokenInfo, NodeTokenList, NodeTokenRequest};
use biplane_platform::{ApiError, Ctx, Result};
use biplane_proto::admission::JoinToken;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const TTL_SECONDS: i64 = 3600;
const TTL_SECONDS_MAX: i64 = 30 * 86_400;
const NAME_CHARS_MAX: usize = 63;
const VALUE_CHARS_MAX: usize = 255;
const LABELS_MAX: usize = 32;
const COMMENT_CHARS_MAX: usize = 1000;
/// Tokens are listed for as long after they expired.
const KEPT_MS: i64 = 30 * 86_400_000;

/// A node to be, as the control plane itself wants it.
#[derive(Debug, Clone, Default)]
pub struct NewNode {
    /// Of a node that is to be let in again; None = a new one.
    pub node_id: Option<NodeId>,
    pub region: String,
    pub labels: BTreeMap<String, String>,
    pub ttl_seconds: Option<i64>,
    pub comment: String,
    pub created_by: String,
}

impl Compute {
    pub async fn node_token_create(
        &self,
        ctx: &Ctx,
        request: NodeTokenRequest,
    ) -> Result<NewNodeToken> {
        ctx.require_account_admin()?;
        let NodeTokenRequest { region, labels, ttl_seconds, comment } = request;
        let created_by = ctx.principal.name.clone();
        let new = NewNode { node_id: None, region, labels, ttl_seconds, comment, created_by };
        let (token, info) = self.node_token_issue(new).await?;
        Ok(NewNodeToken { token: token.expose(), info })
    }

    /// For parts of the control plane that start hosts themselves. Of tokens for one node only the latest
    /// is good.
    pub async fn node_token_issue(&self, new: NewNode) -> Result<(JoinToken, NodeTokenInfo)> {
        check(&new)?;
        let authority = self.authority()?;
        let (mut id, mut secret) = ([0; 8], [0; 32]);
        for random in [&mut id[..], &mut secret[..]] {
            getrandom::fill(random).map_err(ApiError::internal)?;
        }
        let pin = authority.pin().map_err(ApiError::internal)?;
        let token = JoinToken { id: hex(&id), secret, pin };
        let now = self.clock.now_ms();
        let info = NodeTokenInfo {
            token_id: token.id.clone(),
            node_id: new.node_id.unwrap_or_else(NodeId::random),
            region: new.region,
            labels: new.labels,
            comment: new.comment,
            created_by: new.created_by,
            created_at: now,
            expires_at: now + new.ttl_seconds.unwrap_or(TTL_SECONDS) * 1000,
            used_at: None,
        };
        let mut tx = self.db.write().await?;
        token_store::sweep(&mut tx, now - KEPT_MS, &info.node_id).await?;
        token_store::insert(&mut tx, &info, &secret_hash(&token.secret)).await?;
        tx.commit().await?;
        Ok((token, info))
    }

    pub async fn node_token_list(&self, ctx: &Ctx) -> Result<NodeTokenList> {
        ctx.require_account_admin()?;
        let rows = token_store::list(&mut self.db.read().await?).await?;
        Ok(NodeTokenList { tokens: rows.into_iter().map(|row| row.info).collect() })
    }

    /// What it let in stays.
    pub async fn node_token_delete(&self, ctx: &Ctx, id: &str) -> Result<()> {
        ctx.require_account_admin()?;
        let mut tx = self.db.write().await?;
        if !token_store::delete(&mut tx, id).await? {
            return Err(ApiError::not_found("There is no such token."));
        }
        tx.commit().await
    }
}

pub(super) fn secret_hash(secret: &[u8]) -> String {
    hex(&Sha256::digest(secret))
}

fn check(new: &NewNode) -> Result<()> {
    let name = |text: &str| {
        let well = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        text.len() <= NAME_CHARS_MAX && text.chars().all(well)
    };
    if !name(&new.region) {
        return Err(ApiError::invalid("The region is not a name of a region."));
    }
    if new.labels.len() > LABELS_MAX {
        return Err(ApiError::invalid(format!("A node has {LABELS_MAX} labels at most.")));
    }
    for (key, value) in &new.labels {
        let value_well = value.len() <= VALUE_CHARS_MAX && !value.chars().any(char::is_control);
        if key.is_empty() || !name(key) || !value_well {
            return Err(ApiError::invalid(
                "A label has a name of letters, digits, '-', '_', '.' and '/', and a short value.",
            ));
        }
    }
    if new.comment.len() > COMMENT_CHARS_MAX {
        return Err(ApiError::invalid("The comment is too long."));
    }
    match new.ttl_seconds {
        Some(ttl) if !(1..=TTL_SECONDS_MAX).contains(&ttl) => {
            Err(ApiError::invalid(format!("ttl_seconds is between 1 and {TTL_SECONDS_MAX}.")))
        }
        _ => Ok(()),
    }
}
