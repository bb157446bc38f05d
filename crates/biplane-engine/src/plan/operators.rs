//! Operators whose meaning differs from DataFusion's: division, arithmetic that must not wrap,
//! access into nested values, and the text of values.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringBuilder};
use datafusion::arrow::compute::kernels::arity::try_binary;
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::Field;
use datafusion::arrow::datatypes::{
    ArrowNativeTypeOp, ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit,
};
use datafusion::common::{
    DFSchema, DataFusionError, Result, ScalarValue, TableReference, exec_err, internal_err,
};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr,
};
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, GetFieldAccess, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, cast,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use biplane_functions::intervals;
use biplane_functions::variant::is_variant;

use crate::encode::text::{Printer, Style};
use crate::error::SqlError;

fn raise(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Integer and floating point arithmetic as ANSI has it: an error, or NULL where ANSI mode is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    /// Of two doubles.
    Divide,
    /// Of two whole numbers, to a whole number.
    IntegerDivide,
    Remainder,
    /// `pmod`
    PositiveRemainder,
}

impl Arithmetic {
    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::IntegerDivide => "div",
            Self::Remainder => "mod",
            Self::PositiveRemainder => "pmod",
        }
    }

    pub fn call(self, left: Expr, right: Expr) -> Expr {
        let function = ARITHMETIC[self as usize].clone();
        Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![left, right]))
    }

    fn of<T: ArrowNativeTypeOp + std::fmt::Display>(
        self,
        left: T,
        right: T,
    ) -> Result<T, SqlError> {
        let overflow = |_| match size_of::<T>() {
            1 | 2 => {
                let text = format!(
                    "{} overflow. Use `try_{}` to tolerate it",
                    type_word::<T>(),
                    self.name()
                );
                SqlError::new("BINARY_ARITHMETIC_OVERFLOW", "22003", text)
            }
            _ => SqlError::overflow(format!("{} overflow", type_word::<T>())),
        };
        match self {
            Self::Add => left.add_checked(right).map_err(overflow),
            Self::Subtract => left.sub_checked(right).map_err(overflow),
            Self::Multiply => left.mul_checked(right).map_err(overflow),
            Self::Remainder | Self::PositiveRemainder if right.is_zero() => {
                let text = "Remainder by zero. Use `try_mod` to tolerate divisor being 0 and return NULL instead";
                Err(SqlError::new("REMAINDER_BY_ZERO", "22012", text))
            }
            _ if right.is_zero() => Err(SqlError::divide_by_zero()),
            Self::Divide | Self::IntegerDivide => left.div_checked(right).map_err(overflow),
            // The smallest number modulo -1 is 0, it does not overflow.
            Self::Remainder => Ok(left.mod_wrapping(right)),
            Self::PositiveRemainder => {
                let rest = left.mod_wrapping(right);
                if rest.is_lt(T::ZERO) {
                    Ok(rest.add_checked(right).map_err(overflow)?.mod_wrapping(right))
                } else {
                    Ok(rest)
                }
            }
        }
    }
}

fn type_word<T>() -> &'static str {
    match size_of::<T>() {
        1 => "byte",
        2 => "short",
        4 => "integer",
        _ => "long",
    }
}

static ARITHMETIC: LazyLock<[Arc<ScalarUDF>; 7]> = LazyLock::new(|| {
    use Arithmetic::{
        Add, Divide, IntegerDivide, Multiply, PositiveRemainder, Remainder, Subtract,
    };
    let all = [Add, Subtract, Multiply, Divide, IntegerDivide, Remainder, PositiveRemainder];
    all.map(|operation| {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::from(ArithmeticUdf { operation, signature }))
    })
});

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArithmeticUdf {
    operation: Arithmetic,
    signature: Signature,
}

impl ScalarUDFImpl for ArithmeticUdf {
    fn name(&self) -> &str {
        self.operation.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ansi = args.config_options.execution.enable_ansi_mode;
        let is_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [left, right] = arrays.as_slice() else {
            return exec_err!("{} takes two arguments", self.name());
        };
        let operation = self.operation;
        let out = match left.data_type() {
            DataType::Int8 => compute::<Int8Type>(operation, left, right, ansi)?,
            DataType::Int16 => compute::<Int16Type>(operation, left, right, ansi)?,
            DataType::Int32 => compute::<Int32Type>(operation, left, right, ansi)?,
            DataType::Int64 => compute::<Int64Type>(operation, left, right, ansi)?,
            DataType::Float32 => compute::<Float32Type>(operation, left, right, ansi)?,
            DataType::Float64 => compute::<Float64Type>(operation, left, right, ansi)?,
            other => return exec_err!("{} is not defined for {other}", self.name()),
        };
        if is_scalar && out.len() == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?));
        }
        Ok(ColumnarValue::Array(out))
    }
}

fn compute<T: ArrowPrimitiveType>(
    operation: Arithmetic,
    left: &ArrayRef,
    right: &ArrayRef,
    ansi: bool,
) -> Result<ArrayRef>
where
    T::Native: std::fmt::Display,
{
    let (left, right) = (left.as_primitive::<T>(), right.as_primitive::<T>());
    if ansi {
        let raised: Result<PrimitiveArray<T>, _> = try_binary(left, right, |a, b| {
            operation.of(a, b).map_err(|error| {
                datafusion::arrow::error::ArrowError::ExternalError(Box::new(error))
            })
        });
        return Ok(Arc::new(raised?));
    }
    // Without ANSI sums wrap around and division by zero is NULL.
    let out: ArrayRef = match operation {
        Arithmetic::Add => numeric::add_wrapping(left, right)?,
        Arithmetic::Subtract => numeric::sub_wrapping(left, right)?,
        Arithmetic::Multiply => numeric::mul_wrapping(left, right)?,
        _ => {
            let values = left.iter().zip(right.iter()).map(|pair| match pair {
                (Some(a), Some(b)) => operation.of(a, b).ok(),
                _ => None,
            });
            Arc::new(values.collect::<PrimitiveArray<T>>())
        }
    };
    Ok(out)
}

/// `CAST(x AS STRING)` as Spark prints it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextUdf {
    signature: Signature,
}

static TEXT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::any(1, Volatility::Stable);
    Arc::new(ScalarUDF::from(TextUdf { signature }))
});

pub fn text_of(expr: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(TEXT.clone(), vec![expr]))
}

impl ScalarUDFImpl for TextUdf {
    fn name(&self) -> &str {
        "to_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = args.config_options.execution.time_zone.as_deref().unwrap_or("UTC");
        let is_scalar = matches!(args.args.first(), Some(ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(array) = arrays.first() else { return exec_err!("to_text takes an argument") };
        let qualifier = args.arg_fields.first().and_then(|field| intervals::qualifier(field));
        let printer = match qualifier {
            Some(qualifier) => Printer::interval(array, qualifier),
            None => Printer::new(array, Style::Cast, zone),
        };
        let printer = printer.map_err(raise)?;
        let mut builder = StringBuilder::new();
        let mut cell = String::new();
        for row in 0..array.len() {
            if printer.is_null(row) {
                builder.append_null();
            } else {
                cell.clear();
                printer.write(row, &mut cell);
                builder.append_value(&cell);
            }
        }
        let out: ArrayRef = Arc::new(builder.finish());
        if is_scalar && out.len() == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?));
        }
        Ok(ColumnarValue::Array(out))
    }
}

/// `typeof(x)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TypeOf {
    signature: Signature,
}

pub fn type_of() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(TypeOf { signature: Signature::any(1, Volatility::Immutable) }))
}

impl ScalarUDFImpl for TypeOf {
    fn name(&self) -> &str {
        "typeof"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(field) = args.arg_fields.first() else {
            return exec_err!("typeof takes an argument");
        };
        Ok(ColumnarValue::Scalar(type_name(field)))
    }
}

/// As `typeof` says it.
pub fn type_name(field: &Field) -> ScalarValue {
    let tree = biplane_functions::collation::of_field(field);
    let text = match tree.is_plain() {
        true => crate::encode::types::field_text(field).to_lowercase(),
        false => {
            let lower = |text: &str| text.to_lowercase();
            crate::encode::types::collated_text(field.data_type(), &tree, lower)
        }
    };
    ScalarValue::from(text.replace(", ", ",").replace(": ", ":"))
}

/// Planned while the AST is, as the types of results depend on it.
#[derive(Debug)]
pub struct SparkOperators {
    /// Of the session: by its clock dates begin.
    pub zone: Arc<str>,
}

impl SparkOperators {
    /// A date and some hours are a timestamp.
    fn moment(&self, side: Expr, given: &DataType, beside: &Expr, schema: &DFSchema) -> Expr {
        let has_time =
            |text: &str| ["hour", "minute", "second"].iter().any(|unit| text.contains(unit));
        let is_moment = given == &DataType::Date32
            && beside
                .to_field(schema)
                .is_ok_and(|(_, field)| intervals::qualifier(&field).is_some_and(has_time));
        if !is_moment {
            return side;
        }
        let wall = cast(side, DataType::Timestamp(TimeUnit::Microsecond, None));
        cast(wall, DataType::Timestamp(TimeUnit::Microsecond, Some(self.zone.clone())))
    }
}

impl ExprPlanner for SparkOperators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let (Ok(left), Ok(right)) = (expr.left.get_type(schema), expr.right.get_type(schema))
        else {
            return Ok(PlannerResult::Original(expr));
        };
        let is_number = |data_type: &DataType| data_type.is_numeric() || data_type.is_null();
        if let Some(error) = interval_mismatch(&expr, schema) {
            return Err(raise(error));
        }
        let expr = match expr.op {
            BinaryOperator::Plus | BinaryOperator::Minus => {
                let RawBinaryExpr { op, left: one, right: other } = expr;
                let (first, second) = (one.clone(), other.clone());
                RawBinaryExpr {
                    op,
                    left: self.moment(one, &left, &second, schema),
                    right: self.moment(other, &right, &first, schema),
                }
            }
            _ => expr,
        };
        if let Some(name) = interval_operator(&expr.op, &left, &right)
            && let Some(function) = biplane_functions::intervals::function(name)
                .or_else(|| biplane_functions::function(name))
        {
            let (first, second) = match name {
                "interval_multiply" if is_number(&left) => (expr.right, expr.left),
                _ => (expr.left, expr.right),
            };
            return Ok(PlannerResult::Planned(function.call(vec![first, second])));
        }
        let expr = match super::fitting::fitted(expr, &left, &right)? {
            PlannerResult::Original(expr) => expr,
            planned @ PlannerResult::Planned(_) => return Ok(planned),
        };
        let (Ok(left), Ok(right)) = (expr.left.get_type(schema), expr.right.get_type(schema))
        else {
            return Ok(PlannerResult::Original(expr));
        };
        match expr.op {
            BinaryOperator::Divide => {
                let is_decimal = |data_type: &DataType| data_type.is_decimal();
                let is_text = |data_type: &DataType| data_type.is_string();
                let is_exact = (is_decimal(&left) || is_decimal(&right))
                    && !left.is_floating()
                    && !right.is_floating()
                    && !is_text(&left)
                    && !is_text(&right);
                let known = |data_type: &DataType| is_number(data_type) || is_text(data_type);
                if is_exact || !known(&left) || !known(&right) {
                    return Ok(PlannerResult::Original(expr));
                }
                let double = |expr: Expr| cast(expr, DataType::Float64);
                let call = Arithmetic::Divide.call(double(expr.left), double(expr.right));
                Ok(PlannerResult::Planned(call))
            }
            BinaryOperator::MyIntegerDivide if is_number(&left) && is_number(&right) => {
                let long = |expr: Expr| cast(expr, DataType::Int64);
                let call = Arithmetic::IntegerDivide.call(long(expr.left), long(expr.right));
                Ok(PlannerResult::Planned(call))
            }
            ref op if super::fitting::is_pmod(op) => {
                let signature = |side: &Expr| side.get_type(schema).unwrap_or(DataType::Null);
                let wide = type_union_coercion(&signature(&expr.left), &signature(&expr.right))
                    .filter(|wide| wide.is_signed_integer() || wide.is_floating())
                    .unwrap_or(DataType::Int64);
                let wide = match is_small(&expr.left) && is_small(&expr.right) {
                    true => DataType::Int32,
                    false => wide,
                };
                let (left, right) = (cast(expr.left, wide.clone()), cast(expr.right, wide));
                Ok(PlannerResult::Planned(Arithmetic::PositiveRemainder.call(left, right)))
            }
            _ => Ok(PlannerResult::Original(expr)),
        }
    }

    fn plan_field_access(
        &self,
        expr: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let Ok(data_type) = expr.expr.get_type(schema) else {
            return Ok(PlannerResult::Original(expr));
        };
        let RawFieldAccessExpr { expr, field_access } = expr;
        Ok(match (field_access, &data_type) {
            (
                GetFieldAccess::ListIndex { .. } | GetFieldAccess::NamedStructField { .. },
                variant,
            ) if is_variant(variant) => {
                let text =
                    "Can't extract a value from a VARIANT by `[…]`: a path begins with a colon";
                return Err(raise(SqlError::new("INVALID_EXTRACT_BASE_FIELD_TYPE", "42000", text)));
            }
            // Spark counts from 0.
            (GetFieldAccess::ListIndex { key }, DataType::List(_) | DataType::LargeList(_)) => {
                let item = biplane_functions::function("array_item")
                    .ok_or_else(|| raise(SqlError::function_not_found("array_item")))?;
                PlannerResult::Planned(item.call(vec![expr, cast(*key, DataType::Int32)]))
            }
            (GetFieldAccess::NamedStructField { name }, DataType::Struct(fields)) => {
                let wanted = name.try_as_str().flatten().unwrap_or_default();
                let stored = stored_name(fields, wanted)?;
                let name = ScalarValue::from(stored.unwrap_or(wanted));
                let field_access = GetFieldAccess::NamedStructField { name };
                PlannerResult::Original(RawFieldAccessExpr { field_access, expr })
            }
            (GetFieldAccess::NamedStructField { name }, DataType::List(item))
                if is_struct(item) =>
            {
                let wanted = name.try_as_str().flatten().unwrap_or_default();
                PlannerResult::Planned(field_of_items(expr, item, wanted)?.0)
            }
            (field_access, _) => PlannerResult::Original(RawFieldAccessExpr { field_access, expr }),
        })
    }

    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let column = Expr::Column(datafusion::common::Column::from((qualifier, field)));
        // An error would be passed over, and the next planner asked.
        let path = path(column, field.data_type(), nested_names).unwrap_or_else(refusal);
        Ok(PlannerResult::Planned(path))
    }
}

/// The field at the end of the names.
fn path(column: Expr, data_type: &DataType, names: &[String]) -> Result<Expr> {
    let (mut expr, mut data_type) = (column, data_type.clone());
    for name in names {
        if let DataType::List(item) = &data_type
            && is_struct(item)
        {
            (expr, data_type) = field_of_items(expr, item, name)?;
            continue;
        }
        let (stored, inner) = match &data_type {
            DataType::Struct(fields) => match stored_name(fields, name)? {
                Some(stored) => {
                    let inner = fields.iter().find(|field| field.name() == stored);
                    (stored.to_owned(), inner.map(|field| field.data_type().clone()))
                }
                None => return Err(raise(no_field(name, fields))),
            },
            _ => (name.clone(), None),
        };
        expr = datafusion::functions::core::expr_fn::get_field(expr, stored);
        data_type = inner.unwrap_or(DataType::Null);
    }
    Ok(expr)
}

/// A call that cannot be planned, for this reason.
fn refusal(error: DataFusionError) -> Expr {
    let signature = Signature::nullary(Volatility::Immutable);
    ScalarUDF::new_from_impl(Refusal { error: error.into(), signature }).call(Vec::new())
}

#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    error: SqlError,
    signature: Signature,
}

impl Hash for Refusal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.error.message.hash(state);
    }
}

impl ScalarUDFImpl for Refusal {
    fn name(&self) -> &str {
        "refusal"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(raise(self.error.clone()))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(raise(self.error.clone()))
    }
}

/// A literal that will be INT, though the planner made it a BIGINT.
fn is_small(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(value)), _) => i32::try_from(*value).is_ok(),
        Expr::Literal(value, _) => value.data_type() == DataType::Int32,
        Expr::Negative(inner) => is_small(inner),
        _ => false,
    }
}

/// Months are not added to days.
fn interval_mismatch(expr: &RawBinaryExpr, schema: &DFSchema) -> Option<SqlError> {
    if !matches!(expr.op, BinaryOperator::Plus | BinaryOperator::Minus) {
        return None;
    }
    let qualifier = |side: &Expr| {
        let field = side.to_field(schema).ok()?.1;
        intervals::qualifier(&field)
            .map(|text| text.starts_with(['y', 'm']) && !text.starts_with("mi"))
    };
    let (left, right) = (qualifier(&expr.left)?, qualifier(&expr.right)?);
    (left != right).then(|| {
        let text = "An interval of months and one of days or times do not fit together";
        SqlError::new("DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09", text)
    })
}

/// The function that an operator is for intervals, and for the days between two dates.
fn interval_operator(
    op: &BinaryOperator,
    left: &DataType,
    right: &DataType,
) -> Option<&'static str> {
    use biplane_functions::intervals::is_interval;
    let is_number = |data_type: &DataType| data_type.is_numeric();
    Some(match op {
        BinaryOperator::Plus if is_interval(left) && is_interval(right) => "interval_add",
        BinaryOperator::Minus if is_interval(left) && is_interval(right) => "interval_subtract",
        BinaryOperator::Minus if left == &DataType::Date32 && right == &DataType::Date32 => {
            "days_between"
        }
        BinaryOperator::Multiply
            if (is_interval(left) && is_number(right))
                || (is_number(left) && is_interval(right)) =>
        {
            "interval_multiply"
        }
        BinaryOperator::Divide if is_interval(left) && is_number(right) => "interval_divide",
        BinaryOperator::MyIntegerDivide if is_interval(left) && is_interval(right) => {
            "interval_div"
        }
        _ => return None,
    })
}

fn is_struct(item: &Field) -> bool {
    matches!(item.data_type(), DataType::Struct(_))
}

/// `xs.a` of a list of structs is the list of their fields.
fn field_of_items(list: Expr, item: &Field, wanted: &str) -> Result<(Expr, DataType)> {
    let DataType::Struct(fields) = item.data_type() else {
        return internal_err!("items of {} have no fields", item.data_type());
    };
    let Some(stored) = stored_name(fields, wanted)? else {
        return Err(raise(no_field(wanted, fields)));
    };
    let function = biplane_functions::function("field_of_items")
        .ok_or_else(|| raise(SqlError::function_not_found("field_of_items")))?;
    let (at, field) = fields.find(stored).ok_or_else(|| raise(no_field(wanted, fields)))?;
    let place = Expr::Literal(ScalarValue::Int32(i32::try_from(at).ok()), None);
    Ok((function.call(vec![list, place]), DataType::new_list(field.data_type().clone(), true)))
}

fn stored_name<'a>(
    fields: &'a datafusion::arrow::datatypes::Fields,
    wanted: &str,
) -> Result<Option<&'a str>> {
    let lower = wanted.to_lowercase();
    let mut found = fields.iter().filter(|field| field.name().to_lowercase() == lower);
    let first = found.next();
    if found.next().is_some() {
        let text = format!(
            "Ambiguous reference to the field `{wanted}`: it appears more than once in the struct"
        );
        return Err(raise(SqlError::new("AMBIGUOUS_REFERENCE_TO_FIELDS", "42000", text)));
    }
    Ok(first.map(|field| field.name().as_str()))
}

fn no_field(name: &str, fields: &datafusion::arrow::datatypes::Fields) -> SqlError {
    let known: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name())).collect();
    let text = format!("No such struct field `{name}` in {}", known.join(", "));
    SqlError::new("FIELD_NOT_FOUND", "42704", text)
}
