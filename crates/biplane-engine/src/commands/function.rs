//! CREATE FUNCTION and DROP FUNCTION: the description goes to the catalog, or stays with the session where the
//! function is temporary.

use biplane_api::catalog::{
    CreateFunctionRequest, FunctionInfo, FunctionParameter, FunctionParameters, FunctionSpec,
};
use datafusion::sql::sqlparser::ast::{self, Expr};
use std::collections::HashSet;
use std::ops::ControlFlow;

use super::catalog::{finish_drop, single};
use super::columns::{delta_type, type_name, type_text};
use super::rest::{Rest, encode, is_missing, is_taken};
use crate::context::StatementContext;
use crate::encode::types::sql_text;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{ColumnDef, CreateFunction, Name, parse_expr, parse_query, parse_type};
use crate::plan::PlanScope;
use crate::plan::routines::{self, Parameter, Returns, Routine, Routines};

pub async fn create(cx: &StatementContext, create: CreateFunction) -> SqlResult<Output> {
    if create.or_replace && create.if_not_exists {
        return Err(SqlError::syntax("OR REPLACE and IF NOT EXISTS exclude each other", 0, 0));
    }
    if create.language != "SQL" {
        if create.temporary || create.returns_table {
            let text = "a function that is temporary or a table and not written in SQL";
            return Err(SqlError::unsupported(text));
        }
        let Some(returns) = &create.returns else {
            return Err(SqlError::unsupported("a function without RETURNS"));
        };
        let returns = Returns::Value(type_text(&delta_type(returns)?));
        return publish(cx, create, returns).await;
    }
    let routine = checked(cx, &create).await?;
    if create.temporary {
        let name = routine.name.clone();
        let is_new = cx.objects.put_routine(routine, create.or_replace)?;
        return if is_new || create.if_not_exists { Ok(Output::Empty) } else { Err(taken(&name)) };
    }
    publish(cx, create, routine.returns).await
}

fn taken(name: &str) -> SqlError {
    let text = format!(
        "Cannot create the routine `{name}` because a routine of that name already exists. Choose a different \
         name, drop or replace the existing routine, or add the IF NOT EXISTS clause to tolerate it"
    );
    SqlError::new("ROUTINE_ALREADY_EXISTS", "42723", text).with_code("ALREADY_EXISTS")
}

/// The function as it will be called, planned once with NULL for each argument.
async fn checked(cx: &StatementContext, create: &CreateFunction) -> SqlResult<Routine> {
    let name = match create.temporary {
        true => single(&create.name)?,
        false => create.name.0.last().cloned().unwrap_or_default(),
    };
    let name = name.to_lowercase();
    let parameters = parameters(&create.parameters)?;
    let mut routine = Routine {
        name: name.clone(),
        parameters,
        returns: Returns::Value("void".to_owned()),
        body: create.body.clone(),
        home: None,
    };
    let nulls: Vec<String> = routine
        .parameters
        .iter()
        .map(|given| format!("CAST(NULL AS {})", given.data_type))
        .collect();
    let call = format!("`{name}`({})", nulls.join(", "));
    if create.returns_table {
        let declared: SqlResult<Vec<(String, Option<String>)>> = create
            .columns
            .iter()
            .map(|column| {
                Ok((column.name.clone(), Some(type_text(&delta_type(&column.sql_type)?))))
            })
            .collect();
        let declared = declared?;
        // First as it is, for the number of its columns.
        routine.returns = Returns::Table(Vec::new());
        let plan = planned(cx, &routine, &format!("SELECT * FROM {call}")).await?;
        let found = plan.schema().fields();
        if !declared.is_empty() && declared.len() != found.len() {
            let text = format!(
                "The function `{name}` declares {} columns and its query has {}",
                declared.len(),
                found.len()
            );
            let class = "USER_DEFINED_FUNCTIONS.RETURN_COLUMN_COUNT_MISMATCH";
            return Err(SqlError::new(class, "42601", text));
        }
        let inferred = found.iter().map(|field| (field.name().clone(), None));
        routine.returns =
            Returns::Table(if declared.is_empty() { inferred.collect() } else { declared });
        planned(cx, &routine, &format!("SELECT * FROM {call}")).await?;
        return Ok(routine);
    }
    simple(cx, &create.body)?;
    routine.returns = match &create.returns {
        Some(returns) => Returns::Value(type_text(&delta_type(returns)?)),
        None => {
            let over: Vec<String> = routine
                .parameters
                .iter()
                .map(|given| format!("CAST(NULL AS {}) AS `{}`", given.data_type, given.name))
                .collect();
            let from = match over.is_empty() {
                true => String::new(),
                false => format!(" FROM (SELECT {})", over.join(", ")),
            };
            let query = parse_query(&format!("SELECT {}{from}", create.body))?;
            let plan = cx.plan_query(&query).await?;
            let field = plan.schema().fields().first().cloned();
            let field = field.ok_or_else(|| SqlError::internal("a function has no value"))?;
            Returns::Value(sql_text(field.data_type()))
        }
    };
    planned(cx, &routine, &format!("SELECT {call}")).await?;
    Ok(routine)
}

async fn planned(
    cx: &StatementContext,
    routine: &Routine,
    sql: &str,
) -> SqlResult<datafusion::logical_expr::LogicalPlan> {
    let mut query = parse_query(sql)?;
    let only = Routines::from([(routine.name.clone(), routine.clone())]);
    routines::put_in(&only, query.as_mut())?;
    let plan = cx.plan_query(&query).await?;
    // Types are looked at where plans are analysed.
    cx.session.state().optimize(&plan)?;
    Ok(plan)
}

/// A value is of its arguments alone, not of rows beside it.
fn simple(cx: &StatementContext, body: &str) -> SqlResult<()> {
    let Ok(expr) = parse_expr(body) else { return Ok(()) };
    let state = cx.session.state_ref();
    let state = state.read();
    let mut depth = 0;
    let found = ast::visit_expressions(&expr, |expr| {
        if matches!(expr, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. }) {
            depth += 1;
        }
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let name = function.name.to_string().to_lowercase();
        let is_many = function.over.is_some() || state.aggregate_functions().contains_key(&name);
        if depth == 0 && is_many { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if found.is_break() {
        let text =
            "The body of a SQL function cannot have aggregate, window or generator functions";
        let class = "USER_DEFINED_FUNCTIONS.CANNOT_CONTAIN_COMPLEX_FUNCTIONS";
        return Err(SqlError::new(class, "42601", text));
    }
    Ok(())
}

fn parameters(columns: &[ColumnDef]) -> SqlResult<Vec<Parameter>> {
    let mut seen = HashSet::new();
    let mut out: Vec<Parameter> = Vec::with_capacity(columns.len());
    for column in columns {
        if !seen.insert(column.name.to_lowercase()) {
            let text = format!("The parameter `{}` is declared twice", column.name);
            return Err(SqlError::new("DUPLICATE_ROUTINE_PARAMETER_NAMES", "42734", text));
        }
        let default = column.default.as_ref().map(|default| default.text.clone());
        if default.is_none() && out.iter().any(|before| before.default.is_some()) {
            let text =
                format!("The parameter `{}` needs a default, as one before it has", column.name);
            let class = "USER_DEFINED_FUNCTIONS.NOT_A_VALID_DEFAULT_PARAMETER_POSITION";
            return Err(SqlError::new(class, "42601", text));
        }
        let data_type = type_text(&delta_type(&column.sql_type)?);
        out.push(Parameter { name: column.name.clone(), data_type, default });
    }
    Ok(out)
}

async fn publish(
    cx: &StatementContext,
    create: CreateFunction,
    returns: Returns,
) -> SqlResult<Output> {
    let [catalog_name, schema_name, name] = cx.qualify_parts(&create.name.0)?;
    let full_name = format!("{catalog_name}.{schema_name}.{name}");
    let parameters: SqlResult<Vec<FunctionParameter>> =
        create.parameters.iter().enumerate().map(|(at, column)| parameter(at, column)).collect();
    let (data_type, full_data_type, return_params) = match &returns {
        Returns::Value(text) => {
            let delta = delta_type(&parse_type(text)?)?;
            (type_name(&delta).to_owned(), type_text(&delta).to_uppercase(), None)
        }
        Returns::Table(columns) => {
            let parameters = columns.iter().enumerate().map(|(at, (name, data_type))| {
                let mut column = FunctionParameter::default();
                column.name.clone_from(name);
                column.position = i32::try_from(at).unwrap_or(i32::MAX);
                column.type_text = data_type.clone().unwrap_or_default();
                column
            });
            let parameters = FunctionParameters { parameters: parameters.collect() };
            ("TABLE_TYPE".to_owned(), "TABLE".to_owned(), Some(parameters))
        }
    };
    let external = create.language != "SQL";
    let spec = FunctionSpec {
        name: name.clone(),
        catalog_name,
        schema_name,
        input_params: FunctionParameters { parameters: parameters? },
        data_type,
        full_data_type,
        return_params,
        routine_body: if external { "EXTERNAL" } else { "SQL" }.to_owned(),
        routine_definition: create.body,
        routine_dependencies: None,
        parameter_style: "S".to_owned(),
        is_deterministic: create.deterministic,
        sql_data_access: if external { "NO_SQL" } else { "CONTAINS_SQL" }.to_owned(),
        is_null_call: true,
        security_type: "DEFINER".to_owned(),
        specific_name: name.clone(),
        external_language: external.then_some(create.language),
        external_name: None,
        sql_path: None,
        comment: create.comment,
        properties: None,
    };
    let rest = Rest::new(cx);
    if create.or_replace {
        match rest.delete(&format!("functions/{}", encode(&full_name))).await {
            Err(error) if !is_missing(&error) => return Err(error.into()),
            _ => {}
        }
    }
    let body = CreateFunctionRequest { function_info: spec };
    match rest.post::<FunctionInfo>("functions", &body).await {
        Err(error) if create.if_not_exists && is_taken(&error) => Ok(Output::Empty),
        Err(error) if is_taken(&error) => Err(taken(&name)),
        done => done.map(|_| Output::Empty).map_err(SqlError::from),
    }
}

fn parameter(position: usize, column: &ColumnDef) -> SqlResult<FunctionParameter> {
    let data_type = delta_type(&column.sql_type)?;
    Ok(FunctionParameter {
        name: column.name.clone(),
        type_text: type_text(&data_type),
        type_json: serde_json::to_string(&data_type).ok(),
        type_name: type_name(&data_type).to_owned(),
        type_precision: None,
        type_scale: None,
        type_interval_type: None,
        position: i32::try_from(position).unwrap_or(i32::MAX),
        parameter_mode: Some("IN".to_owned()),
        parameter_type: Some("PARAM".to_owned()),
        parameter_default: column.default.as_ref().map(|default| default.text.clone()),
        comment: column.comment.clone(),
    })
}

fn missing(name: &str) -> SqlError {
    let text = format!(
        "The routine {name} cannot be found. To tolerate the error on drop use DROP FUNCTION IF EXISTS"
    );
    SqlError::new("ROUTINE_NOT_FOUND", "42883", text).with_code("NOT_FOUND")
}

pub fn drop_temporary(cx: &StatementContext, name: &Name, if_exists: bool) -> SqlResult<Output> {
    let name = single(name)?;
    match cx.objects.drop_routine(&name) || if_exists {
        true => Ok(Output::Empty),
        false => Err(missing(&format!("`{name}`"))),
    }
}

pub async fn drop(cx: &StatementContext, name: &Name, if_exists: bool) -> SqlResult<Output> {
    let full_name = cx.qualify_parts(&name.0)?.join(".");
    let done = Rest::new(cx).delete(&format!("functions/{}", encode(&full_name))).await;
    match done {
        Err(error) if !if_exists && is_missing(&error) => Err(missing(&format!("`{full_name}`"))),
        done => finish_drop(done, if_exists),
    }
}

/// The function of the catalog that an unresolved call means, by the name in the call.
pub async fn routine(
    scope: &PlanScope<'_>,
    unresolved: &SqlError,
    known: &Routines,
) -> SqlResult<Option<(String, Routine)>> {
    let Some(called) = unresolved.message.split('`').nth(1).map(str::to_lowercase) else {
        return Ok(None);
    };
    let parts: Vec<&str> = called.split('.').collect();
    let [catalog, schema, name] = match parts.as_slice() {
        [name] => [&scope.catalog, &scope.schema, *name],
        [schema, name] => [&scope.catalog, *schema, *name],
        [catalog, schema, name] => [*catalog, *schema, *name],
        _ => return Ok(None),
    };
    if known.contains_key(&called) || parts.iter().any(|part| part.is_empty()) {
        return Ok(None);
    }
    let path = format!("functions/{}", encode(&format!("{catalog}.{schema}.{name}")));
    let found = match Rest::new(scope.cx).get::<FunctionInfo>(&path).await {
        Ok(found) => found,
        // What one may not know of is as if it were not there.
        Err(_) => return Ok(None),
    };
    let spec = found.spec;
    if found.browse_only {
        return Err(SqlError::denied(format!(
            "EXECUTE on the function {} is missing",
            found.full_name
        )));
    }
    if spec.routine_body != "SQL" {
        return Err(SqlError::unsupported("calling a function that is not written in SQL"));
    }
    let parameters = spec.input_params.parameters.into_iter().map(|given| Parameter {
        name: given.name,
        data_type: given.type_text,
        default: given.parameter_default,
    });
    let returns = match spec.return_params {
        Some(columns) => Returns::Table(
            columns
                .parameters
                .into_iter()
                .map(|column| (column.name, Some(column.type_text).filter(|text| !text.is_empty())))
                .collect(),
        ),
        None => Returns::Value(spec.full_data_type),
    };
    let routine = Routine {
        name: name.to_owned(),
        parameters: parameters.collect(),
        returns,
        body: spec.routine_definition,
        home: Some((catalog.to_owned(), schema.to_owned())),
    };
    Ok(Some((called.clone(), routine)))
}
