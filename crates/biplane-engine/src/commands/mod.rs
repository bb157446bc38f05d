//! Statement → [`Output`]: one place where every kind of statement is sent to the code that runs it.

mod again;
mod alter;
mod alter_columns;
mod catalog;
mod clone;
mod clustering;
pub mod columns;
pub mod copy_into;
mod defaults;
mod describe;
mod describe_json;
mod explain;
mod expressions;
mod function;
mod generated;
mod grants;
mod handed;
mod identity;
mod insert;
mod like;
mod maintenance;
pub mod mapping;
mod materialized;
mod merge;
mod nested;
mod not_null;
mod protocol;
mod replace;
pub mod rest;
pub mod rows;
mod script;
mod session;
mod show;
mod show_columns;
mod streaming;
mod table;
mod tags;
mod temporary;
mod update;
mod variables;
mod view;
mod volume;
mod write;

pub use again::Turns;
pub use table::create_from_plan as samples_table;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{CreateContainer, Drop, InsertMode, Name, ObjectKind, Statement};

fn later<'a, F>(make: impl FnOnce() -> F) -> BoxFuture<'a, SqlResult<Output>>
where
    F: Future<Output = SqlResult<Output>> + Send + 'a,
{
    make().boxed()
}

/// A change of rows, again as long as other writers come first.
fn change<'a, S: Clone + Send + Sync + 'a>(
    cx: &'a StatementContext,
    table: Name,
    polite: bool,
    statement: S,
    run: fn(&'a StatementContext, S) -> BoxFuture<'a, SqlResult<Output>>,
) -> BoxFuture<'a, SqlResult<Output>> {
    later(move || async move {
        again::until_committed(cx, &table, polite, || run(cx, statement.clone())).await
    })
}

/// A statement may run others, so what waits here must be small: each kind's future is made and boxed
/// in a frame that is gone before it is polled.
pub fn run(cx: &StatementContext, statement: Statement) -> BoxFuture<'_, SqlResult<Output>> {
    match statement {
        Statement::Query(query) => later(move || cx.query(*query)),
        Statement::Explain(explain) => later(move || explain::run(cx, explain)),
        Statement::Use(target) => later(move || session::use_target(cx, target)),
        Statement::Set(set) => ready(session::set(cx, set)).boxed(),
        Statement::CreateCatalog(create) => later(move || catalog::create_catalog(cx, create)),
        Statement::CreateSchema(create) => later(move || catalog::create_schema(cx, create)),
        Statement::AlterContainer(alter) => later(move || catalog::alter(cx, alter)),
        Statement::CreateTable(create) => later(move || table::create(cx, *create)),
        Statement::AlterTable(alter) => later(move || alter::run(cx, alter)),
        Statement::CreateView(create) => later(move || view::create(cx, *create)),
        Statement::AlterView(alter) => later(move || view::alter(cx, alter)),
        Statement::CreateVolume(create) => later(move || volume::create(cx, create)),
        Statement::AlterVolume(alter) => later(move || volume::alter(cx, alter)),
        Statement::AlterTags(alter) => later(move || tags::alter(cx, alter)),
        Statement::CreateFunction(create) => later(move || function::create(cx, *create)),
        Statement::DropRoutine { name, if_exists } => {
            ready(function::drop_temporary(cx, &name, if_exists)).boxed()
        }
        Statement::Drop(drop) => later(move || drop_object(cx, drop)),
        Statement::CommentOn(comment) => later(move || alter::comment_on(cx, comment)),
        Statement::Insert(insert) => {
            let polite = !matches!(insert.mode, InsertMode::Append);
            change(cx, insert.table.clone(), polite, insert, |cx, insert| {
                later(move || insert::run(cx, *insert))
            })
        }
        Statement::Update(update) => {
            change(cx, update.table.clone(), true, update, |cx, update| {
                later(move || update::update(cx, *update))
            })
        }
        Statement::Delete(delete) => {
            change(cx, delete.table.clone(), true, delete, |cx, delete| {
                later(move || update::delete(cx, *delete))
            })
        }
        Statement::Merge(merge) => change(cx, merge.target.clone(), true, merge, |cx, merge| {
            later(move || merge::run(cx, *merge))
        }),
        Statement::Truncate { table } => {
            later(move || async move { update::truncate(cx, &table).await })
        }
        Statement::CopyInto(copy) => change(cx, copy.table.clone(), false, copy, |cx, copy| {
            later(move || copy_into::run(cx, *copy))
        }),
        Statement::Optimize(optimize) => later(move || maintenance::optimize(cx, *optimize)),
        Statement::Vacuum(vacuum) => later(move || maintenance::vacuum(cx, vacuum)),
        Statement::Restore(restore) => later(move || maintenance::restore(cx, restore)),
        Statement::Convert(convert) => later(move || maintenance::convert(cx, convert)),
        Statement::RefreshView { view } => {
            later(move || async move { materialized::refresh(cx, &view).await })
        }
        Statement::RefreshStreaming { table, full } => {
            later(move || async move { streaming::refresh(cx, &table, full).await })
        }
        Statement::RefreshTable { table, full } => later(move || async move {
            match streaming::is_one(cx, &table).await? {
                true => streaming::refresh(cx, &table, full).await,
                false => Ok(Output::Empty),
            }
        }),
        Statement::Show(show) => later(move || show::run(cx, show)),
        Statement::Describe(describe) => later(move || describe::run(cx, describe)),
        Statement::Grant(grant) => later(move || grants::grant(cx, grant)),
        Statement::List { path, limit } => {
            later(move || async move { crate::files::list::run(cx, &path, limit).await })
        }
        Statement::Call { name, arguments } => {
            later(move || async move { call(cx, &name.0, &arguments).await })
        }
        Statement::DeclareVariable(declare) => later(move || variables::declare(cx, *declare)),
        Statement::SetVariable(set) => later(move || variables::set(cx, set)),
        Statement::DropVariable { name, if_exists } => {
            ready(variables::drop_variable(cx, &name, if_exists)).boxed()
        }
        Statement::ExecuteImmediate(execute) => {
            later(move || variables::execute_immediate(cx, *execute))
        }
        Statement::Script(block) => later(move || script::run(cx, *block)),
        Statement::Refresh { table } => later(move || refresh(cx, table)),
    }
}

async fn drop_object(cx: &StatementContext, drop: Drop) -> SqlResult<Output> {
    let Drop { kind, name, if_exists, cascade } = drop;
    match kind {
        ObjectKind::Catalog => catalog::drop_catalog(cx, &name, if_exists, cascade).await,
        ObjectKind::Schema => catalog::drop_schema(cx, &name, if_exists, cascade).await,
        ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView => {
            table::drop(cx, &name, if_exists, kind).await
        }
        ObjectKind::Volume => volume::drop(cx, &name, if_exists).await,
        ObjectKind::Function => function::drop(cx, &name, if_exists).await,
        other => Err(SqlError::unsupported(format!("DROP {}", other.word()))),
    }
}

pub use function::routine;

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
    if let Some(table) = table {
        streaming::is_one(cx, &table).await?;
    }
    Ok(Output::Empty)
}
