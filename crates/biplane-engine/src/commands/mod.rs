//! Statement → [`Output`]: one place where every kind of statement is sent to the code that runs it.

mod alter;
mod catalog;
mod clustering;
pub mod columns;
mod copy_into;
mod defaults;
mod describe;
mod describe_json;
mod explain;
mod expressions;
mod function;
mod grants;
mod insert;
mod like;
mod maintenance;
mod merge;
mod not_null;
mod protocol;
mod replace;
pub mod rest;
pub mod rows;
mod session;
mod show;
mod show_columns;
mod table;
mod tags;
mod update;
mod view;
mod volume;
mod write;

pub use table::create_from_plan as samples_table;

use biplane_api::internal::Access;
use futures::FutureExt;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{CreateContainer, Drop, Name, ObjectKind, Statement};

pub async fn run(cx: &StatementContext, statement: Statement) -> SqlResult<Output> {
    // Boxed: what one kind of statement keeps on its way must not add to the others'.
    match statement {
        Statement::Query(query) => cx.query(*query).boxed().await,
        Statement::Explain(explain) => explain::run(cx, explain).boxed().await,
        Statement::Use(target) => session::use_target(cx, target).boxed().await,
        Statement::Set(set) => session::set(cx, set),
        Statement::CreateCatalog(create) => catalog::create_catalog(cx, create).boxed().await,
        Statement::CreateSchema(create) => catalog::create_schema(cx, create).boxed().await,
        Statement::AlterContainer(alter) => catalog::alter(cx, alter).boxed().await,
        Statement::CreateTable(create) => table::create(cx, *create).boxed().await,
        Statement::AlterTable(alter) => alter::run(cx, alter).boxed().await,
        Statement::CreateView(create) => view::create(cx, *create).boxed().await,
        Statement::AlterView(alter) => view::alter(cx, alter).boxed().await,
        Statement::CreateVolume(create) => volume::create(cx, create).boxed().await,
        Statement::AlterVolume(alter) => volume::alter(cx, alter).boxed().await,
        Statement::AlterTags(alter) => tags::alter(cx, alter).boxed().await,
        Statement::CreateFunction(create) => function::create(cx, *create).boxed().await,
        Statement::Drop(drop) => drop_object(cx, drop).boxed().await,
        Statement::CommentOn(comment) => alter::comment_on(cx, comment).boxed().await,
        Statement::Insert(insert) => insert::run(cx, *insert).boxed().await,
        Statement::Update(update) => update::update(cx, *update).boxed().await,
        Statement::Delete(delete) => update::delete(cx, *delete).boxed().await,
        Statement::Merge(merge) => merge::run(cx, *merge).boxed().await,
        Statement::Truncate { table } => update::truncate(cx, &table).boxed().await,
        Statement::CopyInto(copy) => copy_into::run(cx, *copy).boxed().await,
        Statement::Optimize(optimize) => maintenance::optimize(cx, *optimize).boxed().await,
        Statement::Vacuum(vacuum) => maintenance::vacuum(cx, vacuum).boxed().await,
        Statement::Restore(restore) => maintenance::restore(cx, restore).boxed().await,
        Statement::Show(show) => show::run(cx, show).boxed().await,
        Statement::Describe(describe) => describe::run(cx, describe).boxed().await,
        Statement::Grant(grant) => grants::grant(cx, grant).boxed().await,
        Statement::List { path, limit } => crate::files::list::run(cx, &path, limit).boxed().await,
        Statement::Call { name, arguments } => call(cx, &name.0, &arguments).boxed().await,
        Statement::Refresh { table } => refresh(cx, table).boxed().await,
    }
}

async fn drop_object(cx: &StatementContext, drop: Drop) -> SqlResult<Output> {
    let Drop { kind, name, if_exists, cascade } = drop;
    match kind {
        ObjectKind::Catalog => catalog::drop_catalog(cx, &name, if_exists, cascade).await,
        ObjectKind::Schema => catalog::drop_schema(cx, &name, if_exists, cascade).await,
        ObjectKind::Table => table::drop(cx, &name, if_exists, false).await,
        ObjectKind::View => table::drop(cx, &name, if_exists, true).await,
        ObjectKind::Volume => volume::drop(cx, &name, if_exists).await,
        ObjectKind::Function => function::drop(cx, &name, if_exists).await,
        other => Err(SqlError::unsupported(format!("DROP {}", other.word()))),
    }
}

/// `samples` and `samples.tpch`.
pub async fn samples_schema(cx: &StatementContext) -> SqlResult<()> {
    let create = |name: &[&str], comment: &str| CreateContainer {
        name: Name(name.iter().map(|part| (*part).to_owned()).collect()),
        if_not_exists: true,
        comment: Some(comment.to_owned()),
        location: None,
        properties: Vec::new(),
    };
    catalog::create_catalog(cx, create(&["samples"], "Data to try things with")).await?;
    let schema = create(&["samples", "tpch"], "The tables of the TPC-H benchmark");
    catalog::create_schema(cx, schema).await.map(drop)
}

/// Procedures of the system itself.
async fn call(cx: &StatementContext, name: &[String], arguments: &[String]) -> SqlResult<Output> {
    let name = name.join(".").to_lowercase();
    match (name.as_str(), arguments) {
        ("biplane.generate_tpch", [scale]) => crate::samples::generate_tpch(cx, scale).await,
        _ => Err(SqlError::function_not_found(name)),
    }
}

/// Every statement reads the newest state; there is nothing to refresh but the name must be there.
async fn refresh(cx: &StatementContext, table: Option<Name>) -> SqlResult<Output> {
    let of_session =
        |table: &Name| matches!(table.0.as_slice(), [one] if cx.objects.temp_view(one).is_some());
    if let Some(table) = table.filter(|table| !of_session(table)) {
        let full = cx.qualify_parts(&table.0)?;
        cx.resolve(std::slice::from_ref(&full), Access::Metadata).await?;
    }
    Ok(Output::Empty)
}
