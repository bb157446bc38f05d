//! Reading and changing grants.

use crate::Catalog;
use crate::access::{Asker, Need};
use crate::kind::Kind;
use crate::names;
use crate::node::Chain;
use crate::privilege::Privilege;
use crate::rights;
use crate::service::Write;
use crate::store;
use biplane_api::catalog::{
    EffectivePrivilege, EffectivePrivilegeAssignment, EffectivePrivilegeAssignments,
    PermissionsChange, PrivilegeAssignment, PrivilegeAssignments, UpdatePermissions,
};
use biplane_platform::{ApiError, Ctx, Result, page};
use std::collections::BTreeMap;

const PAGE_MAX: usize = 1000;
const CHANGES_MAX: usize = 1000;

/// What a list of grants is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Query<'a> {
    pub principal: Option<&'a str>,
    pub max_results: Option<i64>,
    pub page_token: Option<&'a str>,
}

/// A metastore is named by its id (or name), all else by full name.
fn parts(kind: Kind, full_name: &str, metastore: &crate::node::Node) -> Result<Vec<String>> {
    if kind != Kind::Metastore {
        return names::parts(kind, full_name);
    }
    match full_name == metastore.id || names::stored(full_name) == metastore.name {
        true => Ok(Vec::new()),
        false => Err(kind.missing(full_name)),
    }
}

/// The securable, and whether `ctx` sees everybody's grants on it or only what concerns itself.
async fn seen(service: &Catalog, ctx: &Ctx, kind: Kind, full_name: &str) -> Result<(Chain, bool)> {
    let parts = parts(kind, full_name, service.metastore(ctx).await?.as_ref())?;
    let chain = service.find(ctx, kind, &parts).await?.require(Asker::of(ctx), Need::See)?;
    let all = rights::manages(chain.nodes(), Asker::of(ctx).who);
    Ok((chain, all))
}

fn shows(ctx: &Ctx, all: bool, query: Query<'_>, principal: &str) -> bool {
    let wanted = query
        .principal
        .filter(|wanted| !wanted.is_empty())
        .is_none_or(|wanted| wanted == principal);
    wanted && (all || ctx.principal.is(principal))
}

/// Principals with what they have, and the token of the next page.
type Cut<T> = (Vec<(String, T)>, Option<String>);

/// Cuts by principal: all of one principal's privileges are on one page.
fn cut<T>(map: BTreeMap<String, T>, query: Query<'_>) -> Result<Cut<T>> {
    let limit = page::size(query.max_results, PAGE_MAX, PAGE_MAX)?;
    let after: Option<String> = page::decode(query.page_token)?;
    let rest = map
        .into_iter()
        .filter(|(principal, _)| after.as_ref().is_none_or(|after| principal > after));
    Ok(page::cut(rest.take(limit + 1).collect(), limit, |(principal, _)| principal.clone()))
}

fn direct(chain: &Chain, show: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<String>> {
    let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for grant in chain.leaf().grants.iter().filter(|grant| show(&grant.principal)) {
        map.entry(grant.principal.clone()).or_default().push(grant.privilege.as_str().to_owned());
    }
    map.values_mut().for_each(|privileges| privileges.sort_unstable());
    map
}

fn assignments(
    rows: Vec<(String, Vec<String>)>,
    next_page_token: Option<String>,
) -> PrivilegeAssignments {
    let privilege_assignments = rows
        .into_iter()
        .map(|(principal, privileges)| PrivilegeAssignment { principal, privileges })
        .collect();
    PrivilegeAssignments { privilege_assignments, next_page_token }
}

pub(crate) async fn grant_list(
    service: &Catalog,
    ctx: &Ctx,
    kind: Kind,
    full_name: &str,
    query: Query<'_>,
) -> Result<PrivilegeAssignments> {
    let (chain, all) = seen(service, ctx, kind, full_name).await?;
    let (rows, next) = cut(direct(&chain, |principal| shows(ctx, all, query, principal)), query)?;
    Ok(assignments(rows, next))
}

pub(crate) async fn grant_list_effective(
    service: &Catalog,
    ctx: &Ctx,
    kind: Kind,
    full_name: &str,
    query: Query<'_>,
) -> Result<EffectivePrivilegeAssignments> {
    let (chain, all) = seen(service, ctx, kind, full_name).await?;
    let mut map: BTreeMap<String, Vec<EffectivePrivilege>> = BTreeMap::new();
    for (position, node) in chain.nodes().iter().enumerate() {
        let own = position + 1 == chain.nodes().len();
        if node.kind == Kind::Metastore && !own {
            continue;
        }
        let name = crate::node::full_name(&chain.nodes()[..=position]);
        for grant in node.grants.iter().filter(|grant| shows(ctx, all, query, &grant.principal)) {
            if !grant.privilege.kinds().contains(&kind) && !grant.privilege.grantable_on(kind) {
                continue;
            }
            map.entry(grant.principal.clone()).or_default().push(EffectivePrivilege {
                privilege: grant.privilege.as_str().to_owned(),
                inherited_from_type: (!own).then(|| node.kind.as_str().to_owned()),
                inherited_from_name: (!own).then(|| name.clone()),
            });
        }
    }
    let (rows, next_page_token) = cut(map, query)?;
    let privilege_assignments = rows
        .into_iter()
        .map(|(principal, privileges)| EffectivePrivilegeAssignment { principal, privileges })
        .collect();
    Ok(EffectivePrivilegeAssignments { privilege_assignments, next_page_token })
}

fn privileges(kind: Kind, list: &[String]) -> Result<Vec<Privilege>> {
    list.iter()
        .map(|text| {
            let privilege = Privilege::parse(text)?;
            match privilege.grantable_on(kind) {
                true => Ok(privilege),
                false => Err(ApiError::invalid(format!(
                    "Privilege {} is not applicable to a {}.",
                    privilege.title(),
                    kind.title()
                ))),
            }
        })
        .collect()
}

pub(crate) async fn grant_update(
    service: &Catalog,
    ctx: &Ctx,
    kind: Kind,
    full_name: &str,
    mut request: UpdatePermissions,
) -> Result<PrivilegeAssignments> {
    if request.changes.len() > CHANGES_MAX {
        return Err(ApiError::invalid(format!("At most {CHANGES_MAX} changes are taken at once.")));
    }
    // Before the transaction: it asks another service.
    for change in request.changes.iter_mut().filter(|change| !change.add.is_empty()) {
        change.principal = service.principal(&change.principal).await?;
    }
    let mut write = service.write(ctx).await?;
    let parts = parts(kind, full_name, &write.metastore)?;
    let chain = write.find(kind, &parts).await?.require(Asker::of(ctx), Need::Grant)?;
    for change in &request.changes {
        apply(ctx, &mut write, &chain, kind, change).await?;
    }
    let id = chain.leaf().id.clone();
    let node = store::by_id(&mut write.tx, &id).await?.ok_or_else(|| kind.missing(full_name))?;
    service.commit(write.tx).await?;
    let after = Chain::new(node.into());
    Ok(assignments(direct(&after, |_| true).into_iter().collect(), None))
}

async fn apply(
    ctx: &Ctx,
    write: &mut Write,
    chain: &Chain,
    kind: Kind,
    change: &PermissionsChange,
) -> Result<()> {
    if change.principal.is_empty() {
        return Err(ApiError::invalid("A change has no principal."));
    }
    let id = &chain.leaf().id;
    for privilege in privileges(kind, &change.add)? {
        let who = Asker::of(ctx).who;
        let owns_catalog = chain.catalog().is_none_or(|catalog| who.is(&catalog.owner));
        if privilege == Privilege::ExternalUseSchema && !owns_catalog {
            return Err(ApiError::denied(
                "Only the owner of the catalog can grant EXTERNAL USE SCHEMA.",
            ));
        }
        store::grant_add(&mut write.tx, id, &change.principal, privilege).await?;
    }
    for privilege in privileges(kind, &change.remove)? {
        store::grant_remove(&mut write.tx, id, &change.principal, privilege).await?;
    }
    Ok(())
}
