//! DESCRIBE of everything, SHOW CREATE TABLE.

use biplane_api::catalog::{ColumnInfo, TableInfo};
use biplane_api::internal::Access;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::{CommitInfo, StructField};
use futures::TryStreamExt;

use super::catalog::schema_parts;
use super::maintenance::size;
use super::rest::{Rest, encode};
use super::rows::{Pairs, Table};
use super::write::Target;
use super::{clustering, defaults, generated, identity};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{Describe, Name};

const HISTORY_MAX: u64 = 10_000;

/// What DESCRIBE knows of a table, a view, a temporary view or a table of the information schema.
pub struct Relation {
    pub info: TableInfo,
    pub columns: Vec<ColumnInfo>,
}

pub async fn relation(cx: &StatementContext, name: &Name) -> SqlResult<Relation> {
    if let [one] = name.0.as_slice()
        && let Some(view) = cx.objects.temp_view(one)
    {
        let sql = format!("SELECT * FROM {name}");
        let columns = query_columns(cx, &sql).await?;
        let info = TableInfo {
            name: one.to_lowercase(),
            table_type: "VIEW".to_owned(),
            comment: view.comment,
            view_definition: Some(view.query),
            ..Default::default()
        };
        return Ok(Relation { info, columns });
    }
    if let [format, path] = name.0.as_slice()
        && crate::files::is_path_table(format, path)
    {
        let columns = query_columns(cx, &format!("SELECT * FROM {name}")).await?;
        return Ok(Relation { info: TableInfo::default(), columns });
    }
    let full = cx.table_parts(&name.0)?;
    if full[1] == "information_schema" {
        let tables = crate::information_schema::table_infos(&full[0]);
        let found = tables.into_iter().find(|table| table.name == full[2]);
        let mut info = found.ok_or_else(|| SqlError::table_not_found(name))?;
        return Ok(Relation { columns: std::mem::take(&mut info.columns), info });
    }
    let mut found = cx.resolve(std::slice::from_ref(&full), Access::Metadata).await?;
    let mut info = found.pop().map(|t| t.info).ok_or_else(|| SqlError::table_not_found(name))?;
    Ok(Relation { columns: std::mem::take(&mut info.columns), info })
}

async fn query_columns(cx: &StatementContext, sql: &str) -> SqlResult<Vec<ColumnInfo>> {
    let plan = cx.plan_query(crate::parser::parse_query(sql)?.as_ref()).await?;
    Ok(columns_of(plan.schema().as_arrow()))
}

fn columns_of(schema: &arrow::datatypes::Schema) -> Vec<ColumnInfo> {
    schema
        .fields()
        .iter()
        .enumerate()
        .map(|(position, field)| {
            let described = crate::encode::types::column(field);
            ColumnInfo {
                name: field.name().clone(),
                position: i32::try_from(position).unwrap_or(i32::MAX),
                type_name: described.type_name,
                type_text: described.type_text.to_lowercase().replace(": ", ":").replace(", ", ","),
                nullable: field.is_nullable(),
                ..Default::default()
            }
        })
        .collect()
}

pub async fn run(cx: &StatementContext, describe: Describe) -> SqlResult<Output> {
    match describe {
        Describe::Table { table, json: true, .. } => super::describe_json::run(cx, &table).await,
        Describe::Table { table, column: Some(column), .. } => {
            one_column(cx, &table, &column).await
        }
        Describe::Table { table, extended, .. } => describe_table(cx, &table, extended).await,
        Describe::Query(query) => {
            let plan = cx.plan_query(&query).await?;
            column_rows(&columns_of(plan.schema().as_arrow()), Vec::new())
        }
        Describe::History { table, limit } => history(cx, &table, limit).await,
        Describe::Detail { table } => detail(cx, &table).await,
        Describe::Catalog { name, extended } => catalog(cx, &name, extended).await,
        Describe::Schema { name, extended } => schema(cx, &name, extended).await,
        Describe::Volume { name } => volume(cx, &name).await,
        Describe::Function { name, extended } => function(cx, &name, extended).await,
    }
}

type Row = [Option<String>; 3];

fn row(name: &str, data_type: impl Into<String>, comment: impl Into<String>) -> Row {
    [Some(name.to_owned()), Some(data_type.into()), Some(comment.into())]
}

fn column_rows(columns: &[ColumnInfo], more: Vec<Row>) -> SqlResult<Output> {
    let mut rows: Vec<Row> = columns
        .iter()
        .map(|c| [Some(c.name.clone()), Some(c.type_text.clone()), c.comment.clone()])
        .collect();
    rows.extend(more);
    Output::text_rows(["col_name", "data_type", "comment"], rows)
}

fn partition_columns(columns: &[ColumnInfo]) -> Vec<&ColumnInfo> {
    let mut found: Vec<&ColumnInfo> =
        columns.iter().filter(|c| c.partition_index.is_some()).collect();
    found.sort_by_key(|c| c.partition_index);
    found
}

async fn describe_table(cx: &StatementContext, name: &Name, extended: bool) -> SqlResult<Output> {
    let Relation { info, columns } = relation(cx, name).await?;
    let mut more = Vec::new();
    let partitions = partition_columns(&columns);
    if !partitions.is_empty() {
        more.push(row("# Partition Information", "", ""));
        more.push(row("# col_name", "data_type", "comment"));
        for column in partitions {
            more.push([
                Some(column.name.clone()),
                Some(column.type_text.clone()),
                column.comment.clone(),
            ]);
        }
    }
    let clustered = clustering::columns(info.properties.get(clustering::KEY));
    if !clustered.is_empty() {
        more.push(row("# Clustering Information", "", ""));
        more.push(row("# col_name", "data_type", "comment"));
        for column in columns.iter().filter(|column| clustered.contains(&column.name)) {
            more.push([
                Some(column.name.clone()),
                Some(column.type_text.clone()),
                column.comment.clone(),
            ]);
        }
    }
    if extended {
        more.push(row("", "", ""));
        more.push(row("# Detailed Table Information", "", ""));
        more.extend(details(&info).into_iter().map(|(key, value)| row(&key, value, "")));
        let constraints = constraint_texts(&info);
        if !constraints.is_empty() {
            more.push(row("", "", ""));
            more.push(row("# Constraints", "", ""));
            more.extend(constraints.into_iter().map(|(name, text)| row(&name, text, "")));
        }
    }
    column_rows(&columns, more)
}

async fn one_column(cx: &StatementContext, name: &Name, column: &str) -> SqlResult<Output> {
    let found = relation(cx, name).await?;
    let column =
        found.columns.iter().find(|c| c.name.eq_ignore_ascii_case(column)).ok_or_else(|| {
            let names: Vec<String> =
                found.columns.iter().take(5).map(|c| format!("`{}`", c.name)).collect();
            SqlError::column_not_found(format!("`{column}`"), &names)
        })?;
    let comment = column.comment.clone().unwrap_or_else(|| "NULL".to_owned());
    let rows = [
        ("col_name", column.name.clone()),
        ("data_type", column.type_text.clone()),
        ("comment", comment),
    ];
    Output::text_rows(
        ["info_name", "info_value"],
        rows.into_iter().map(|(key, value)| [Some(key.to_owned()), Some(value)]),
    )
}

pub fn time_text(ms: i64) -> String {
    let time: DateTime<Utc> = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.format("%a %b %d %H:%M:%S UTC %Y").to_string()
}

/// The lines of `# Detailed Table Information`.
fn details(info: &TableInfo) -> Pairs {
    let mut out = Pairs::new();
    let mut add = |key: &str, value: String| out.push((key.to_owned(), value));
    if !info.catalog_name.is_empty() {
        add("Catalog", info.catalog_name.clone());
        add("Database", info.schema_name.clone());
    }
    add("Table", info.name.clone());
    if !info.owner.is_empty() {
        add("Owner", info.owner.clone());
    }
    if info.created_at > 0 {
        add("Created Time", time_text(info.created_at));
        add("Last Access", "UNKNOWN".to_owned());
        add("Created By", info.created_by.clone());
    }
    add("Type", info.table_type.clone());
    if let Some(comment) = info.comment.as_ref().filter(|comment| !comment.is_empty()) {
        add("Comment", comment.clone());
    }
    if let Some(location) = &info.storage_location {
        add("Location", location.clone());
    }
    if let Some(format) = &info.data_source_format {
        add("Provider", format.to_lowercase());
    }
    if let Some(text) = &info.view_definition {
        add("View Text", text.clone());
        add("View Original Text", text.clone());
        add("View Catalog and Namespace", format!("{}.{}", info.catalog_name, info.schema_name));
    }
    let properties: Vec<String> = info.properties.iter().map(|(k, v)| format!("{k}={v}")).collect();
    if !properties.is_empty() {
        add("Table Properties", format!("[{}]", properties.join(",")));
    }
    out
}

/// The `information` column of SHOW TABLE EXTENDED.
pub fn information(info: &TableInfo) -> String {
    let lines: Vec<String> = details(info).into_iter().map(|(k, v)| format!("{k}: {v}")).collect();
    let columns: Vec<String> = info
        .columns
        .iter()
        .map(|c| format!(" |-- {}: {} (nullable = {})", c.name, c.type_text, c.nullable))
        .collect();
    format!("{}\nSchema: root\n{}\n", lines.join("\n"), columns.join("\n"))
}

fn names(value: &serde_json::Value, key: &str) -> String {
    let list = value.get(key).and_then(serde_json::Value::as_array);
    let names: Vec<String> =
        list.into_iter().flatten().filter_map(|v| Some(format!("`{}`", v.as_str()?))).collect();
    names.join(", ")
}

/// Name and text of each key: ``PRIMARY KEY (`id`)``.
pub fn constraint_texts(info: &TableInfo) -> Pairs {
    let name_of = |value: &serde_json::Value| {
        value.get("name").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let mut out = Pairs::new();
    for constraint in &info.table_constraints {
        if let Some(key) = constraint.get("primary_key_constraint") {
            out.push((name_of(key), format!("PRIMARY KEY ({})", names(key, "child_columns"))));
        } else if let Some(key) = constraint.get("foreign_key_constraint") {
            let parent =
                key.get("parent_table").and_then(serde_json::Value::as_str).unwrap_or_default();
            let parent = Name(parent.split('.').map(str::to_owned).collect());
            out.push((
                name_of(key),
                format!(
                    "FOREIGN KEY ({}) REFERENCES {parent} ({})",
                    names(key, "child_columns"),
                    names(key, "parent_columns")
                ),
            ));
        }
    }
    out
}

fn json_pairs(value: Option<&serde_json::Value>) -> Option<Pairs> {
    let object = value?.as_object()?;
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(object.iter().map(|(key, value)| (key.clone(), text(value))).collect())
}

/// What the statement was, where its commit says so.
fn operation(info: &CommitInfo) -> Option<String> {
    let named = info.info.get(crate::commit_log::OPERATION).and_then(|name| name.as_str());
    named.map(str::to_owned).or_else(|| info.operation.clone())
}

async fn history(cx: &StatementContext, name: &Name, limit: Option<u64>) -> SqlResult<Output> {
    let target = open_for_read(cx, name).await?;
    let limit =
        usize::try_from(limit.unwrap_or(HISTORY_MAX).min(HISTORY_MAX)).unwrap_or(usize::MAX);
    let infos: Vec<CommitInfo> = target.delta.history(Some(limit)).try_collect().await?;
    let newest = i64::try_from(target.delta.version().unwrap_or_default()).unwrap_or_default();
    let infos: Vec<(i64, CommitInfo)> =
        (0..).zip(infos).map(|(back, info)| (newest - back, info)).take(limit).collect();
    let text = |get: &dyn Fn(&CommitInfo) -> Option<String>| -> Vec<Option<String>> {
        infos.iter().map(|(_, info)| get(info)).collect()
    };
    let extra = |info: &CommitInfo, key: &str| {
        info.info.get(key).and_then(serde_json::Value::as_str).map(str::to_owned)
    };
    let parameters = |info: &CommitInfo| {
        let map = info.operation_parameters.clone()?;
        json_pairs(Some(&serde_json::Value::Object(map.into_iter().collect())))
    };
    Table::default()
        .long("version", infos.iter().map(|(version, _)| Some(*version)).collect())
        .time(
            "timestamp",
            infos.iter().map(|(_, i)| i.in_commit_timestamp.or(i.timestamp)).collect(),
        )
        .text("userId", text(&|i| i.user_id.clone()))
        .text("userName", text(&|i| i.user_name.clone().or_else(|| extra(i, "userName"))))
        .text("operation", text(&operation))
        .map("operationParameters", infos.iter().map(|(_, i)| parameters(i)).collect())
        .text("job", text(&|_| None))
        .text("notebook", text(&|_| None))
        .text("clusterId", text(&|_| None))
        .long(
            "readVersion",
            infos.iter().map(|(_, i)| i.read_version.and_then(|v| i64::try_from(v).ok())).collect(),
        )
        .text(
            "isolationLevel",
            text(&|i| i.isolation_level.as_ref().map(|level| format!("{level:?}"))),
        )
        .boolean("isBlindAppend", infos.iter().map(|(_, i)| i.is_blind_append).collect())
        .map(
            "operationMetrics",
            infos.iter().map(|(_, i)| json_pairs(i.info.get("operationMetrics"))).collect(),
        )
        .text("userMetadata", text(&|i| i.user_metadata.clone()))
        .text("engineInfo", text(&|i| i.engine_info.clone()))
        .output()
}

/// A table by its name, or a Delta table by its path.
async fn open_for_read(cx: &StatementContext, name: &Name) -> SqlResult<Target> {
    if let [format, path] = name.0.as_slice()
        && format.eq_ignore_ascii_case("delta")
        && crate::files::is_path_table(format, path)
    {
        let storage = cx.resolve_path(path, Access::Read).await?;
        let mut delta = cx.location(&storage)?.delta();
        delta.load().await?;
        let info = TableInfo { storage_location: Some(path.clone()), ..Default::default() };
        return Ok(Target {
            full: Default::default(),
            info,
            delta,
            storage: None,
            numbering: Default::default(),
        });
    }
    Target::open(cx, name, Access::Read).await
}

async fn detail(cx: &StatementContext, name: &Name) -> SqlResult<Output> {
    let target = open_for_read(cx, name).await?;
    let snapshot = target.delta.snapshot()?;
    let (metadata, protocol) = (snapshot.metadata(), snapshot.protocol());
    let (files, bytes) = size(&target.delta)?;
    let newest: Vec<CommitInfo> = target.delta.history(Some(1)).try_collect().await?;
    let modified = newest.first().and_then(|info| info.in_commit_timestamp.or(info.timestamp));
    let mut features: Vec<String> = Vec::new();
    for list in [protocol.reader_features(), protocol.writer_features()].into_iter().flatten() {
        features.extend(list.iter().map(ToString::to_string));
    }
    features.sort();
    features.dedup();
    let named = (target.info.full_name.contains('.')).then(|| target.info.full_name.clone());
    let mut properties: Pairs =
        metadata.configuration().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    properties.sort();
    let clustered = clustering::columns(metadata.configuration().get(clustering::KEY));
    Table::default()
        .text("format", vec![Some("delta".to_owned())])
        .text("id", vec![Some(metadata.id().to_owned())])
        .text("name", vec![named])
        .text("description", vec![metadata.description().map(str::to_owned)])
        .text("location", vec![target.info.storage_location.clone()])
        .time("createdAt", vec![metadata.created_time()])
        .time("lastModified", vec![modified])
        .list("partitionColumns", vec![Some(metadata.partition_columns().to_vec())])
        .list("clusteringColumns", vec![Some(clustered)])
        .long("numFiles", vec![Some(files)])
        .long("sizeInBytes", vec![Some(bytes)])
        .map("properties", vec![Some(properties)])
        .int("minReaderVersion", vec![Some(protocol.min_reader_version())])
        .int("minWriterVersion", vec![Some(protocol.min_writer_version())])
        .list("tableFeatures", vec![Some(features)])
        .output()
}

fn info_rows(rows: Pairs) -> SqlResult<Output> {
    Output::text_rows(
        ["info_name", "info_value"],
        rows.into_iter().map(|(k, v)| [Some(k), Some(v)]),
    )
}

fn pairs<const N: usize>(rows: [(&str, String); N]) -> Pairs {
    rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

async fn catalog(cx: &StatementContext, name: &str, extended: bool) -> SqlResult<Output> {
    let found = Rest::new(cx).catalog(&name.to_lowercase()).await?;
    let mut rows = pairs([
        ("Catalog Name", found.name),
        ("Comment", found.comment.unwrap_or_default()),
        ("Owner", found.owner),
        ("Catalog Type", found.catalog_type),
    ]);
    if extended {
        rows.extend(pairs([
            ("Created By", found.created_by),
            ("Created At", time_text(found.created_at)),
            ("Updated By", found.updated_by),
            ("Updated At", time_text(found.updated_at)),
            ("Storage Root", found.storage_root.unwrap_or_default()),
        ]));
        rows.extend(found.properties);
    }
    info_rows(rows)
}

async fn schema(cx: &StatementContext, name: &Name, extended: bool) -> SqlResult<Output> {
    let parts = schema_parts(cx, name)?;
    let found = match Rest::new(cx).schema(&parts.join(".")).await {
        Err(error) if error.code() == Some("RESOURCE_DOES_NOT_EXIST") => {
            return Err(SqlError::schema_not_found(name));
        }
        found => found?,
    };
    let mut rows = pairs([
        ("Catalog Name", found.catalog_name),
        ("Namespace Name", found.name),
        ("Comment", found.comment.unwrap_or_default()),
        ("Location", found.storage_root.unwrap_or_default()),
        ("Owner", found.owner),
    ]);
    if extended {
        let properties: Vec<String> =
            found.properties.iter().map(|(k, v)| format!("({k},{v})")).collect();
        rows.push(("Properties".to_owned(), format!("({})", properties.join(", "))));
    }
    Output::text_rows(
        ["database_description_item", "database_description_value"],
        rows.into_iter().map(|(k, v)| [Some(k), Some(v)]),
    )
}

async fn volume(cx: &StatementContext, name: &Name) -> SqlResult<Output> {
    let found = Rest::new(cx).volume(&cx.qualify_parts(&name.0)?.join(".")).await?;
    let one = |value: String| vec![Some(value)];
    Table::default()
        .text("name", one(found.name))
        .text("catalog", one(found.catalog_name))
        .text("database", one(found.schema_name))
        .text("owner", one(found.owner))
        .text("storage_location", one(found.storage_location))
        .text("volume_type", one(found.volume_type))
        .text("comment", vec![found.comment])
        .time("created_at", vec![Some(found.created_at)])
        .text("created_by", one(found.created_by))
        .output()
}

async fn function(cx: &StatementContext, name: &Name, extended: bool) -> SqlResult<Output> {
    if let [one] = name.0.as_slice() {
        let state = cx.session.state();
        let key = one.to_lowercase();
        let known = state.scalar_functions().contains_key(&key)
            || state.aggregate_functions().contains_key(&key)
            || state.window_functions().contains_key(&key);
        if known {
            return Output::text_rows(["function_desc"], [[Some(format!("Function: {key}"))]]);
        }
    }
    let full_name = cx.qualify_parts(&name.0)?.join(".");
    let path = format!("functions/{}", encode(&full_name));
    let found: biplane_api::catalog::FunctionInfo = match Rest::new(cx).get(&path).await {
        Err(error) if super::rest::is_missing(&error) => {
            return Err(SqlError::function_not_found(name));
        }
        found => found?,
    };
    let inputs: Vec<String> = found
        .spec
        .input_params
        .parameters
        .iter()
        .map(|parameter| format!("{} {}", parameter.name, parameter.type_text))
        .collect();
    let mut lines = vec![
        format!("Function:    {full_name}"),
        "Type:        SCALAR".to_owned(),
        format!("Input:       {}", inputs.join(", ")),
        format!("Returns:     {}", found.spec.full_data_type),
    ];
    if extended {
        lines.push(format!("Comment:     {}", found.spec.comment.unwrap_or_default()));
        lines.push(format!("Owner:       {}", found.owner));
        lines.push(format!("Create Time: {}", time_text(found.created_at)));
        lines.push(format!("Body:        {}", found.spec.routine_definition));
    }
    Output::text_rows(["function_desc"], lines.into_iter().map(|line| [Some(line)]))
}

fn sql_string(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Where the values of a column come from, when nothing is said.
fn made_by(column: &ColumnInfo) -> String {
    let field = column.type_json.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let Some(field): Option<StructField> = field else { return String::new() };
    if let Some(text) = generated::text_of(&field) {
        return format!(" GENERATED ALWAYS AS ({text})");
    }
    if let Some(rule) = identity::rule_of(&field) {
        let when = if rule.always { "ALWAYS" } else { "BY DEFAULT" };
        let (start, step) = (rule.start, rule.step);
        return format!(" GENERATED {when} AS IDENTITY (START WITH {start} INCREMENT BY {step})");
    }
    defaults::text_of(&field).map_or_else(String::new, |text| format!(" DEFAULT {text}"))
}

/// SHOW CREATE TABLE.
pub async fn create_text(cx: &StatementContext, name: &Name) -> SqlResult<Output> {
    let Relation { info, columns } = relation(cx, name).await?;
    let full = Name(info.full_name.split('.').map(str::to_owned).collect());
    let quoted = super::expressions::quoted;
    let text = if let Some(view) = &info.view_definition {
        let kind = info.table_type.replace('_', " ");
        let list: Vec<String> = columns.iter().map(|c| format!("  {}", quoted(&c.name))).collect();
        let comment = info.comment.as_deref().filter(|c| !c.is_empty());
        let comment = comment.map_or_else(String::new, |c| format!("COMMENT {}\n", sql_string(c)));
        format!("CREATE {kind} {full} (\n{})\n{comment}AS {view}\n", list.join(",\n"))
    } else {
        let list: Vec<String> = columns
            .iter()
            .map(|c| {
                let not_null = if c.nullable { "" } else { " NOT NULL" };
                let comment = c.comment.as_deref().filter(|c| !c.is_empty());
                let comment =
                    comment.map_or_else(String::new, |c| format!(" COMMENT {}", sql_string(c)));
                let made = made_by(c);
                let data_type = c.type_text.to_uppercase();
                format!("  {} {data_type}{not_null}{made}{comment}", quoted(&c.name))
            })
            .chain(
                constraint_texts(&info)
                    .into_iter()
                    .map(|(name, text)| format!("  CONSTRAINT {} {text}", quoted(&name))),
            )
            .collect();
        let mut text = format!("CREATE TABLE {full} (\n{})\nUSING delta\n", list.join(",\n"));
        let partitions: Vec<String> =
            partition_columns(&columns).iter().map(|c| quoted(&c.name)).collect();
        if !partitions.is_empty() {
            text.push_str(&format!("PARTITIONED BY ({})\n", partitions.join(", ")));
        }
        let clustered = clustering::columns(info.properties.get(clustering::KEY));
        if !clustered.is_empty() {
            let names: Vec<String> = clustered.iter().map(|name| quoted(name)).collect();
            text.push_str(&format!("CLUSTER BY ({})\n", names.join(", ")));
        }
        if let Some(comment) = info.comment.as_deref().filter(|c| !c.is_empty()) {
            text.push_str(&format!("COMMENT {}\n", sql_string(comment)));
        }
        if let Some(location) =
            info.storage_location.as_ref().filter(|_| info.table_type == "EXTERNAL")
        {
            text.push_str(&format!("LOCATION {}\n", sql_string(location)));
        }
        let properties: Vec<String> = info
            .properties
            .iter()
            .filter(|(key, _)| *key != clustering::KEY)
            .map(|(k, v)| format!("  {} = {}", sql_string(k), sql_string(v)))
            .collect();
        if !properties.is_empty() {
            text.push_str(&format!("TBLPROPERTIES (\n{})\n", properties.join(",\n")));
        }
        text
    };
    Output::text_rows(["createtab_stmt"], [[Some(text)]])
}
