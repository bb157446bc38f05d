//! From rows to SCIM JSON.

use super::{Level, path_segment};
use crate::principals::store::Reference;
use crate::principals::{ADMINS, Kind, PrincipalRow, USERS, is_instance_profile, store};
use crate::workspaces::store as workspaces;
use biplane_api::identity::{ScimMeta, ScimName, ScimResource, ScimValue};
use biplane_platform::{ApiError, Result, Tx};
use serde_json::Value;

/// A principal with what belongs to it at a level.
#[derive(Debug)]
pub struct Loaded {
    pub row: PrincipalRow,
    pub groups: Vec<Reference>,
    pub members: Vec<Reference>,
    pub entitlements: Vec<String>,
}

/// Which of the top attributes a client wants; `id` always.
#[derive(Debug, Default)]
pub struct Selection {
    only: Option<Vec<String>>,
    without: Vec<String>,
}

impl Selection {
    pub fn new(attributes: Option<&str>, excluded: Option<&str>) -> Self {
        let names = |text: &str| -> Vec<String> {
            text.split(',')
                // Of `members.value` the whole `members`; of `urn:…:User:userName` the last part.
                .filter_map(|name| name.trim().rsplit(':').next()?.split('.').next())
                .filter(|name| !name.is_empty())
                .map(str::to_ascii_lowercase)
                .collect()
        };
        Self {
            only: attributes.map(names).filter(|names| !names.is_empty()),
            without: excluded.map(names).unwrap_or_default(),
        }
    }

    fn wants(&self, attribute: &str) -> bool {
        let attribute = attribute.to_ascii_lowercase();
        let named = self.only.as_ref().is_none_or(|only| only.contains(&attribute));
        attribute == "id" || (named && !self.without.contains(&attribute))
    }

    pub fn value(&self, resource: &ScimResource) -> Result<Value> {
        let mut value = serde_json::to_value(resource).map_err(ApiError::internal)?;
        if let Value::Object(fields) = &mut value {
            fields.retain(|name, _| name == "schemas" || self.wants(name));
        }
        Ok(value)
    }
}

pub async fn load(
    tx: &mut Tx,
    level: Level,
    rows: Vec<PrincipalRow>,
    selection: &Selection,
) -> Result<Vec<Loaded>> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut groups = match selection.wants("groups") {
        true => store::groups_of(tx, &ids).await?,
        false => Default::default(),
    };
    let mut members = match selection.wants("members") {
        true => {
            let ids: Vec<_> =
                rows.iter().filter(|row| row.kind == Kind::Group).map(|row| row.id).collect();
            store::members_of(tx, &ids).await?
        }
        false => Default::default(),
    };
    let mut entitlements = match level.workspace() {
        Some(workspace) if selection.wants("entitlements") || selection.wants("roles") => {
            store::entitlements(tx, workspace, &ids).await?
        }
        _ => Default::default(),
    };
    let system = system_groups(tx, level).await?;
    let permissions = match level.workspace() {
        Some(workspace) if selection.wants("groups") => {
            workspaces::permissions_among(tx, workspace, &ids).await?
        }
        _ => Default::default(),
    };
    let mut loaded = Vec::with_capacity(rows.len());
    for row in rows {
        let mut groups = groups.remove(&row.id).unwrap_or_default();
        let permission = permissions.get(&row.id).filter(|_| row.scope.is_none());
        let named = |group: &Reference| match permission.map(String::as_str) {
            Some("ADMIN") => true,
            Some(_) => group.display == USERS,
            None => false,
        };
        groups.extend(system.iter().filter(|group| named(group)).cloned());
        loaded.push(Loaded {
            members: members.remove(&row.id).unwrap_or_default(),
            entitlements: entitlements.remove(&row.id).unwrap_or_default(),
            groups,
            row,
        });
    }
    Ok(loaded)
}

async fn system_groups(tx: &mut Tx, level: Level) -> Result<Vec<Reference>> {
    let mut found = Vec::new();
    if let Some(workspace) = level.workspace() {
        for name in [ADMINS, USERS] {
            let row = store::in_scope(tx, Some(workspace), name).await?;
            found.extend(row.map(|row| Reference {
                id: row.id,
                kind: row.kind,
                display: row.display_name,
            }));
        }
    }
    Ok(found)
}

fn reference(reference: &Reference, direct: bool) -> ScimValue {
    ScimValue {
        value: Some(reference.id.to_string()),
        display: Some(reference.display.clone()),
        r#type: direct.then(|| "direct".into()),
        primary: None,
        reference: Some(format!("{}/{}", path_segment(reference.kind), reference.id)),
    }
}

fn plain<'a>(values: impl IntoIterator<Item = &'a String>) -> Option<Vec<ScimValue>> {
    let values: Vec<ScimValue> = values
        .into_iter()
        .map(|value| ScimValue { value: Some(value.clone()), ..ScimValue::default() })
        .collect();
    Some(values).filter(|values| !values.is_empty())
}

pub fn resource(loaded: &Loaded) -> ScimResource {
    let row = &loaded.row;
    let some = |values: Vec<ScimValue>| Some(values).filter(|values| !values.is_empty());
    let (profiles, entitlements): (Vec<String>, Vec<String>) =
        loaded.entitlements.iter().cloned().partition(|name| is_instance_profile(name));
    let schema = match row.kind {
        Kind::User => "User",
        Kind::Group => "Group",
        Kind::ServicePrincipal => "ServicePrincipal",
    };
    let mut resource = ScimResource {
        schemas: Some(vec![format!("urn:ietf:params:scim:schemas:core:2.0:{schema}")]),
        id: Some(row.id.to_string()),
        display_name: Some(row.display_name.clone()),
        external_id: row.external_id.clone(),
        groups: some(loaded.groups.iter().map(|group| reference(group, true)).collect()),
        roles: plain(row.roles.iter().chain(&profiles)),
        entitlements: plain(&entitlements),
        ..ScimResource::default()
    };
    match row.kind {
        Kind::User => {
            resource.user_name = Some(row.name.clone());
            resource.active = Some(row.active);
            resource.emails = some(row.emails.iter().map(email).collect());
            let name = ScimName {
                given_name: row.given_name.clone(),
                family_name: row.family_name.clone(),
            };
            resource.name = Some(name).filter(|name| *name != ScimName::default());
        }
        Kind::Group => {
            resource.members =
                some(loaded.members.iter().map(|member| reference(member, false)).collect());
            let kind = if row.home.is_some() { "WorkspaceGroup" } else { "Group" };
            resource.meta = Some(ScimMeta { resource_type: Some(kind.into()) });
        }
        Kind::ServicePrincipal => {
            resource.application_id = Some(row.name.clone());
            resource.active = Some(row.active);
        }
    }
    resource
}

fn email(email: &store::Email) -> ScimValue {
    ScimValue {
        value: Some(email.value.clone()),
        r#type: email.r#type.clone(),
        primary: Some(email.primary),
        ..ScimValue::default()
    }
}
