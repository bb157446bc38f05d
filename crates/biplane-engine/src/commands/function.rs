//! CREATE FUNCTION and DROP FUNCTION: the description goes to the catalog.

use biplane_api::catalog::{
    CreateFunctionRequest, FunctionInfo, FunctionParameter, FunctionParameters, FunctionSpec,
};

use super::catalog::finish_drop;
use super::columns::{delta_type, type_name, type_text};
use super::rest::{Rest, encode, is_missing, is_taken};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{ColumnDef, CreateFunction, Name};

pub async fn create(cx: &StatementContext, create: CreateFunction) -> SqlResult<Output> {
    if create.temporary {
        return Err(SqlError::unsupported("CREATE TEMPORARY FUNCTION"));
    }
    if create.returns_table {
        return Err(SqlError::unsupported("a function that RETURNS TABLE"));
    }
    if create.or_replace && create.if_not_exists {
        return Err(SqlError::syntax("OR REPLACE and IF NOT EXISTS exclude each other", 0, 0));
    }
    let [catalog_name, schema_name, name] = cx.qualify_parts(&create.name.0)?;
    let full_name = format!("{catalog_name}.{schema_name}.{name}");
    let parameters: SqlResult<Vec<FunctionParameter>> =
        create.parameters.iter().enumerate().map(|(at, column)| parameter(at, column)).collect();
    let returns = match &create.returns {
        Some(returns) => delta_type(returns)?,
        None => return Err(SqlError::unsupported("a function without RETURNS")),
    };
    let external = create.language != "SQL";
    let spec = FunctionSpec {
        name: name.clone(),
        catalog_name,
        schema_name,
        input_params: FunctionParameters { parameters: parameters? },
        data_type: type_name(&returns).to_owned(),
        full_data_type: type_text(&returns).to_uppercase(),
        return_params: None,
        routine_body: if external { "EXTERNAL" } else { "SQL" }.to_owned(),
        routine_definition: create.body,
        routine_dependencies: None,
        parameter_style: "S".to_owned(),
        is_deterministic: create.deterministic,
        sql_data_access: if external { "NO_SQL" } else { "CONTAINS_SQL" }.to_owned(),
        is_null_call: true,
        security_type: "DEFINER".to_owned(),
        specific_name: name,
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

pub async fn drop(cx: &StatementContext, name: &Name, if_exists: bool) -> SqlResult<Output> {
    let full_name = cx.qualify_parts(&name.0)?.join(".");
    finish_drop(Rest::new(cx).delete(&format!("functions/{}", encode(&full_name))).await, if_exists)
}
