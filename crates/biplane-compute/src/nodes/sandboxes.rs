//! Sandboxes as people see them: of a workspace those they may, of all workspaces the account's admins.

use crate::Compute;
use crate::code::CodeSandbox;
use crate::nodes::place::Given;
use crate::nodes::usage::told;
use crate::warehouses::slot::{Live, Member, Slot};
use crate::warehouses::store::Desired;
use biplane_api::compute::SandboxKind;
use biplane_api::ids::{NodeId, SandboxId, WarehouseId};
use biplane_api::seen::{SandboxInfo, SandboxList, SandboxState};
use biplane_platform::{Ctx, Result, page};

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1000;

/// Which ones.
#[derive(Debug, Clone, Default)]
pub struct SandboxFilter {
    /// For account admins.
    pub all_workspaces: bool,
    pub node_id: Option<NodeId>,
    pub warehouse_id: Option<WarehouseId>,
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Compute {
    /// The youngest first.
    pub async fn sandbox_list(
        &self,
        ctx: &Ctx,
        filter: &SandboxFilter,
        size: Option<i64>,
        token: Option<&str>,
    ) -> Result<SandboxList> {
        let workspace = match filter.all_workspaces {
            true => {
                ctx.require_account_admin()?;
                None
            }
            false => Some(ctx.workspace()?),
        };
        let limit = page::size(size, PAGE_DEFAULT, PAGE_MAX)?;
        let before: Option<(i64, SandboxId)> = page::decode(token)?;
        let mut found = Vec::new();
        for slot in self.all_slots() {
            let here = workspace.is_none_or(|workspace| slot.workspace_id == workspace);
            if here && (workspace.is_none() || self.sees(ctx, &slot).await?) {
                found.extend(self.engines_of(&slot));
            }
        }
        for sandbox in self.code.all() {
            let here = workspace.is_none_or(|workspace| sandbox.workspace_id == workspace);
            let own = sandbox.principal_id == ctx.principal.id;
            if here && (workspace.is_none() || own || ctx.principal.workspace_admin) {
                found.push(self.code_view(&sandbox));
            }
        }
        found.retain(|one| {
            let node = filter.node_id.is_none() || one.node_id == filter.node_id;
            node && (filter.warehouse_id.is_none() || one.warehouse_id == filter.warehouse_id)
        });
        let position = |one: &SandboxInfo| (one.created_at, one.sandbox_id.clone());
        found.sort_by_key(|one| std::cmp::Reverse(position(one)));
        found.retain(|one| before.as_ref().is_none_or(|before| position(one) < *before));
        let (mut sandboxes, next_page_token) = page::cut(found, limit, position);
        if !ctx.principal.workspace_admin && !ctx.principal.account_admin {
            sandboxes.iter_mut().for_each(|one| one.node_id = None);
        }
        Ok(SandboxList { sandboxes, next_page_token })
    }

    fn engines_of(&self, slot: &Slot) -> Vec<SandboxInfo> {
        let live = slot.live.borrow();
        live.members.iter().map(|member| self.engine_view(slot, &live, member)).collect()
    }

    fn engine_view(&self, slot: &Slot, live: &Live, member: &Member) -> SandboxInfo {
        let connected = self.nodes.get(&member.node_id).is_some();
        let wanted = live.row.desired == Desired::Running && !live.deleted && !live.gated;
        let stays = wanted && member.generation == live.row.generation && !member.retiring;
        let state = match (member.alive(), member.served_since) {
            (true, _) if stays => SandboxState::Running,
            (true, _) => SandboxState::Draining,
            _ if !connected => SandboxState::Lost,
            (false, None) => SandboxState::Starting,
            (false, Some(_)) if stays => SandboxState::Lost,
            (false, Some(_)) => SandboxState::Draining,
        };
        let served = member.served_since.map(|since| number_ms(since.elapsed()));
        let info = SandboxInfo {
            sandbox_id: member.id.clone(),
            workspace_id: slot.workspace_id,
            kind: SandboxKind::Engine,
            warehouse_id: Some(slot.id.clone()),
            warehouse_name: Some(live.row.name.clone()),
            user_name: None,
            node_id: Some(member.node_id.clone()),
            generation: member.generation,
            state,
            ready_at: served.map(|ms| self.clock.now_ms() - ms),
            statements: Some(member.active.into()),
            statements_max: Some(member.room.into()),
            ..blank(&member.id, slot.workspace_id, member.created_at, member.given)
        };
        self.with_usage(info)
    }

    fn code_view(&self, sandbox: &CodeSandbox) -> SandboxInfo {
        let placed = sandbox.placed();
        let away = |node_id: &NodeId| self.nodes.get(node_id).is_none();
        let state = match &placed {
            _ if sandbox.closed.is_cancelled() => SandboxState::Draining,
            Some((node_id, _)) if away(node_id) => SandboxState::Lost,
            _ if sandbox.starting() => SandboxState::Starting,
            _ => SandboxState::Running,
        };
        let (node_id, given) = placed.unzip();
        let info = SandboxInfo {
            user_name: Some(sandbox.user_name.clone()),
            node_id,
            state,
            ..blank(
                &sandbox.id,
                sandbox.workspace_id,
                sandbox.created_at,
                given.unwrap_or_default(),
            )
        };
        self.with_usage(info)
    }

    /// What its node says of it.
    fn with_usage(&self, info: SandboxInfo) -> SandboxInfo {
        let Some(node) = info.node_id.as_ref().and_then(|id| self.nodes.get(id)) else {
            return info;
        };
        let beat = node.beat.lock();
        let usage = beat.usage(&info.sandbox_id);
        SandboxInfo {
            isolation: Some(node.hello.isolation.clone()),
            isolation_reasons: node.hello.isolation_reasons.clone(),
            memory_bytes: usage.map(|usage| number(usage.memory_bytes)),
            processes: usage.map(|usage| i64::from(usage.processes)),
            cpu_ms: usage.map(|usage| number(usage.cpu_ms)),
            cpu_cores: beat.cores(&info.sandbox_id),
            egress: usage.and_then(|usage| usage.egress.as_ref()).map(told),
            storage: usage.and_then(|usage| usage.storage.as_ref()).map(told),
            ..info
        }
    }
}

fn number_ms(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A user's, of which little is known.
fn blank(
    id: &SandboxId,
    workspace_id: biplane_api::ids::WorkspaceId,
    created_at: i64,
    given: Given,
) -> SandboxInfo {
    SandboxInfo {
        sandbox_id: id.clone(),
        workspace_id,
        kind: SandboxKind::Code,
        warehouse_id: None,
        warehouse_name: None,
        user_name: None,
        node_id: None,
        generation: 1,
        state: SandboxState::Starting,
        isolation: None,
        isolation_reasons: Vec::new(),
        created_at,
        ready_at: None,
        statements: None,
        statements_max: None,
        cpu_millis: given.cpu_millis.into(),
        memory_bytes_max: number(given.memory_bytes),
        memory_bytes: None,
        processes: None,
        cpu_ms: None,
        cpu_cores: None,
        egress: None,
        storage: None,
    }
}
