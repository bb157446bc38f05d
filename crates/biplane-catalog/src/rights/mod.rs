//! Who may do what: the one evaluator of grants, owners and inheritance. Pure.
//!
//! - A privilege granted on a catalog or schema holds for everything below; one granted on a metastore
//!   holds there alone. ALL PRIVILEGES stands for all but MANAGE and the EXTERNAL USE ones.
//! - The owner of a securable has every privilege on it, save the EXTERNAL USE ones. Owners of what is
//!   above it (the metastore's owner, the metastore admin, for all) and those with MANAGE may change,
//!   drop, hand over and grant it, but not read or write its data until they grant themselves that.
//! - To use anything one needs USE CATALOG and USE SCHEMA above it; owners of what is above have them.

use crate::kind::Kind;
use crate::node::Node;
use crate::privilege::Privilege;
use biplane_platform::Ctx;
use std::sync::Arc;

/// In whose name is asked.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    pub name: &'a str,
    pub groups: &'a [String],
}

impl<'a> Who<'a> {
    pub fn of(ctx: &'a Ctx) -> Self {
        Self { name: &ctx.principal.name, groups: &ctx.principal.groups }
    }

    pub fn is(&self, principal: &str) -> bool {
        self.name == principal || self.groups.iter().any(|group| group == principal)
    }
}

/// How much of a securable somebody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    None,
    /// Its description, by BROWSE.
    Browse,
    Full,
}

/// Whether a grant for `privilege` holds on the last of `chain`, where it was granted or above.
pub fn granted(chain: &[Arc<Node>], who: Who<'_>, privilege: Privilege) -> bool {
    chain.iter().enumerate().any(|(position, node)| {
        let inherits = node.kind != Kind::Metastore || position + 1 == chain.len();
        inherits
            && node.grants.iter().any(|grant| {
                let covers = grant.privilege == privilege
                    || (grant.privilege == Privilege::AllPrivileges && !privilege.explicit());
                covers && who.is(&grant.principal)
            })
    })
}

/// Whether `who` has `privilege` on the last of `chain`, as its owner or by a grant. Says nothing of USE above.
pub fn has(chain: &[Arc<Node>], who: Who<'_>, privilege: Privilege) -> bool {
    let Some(leaf) = chain.last() else { return false };
    let external =
        matches!(privilege, Privilege::ExternalUseSchema | Privilege::ExternalUseLocation);
    (!external && who.is(&leaf.owner)) || granted(chain, who, privilege)
}

/// Whether `who` owns one of `chain`.
pub fn owns_any(chain: &[Arc<Node>], who: Who<'_>) -> bool {
    chain.iter().any(|node| who.is(&node.owner))
}

/// Owner of it or of what is above, or MANAGE.
pub fn manages(chain: &[Arc<Node>], who: Who<'_>) -> bool {
    owns_any(chain, who) || granted(chain, who, Privilege::Manage)
}

/// Whether `who` may go through the catalog or schema at the end of `chain`; all else lets everybody through.
pub fn passes(chain: &[Arc<Node>], who: Who<'_>) -> bool {
    let needed = match chain.last().map(|node| node.kind) {
        Some(Kind::Catalog) => Privilege::UseCatalog,
        Some(Kind::Schema) => Privilege::UseSchema,
        _ => return true,
    };
    owns_any(chain, who) || granted(chain, who, needed)
}

/// The first container above the last of `chain` that `who` may not go through.
pub fn blocked(chain: &[Arc<Node>], who: Who<'_>) -> Option<usize> {
    (1..chain.len()).find(|&end| !passes(&chain[..end], who)).map(|end| end - 1)
}

pub fn sight(chain: &[Arc<Node>], who: Who<'_>) -> Sight {
    let Some(leaf) = chain.last() else { return Sight::None };
    let reachable = blocked(chain, who).is_none();
    let full = match leaf.kind {
        // Everybody of a workspace knows its metastore.
        Kind::Metastore => true,
        Kind::Catalog | Kind::Schema => passes(chain, who) || manages(chain, who),
        kind => manages(chain, who) || any_on(chain, who, kind),
    };
    match (reachable && full, browses(chain, who)) {
        (true, _) => Sight::Full,
        (false, true) => Sight::Browse,
        (false, false) => Sight::None,
    }
}

/// Whether BROWSE shows the last of `chain`, and BROWSE or USE every container on the way to it.
fn browses(chain: &[Arc<Node>], who: Who<'_>) -> bool {
    let shows = |end: usize| granted(&chain[..end], who, Privilege::Browse);
    (1..chain.len()).all(|end| passes(&chain[..end], who) || shows(end)) && shows(chain.len())
}

/// Any grant that gives something to do on a leaf of this kind. BROWSE only shows.
fn any_on(chain: &[Arc<Node>], who: Who<'_>, kind: Kind) -> bool {
    Privilege::ALL
        .iter()
        .filter(|privilege| {
            !matches!(privilege, Privilege::Browse | Privilege::AllPrivileges | Privilege::Manage)
        })
        .filter(|privilege| privilege.kinds().contains(&kind))
        .any(|&privilege| granted(chain, who, privilege))
}

#[cfg(test)]
mod tests;
