//! Lists: pages by name over what the asker may see. Rows are read in batches until a page is full or
//! enough was looked at; then an incomplete, even empty, page carries a token.

use crate::Catalog;
use crate::access::{self, Asker};
use crate::cache;
use crate::kind::Kind;
use crate::node::{Chain, Node};
use crate::rights::{self, Sight};
use biplane_platform::{Ctx, Result, page};

const PAGE_DEFAULT: usize = 1000;
const PAGE_MAX: usize = 1000;
/// Rows looked at for one page.
const SCAN_MAX: usize = 20_000;

#[derive(Debug, Clone, Default)]
pub(crate) struct Page<'a> {
    pub max_results: Option<i64>,
    pub page_token: Option<&'a str>,
}

/// What to list under the leaf of a chain.
pub(crate) struct Listing<'a> {
    pub kind: Kind,
    pub include_browse: bool,
    /// Those of other workspaces too; only for who manages them.
    pub include_unbound: bool,
    pub with_columns: bool,
    /// SQL LIKE on the name, as `Pattern::sql_like` writes it; empty: all.
    pub name_like: &'a str,
    pub filter: &'a (dyn Fn(&Node) -> bool + Send + Sync),
}

impl<'a> Listing<'a> {
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            include_browse: false,
            include_unbound: false,
            with_columns: false,
            name_like: "",
            filter: &|_| true,
        }
    }

    fn shows(&self, ctx: &Ctx, chain: &Chain) -> Option<Sight> {
        let asker = Asker::of(ctx);
        if !(self.filter)(chain.leaf()) {
            return None;
        }
        let unbound = !access::is_bound(chain.leaf(), asker.workspace);
        if unbound && !(self.include_unbound && rights::manages(chain.nodes(), asker.who)) {
            return None;
        }
        match rights::sight(chain.nodes(), asker.who) {
            Sight::None => None,
            Sight::Browse if !self.include_browse => None,
            sight => Some(sight),
        }
    }
}

impl Catalog {
    /// The children of `parent` that `ctx` sees, each with its chain and whether only BROWSE shows it.
    pub(crate) async fn list(
        &self,
        ctx: &Ctx,
        parent: &Chain,
        listing: &Listing<'_>,
        page: Page<'_>,
    ) -> Result<(Vec<(Chain, bool)>, Option<String>)> {
        let limit = page::size(page.max_results, PAGE_DEFAULT, PAGE_MAX)?;
        let mut after: String = page::decode(page.page_token)?.unwrap_or_default();
        let mut shown = Vec::new();
        let mut scanned = 0;
        loop {
            let batch = limit.max(100) + 1;
            let rows = self
                .children(cache::Page {
                    parent_id: parent.leaf().id.clone(),
                    kind: listing.kind,
                    name_like: listing.name_like.to_owned(),
                    after: after.clone(),
                    limit: batch,
                    with_columns: listing.with_columns,
                })
                .await?;
            let last_batch = rows.len() < batch;
            for row in rows.iter() {
                if shown.len() == limit {
                    return Ok((shown, Some(page::encode(&after))));
                }
                after.clone_from(&row.name);
                scanned += 1;
                let chain = parent.with(row.clone());
                if let Some(sight) = listing.shows(ctx, &chain) {
                    shown.push((chain, sight == Sight::Browse));
                }
            }
            if last_batch {
                return Ok((shown, None));
            }
            if scanned >= SCAN_MAX {
                return Ok((shown, Some(page::encode(&after))));
            }
        }
    }
}
