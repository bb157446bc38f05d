//! From what a request says to a row: limits, defaults, what is known.

use super::Level;
use crate::principals::{
    ACCOUNT_ADMIN, Email, Kind, PrincipalRow, is_instance_profile, ops as rules, store,
};
use biplane_api::identity::{ScimResource, ScimValue};
use biplane_api::ids::PrincipalId;
use biplane_platform::{ApiError, Entitlement, Result, Tx};

const EMAILS_MAX: usize = 20;
const TEXT_CHARS_MAX: usize = 255;

/// `old` with what the request says; absent means default, but for roles and what names the principal.
pub fn described(old: &PrincipalRow, request: &ScimResource) -> Result<PrincipalRow> {
    let mut row = old.clone();
    if old.kind != Kind::Group
        && let Some(display) =
            request.display_name.as_deref().filter(|display| !display.trim().is_empty())
    {
        row.display_name = rules::check_name("displayName", display)?;
    }
    row.external_id = text("externalId", request.external_id.as_deref())?;
    if let Some(roles) = &request.roles {
        row.roles = values(roles)?;
        row.roles.retain(|role| !is_instance_profile(role));
        if let Some(unknown) = row.roles.iter().find(|role| *role != ACCOUNT_ADMIN) {
            return Err(ApiError::unsupported(format!("The role {unknown:.80}")));
        }
    }
    if old.kind == Kind::Group {
        return Ok(row);
    }
    row.active = request.active.unwrap_or(old.active);
    if old.kind == Kind::User {
        let name = request.name.clone().unwrap_or_default();
        row.given_name = text("name.givenName", name.given_name.as_deref())?;
        row.family_name = text("name.familyName", name.family_name.as_deref())?;
        row.emails = emails(&row.name, request.emails.as_deref().unwrap_or_default())?;
    }
    Ok(row)
}

fn text(what: &str, text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    rules::check_name(what, text).map(Some)
}

fn emails(user_name: &str, asked: &[ScimValue]) -> Result<Vec<Email>> {
    let email = |one: &ScimValue| {
        let value = rules::check_name("emails.value", one.value.as_deref().unwrap_or_default())?;
        let kind = text("emails.type", one.r#type.as_deref())?;
        Ok(Email { value, r#type: kind, primary: one.primary.unwrap_or(false) })
    };
    match asked {
        [] => {
            Ok(vec![Email { value: user_name.into(), r#type: Some("work".into()), primary: true }])
        }
        asked if asked.len() <= EMAILS_MAX => asked.iter().map(email).collect(),
        _ => Err(ApiError::invalid(format!("A user has at most {EMAILS_MAX} e-mail addresses."))),
    }
}

/// The values of a list attribute, each once.
pub fn values(list: &[ScimValue]) -> Result<Vec<String>> {
    let mut values: Vec<String> = Vec::new();
    for one in list {
        let value = one
            .value
            .clone()
            .ok_or_else(|| ApiError::invalid("An element of a list has no value."))?;
        if value.chars().count() > TEXT_CHARS_MAX {
            return Err(ApiError::invalid("An element of a list is too long."));
        }
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

pub fn member_ids(members: &[ScimValue]) -> Result<Vec<PrincipalId>> {
    let id = |one: &ScimValue| {
        let text = one.value.as_deref().unwrap_or_default();
        text.parse()
            .map_err(|_| ApiError::invalid(format!("{text:.64} is not the id of a member.")))
    };
    members.iter().map(id).collect()
}

/// The instance profiles among the roles.
fn profiles(request: &ScimResource) -> Result<Vec<String>> {
    let mut roles = values(request.roles.as_deref().unwrap_or_default())?;
    roles.retain(|role| is_instance_profile(role));
    Ok(roles)
}

/// Of the group of admins: who administers could give themselves everything anyway.
pub fn check_keeps_entitlements(request: &ScimResource) -> Result<()> {
    if !profiles(request)?.is_empty() {
        return Err(ApiError::invalid("Admins may use every instance profile of the workspace."));
    }
    let Some(asked) = &request.entitlements else { return Ok(()) };
    let asked = values(asked)?;
    match Entitlement::ALL.iter().all(|one| asked.iter().any(|asked| asked == one.as_str())) {
        true => Ok(()),
        false => Err(ApiError::invalid("Entitlements cannot be taken from the group admins.")),
    }
}

/// What the request says entitlements are, and which instance profiles there are among roles; `clear` when
/// absent means no entitlements. Absent roles stay.
pub async fn set_entitlements(
    tx: &mut Tx,
    level: Level,
    id: PrincipalId,
    request: &ScimResource,
    clear: bool,
) -> Result<()> {
    let profiles = profiles(request)?;
    let mut asked = values(request.entitlements.as_deref().unwrap_or_default())?;
    if let Some(unknown) = asked.iter().find(|one| Entitlement::parse(one).is_none()) {
        return Err(ApiError::invalid(format!("{unknown:.80} is not an entitlement.")));
    }
    match level.workspace() {
        Some(workspace) if clear || request.entitlements.is_some() || request.roles.is_some() => {
            let had = store::entitlements(tx, workspace, &[id]).await?.remove(&id);
            for name in had.unwrap_or_default() {
                let stays = match is_instance_profile(&name) {
                    true => request.roles.is_none(),
                    false => !clear && request.entitlements.is_none(),
                };
                if stays && !asked.contains(&name) {
                    asked.push(name);
                }
            }
            asked.extend(profiles);
            store::entitlements_set(tx, workspace, id, &asked).await
        }
        None if !profiles.is_empty() => Err(ApiError::invalid(
            "Instance profiles are a workspace's: give them as roles through the workspace.",
        )),
        None if !asked.is_empty() => Err(ApiError::invalid(
            "Entitlements are a workspace's: set them through the workspace.",
        )),
        _ => Ok(()),
    }
}
