//! GRANT, REVOKE and SHOW GRANTS, through the REST of permissions.

use biplane_api::catalog::{PermissionsChange, PrivilegeAssignments, UpdatePermissions};

use super::catalog::{schema_parts, single};
use super::rest::{Rest, encode};
use crate::context::StatementContext;
use crate::error::SqlResult;
use crate::output::Output;
use crate::parser::{Grant, Name, ObjectKind};

/// `permissions/{type}/{full name}` of a securable, and its name as it is shown.
fn place(
    cx: &StatementContext,
    kind: ObjectKind,
    name: Option<&Name>,
) -> SqlResult<(String, String)> {
    let (word, full_name) = match (kind, name) {
        (ObjectKind::Metastore, _) | (_, None) => ("metastore", cx.state.metastore_id.clone()),
        (ObjectKind::Catalog, Some(name)) => ("catalog", single(name)?),
        (ObjectKind::Schema, Some(name)) => ("schema", schema_parts(cx, name)?.join(".")),
        (ObjectKind::Volume, Some(name)) => ("volume", cx.qualify_parts(&name.0)?.join(".")),
        (ObjectKind::Function, Some(name)) => ("function", cx.qualify_parts(&name.0)?.join(".")),
        (ObjectKind::ExternalLocation, Some(name)) => ("external_location", single(name)?),
        (ObjectKind::StorageCredential, Some(name)) => ("storage_credential", single(name)?),
        (ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView, Some(name)) => {
            ("table", cx.qualify_parts(&name.0)?.join("."))
        }
    };
    Ok((format!("permissions/{word}/{}", encode(&full_name)), full_name))
}

pub async fn grant(cx: &StatementContext, grant: Grant) -> SqlResult<Output> {
    let (path, _) = place(cx, grant.kind, grant.name.as_ref())?;
    let (add, remove) = match grant.revoke {
        true => (Vec::new(), grant.privileges),
        false => (grant.privileges, Vec::new()),
    };
    let change = PermissionsChange { principal: grant.principal, add, remove };
    let body = UpdatePermissions { changes: vec![change] };
    let _: PrivilegeAssignments = Rest::new(cx).patch(&path, &body).await?;
    Ok(Output::Empty)
}

pub async fn show(
    cx: &StatementContext,
    principal: Option<String>,
    kind: ObjectKind,
    name: Option<Name>,
) -> SqlResult<Output> {
    let (path, full_name) = place(cx, kind, name.as_ref())?;
    let path = match &principal {
        Some(principal) => format!("{path}?principal={}", encode(principal)),
        None => path,
    };
    let answer: PrivilegeAssignments = Rest::new(cx).get(&path).await?;
    let is_view = matches!(kind, ObjectKind::View | ObjectKind::MaterializedView);
    let word = if is_view { "TABLE" } else { kind.word() };
    let mut rows = Vec::new();
    for assignment in answer.privilege_assignments {
        for privilege in assignment.privileges {
            rows.push([
                Some(assignment.principal.clone()),
                Some(privilege.replace('_', " ")),
                Some(word.to_owned()),
                Some(full_name.clone()),
            ]);
        }
    }
    rows.sort();
    Output::text_rows(["Principal", "ActionType", "ObjectType", "ObjectKey"], rows)
}
