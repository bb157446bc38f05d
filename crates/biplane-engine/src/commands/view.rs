//! Views: kept as text in the catalog, or for the session alone when temporary.

use arrow::datatypes::{Field, Schema};
use biplane_api::catalog::{ColumnInfo, TableInfo, UpdateTable};
use biplane_api::internal::{Access, PatchTable, PublishMode, PublishTable};
use datafusion::sql::sqlparser::ast::{self, VisitMut};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::columns;
use super::rest::{Rest, encode, is_taken};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{
    AlterView, CreateView, Name, QueryText, STREAM, ViewAction, ViewColumn, name_of,
};
use crate::plan::streams;
use crate::session::TempView;

const VIEW_TEXT_BYTES_MAX: usize = 1 << 20;

pub async fn create(cx: &StatementContext, create: CreateView) -> SqlResult<Output> {
    if create.query.text.len() > VIEW_TEXT_BYTES_MAX {
        return Err(SqlError::exhausted("the text of the view is too long"));
    }
    let schema = query_schema(cx, &create.query).await?;
    if !create.columns.is_empty() && create.columns.len() != schema.fields().len() {
        let text = format!(
            "The view names {} columns, but its query has {}",
            create.columns.len(),
            schema.fields().len()
        );
        return Err(SqlError::new("CREATE_VIEW_COLUMN_ARITY_MISMATCH", "21S01", text));
    }
    let names = column_names(&create.columns, &schema);
    check_names(&names)?;
    if create.temporary {
        return create_temporary(cx, create);
    }
    let [catalog_name, schema_name, name] = cx.qualify_parts(&create.name.0)?;
    let full_name = [catalog_name.as_str(), &schema_name, &name].join(".");
    let dependencies = dependencies(cx, &create.query.query)?;
    if dependencies.contains(&full_name) && create.or_replace {
        let text = format!("Recursive view {full_name} is detected: it reads itself");
        return Err(SqlError::new("RECURSIVE_VIEW", "42K0H", text));
    }
    let body = PublishTable {
        catalog_name: catalog_name.clone(),
        schema_name: schema_name.clone(),
        name,
        table_type: "VIEW".to_owned(),
        data_source_format: None,
        columns: view_columns(&names, &create.columns, &schema)?,
        staging_table_id: None,
        view_definition: Some(stored_text(cx, &create.query, &create.columns)),
        view_dependencies: dependencies.into_iter().collect(),
        comment: create.comment,
        properties: create.properties.into_iter().collect(),
        mode: if create.or_replace { PublishMode::Replace } else { PublishMode::Create },
    };
    let done = cx.control().post::<TableInfo>("/internal/v1/tables", cx.token(), &body).await;
    match done {
        Err(error) if create.if_not_exists && is_taken(&error) => Ok(Output::Empty),
        done => done.map(|_| Output::Empty).map_err(SqlError::from),
    }
}

fn create_temporary(cx: &StatementContext, create: CreateView) -> SqlResult<Output> {
    let name = super::catalog::single(&create.name)?;
    if cx.objects.temp_table(&name).is_some() {
        return Err(super::temporary::taken(&create.name));
    }
    if cx.objects.temp_view(&name).is_some() {
        if create.if_not_exists {
            return Ok(Output::Empty);
        }
        if !create.or_replace {
            return Err(super::temporary::taken(&create.name));
        }
    }
    let view = TempView {
        query: create.query.text,
        columns: create.columns.into_iter().map(|column| column.name).collect(),
        comment: create.comment,
        catalog: cx.catalog(),
        schema: cx.schema(),
    };
    cx.objects.put_temp_view(&name, view)?;
    Ok(Output::Empty)
}

async fn query_schema(cx: &StatementContext, query: &QueryText) -> SqlResult<Schema> {
    let plan = cx.plan_query(&query.query).await?;
    Ok(plan.schema().as_arrow().clone())
}

fn column_names(given: &[ViewColumn], schema: &Schema) -> Vec<String> {
    match given.is_empty() {
        true => schema.fields().iter().map(|field| field.name().clone()).collect(),
        false => given.iter().map(|column| column.name.clone()).collect(),
    }
}

fn check_names(names: &[String]) -> SqlResult<()> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.to_lowercase())) {
        Some(name) => {
            let text = format!("The column `{name}` already exists. Give it another name");
            Err(SqlError::new("COLUMN_ALREADY_EXISTS", "42711", text))
        }
        None => Ok(()),
    }
}

fn view_columns(
    names: &[String],
    given: &[ViewColumn],
    schema: &Schema,
) -> SqlResult<Vec<ColumnInfo>> {
    use deltalake_core::kernel::StructField;
    use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel as _;
    names
        .iter()
        .zip(schema.fields())
        .enumerate()
        .map(|(position, (name, field))| {
            let comment = given.get(position).and_then(|column| column.comment.clone());
            let stored = match columns::stored_type(field.data_type()) {
                Ok(stored) => stored,
                // A view may have what a table may not: intervals, VOID.
                Err(_) => arrow::datatypes::DataType::Utf8,
            };
            let plain = Field::new(name, stored, true);
            let field: StructField = (&plain).try_into_kernel().map_err(SqlError::internal)?;
            let mut info = columns::column_info(&field, position, None);
            info.comment = comment;
            Ok(info)
        })
        .collect()
}

/// The text the catalog keeps: with the names given to the columns, and with the place where its
/// names are looked up when that is not the view's own schema.
pub fn stored_text(cx: &StatementContext, query: &QueryText, given: &[ViewColumn]) -> String {
    let text = qualified_text(cx, &query.query).unwrap_or_else(|| query.text.clone());
    if given.is_empty() {
        return text;
    }
    let names: Vec<String> =
        given.iter().map(|column| format!("`{}`", column.name.replace('`', "``"))).collect();
    format!("SELECT * FROM (\n{text}\n) AS __view ({})", names.join(", "))
}

/// With every table's name made full. None when nothing had to change: then the user's own text stays.
fn qualified_text(cx: &StatementContext, query: &ast::Query) -> Option<String> {
    let mut query = query.clone();
    let ctes = cte_names(&query);
    let mut changed = false;
    let _ = query.visit(&mut Streamed(|parts: &mut Vec<String>| {
        if let Some(full) = (parts.len() < 3).then(|| cx.qualify_parts(parts).ok()).flatten() {
            *parts = full.to_vec();
            changed = true;
        }
    }));
    let _ = ast::visit_relations_mut(&mut query, |name: &mut ast::ObjectName| {
        if let Some(parts) = relation_parts(name, &ctes)
            && parts.len() < 3
            && let Ok(full) = cx.qualify_parts(&parts)
        {
            let idents = full
                .into_iter()
                .map(|part| ast::ObjectNamePart::Identifier(ast::Ident::with_quote('`', part)));
            name.0 = idents.collect();
            changed = true;
        }
        ControlFlow::<()>::Continue(())
    });
    changed.then(|| query.to_string())
}

/// Goes to the names of tables in `STREAM(t)`.
struct Streamed<F>(F);

impl<F: FnMut(&mut Vec<String>)> ast::VisitorMut for Streamed<F> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut ast::TableFactor) -> ControlFlow<()> {
        if let ast::TableFactor::Table { name, args: Some(args), .. } = factor
            && name.to_string().eq_ignore_ascii_case(STREAM)
            && let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(source))] =
                args.args.as_mut_slice()
            && let Some(mut parts) = streams::table(source)
        {
            (self.0)(&mut parts);
            let idents = parts.into_iter().map(|part| ast::Ident::with_quote('`', part));
            *source = ast::Expr::CompoundIdentifier(idents.collect());
        }
        ControlFlow::Continue(())
    }
}

/// Full names of the tables and views a query reads.
pub fn dependencies(cx: &StatementContext, query: &ast::Query) -> SqlResult<BTreeSet<String>> {
    let ctes = cte_names(query);
    let mut out = BTreeSet::new();
    let mut temporary = None;
    let mut reads_changes = false;
    let _ = query.clone().visit(&mut Streamed(|parts: &mut Vec<String>| {
        if let Ok(full) = cx.qualify_parts(parts) {
            out.insert(full.join("."));
        }
    }));
    let _ = ast::visit_relations(query, |name: &ast::ObjectName| {
        reads_changes |= name.to_string().eq_ignore_ascii_case("table_changes");
        if let Some(parts) = relation_parts(name, &ctes) {
            if let [one] = parts.as_slice()
                && (cx.objects.temp_view(one).is_some() || cx.objects.temp_table(one).is_some())
            {
                temporary = Some(one.clone());
            } else if let Ok(full) = cx.qualify_parts(&parts) {
                out.insert(full.join("."));
            }
        }
        ControlFlow::<()>::Continue(())
    });
    if reads_changes {
        return Err(SqlError::unsupported("table_changes in a view"));
    }
    match temporary {
        Some(name) => {
            let text = format!("A view that stays cannot read the temporary view `{name}`");
            Err(SqlError::new("INVALID_TEMP_OBJ_REFERENCE", "42K0F", text))
        }
        None => Ok(out),
    }
}

/// None for what is no table of the catalog: a common table expression, a path, a function.
fn relation_parts(name: &ast::ObjectName, ctes: &BTreeSet<String>) -> Option<Vec<String>> {
    let parts = name_of(name)?.0;
    match parts.as_slice() {
        [one] if ctes.contains(&one.to_lowercase()) => None,
        [one]
            if ["read_files", "range", "table_changes", STREAM]
                .iter()
                .any(|function| one.eq_ignore_ascii_case(function)) =>
        {
            None
        }
        [format, path] if crate::files::is_path_table(format, path) => None,
        _ => Some(parts),
    }
}

fn cte_names(query: &ast::Query) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl ast::Visitor for Names {
        type Break = ();
        fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
            for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
                self.0.insert(cte.alias.name.value.to_lowercase());
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(BTreeSet::new());
    let _ = ast::Visit::visit(query, &mut names);
    names.0
}

pub async fn alter(cx: &StatementContext, alter: AlterView) -> SqlResult<Output> {
    let full = cx.qualify_parts(&alter.name.0)?;
    let full_name = full.join(".");
    let patch = match alter.action {
        ViewAction::As(query) => {
            if let [one] = alter.name.0.as_slice()
                && let Some(view) = cx.objects.temp_view(one)
            {
                query_schema(cx, &query).await?;
                let view = TempView { query: query.text, columns: Vec::new(), ..view };
                cx.objects.put_temp_view(one, view)?;
                return Ok(Output::Empty);
            }
            let schema = query_schema(cx, &query).await?;
            let names = column_names(&[], &schema);
            check_names(&names)?;
            let dependencies = dependencies(cx, &query.query)?;
            if dependencies.contains(&full_name) {
                let text = format!("Recursive view {full_name} is detected: it reads itself");
                return Err(SqlError::new("RECURSIVE_VIEW", "42K0H", text));
            }
            PatchTable {
                columns: Some(view_columns(&names, &[], &schema)?),
                view_definition: Some(stored_text(cx, &query, &[])),
                view_dependencies: Some(dependencies.into_iter().collect()),
                ..Default::default()
            }
        }
        ViewAction::Rename(to) => {
            PatchTable { new_name: Some(new_name(cx, &full, &to)?), ..Default::default() }
        }
        ViewAction::SetOwner(owner) => return set_owner(cx, &full_name, owner).await,
        ViewAction::SetProperties(properties) => {
            let mut all = table_info(cx, &full).await?.properties;
            all.extend(properties);
            PatchTable { properties: Some(all), ..Default::default() }
        }
        ViewAction::UnsetProperties { keys, if_exists } => {
            let mut all = table_info(cx, &full).await?.properties;
            for key in keys {
                if all.remove(&key).is_none() && !if_exists {
                    return Err(unset_missing(&key));
                }
            }
            PatchTable { properties: Some(all), ..Default::default() }
        }
    };
    patch_table(cx, &full_name, &patch).await
}

pub fn unset_missing(key: &str) -> SqlError {
    let text = format!("Cannot unset the property {key} because it is not set. Use IF EXISTS");
    SqlError::new("UNSET_NONEXISTENT_PROPERTIES", "42K0J", text)
}

pub async fn table_info(cx: &StatementContext, full: &[String; 3]) -> SqlResult<TableInfo> {
    let mut found = cx.resolve(std::slice::from_ref(full), Access::Metadata).await?;
    found.pop().map(|table| table.info).ok_or_else(|| SqlError::table_not_found(full.join(".")))
}

/// A table keeps its schema: RENAME within the catalog's schema only.
pub fn new_name(cx: &StatementContext, from: &[String; 3], to: &Name) -> SqlResult<String> {
    let to = match to.0.as_slice() {
        [one] => [from[0].clone(), from[1].clone(), one.to_lowercase()],
        parts => cx.qualify_parts(parts)?,
    };
    match to[..2] == from[..2] {
        true => Ok(to[2].clone()),
        false => Err(SqlError::unsupported("RENAME into another schema")),
    }
}

pub async fn set_owner(cx: &StatementContext, full_name: &str, owner: String) -> SqlResult<Output> {
    let body = UpdateTable { owner: Some(owner), ..Default::default() };
    let path = format!("tables/{}", encode(full_name));
    let done: Result<serde_json::Value, _> = Rest::new(cx).patch(&path, &body).await;
    done.map(|_| Output::Empty).map_err(SqlError::from)
}

pub async fn patch_table(
    cx: &StatementContext,
    full_name: &str,
    patch: &PatchTable,
) -> SqlResult<Output> {
    let path = format!("/internal/v1/tables/{}", encode(full_name));
    let _: TableInfo = cx.control().patch(&path, cx.token(), patch).await?;
    Ok(Output::Empty)
}
