//! The rules of policies: who makes them, and what they may say.

use super::families::{FAMILIES, Family, definition, definition_text};
use super::store::{self, PolicyRow};
use crate::Compute;
use crate::clusters::library_check;
use biplane_api::ids::{PolicyId, WorkspaceId};
use biplane_api::libraries::Library;
use biplane_api::policies::{Policy, PolicyEdit, PolicyFamily, PolicySpec};
use biplane_platform::acl::{self, CLUSTER_POLICIES, Entry};
use biplane_platform::db::args;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};

const POLICIES_PER_WORKSPACE_MAX: usize = 1000;
const NAME_CHARS_MAX: usize = 100;
/// As many as a cluster may have.
const LIBRARIES_MAX: usize = 200;
const DESCRIPTION_CHARS_MAX: usize = 1000;
/// The group of everybody in a workspace.
const USERS: &str = "users";

pub(super) fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Can't find a cluster policy with id: {id:.64}."))
}

fn taken(name: &str) -> ApiError {
    ApiError::new(
        ErrorCode::ResourceAlreadyExists,
        format!("A cluster policy named {name:.100} already exists."),
    )
}

fn named(id: &str) -> Result<&str> {
    match id {
        "" => Err(ApiError::invalid("Missing required field: policy_id")),
        id => Ok(id),
    }
}

fn view(row: PolicyRow) -> Result<Policy> {
    let mut spec = row.spec;
    spec.definition = Some(definition_text(&spec)?);
    spec.name = Some(row.name);
    Ok(Policy {
        policy_id: row.id,
        spec,
        created_at_timestamp: row.created_at,
        creator_user_name: row.creator_name,
        is_default: row.is_default,
    })
}

/// As it is kept: what was said, looked over.
fn checked(asked: &PolicySpec) -> Result<PolicySpec> {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let name = asked.name.as_deref().unwrap_or_default().trim();
    if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!(
            "The name of a policy has 1 to {NAME_CHARS_MAX} printable characters."
        )));
    }
    if asked.description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX) {
        return Err(ApiError::invalid(format!(
            "The description of a policy has at most {DESCRIPTION_CHARS_MAX} characters."
        )));
    }
    if asked.max_clusters_per_user.is_some_and(|most| most < 1) {
        return Err(ApiError::invalid("max_clusters_per_user must be greater than 0"));
    }
    let spec = PolicySpec {
        name: Some(name.to_owned()),
        description: said(&asked.description),
        definition: said(&asked.definition),
        policy_family_id: said(&asked.policy_family_id),
        policy_family_definition_overrides: said(&asked.policy_family_definition_overrides),
        max_clusters_per_user: asked.max_clusters_per_user,
        libraries: asked.libraries.clone().filter(|list| !list.is_empty()),
    };
    libraries(&spec)?;
    match (&spec.policy_family_id, &spec.definition, &spec.policy_family_definition_overrides) {
        (Some(_), Some(_), _) => Err(ApiError::invalid(
            "definition cannot be used with policy_family_id: what is different goes into policy_family_definition_overrides.",
        )),
        (None, _, Some(_)) => {
            Err(ApiError::invalid("policy_family_definition_overrides needs a policy_family_id."))
        }
        (None, None, None) => {
            Err(ApiError::invalid("A policy has a definition or a policy_family_id."))
        }
        _ => definition(&spec).map(|_| spec),
    }
}

/// Those that clusters of the policy have, each one that can be.
pub(super) fn libraries(spec: &PolicySpec) -> Result<Vec<Library>> {
    let given = spec.libraries.as_deref().unwrap_or_default();
    if given.len() > LIBRARIES_MAX {
        return Err(ApiError::invalid(format!("A policy has at most {LIBRARIES_MAX} libraries.")));
    }
    let read = |one: &serde_json::Value| {
        let library: Library = serde_json::from_value(one.clone())
            .map_err(|error| ApiError::invalid(format!("libraries: {error}")))?;
        library_check(&library).map(|()| library)
    };
    given.iter().map(read).collect()
}

impl Compute {
    pub async fn policy_create(&self, ctx: &Ctx, asked: &PolicySpec) -> Result<PolicyId> {
        ctx.require_workspace_admin()?;
        let workspace = ctx.workspace()?;
        let spec = checked(asked)?;
        self.policies_begin(workspace).await?;
        let row = PolicyRow {
            id: PolicyId::random(),
            workspace_id: workspace,
            name: spec.name.clone().unwrap_or_default(),
            spec,
            creator_name: Some(ctx.principal.name.clone()),
            is_default: false,
            created_at: ctx.now_ms(),
        };
        let mut tx = self.db.write().await?;
        if store::list(&mut tx, workspace).await?.len() >= POLICIES_PER_WORKSPACE_MAX {
            return Err(ApiError::invalid(format!(
                "A workspace has at most {POLICIES_PER_WORKSPACE_MAX} cluster policies."
            )));
        }
        if !store::insert(&mut tx, &row).await? {
            return Err(taken(&row.name));
        }
        let entry = acl::existence(&CLUSTER_POLICIES);
        acl::grant(&mut tx, workspace, &CLUSTER_POLICIES, row.id.as_str(), &entry).await?;
        tx.commit().await?;
        Ok(row.id)
    }

    /// Replaces what it says. Clusters are left as they are.
    pub async fn policy_edit(&self, ctx: &Ctx, request: &PolicyEdit) -> Result<()> {
        ctx.require_workspace_admin()?;
        let workspace = ctx.workspace()?;
        let id = named(&request.policy_id)?;
        self.policies_begin(workspace).await?;
        let mut tx = self.db.write().await?;
        let mut row = store::get(&mut tx, workspace, id).await?.ok_or_else(|| missing(id))?;
        let mut asked = request.spec.clone();
        asked.name.get_or_insert_with(|| row.name.clone());
        if row.is_default {
            let family = &row.spec.policy_family_id;
            let asked_family =
                asked.policy_family_id.get_or_insert_with(|| family.clone().unwrap_or_default());
            if Some(&*asked_family) != family.as_ref() {
                return Err(ApiError::invalid("The family of a default policy cannot be changed."));
            }
        }
        row.spec = checked(&asked)?;
        row.name = row.spec.name.clone().unwrap_or_default();
        if !store::update(&mut tx, &row).await? {
            return Err(taken(&row.name));
        }
        tx.commit().await
    }

    /// Clusters of it run on, but are not changed any more.
    pub async fn policy_delete(&self, ctx: &Ctx, id: &str) -> Result<()> {
        ctx.require_workspace_admin()?;
        let workspace = ctx.workspace()?;
        let mut tx = self.db.write().await?;
        let row = store::get(&mut tx, workspace, named(id)?).await?.ok_or_else(|| missing(id))?;
        if row.is_default {
            return Err(ApiError::invalid("A default policy cannot be deleted."));
        }
        store::delete(&mut tx, &row).await?;
        acl::clear(&mut tx, workspace, &CLUSTER_POLICIES, id).await?;
        tx.commit().await
    }

    pub async fn policy_get(&self, ctx: &Ctx, id: &str) -> Result<Policy> {
        view(self.policy_for(ctx, named(id)?).await?)
    }

    /// Those that the caller may use.
    pub async fn policy_list(
        &self,
        ctx: &Ctx,
        column: Option<&str>,
        order: Option<&str>,
    ) -> Result<Vec<Policy>> {
        let workspace = ctx.workspace()?;
        self.policies_begin(workspace).await?;
        let mut tx = self.db.read().await?;
        let mut rows = Vec::new();
        for row in store::list(&mut tx, workspace).await? {
            let entries =
                acl::entries(&mut tx, workspace, &CLUSTER_POLICIES, row.id.as_str()).await?;
            if acl::rank(ctx, &CLUSTER_POLICIES, &entries).is_some() {
                rows.push(row);
            }
        }
        drop(tx);
        match column {
            None | Some("" | "POLICY_CREATION_TIME") => {}
            Some("POLICY_NAME") => rows.sort_by_key(|row| row.name.to_lowercase()),
            Some(_) => {
                return Err(ApiError::invalid(
                    "sort_column is POLICY_CREATION_TIME or POLICY_NAME.",
                ));
            }
        }
        match order {
            Some("ASC") => {}
            None | Some("" | "DESC") => rows.reverse(),
            Some(_) => return Err(ApiError::invalid("sort_order is ASC or DESC.")),
        }
        rows.into_iter().map(view).collect()
    }

    pub fn policy_family_list(&self) -> Vec<PolicyFamily> {
        FAMILIES.iter().map(Family::view).collect()
    }

    pub fn policy_family_get(&self, id: &str, version: Option<i64>) -> Result<PolicyFamily> {
        match version {
            None | Some(0 | 1) => Ok(Family::find(id)?.view()),
            Some(version) => {
                Err(ApiError::not_found(format!("{id:.64} has no version {version}.")))
            }
        }
    }

    /// The policies that every workspace has are made when somebody first looks.
    pub(super) async fn policies_begin(&self, workspace: WorkspaceId) -> Result<()> {
        if store::has_default(&mut self.db.read().await?, workspace).await? {
            return Ok(());
        }
        let mut tx = self.db.write().await?;
        if store::has_default(&mut tx, workspace).await? {
            return Ok(());
        }
        for family in FAMILIES {
            let row = PolicyRow {
                id: PolicyId::random(),
                workspace_id: workspace,
                name: family.name.into(),
                spec: PolicySpec {
                    name: Some(family.name.into()),
                    description: Some(family.description.into()),
                    policy_family_id: Some(family.id.into()),
                    ..PolicySpec::default()
                },
                creator_name: None,
                is_default: true,
                created_at: self.clock.now_ms(),
            };
            store::insert(&mut tx, &row).await?;
            let everybody = family.for_all.then(|| Entry {
                principal_kind: "group".into(),
                principal_name: USERS.into(),
                permission_level: "CAN_USE".into(),
            });
            for entry in [Some(acl::existence(&CLUSTER_POLICIES)), everybody].iter().flatten() {
                acl::grant(&mut tx, workspace, &CLUSTER_POLICIES, row.id.as_str(), entry).await?;
            }
        }
        tx.commit().await
    }
}

/// The end of a workspace.
pub(crate) async fn forget(tx: &mut Tx, workspace: WorkspaceId) -> Result<()> {
    for row in store::list(tx, workspace).await? {
        acl::clear(tx, workspace, &CLUSTER_POLICIES, row.id.as_str()).await?;
    }
    tx.execute("DELETE FROM cluster_policies WHERE workspace_id = $1", args![workspace.0]).await?;
    Ok(())
}
