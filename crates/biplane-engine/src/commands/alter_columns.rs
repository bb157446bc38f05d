//! The columns of a table that is there: added, renamed, dropped, moved, widened.

use deltalake_core::kernel::{
    Action, DataType, DecimalType, MetadataExt, PrimitiveType, StructField, StructType,
};
use deltalake_core::protocol::DeltaOperation;

use super::alter::commit;
use super::expressions::{full_sql, quoted};
use super::mapping::{self, is_mapped};
use super::table::Draft;
use super::write::{Target, commit_as, commit_properties};
use super::{clustering, columns, generated, identity, nested};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::parser::{ColumnDef, Generated, Position, SqlType, parse_query};

const CHECK_PREFIX: &str = "delta.constraints.";
const WIDENING: &str = "delta.enableTypeWidening";

/// The stored name of a column.
pub fn stored_name(fields: &[StructField], name: &str) -> SqlResult<usize> {
    let exact = fields.iter().position(|field| field.name() == name);
    let lower = name.to_lowercase();
    let found = exact.or_else(|| fields.iter().position(|f| f.name().to_lowercase() == lower));
    found.ok_or_else(|| {
        let names: Vec<String> =
            fields.iter().take(5).map(|field| format!("`{}`", field.name())).collect();
        SqlError::column_not_found(format!("`{name}`"), &names)
    })
}

fn fields(target: &Target) -> SqlResult<Vec<StructField>> {
    Ok(target.schema()?.fields().cloned().collect())
}

fn needs_mapping(class: &str, what: &str) -> SqlError {
    let text = format!(
        "{what} is not supported for this Delta table: it has no column mapping. \
         ALTER TABLE … SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name') turns it on"
    );
    SqlError::new(class, "0AKDC", text)
}

/// A new version of the table with these columns.
async fn publish(
    cx: &StatementContext,
    target: &mut Target,
    fields: Vec<StructField>,
    partitions: Option<Vec<String>>,
    properties: &[(String, String)],
    operation: &str,
) -> SqlResult<()> {
    let schema = StructType::try_new(fields).map_err(|e| columns::invalid_schema(&e))?;
    let snapshot = target.delta.snapshot()?;
    let mut metadata = snapshot.metadata().clone();
    metadata = metadata.with_schema(&schema).map_err(SqlError::internal)?;
    if let Some(partitions) = partitions {
        metadata = mapping::with_partitions(&metadata, &partitions)?;
    }
    for (key, value) in properties {
        metadata =
            metadata.add_config_key(key.clone(), value.clone()).map_err(SqlError::internal)?;
    }
    let protocol = mapping::protocol(snapshot.protocol(), &schema, metadata.configuration())?;
    let mut actions: Vec<Action> = protocol.into_iter().map(Action::Protocol).collect();
    actions.push(Action::Metadata(metadata));
    let what = DeltaOperation::UpdateFieldMetadata { fields: schema.fields().cloned().collect() };
    commit(cx, target, operation, actions, what).await?;
    if !properties.is_empty() {
        super::alter::publish_properties(cx, target).await?;
    }
    target.publish_columns(cx).await
}

pub async fn add(
    cx: &StatementContext,
    target: &mut Target,
    added: Vec<ColumnDef>,
    positions: &[Option<Position>],
    if_not_exists: bool,
) -> SqlResult<()> {
    for column in &added {
        if column.default.is_some() {
            let text =
                "ADD COLUMN with DEFAULT is not supported: the rows that are there would have none";
            return Err(SqlError::new(
                "WRONG_COLUMN_DEFAULTS_FOR_DELTA_ALTER_TABLE_ADD_COLUMN_NOT_SUPPORTED",
                "0AKDC",
                text,
            ));
        }
        match &column.generated {
            None => {}
            Some(Generated::As(_)) => {
                return Err(SqlError::unsupported("adding a generated column"));
            }
            Some(Generated::Identity(_)) => {
                let text = "An identity column cannot be added: rows that are there have no number";
                return Err(SqlError::new(
                    "DELTA_IDENTITY_COLUMNS_ALTER_COLUMN_NOT_SUPPORTED",
                    "429BQ",
                    text,
                ));
            }
        }
    }
    let mapped = is_mapped(&target.configuration()?);
    let new = columns::delta_fields(&added, mapped)?;
    let pairs = new.into_iter().zip(positions.iter().cloned()).collect();
    add_fields(cx, target, pairs, if_not_exists).await
}

pub async fn add_fields(
    cx: &StatementContext,
    target: &mut Target,
    added: Vec<(StructField, Option<Position>)>,
    if_not_exists: bool,
) -> SqlResult<()> {
    let mut all = fields(target)?;
    let configuration = target.configuration()?;
    let mut newest = mapping::column_id_max(target.schema()?.as_ref(), &configuration);
    let before = all.len();
    for (field, position) in added {
        if stored_name(&all, field.name()).is_ok() {
            if if_not_exists {
                continue;
            }
            let text =
                format!("Cannot add the column `{}` because it already exists", field.name());
            return Err(SqlError::new("FIELD_ALREADY_EXISTS", "42710", text));
        }
        if !field.is_nullable() {
            return Err(SqlError::unsupported("adding a NOT NULL column"));
        }
        let field = match is_mapped(&configuration) {
            true => mapping::mapped(&field, &mut newest, false)?,
            false => field,
        };
        let at = match position {
            None => all.len(),
            Some(Position::First) => 0,
            Some(Position::After(name)) => stored_name(&all, &name)? + 1,
        };
        all.insert(at, field);
    }
    if all.len() == before {
        return Ok(());
    }
    let properties = match is_mapped(&configuration) {
        true => vec![(mapping::COLUMN_ID_MAX.to_owned(), newest.to_string())],
        false => Vec::new(),
    };
    publish(cx, target, all, None, &properties, "ADD COLUMNS").await
}

/// What else of the table speaks of a column and would mean another one, or none.
fn refuse_dependents(target: &Target, name: &str, verb: &str) -> SqlResult<()> {
    for (key, text) in target.configuration()? {
        if let Some(check) = key.strip_prefix(CHECK_PREFIX)
            && generated::mentions(&text, name)
        {
            let text = format!(
                "Cannot {verb} the column `{name}`: the CHECK constraint `{check}` speaks of it"
            );
            return Err(SqlError::new("DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE", "42K09", text));
        }
    }
    for field in target.schema()?.fields() {
        if generated::text_of(field).is_some_and(|text| generated::mentions(text, name)) {
            let text = format!(
                "Cannot {verb} the column `{name}`: the column `{}` is generated from it",
                field.name()
            );
            return Err(SqlError::new(
                "DELTA_GENERATED_COLUMNS_DEPENDENT_COLUMN_CHANGE",
                "42K09",
                text,
            ));
        }
    }
    Ok(())
}

pub async fn rename(
    cx: &StatementContext,
    target: &mut Target,
    from: &[String],
    to: &str,
) -> SqlResult<()> {
    if !is_mapped(&target.configuration()?) {
        return Err(needs_mapping("DELTA_UNSUPPORTED_RENAME_COLUMN", "RENAME COLUMN"));
    }
    let mut all = fields(target)?;
    let [from] = from else {
        let root = nested::rename(&mut all, from, to)?;
        refuse_dependents(target, &root, "rename")?;
        return publish(cx, target, all, None, &[], "RENAME COLUMN").await;
    };
    let at = stored_name(&all, from)?;
    let from = all[at].name().clone();
    columns::check_column_name(to, true)?;
    if stored_name(&all, to).is_ok_and(|other| other != at) {
        let text = format!("Cannot rename `{from}` to `{to}` because `{to}` already exists");
        return Err(SqlError::new("FIELD_ALREADY_EXISTS", "42710", text));
    }
    refuse_dependents(target, &from, "rename")?;
    to.clone_into(&mut all[at].name);
    let renamed = |name: &String| if *name == from { to.to_owned() } else { name.clone() };
    let partitions = target.partitions()?.iter().map(renamed).collect();
    let mut properties = Vec::new();
    let clustered = clustering::columns(target.configuration()?.get(clustering::KEY));
    if clustered.contains(&from) {
        let paths: Vec<[String; 1]> = clustered.iter().map(|name| [renamed(name)]).collect();
        let value = serde_json::to_string(&paths).map_err(SqlError::internal)?;
        properties.push((clustering::KEY.to_owned(), value));
    }
    publish(cx, target, all, Some(partitions), &properties, "RENAME COLUMN").await
}

pub async fn drop(
    cx: &StatementContext,
    target: &mut Target,
    paths: &[Vec<String>],
    if_exists: bool,
) -> SqlResult<()> {
    if !is_mapped(&target.configuration()?) {
        return Err(needs_mapping("DELTA_UNSUPPORTED_DROP_COLUMN", "DROP COLUMN"));
    }
    let mut all = fields(target)?;
    let mut dropped = 0;
    let clustered = clustering::columns(target.configuration()?.get(clustering::KEY));
    for path in paths {
        let [name] = path.as_slice() else {
            match nested::drop(&mut all, path) {
                Err(_) if if_exists => continue,
                root => refuse_dependents(target, &root?, "drop")?,
            }
            dropped += 1;
            continue;
        };
        let at = match stored_name(&all, name) {
            Err(_) if if_exists => continue,
            found => found?,
        };
        let name = all[at].name().clone();
        if target.partitions()?.contains(&name) {
            let text = format!("The partition column `{name}` cannot be dropped");
            return Err(SqlError::new("DELTA_UNSUPPORTED_DROP_PARTITION_COLUMN", "0AKDC", text));
        }
        if clustered.contains(&name) {
            let text =
                format!("The table is clustered by the column `{name}`; it cannot be dropped");
            return Err(SqlError::new("DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN", "0AKDC", text));
        }
        if all.len() == 1 {
            let text = "The last column of a table cannot be dropped";
            return Err(SqlError::new("DELTA_DROP_COLUMN_ON_SINGLE_FIELD_SCHEMA", "0AKDC", text));
        }
        refuse_dependents(target, &name, "drop")?;
        all.remove(at);
        dropped += 1;
    }
    if dropped == 0 {
        return Ok(());
    }
    publish(cx, target, all, None, &[], "DROP COLUMNS").await
}

pub async fn move_to(
    cx: &StatementContext,
    target: &mut Target,
    column: &str,
    position: &Position,
) -> SqlResult<()> {
    let mut all = fields(target)?;
    let at = stored_name(&all, column)?;
    let field = all.remove(at);
    let to = match position {
        Position::First => 0,
        Position::After(name) => stored_name(&all, name)? + 1,
    };
    all.insert(to, field);
    publish(cx, target, all, None, &[], "CHANGE COLUMN").await
}

/// Types that hold every value of another.
fn widens(from: &DataType, to: &DataType) -> bool {
    use PrimitiveType::*;
    let (DataType::Primitive(from), DataType::Primitive(to)) = (from, to) else { return false };
    let rank = |primitive: &PrimitiveType| match primitive {
        Byte => Some((0, 3)),
        Short => Some((1, 5)),
        Integer => Some((2, 10)),
        Long => Some((3, 20)),
        _ => None,
    };
    let digits = |decimal: &DecimalType| {
        (i32::from(decimal.precision()) - i32::from(decimal.scale()), i32::from(decimal.scale()))
    };
    match (from, to) {
        (Float, Double) | (Date, TimestampNtz) | (Byte | Short | Integer, Double) => true,
        (Decimal(from), Decimal(to)) => {
            let ((whole, scale), (wide, fine)) = (digits(from), digits(to));
            wide >= whole && fine >= scale
        }
        (from, Decimal(to)) => rank(from).is_some_and(|(_, whole)| digits(to).0 >= whole.min(20)),
        (from, to) => match (rank(from), rank(to)) {
            (Some((from, _)), Some((to, _))) => to > from,
            _ => false,
        },
    }
}

/// ALTER COLUMN … TYPE. The rows are written anew: readers that do not know Delta's feature for types
/// that differ between files read them as any others.
pub async fn widen(
    cx: &StatementContext,
    target: &mut Target,
    column: &str,
    sql_type: &SqlType,
) -> SqlResult<()> {
    let mut all = fields(target)?;
    let at = stored_name(&all, column)?;
    let wanted = columns::delta_type(sql_type)?;
    let there = all[at].data_type().clone();
    let name = all[at].name().clone();
    if there == wanted {
        return Ok(());
    }
    let configuration = target.configuration()?;
    let is_on = configuration.get(WIDENING).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if !is_on || !widens(&there, &wanted) {
        let mut text = format!(
            "The type of the column `{name}` cannot be changed from {} to {}",
            columns::type_text(&there),
            columns::type_text(&wanted)
        );
        if !is_on {
            text.push_str("; the table has not 'delta.enableTypeWidening' = 'true'");
        }
        return Err(SqlError::new("DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP", "0AKDC", text));
    }
    if target.partitions()?.contains(&name) || identity::rule_of(&all[at]).is_some() {
        return Err(SqlError::unsupported("changing the type of a partition or identity column"));
    }
    refuse_dependents(target, &name, "change the type of")?;
    all[at].data_type = wanted;
    let all = all.iter().map(mapping::unmapped).collect::<SqlResult<Vec<_>>>()?;
    let sql = format!("SELECT * FROM {}", full_sql(&target.full));
    let rows = cx.plan_query(parse_query(&sql)?.as_ref()).await?;
    let rows = super::table::shaped(cx, rows, &all)?;
    let draft = Draft {
        full: target.full.clone(),
        partitions: target.partitions()?,
        properties: configuration.into_iter().collect(),
        comment: target.info.comment.clone().filter(|comment| !comment.is_empty()),
        location: None,
        rows: Some(rows),
        copy: None,
        definition: None,
        fields: all,
    };
    let table = target.delta.clone();
    target.delta = super::replace::swap(cx, &draft, table, "CHANGE COLUMN", Vec::new()).await?;
    super::alter::publish_properties(cx, target).await?;
    target.publish_columns(cx).await
}

/// ALTER COLUMN … SYNC IDENTITY: numbers go on after those that are there.
pub async fn sync_identity(
    cx: &StatementContext,
    target: &mut Target,
    column: &str,
) -> SqlResult<()> {
    let all = fields(target)?;
    let field = &all[stored_name(&all, column)?];
    if identity::rule_of(field).is_none() {
        let text = format!("The column `{}` is no identity column", field.name());
        return Err(SqlError::new("DELTA_IDENTITY_COLUMNS_NOT_AN_IDENTITY_COLUMN", "429BQ", text));
    }
    let schema = target.arrow_schema()?;
    let numbering = identity::Numbering::of(target, &schema).await?;
    let bound = |function: &str| {
        format!("SELECT {function}({}) FROM {}", quoted(field.name()), full_sql(&target.full))
    };
    let sql = format!("SELECT count({}) FROM {}", quoted(field.name()), full_sql(&target.full));
    let rows = number(cx, &sql).await?;
    let (highest, lowest) = (number(cx, &bound("max")).await?, number(cx, &bound("min")).await?);
    if rows == 0 || !numbering.skip_to(field.name(), highest, lowest) {
        return Ok(());
    }
    let mut ahead = Target {
        full: target.full.clone(),
        info: target.info.clone(),
        delta: numbering.table(&target.delta),
        storage: target.storage.clone(),
        numbering: identity::Numbering::default(),
    };
    let operation = DeltaOperation::UpdateFieldMetadata { fields: vec![field.clone()] };
    let properties = numbering.properties(commit_as(cx, "SYNC IDENTITY"));
    super::alter::commit_with(&mut ahead, properties, Vec::new(), operation).await
}

async fn number(cx: &StatementContext, sql: &str) -> SqlResult<i64> {
    super::write::number(cx, cx.plan_query(parse_query(sql)?.as_ref()).await?).await
}

/// SET TBLPROPERTIES with a mode of column mapping among the properties.
pub async fn set_mapping(
    cx: &StatementContext,
    target: &mut Target,
    properties: &[(String, String)],
) -> SqlResult<()> {
    let wanted = properties.iter().rev().find(|(key, _)| key == mapping::MODE);
    let wanted = wanted.map_or("none", |(_, mode)| mode.as_str());
    mapping::check_mode(wanted)?;
    let configuration = target.configuration()?;
    let there = configuration.get(mapping::MODE).map_or("none", String::as_str);
    let changes = there != wanted;
    if changes && (there, wanted) != ("none", "name") {
        let text = format!("Column mapping cannot change from {there:?} to {wanted:?}");
        return Err(SqlError::new("DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE", "0AKDC", text));
    }
    let snapshot = target.delta.snapshot()?;
    let schema = target.schema()?;
    let mut metadata = snapshot.metadata().clone();
    for (key, value) in properties.iter().filter(|(key, _)| key != mapping::MODE) {
        metadata =
            metadata.add_config_key(key.clone(), value.clone()).map_err(SqlError::internal)?;
    }
    if changes {
        metadata = mapping::enabled(metadata, schema.as_ref())?;
    }
    let protocol =
        mapping::protocol(snapshot.protocol(), schema.as_ref(), metadata.configuration())?;
    let mut actions: Vec<Action> = protocol.into_iter().map(Action::Protocol).collect();
    actions.push(Action::Metadata(metadata));
    let operation =
        DeltaOperation::SetTableProperties { properties: properties.iter().cloned().collect() };
    super::alter::commit_with(target, commit_properties(cx), actions, operation).await?;
    super::alter::publish_properties(cx, target).await?;
    target.publish_columns(cx).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_widen_to_what_holds_all_their_values() {
        let decimal = |p, s| DataType::decimal(p, s).unwrap();
        for (from, to, expected) in [
            (DataType::BYTE, DataType::SHORT, true),
            (DataType::INTEGER, DataType::LONG, true),
            (DataType::LONG, DataType::INTEGER, false),
            (DataType::INTEGER, DataType::DOUBLE, true),
            (DataType::LONG, DataType::DOUBLE, false),
            (DataType::FLOAT, DataType::DOUBLE, true),
            (DataType::DATE, DataType::TIMESTAMP_NTZ, true),
            (DataType::INTEGER, decimal(10, 0), true),
            (DataType::INTEGER, decimal(10, 2), false),
            (decimal(10, 2), decimal(12, 4), true),
            (decimal(10, 2), decimal(12, 5), false),
            (DataType::INTEGER, DataType::STRING, false),
        ] {
            assert_eq!(widens(&from, &to), expected, "{from} {to}");
        }
    }
}
