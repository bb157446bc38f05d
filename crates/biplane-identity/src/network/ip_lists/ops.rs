//! Making and changing lists. Nobody locks himself out with one.

use super::Scope;
use super::store::{self, List};
use crate::Identity;
use crate::network::{check_label, quota};
use biplane_api::network_config::{IpAccessListInfo, IpAccessListRequest};
use biplane_platform::{ApiError, Ctx, ErrorCode, IpNet, Result, Tx};
use std::net::IpAddr;

/// Of all lists of a scope together.
const ADDRESSES_MAX: usize = 1000;
const LISTS_MAX: usize = 1000;

pub fn info(row: List) -> IpAccessListInfo {
    IpAccessListInfo {
        list_id: row.id,
        label: row.label,
        list_type: if row.allows { "ALLOW" } else { "BLOCK" }.into(),
        address_count: i64::try_from(row.addresses.len()).unwrap_or_default(),
        ip_addresses: row.addresses,
        enabled: row.enabled,
        created_at: row.created_at,
        created_by: row.created_by,
        updated_at: row.updated_at,
        updated_by: row.updated_by,
    }
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("IP access list {id:.64} does not exist."))
}

/// Whether these lists, counted, refuse the address.
pub fn refused(lists: &[List], address: IpAddr) -> bool {
    let enabled =
        |allows: bool| lists.iter().filter(move |list| list.enabled && list.allows == allows);
    let inside = |list: &List| list.nets().any(|net| net.contains(address));
    enabled(false).any(inside) || (enabled(true).next().is_some() && !enabled(true).any(inside))
}

/// Whoever changes the lists must still be let in after it.
fn check_not_locked_out(ctx: &Ctx, before: &[List], after: &[List], counting: bool) -> Result<()> {
    // Engines and tests have no address.
    let Some(address) = ctx.source_ip else { return Ok(()) };
    // While the lists do not count, what others made of them is not this change's fault.
    match refused(after, address) && (counting || !refused(before, address)) {
        false => Ok(()),
        true => Err(ApiError::new(
            ErrorCode::InvalidState,
            format!("Your current IP {address} would be blocked by this change."),
        )),
    }
}

fn check_addresses(addresses: &[String]) -> Result<()> {
    let wrong =
        addresses.iter().find(|text| text.parse::<IpNet>().is_err() || !IpNet::is_exact(text));
    match wrong {
        None => Ok(()),
        Some(text) => Err(ApiError::invalid(format!(
            "{:?} is not an IP address or a network in CIDR notation.",
            text.chars().take(64).collect::<String>()
        ))),
    }
}

fn apply(row: &mut List, request: &IpAccessListRequest, ctx: &Ctx) -> Result<()> {
    if request.label.is_some() {
        row.label = check_label("label", request.label.as_deref())?.to_owned();
    }
    match request.list_type.as_deref() {
        None => {}
        Some("ALLOW") => row.allows = true,
        Some("BLOCK") => row.allows = false,
        Some(_) => return Err(ApiError::invalid("list_type must be ALLOW or BLOCK.")),
    }
    if let Some(addresses) = &request.ip_addresses {
        check_addresses(addresses)?;
        row.addresses = addresses.clone();
    }
    if let Some(enabled) = request.enabled {
        row.enabled = enabled;
    }
    row.updated_at = ctx.now_ms();
    row.updated_by = ctx.principal.id.0;
    Ok(())
}

/// The whole after the change, checked and written.
async fn write(tx: &mut Tx, ctx: &Ctx, scope: Scope, row: &List) -> Result<()> {
    let before = store::all(tx, scope).await?;
    let mut after = before.clone();
    after.retain(|other| other.id != row.id);
    after.push(row.clone());
    if after.len() > LISTS_MAX
        || after.iter().map(|one| one.addresses.len()).sum::<usize>() > ADDRESSES_MAX
    {
        return Err(quota(format!(
            "All IP access lists together have at most {ADDRESSES_MAX} addresses and networks."
        )));
    }
    let counting = store::enabled(tx, scope).await?;
    check_not_locked_out(ctx, &before, &after, counting)?;
    store::put(tx, row).await
}

async fn find(tx: &mut Tx, scope: Scope, id: &str) -> Result<List> {
    let all = store::all(tx, scope).await?;
    all.into_iter().find(|row| row.id == id).ok_or_else(|| missing(id))
}

fn required(request: &IpAccessListRequest) -> Result<()> {
    match request.label.is_some() && request.list_type.is_some() {
        true => Ok(()),
        false => Err(ApiError::invalid("label and list_type are required.")),
    }
}

pub async fn ip_access_list_create(
    identity: &Identity,
    ctx: &Ctx,
    scope: Scope,
    request: &IpAccessListRequest,
) -> Result<IpAccessListInfo> {
    scope.require_admin(ctx)?;
    required(request)?;
    let (now, by) = (ctx.now_ms(), ctx.principal.id.0);
    let mut row = List {
        id: uuid::Uuid::new_v4().to_string(),
        scope: scope.key(),
        label: String::new(),
        allows: true,
        addresses: Vec::new(),
        enabled: true,
        created_at: now,
        created_by: by,
        updated_at: now,
        updated_by: by,
    };
    apply(&mut row, request, ctx)?;
    let mut tx = identity.db.write().await?;
    write(&mut tx, ctx, scope, &row).await?;
    identity.changed(tx).await?;
    Ok(info(row))
}

pub async fn ip_access_list_list(
    identity: &Identity,
    ctx: &Ctx,
    scope: Scope,
) -> Result<Vec<IpAccessListInfo>> {
    scope.require_admin(ctx)?;
    let all = store::all(&mut identity.db.read().await?, scope).await?;
    Ok(all.into_iter().map(info).collect())
}

pub async fn ip_access_list_get(
    identity: &Identity,
    ctx: &Ctx,
    scope: Scope,
    id: &str,
) -> Result<IpAccessListInfo> {
    scope.require_admin(ctx)?;
    find(&mut identity.db.read().await?, scope, id).await.map(info)
}

/// `whole`: PUT, the request is the whole list.
pub async fn ip_access_list_update(
    identity: &Identity,
    ctx: &Ctx,
    scope: Scope,
    id: &str,
    request: &IpAccessListRequest,
    whole: bool,
) -> Result<IpAccessListInfo> {
    scope.require_admin(ctx)?;
    let mut tx = identity.db.write().await?;
    let mut row = find(&mut tx, scope, id).await?;
    if whole {
        required(request)?;
        row.addresses.clear();
    }
    apply(&mut row, request, ctx)?;
    write(&mut tx, ctx, scope, &row).await?;
    identity.changed(tx).await?;
    Ok(info(row))
}

pub async fn ip_access_list_delete(
    identity: &Identity,
    ctx: &Ctx,
    scope: Scope,
    id: &str,
) -> Result<()> {
    scope.require_admin(ctx)?;
    let mut tx = identity.db.write().await?;
    find(&mut tx, scope, id).await?;
    let before = store::all(&mut tx, scope).await?;
    let after: Vec<List> = before.iter().filter(|row| row.id != id).cloned().collect();
    let counting = store::enabled(&mut tx, scope).await?;
    check_not_locked_out(ctx, &before, &after, counting)?;
    store::delete(&mut tx, id).await?;
    identity.changed(tx).await
}

/// Before the lists of a scope begin to count.
pub async fn check_may_count(tx: &mut Tx, ctx: &Ctx, scope: Scope) -> Result<()> {
    let all = store::all(tx, scope).await?;
    check_not_locked_out(ctx, &all, &all, true)
}
