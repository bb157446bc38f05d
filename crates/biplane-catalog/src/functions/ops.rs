//! What can be done with functions.

use crate::Catalog;
use crate::access::{Asker, Need};
use crate::edit::{self, Common, json};
use crate::kind::Kind;
use crate::listing::{Listing, Page};
use crate::names;
use crate::node::Chain;
use crate::privilege::Privilege;
use crate::rights::{self, Sight};
use crate::store;
use crate::tables::staging::schema_for;
use biplane_api::catalog::{FunctionInfo, FunctionSpec, ListFunctions, UpdateFunction};
use biplane_platform::{ApiError, Ctx, Result};

const SPEC_BYTES_MAX: usize = 1 << 20;
const PARAMETERS_MAX: usize = 1000;

pub(crate) fn info(chain: &Chain, browse_only: bool) -> Result<FunctionInfo> {
    let node = chain.leaf();
    let spec = FunctionSpec {
        name: node.name.clone(),
        catalog_name: chain.catalog_name().to_owned(),
        schema_name: chain.schema_name().to_owned(),
        comment: node.comment.clone(),
        ..node.details()?
    };
    Ok(FunctionInfo {
        spec,
        full_name: chain.full_name(),
        function_id: node.id.clone(),
        owner: node.owner.clone(),
        metastore_id: node.metastore_id.clone(),
        created_at: node.created_at,
        created_by: node.created_by.clone(),
        updated_at: node.updated_at,
        updated_by: node.updated_by.clone(),
        browse_only,
    })
}

pub(crate) async fn function_create(
    service: &Catalog,
    ctx: &Ctx,
    mut spec: FunctionSpec,
) -> Result<FunctionInfo> {
    let name = names::checked(Kind::Function, &spec.name)?;
    if !matches!(spec.routine_body.as_str(), "SQL" | "EXTERNAL") {
        return Err(ApiError::invalid("routine_body must be SQL or EXTERNAL."));
    }
    if spec.input_params.parameters.len() > PARAMETERS_MAX {
        return Err(ApiError::invalid(format!(
            "A function may have at most {PARAMETERS_MAX} parameters."
        )));
    }
    for (position, parameter) in spec.input_params.parameters.iter_mut().enumerate() {
        parameter.position = i32::try_from(position).map_err(ApiError::internal)?;
        if parameter.type_json.is_none() {
            parameter.type_json = type_json(&parameter.name, &parameter.type_name);
        }
    }
    let details = json(&spec)?;
    if details.len() > SPEC_BYTES_MAX || details.contains("\\u0000") {
        return Err(ApiError::invalid(
            "The function's description is longer than 1 MiB or has NUL characters.",
        ));
    }
    let mut write = service.write(ctx).await?;
    let rights = [Privilege::CreateFunction];
    let schema =
        schema_for(ctx, &mut write, &spec.catalog_name, &spec.schema_name, &rights).await?;
    let mut node = edit::fresh(ctx, schema.leaf(), Kind::Function, &name);
    node.comment = names::comment(spec.comment.as_deref())?;
    node.details = details;
    let chain = schema.with(node.into());
    store::insert(&mut write.tx, chain.leaf(), &chain.full_name()).await?;
    service.commit(write.tx).await?;
    info(&chain, false)
}

pub(crate) async fn function_list(
    service: &Catalog,
    ctx: &Ctx,
    schema: [&str; 2],
    include_browse: bool,
    page: Page<'_>,
) -> Result<ListFunctions> {
    let need = if include_browse { Need::See } else { Need::Use };
    let path = schema.map(names::stored);
    let parent = service.find(ctx, Kind::Schema, &path).await?.require(Asker::of(ctx), need)?;
    let listing = Listing { include_browse, ..Listing::of(Kind::Function) };
    let (rows, next_page_token) = service.list(ctx, &parent, &listing, page).await?;
    let functions =
        rows.iter().map(|(chain, browse)| info(chain, *browse)).collect::<Result<_>>()?;
    Ok(ListFunctions { functions, next_page_token })
}

pub(crate) async fn function_get(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
) -> Result<FunctionInfo> {
    let chain = service.get(ctx, Kind::Function, full_name, Need::See).await?;
    info(&chain, rights::sight(chain.nodes(), Asker::of(ctx).who) == Sight::Browse)
}

pub(crate) async fn function_update(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
    change: UpdateFunction,
) -> Result<FunctionInfo> {
    let mut write = service.write(ctx).await?;
    let (chain, mut node) = write.get(ctx, Kind::Function, full_name, Need::Manage).await?;
    service
        .edit(ctx, &mut node, Common { owner: change.owner.as_deref(), ..Common::default() })
        .await?;
    store::update(&mut write.tx, &node, &chain.full_name()).await?;
    service.commit(write.tx).await?;
    info(&edit::replaced(&chain, node), false)
}

pub(crate) async fn function_delete(service: &Catalog, ctx: &Ctx, full_name: &str) -> Result<()> {
    let mut write = service.write(ctx).await?;
    let (_, node) = write.get(ctx, Kind::Function, full_name, Need::Manage).await?;
    store::delete(&mut write.tx, &node.id).await?;
    service.commit(write.tx).await
}

/// Spark's description of a parameter of a plain type. Some clients cannot do without.
fn type_json(name: &str, type_name: &str) -> Option<String> {
    let spark = match type_name {
        "BOOLEAN" => "boolean",
        "BYTE" => "byte",
        "SHORT" => "short",
        "INT" => "integer",
        "LONG" => "long",
        "FLOAT" => "float",
        "DOUBLE" => "double",
        "STRING" => "string",
        "BINARY" => "binary",
        "DATE" => "date",
        "TIMESTAMP" => "timestamp",
        "TIMESTAMP_NTZ" => "timestamp_ntz",
        "VARIANT" => "variant",
        _ => return None,
    };
    let field =
        serde_json::json!({ "name": name, "type": spark, "nullable": true, "metadata": {} });
    Some(field.to_string())
}
