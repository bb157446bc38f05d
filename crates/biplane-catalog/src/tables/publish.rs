//! Making a table or view visible, and changing what the catalog shows of it: for engines. One
//! transaction each.

use super::columns;
use super::ops::{self, Details};
use super::staging::schema_for;
use super::store::{self, Staged};
use crate::Catalog;
use crate::access::{Asker, Found, Need};
use crate::edit::{self, Common, json};
use crate::kind::Kind;
use crate::location::Location;
use crate::names;
use crate::node::{Chain, Node};
use crate::privilege::Privilege;
use crate::rights;
use crate::service::Write;
use crate::store as rows;
use biplane_api::catalog::TableInfo;
use biplane_api::internal::{PatchTable, PublishMode, PublishTable};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use std::collections::BTreeMap;

const VIEW_BYTES_MAX: usize = 1 << 20;
const DEPENDENCIES_MAX: usize = 1000;
/// A managed table that says of what query its rows are.
const MATERIALIZED: &str = "MATERIALIZED_VIEW";
const STREAMING: &str = "STREAMING_TABLE";
const KEEP_QUERIES: [&str; 3] = ["VIEW", MATERIALIZED, STREAMING];

pub(crate) enum Place {
    External(Location),
    Staged(Staged),
}

pub(crate) struct View {
    table_type: &'static str,
    definition: String,
    dependencies: Vec<String>,
}

/// A table or view, checked.
pub(crate) struct NewTable {
    pub name: String,
    pub data_source_format: Option<String>,
    pub columns: String,
    pub comment: Option<String>,
    pub properties: BTreeMap<String, String>,
    pub view: Option<View>,
    pub place: Option<Place>,
}

impl NewTable {
    /// Puts all but name, owner and history into a row.
    fn fill(self, node: &mut Node) -> Result<()> {
        names::properties(&self.properties)?;
        let mut details = Details {
            data_source_format: self.data_source_format,
            properties: self.properties,
            ..Details::default()
        };
        let (table_type, location, managed) = match self.place {
            Some(Place::External(location)) => ("EXTERNAL", Some(location.to_string()), false),
            Some(Place::Staged(staged)) if staged.external => {
                ("EXTERNAL", Some(staged.location), false)
            }
            Some(Place::Staged(staged)) => {
                let table_type = self.view.as_ref().map_or("MANAGED", |view| view.table_type);
                (table_type, Some(staged.location), true)
            }
            None => ("VIEW", None, false),
        };
        details.table_type = table_type.to_owned();
        if let Some(view) = self.view {
            details.view_definition = Some(view.definition);
            details.view_dependencies = Some(view.dependencies);
        }
        node.comment = self.comment;
        node.columns = Some(self.columns);
        node.location = location;
        node.managed = managed;
        node.details = json(&details)?;
        Ok(())
    }
}

/// Checks that a staged table is the asker's, for this schema and name, and in time; it is used up.
pub(crate) async fn take_staged(
    ctx: &Ctx,
    write: &mut Write,
    staged: Staged,
    schema: &Chain,
    name: &str,
) -> Result<Staged> {
    let fits = staged.created_by == ctx.principal.name
        && staged.schema_id == schema.leaf().id
        && staged.name == name;
    let in_time = staged.deadline > ctx.now_ms();
    if !fits || !in_time || !store::remove(&mut write.tx, &staged.id).await? {
        return Err(ApiError::invalid(
            "The staging table does not exist, is not for this table, or is too old.",
        ));
    }
    Ok(staged)
}

pub(crate) async fn insert(
    ctx: &Ctx,
    write: &mut Write,
    schema: &Chain,
    new: NewTable,
) -> Result<Chain> {
    let mut node = edit::fresh(ctx, schema.leaf(), Kind::Table, &new.name);
    if let Some(Place::Staged(staged)) = &new.place {
        node.id.clone_from(&staged.id);
    }
    new.fill(&mut node)?;
    let chain = schema.with(node.into());
    rows::insert(&mut write.tx, chain.leaf(), &chain.full_name()).await?;
    Ok(chain)
}

pub(crate) async fn table_publish(
    service: &Catalog,
    ctx: &Ctx,
    request: PublishTable,
) -> Result<TableInfo> {
    let name = names::checked(Kind::Table, &request.name)?;
    let kept = KEEP_QUERIES.into_iter().find(|kind| *kind == request.table_type);
    let is_view = match (request.table_type.as_str(), &request.staging_table_id) {
        ("VIEW", None) => true,
        ("MANAGED" | "EXTERNAL" | MATERIALIZED | STREAMING, Some(_)) => false,
        ("MANAGED" | "EXTERNAL" | MATERIALIZED | STREAMING, None) => {
            return Err(ApiError::invalid("staging_table_id is missing."));
        }
        ("VIEW", Some(_)) => return Err(ApiError::invalid("A view has no staging table.")),
        _ => {
            return Err(ApiError::invalid(
                "table_type must be MANAGED, EXTERNAL, VIEW, MATERIALIZED_VIEW or STREAMING_TABLE.",
            ));
        }
    };
    let view = match kept {
        Some(kind) => Some(view(kind, request.view_definition, request.view_dependencies)?),
        None => None,
    };
    let mut write = service.write(ctx).await?;
    let path = [names::stored(&request.catalog_name), names::stored(&request.schema_name)];
    let schema = write.find(Kind::Schema, &path).await?.require(Asker::of(ctx), Need::Use)?;
    let old = match request.mode {
        PublishMode::Create => None,
        PublishMode::Replace => {
            rows::by_name(&mut write.tx, &schema.leaf().id, Kind::Table, &name).await?
        }
    };
    if old.is_none() {
        let create: &[Privilege] = if is_view {
            &[Privilege::CreateTable, Privilege::CreateView]
        } else {
            &[Privilege::CreateTable]
        };
        schema_for(ctx, &mut write, &path[0], &path[1], create).await?;
    }
    let place = match &request.staging_table_id {
        Some(id) => {
            let staged = store::by_id(&mut write.tx, id)
                .await?
                .filter(|staged| staged.schema_id == schema.leaf().id);
            let staged =
                staged.ok_or_else(|| ApiError::invalid("The staging table does not exist."))?;
            if staged.external != (request.table_type == "EXTERNAL") {
                return Err(ApiError::invalid("table_type is not that of the staging table."));
            }
            Some(Place::Staged(take_staged(ctx, &mut write, staged, &schema, &name).await?))
        }
        None => None,
    };
    let new = NewTable {
        name,
        data_source_format: match is_view {
            true => None,
            false => Some(ops::data_source_format(request.data_source_format.as_deref())?),
        },
        columns: columns::checked(request.columns)?,
        comment: names::comment(request.comment.as_deref())?,
        properties: request.properties,
        view,
        place,
    };
    let chain = match old {
        None => insert(ctx, &mut write, &schema, new).await?,
        Some(old) => replace(service, ctx, &mut write, &schema, old, new).await?,
    };
    service.commit(write.tx).await?;
    ops::info(&chain, false)
}

/// The row stays, with its id, owner and grants; what it stands for is another.
async fn replace(
    service: &Catalog,
    ctx: &Ctx,
    write: &mut Write,
    schema: &Chain,
    old: Node,
    new: NewTable,
) -> Result<Chain> {
    rows::lock(&mut write.tx, &old.id).await?;
    let Some(mut node) = rows::by_id(&mut write.tx, &old.id).await? else {
        return Err(ApiError::new(ErrorCode::Aborted, "The table was dropped meanwhile."));
    };
    let chain = schema.with(node.clone().into());
    let chain = Found { chain, missing: None }.require(Asker::of(ctx), Need::Manage)?;
    let was_view = node.details::<Details>()?.table_type == "VIEW";
    if was_view != new.place.is_none() {
        let (found, wanted) = if was_view { ("a view", "a table") } else { ("a table", "a view") };
        return Err(ApiError::invalid(format!(
            "{} is {found}; it cannot be replaced by {wanted}.",
            chain.full_name()
        )));
    }
    if let Some(location) = node.location.as_deref().filter(|_| node.managed) {
        rows::doom(&mut write.tx, location, service.doom_at(ctx)).await?;
    }
    service.edit(ctx, &mut node, Common::default()).await?;
    new.fill(&mut node)?;
    rows::update(&mut write.tx, &node, &chain.full_name()).await?;
    Ok(edit::replaced(&chain, node))
}

fn view(
    table_type: &'static str,
    definition: Option<String>,
    dependencies: Vec<String>,
) -> Result<View> {
    let definition = definition.filter(|text| !text.trim().is_empty());
    let definition = definition.ok_or_else(|| ApiError::invalid("view_definition is missing."))?;
    if definition.len() > VIEW_BYTES_MAX || definition.contains('\0') {
        return Err(ApiError::invalid(
            "The view's text is longer than 1 MiB or has NUL characters.",
        ));
    }
    if dependencies.len() > DEPENDENCIES_MAX {
        return Err(ApiError::invalid(format!(
            "A view may name at most {DEPENDENCIES_MAX} tables and views."
        )));
    }
    let stored = |name: &String| Ok(names::parts(Kind::Table, name)?.join("."));
    let dependencies = dependencies.iter().map(stored).collect::<Result<_>>()?;
    Ok(View { table_type, definition, dependencies })
}

pub(crate) async fn table_patch(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
    change: PatchTable,
) -> Result<TableInfo> {
    let mut write = service.write(ctx).await?;
    let (chain, mut node) = write.get(ctx, Kind::Table, full_name, Need::See).await?;
    // What follows from writing data needs the right to write data; all else is for who manages it.
    let by_writing =
        change.comment.is_none() && change.view_definition.is_none() && change.new_name.is_none();
    let who = Asker::of(ctx).who;
    let writes = rights::has(chain.nodes(), who, Privilege::Modify)
        && rights::has(chain.nodes(), who, Privilege::Select);
    let need = match by_writing && writes {
        true => Need::All(&[Privilege::Modify, Privilege::Select]),
        false => Need::Manage,
    };
    let chain = Found { chain, missing: None }.require(Asker::of(ctx), need)?;
    let common = Common {
        new_name: change.new_name.as_deref(),
        owner: None,
        comment: change.comment.as_deref(),
    };
    service.edit(ctx, &mut node, common).await?;
    let mut details: Details = node.details()?;
    if let Some(list) = change.columns {
        node.columns = Some(columns::checked(list)?);
    }
    if let Some(properties) = change.properties {
        names::properties(&properties)?;
        details.properties = properties;
    }
    if let Some(definition) = change.view_definition {
        let kept = KEEP_QUERIES.into_iter().find(|kind| *kind == details.table_type);
        let kind =
            kept.ok_or_else(|| ApiError::invalid(format!("{} is not a view.", chain.full_name())))?;
        let dependencies = change
            .view_dependencies
            .ok_or_else(|| ApiError::invalid("view_dependencies goes with view_definition."))?;
        let view = view(kind, Some(definition), dependencies)?;
        details.view_definition = Some(view.definition);
        details.view_dependencies = Some(view.dependencies);
    }
    node.details = json(&details)?;
    rows::update(&mut write.tx, &node, &edit::renamed(&chain, &node)).await?;
    service.commit(write.tx).await?;
    ops::info(&edit::replaced(&chain, node), false)
}
