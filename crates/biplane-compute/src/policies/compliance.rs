//! Whether clusters keep to what their policy says now, and making them.

use super::check::{self, Violations};
use super::families::definition;
use super::store;
use crate::Compute;
use crate::clusters::store::{self as clusters, Cluster};
use crate::provider::NodeType;
use biplane_api::clusters::ClusterState;
use biplane_api::policies::{
    ClusterCompliance, ClusterComplianceList, Compliance, ComplianceEnforce, ComplianceEnforced,
};
use biplane_platform::acl::{self, CLUSTERS};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, page};
use std::sync::Arc;

const PAGE_DEFAULT: usize = 20;
const PAGE_MAX: usize = 100;

fn told(violations: Violations) -> Compliance {
    Compliance { is_compliant: violations.is_empty(), violations }
}

impl Compute {
    /// Without a policy there is nothing to keep to.
    pub async fn compliance_get(&self, ctx: &Ctx, cluster_id: &str) -> Result<Compliance> {
        let row = self.cluster_for(ctx, cluster_id, "CAN_ATTACH_TO").await?;
        let types = self.node_types_of(row.workspace_id).await?;
        Ok(told(self.violations_of(&row, &types).await?))
    }

    /// Of the clusters with a policy, those that the caller may attach to.
    pub async fn compliance_list(
        &self,
        ctx: &Ctx,
        policy_id: &str,
        page_size: Option<i64>,
        page_token: Option<&str>,
    ) -> Result<ClusterComplianceList> {
        let policy = self.policy_get(ctx, policy_id).await?;
        let limit = page::size(page_size, PAGE_DEFAULT, PAGE_MAX)?;
        let after: Option<String> = page::decode(page_token)?;
        let workspace = ctx.workspace()?;
        let types = self.node_types_of(workspace).await?;
        let definition = definition(&policy.spec)?;
        let mut clusters = Vec::new();
        let mut tx = self.db.read().await?;
        let mut rows = clusters::of_workspace(&mut tx, workspace).await?;
        rows.retain(|row| row.policy() == Some(policy_id));
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        let mut seen = Vec::new();
        for row in rows {
            let entries = acl::entries(&mut tx, workspace, &CLUSTERS, row.id.as_str()).await?;
            let later = after.as_ref().is_none_or(|after| row.id.as_str() > after.as_str());
            if later && acl::rank(ctx, &CLUSTERS, &entries).is_some() {
                seen.push(row);
            }
            if seen.len() > limit {
                break;
            }
        }
        drop(tx);
        let (rows, next_page_token) = page::cut(seen, limit, |row| row.id.to_string());
        for row in rows {
            let compliance = told(self.violations(&definition, &row.request, &types).await?);
            clusters.push(ClusterCompliance { cluster_id: row.id, compliance });
        }
        Ok(ClusterComplianceList { clusters, next_page_token })
    }

    async fn violations_of(&self, row: &Cluster, types: &[NodeType]) -> Result<Violations> {
        let Some(id) = row.policy() else { return Ok(Violations::new()) };
        let policy = store::get(&mut self.db.read().await?, row.workspace_id, id).await?;
        let Some(policy) = policy else {
            let what = format!("the policy {id:.64} was deleted");
            return Ok(Violations::from([("policy_id".to_owned(), what)]));
        };
        self.violations(&definition(&policy.spec)?, &row.request, types).await
    }

    /// Changes what the policy says how to change. One that runs is restarted, or changed when it has ended.
    pub async fn compliance_enforce(
        self: &Arc<Self>,
        ctx: &Ctx,
        request: &ComplianceEnforce,
    ) -> Result<ComplianceEnforced> {
        let wait = match request.enforce_mode.as_deref() {
            None | Some("" | "ENFORCE_IMMEDIATELY") => false,
            Some("WAIT_FOR_TERMINATION") => true,
            Some(_) => {
                return Err(ApiError::invalid(
                    "enforce_mode is ENFORCE_IMMEDIATELY or WAIT_FOR_TERMINATION.",
                ));
            }
        };
        if wait {
            ctx.require_workspace_admin()?;
        }
        let row = self.cluster_for(ctx, &request.cluster_id, "CAN_MANAGE").await?;
        let id = row.policy().ok_or_else(|| {
            ApiError::invalid(format!("Cluster {} has no policy to keep to.", row.id))
        })?;
        let policy = store::get(&mut self.db.read().await?, row.workspace_id, id).await?;
        let policy = policy.ok_or_else(|| super::ops::missing(id))?;
        let types = self.node_types_of(row.workspace_id).await?;
        let before = check::seen(&row.request)?;
        let mut after = before.clone();
        let definition = definition(&policy.spec)?;
        check::corrected(&definition, &mut after, &types);
        let left = self.violations(&definition, &check::unseen(after.clone())?, &types).await?;
        if !left.is_empty() {
            return Err(check::refusal(&left));
        }
        let changes = check::changes(&before, &after);
        let mut answer =
            ComplianceEnforced { has_changes: !changes.is_empty(), changes, enforce_result: None };
        if request.validate_only {
            return Ok(answer);
        }
        if !answer.has_changes {
            answer.enforce_result = Some("NO_CHANGES".into());
            return Ok(answer);
        }
        let settled = row.is(&[ClusterState::Running, ClusterState::Terminated]);
        if !(settled || wait && row.is_active()) {
            return Err(ApiError::new(
                ErrorCode::InvalidState,
                format!(
                    "Cluster {} is {}: try again when it runs or has ended.",
                    row.id,
                    row.state.as_str()
                ),
            ));
        }
        Box::pin(self.cluster_respec(ctx, &row, &check::unseen(after)?, wait)).await?;
        let later = wait && row.is_active();
        answer.enforce_result = Some(if later { "DEFERRED" } else { "APPLIED" }.into());
        Ok(answer)
    }
}
