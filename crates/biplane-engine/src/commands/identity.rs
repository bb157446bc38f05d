//! Identity columns: every row that is inserted gets a number of its own.
//!
//! How far the numbers have come is the version of a transaction action of the Delta log, written with the
//! rows: who inserts at the same time fails at the commit, and tries again with numbers that are free.
//! What the column is, is kept under a key of our own, as with defaults: delta-rs does not write to
//! tables with Delta's feature.

use arrow::array::Int64Array;
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::kernel::{DataType as DeltaType, MetadataValue, StructField, Transaction};
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

use super::write::Target;
use crate::commit_log::{CommitLog, Mark};
use crate::error::{SqlError, SqlResult};
use crate::parser::Identity;

const KEY: &str = "biplane.identity";
const APP_ID: &str = "biplane.identity.";

/// What the column says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    id: Uuid,
    pub always: bool,
    pub start: i64,
    pub step: i64,
}

pub fn rule(field: &Field) -> Option<Rule> {
    serde_json::from_str(field.metadata().get(KEY)?).ok()
}

pub fn rule_of(field: &StructField) -> Option<Rule> {
    match field.metadata().get(KEY) {
        Some(MetadataValue::String(text)) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// The column of a new table.
pub fn declare(field: StructField, identity: Identity) -> SqlResult<StructField> {
    let Identity { always, start, step } = identity;
    if field.data_type() != &DeltaType::LONG {
        let text = format!("The identity column `{}` must be a BIGINT", field.name());
        return Err(SqlError::new("DELTA_IDENTITY_COLUMNS_UNSUPPORTED_DATA_TYPE", "428H8", text));
    }
    if step == 0 {
        let text = "INCREMENT BY of an identity column must not be 0";
        return Err(SqlError::new("DELTA_IDENTITY_COLUMNS_ILLEGAL_STEP", "42611", text));
    }
    with_rule(field, &Rule { id: Uuid::new_v4(), always, start, step })
}

fn with_rule(field: StructField, rule: &Rule) -> SqlResult<StructField> {
    let text = serde_json::to_string(rule).map_err(SqlError::internal)?;
    Ok(field.add_metadata([(KEY, MetadataValue::String(text))]))
}

/// The column in a copy of its table, which goes on where the numbers of the table are.
pub async fn copied(table: &DeltaTable, field: StructField) -> SqlResult<StructField> {
    let Some(rule) = rule_of(&field) else { return Ok(field) };
    let start = match high_water_mark(table, &rule).await? {
        Some(mark) => mark.checked_add(rule.step).ok_or_else(exhausted)?,
        None => rule.start,
    };
    with_rule(field, &Rule { id: Uuid::new_v4(), start, ..rule })
}

async fn high_water_mark(table: &DeltaTable, rule: &Rule) -> SqlResult<Option<i64>> {
    let (log_store, app_id) = (table.log_store(), format!("{APP_ID}{}", rule.id));
    let snapshot = table.snapshot()?.snapshot();
    Ok(snapshot.transaction_version(log_store.as_ref(), &app_id).await?)
}

pub fn explicit_insert(name: &str) -> SqlError {
    let text = format!(
        "Values for the column `{name}` cannot be given: it is GENERATED ALWAYS AS IDENTITY"
    );
    SqlError::new("DELTA_IDENTITY_COLUMNS_EXPLICIT_INSERT_NOT_SUPPORTED", "42808", text)
}

pub fn update_refused(name: &str) -> SqlError {
    let text = format!("The identity column `{name}` cannot be updated");
    SqlError::new("DELTA_IDENTITY_COLUMNS_UPDATE_NOT_SUPPORTED", "42808", text)
}

fn exhausted() -> SqlError {
    SqlError::new("ARITHMETIC_OVERFLOW", "22003", "The numbers of the identity column are used up")
}

/// The numbers of one column for the time of one statement.
#[derive(Debug)]
struct Counter {
    /// Of the next row at the beginning.
    first: i64,
    step: i64,
    taken: AtomicI64,
    mark: Arc<Mark>,
}

impl Counter {
    /// Numbers for `count` rows.
    fn take(&self, count: usize) -> Option<Vec<i64>> {
        let count = i64::try_from(count).ok()?;
        let begin = self.taken.fetch_add(count, Ordering::Relaxed);
        let number =
            |at: i64| begin.checked_add(at)?.checked_mul(self.step)?.checked_add(self.first);
        let numbers: Option<Vec<i64>> = (0..count).map(number).collect();
        let numbers = numbers?;
        if let Some(last) = numbers.last() {
            match self.step > 0 {
                true => self.mark.value.fetch_max(*last, Ordering::Relaxed),
                false => self.mark.value.fetch_min(*last, Ordering::Relaxed),
            };
        }
        Some(numbers)
    }
}

/// The identity columns of a table that a statement inserts into.
#[derive(Default)]
pub struct Numbering(Vec<(String, Arc<Counter>)>);

impl Numbering {
    pub async fn of(target: &Target, schema: &SchemaRef) -> SqlResult<Self> {
        let mut out = Vec::new();
        for field in schema.fields() {
            let Some(rule) = rule(field) else { continue };
            let (first, mark) = match high_water_mark(&target.delta, &rule).await? {
                Some(mark) => (mark.checked_add(rule.step).ok_or_else(exhausted)?, mark),
                None => {
                    let before = rule.start.checked_sub(rule.step).ok_or_else(exhausted)?;
                    (rule.start, before)
                }
            };
            let app_id = format!("{APP_ID}{}", rule.id);
            let mark = Arc::new(Mark { app_id, value: AtomicI64::new(mark) });
            let counter = Counter { first, step: rule.step, taken: AtomicI64::new(0), mark };
            out.push((field.name().clone(), Arc::new(counter)));
        }
        Ok(Self(out))
    }

    pub fn has_columns(&self) -> bool {
        !self.0.is_empty()
    }

    /// A number for each row.
    pub fn value(&self, column: &str) -> Option<Expr> {
        let (_, counter) = self.0.iter().find(|(name, _)| name == column)?;
        let signature = Signature::nullary(Volatility::Volatile);
        let function = NextNumber { counter: counter.clone(), signature };
        Some(ScalarUDF::new_from_impl(function).call(Vec::new()))
    }

    /// The table with a log that knows how far the numbers have come when it writes the commit.
    pub fn table(&self, table: &DeltaTable) -> DeltaTable {
        if self.0.is_empty() {
            return table.clone();
        }
        let marks = self.0.iter().map(|(_, counter)| counter.mark.clone()).collect();
        let log = CommitLog::with_marks(table.log_store(), marks);
        let mut out = DeltaTable::new(Arc::new(log));
        out.state.clone_from(&table.state);
        out
    }

    pub fn properties(&self, mut properties: CommitProperties) -> CommitProperties {
        for (_, counter) in &self.0 {
            let version = counter.mark.value.load(Ordering::Relaxed);
            let transaction = Transaction::new(&counter.mark.app_id, version);
            properties = properties.with_application_transaction(transaction);
        }
        properties
    }

    /// ALTER COLUMN … SYNC IDENTITY: nothing at or before this number is given again.
    pub fn skip_to(&self, column: &str, highest: i64, lowest: i64) -> bool {
        let Some((_, counter)) = self.0.iter().find(|(name, _)| name == column) else {
            return false;
        };
        // On the way of the steps, as if the numbers had been given.
        let far = if counter.step > 0 { highest } else { lowest };
        let ahead = far.saturating_sub(counter.first);
        let steps = ahead.div_euclid(counter.step)
            + i64::from(ahead.rem_euclid(counter.step) != 0 && counter.step > 0);
        if ahead.signum() * counter.step.signum() < 0 {
            return false;
        }
        let mark = counter.first.saturating_add(steps.saturating_mul(counter.step));
        counter.mark.value.store(mark, Ordering::Relaxed);
        true
    }
}

struct NextNumber {
    counter: Arc<Counter>,
    signature: Signature,
}

impl std::fmt::Debug for NextNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NextNumber")
    }
}

impl PartialEq for NextNumber {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.counter, &other.counter)
    }
}

impl Eq for NextNumber {}

impl Hash for NextNumber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.counter.mark.app_id.hash(state);
    }
}

impl ScalarUDFImpl for NextNumber {
    fn name(&self) -> &'static str {
        "next_number"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), DataType::Int64, false)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let numbers = self.counter.take(arguments.number_rows);
        let numbers = numbers.ok_or_else(|| DataFusionError::External(Box::new(exhausted())))?;
        Ok(match numbers.as_slice() {
            [one] => ColumnarValue::Scalar(ScalarValue::Int64(Some(*one))),
            _ => ColumnarValue::Array(Arc::new(Int64Array::from(numbers))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(first: i64, step: i64) -> Numbering {
        let mark = Arc::new(Mark { app_id: "a".to_owned(), value: AtomicI64::new(first - step) });
        let counter = Counter { first, step, taken: AtomicI64::new(0), mark };
        Numbering(vec![("id".to_owned(), Arc::new(counter))])
    }

    #[test]
    fn numbers_follow_each_other_and_leave_a_mark() {
        let all = counter(10, -5);
        let (_, one) = &all.0[0];
        assert_eq!(one.take(0).unwrap(), Vec::<i64>::new());
        assert_eq!(one.mark.value.load(Ordering::Relaxed), 15);
        assert_eq!(one.take(2).unwrap(), [10, 5]);
        assert_eq!(one.take(1).unwrap(), [0]);
        assert_eq!(one.mark.value.load(Ordering::Relaxed), 0);
        let far = counter(i64::MAX, 1);
        assert!(far.0[0].1.take(2).is_none());
    }

    #[test]
    fn a_mark_is_moved_over_numbers_that_others_gave() {
        for (first, step, highest, lowest, mark) in
            [(1, 1, 7, 1, 7), (1, 10, 22, 1, 31), (0, -2, 5, -3, -4), (5, 1, 2, 0, 4)]
        {
            let all = counter(first, step);
            all.skip_to("id", highest, lowest);
            assert_eq!(all.0[0].1.mark.value.load(Ordering::Relaxed), mark, "{first} {step}");
        }
    }
}
