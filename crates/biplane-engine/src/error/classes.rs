//! Which class of Spark a text of the planner stands for. A text is known by a part of it.

use super::SqlError;

/// Part of the text, class, SQLSTATE. The first that fits counts.
const KNOWN: [(&str, &str, &str); 64] = [
    ("Order by column out of bounds", "ORDER_BY_POS_OUT_OF_RANGE", "42805"),
    ("Cannot find column with position", "GROUP_BY_POS_OUT_OF_RANGE", "42805"),
    ("Aggregate function calls cannot be nested", "NESTED_AGGREGATE_FUNCTION", "42607"),
    ("not allowed in the WHERE clause", "INVALID_WHERE_CONDITION", "42903"),
    ("WITH query name", "DUPLICATED_CTE_NAMES", "42602"),
    ("queries have different number of columns", "NUM_COLUMNS_MISMATCH", "42826"),
    ("Argument #1 must be an INTEGER", "CAST_INVALID_INPUT", "22018"),
    ("range function requires", WRONG_NUMBER, "42605"),
    ("requires an even number of arguments", WRONG_NUMBER, "42605"),
    ("Substring without for/from", WRONG_NUMBER, "42605"),
    ("does not support zero arguments", WRONG_NUMBER, "42605"),
    ("must have at least one argument", WRONG_NUMBER, "42605"),
    ("must appear in select list", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"),
    ("Unary operator '-' only supports", "CAST_INVALID_INPUT", "22018"),
    ("Unary operator 'NOT' requires", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09"),
    ("filter with non-boolean predicate", "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09"),
    ("Expected LIMIT to be an integer", "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE", "42K0E"),
    ("Expected OFFSET to be an integer", "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE", "42K0E"),
    ("LIMIT must be >= 0", "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE", "42K0E"),
    ("OFFSET must be >=0", "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE", "42K0E"),
    ("not found in struct", "FIELD_NOT_FOUND", "42704"),
    ("cannot be larger than end bound", WRONG_FRAME, "42K09"),
    ("Invalid window frame", WRONG_FRAME, "42K09"),
    ("map key must be unique", "DUPLICATED_MAP_KEY", "23505"),
    ("is out of range", "DATETIME_FIELD_OUT_OF_BOUNDS.WITHOUT_SUGGESTION", "22023"),
    ("too large to store in a Decimal", OUT_OF_RANGE, "22003"),
    ("too small to store in a Decimal", OUT_OF_RANGE, "22003"),
    ("type List(", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09"),
    ("is not Struct, Map, or Null", "INVALID_EXTRACT_BASE_FIELD_TYPE", "42000"),
    ("Unsupported SQL type", "UNSUPPORTED_DATATYPE", "0A000"),
    ("Unsupported CAST from", "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "42K09"),
    ("compound identifier", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703"),
    ("Empty tuple not supported", "PARSE_SYNTAX_ERROR", "42601"),
    ("Scalar subquery returned more than one row", "SCALAR_SUBQUERY_TOO_MANY_ROWS", "21000"),
    ("Source table contains", "ASSIGNMENT_ARITY_MISMATCH", "42802"),
    ("Inconsistent data length across values", INLINE_NUMBER, "42000"),
    ("Inconsistent data type across values", INLINE_TYPES, "42000"),
    ("Step cannot be zero", "FAILED_FUNCTION_CALL", "38000"),
    ("Invalid qualifier", "CANNOT_RESOLVE_STAR_EXPAND", "42704"),
    ("contains duplicate column names", "EXCEPT_OVERLAPPING_COLUMNS", "42702"),
    ("Invalid HexStringLiteral", "INVALID_TYPED_LITERAL", "42604"),
    ("Order by index starts at 1", "ORDER_BY_POS_OUT_OF_RANGE", "42805"),
    ("lambda defined", "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH", "42K0D"),
    ("map key cannot be null", "NULL_MAP_KEY", "2200E"),
    ("NTILE requires a positive", "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", "42K09"),
    ("Percentile value must be between", "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", "42K09"),
    ("named_struct requires", NOT_FOLDABLE_STRING, "42K09"),
    ("is defined multiple times", "INVALID_SQL_SYNTAX.REPETITIVE_WINDOW_DEFINITION", "42000"),
    ("RANGE requires exactly one ORDER BY", RANGE_WITHOUT_ORDER, "42K09"),
    ("Invalid escape character in LIKE", "INVALID_ESC", "42604"),
    ("is not in grouping columns.", "UNSUPPORTED_GROUPING_EXPRESSION", "42K0E"),
    ("is not in grouping columns", "GROUPING_COLUMN_MISMATCH", "42803"),
    ("Incompatible inputs for Union", "INCOMPATIBLE_COLUMN_TYPE", "42825"),
    ("compatible types to compare", "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "42K09"),
    ("Cannot infer common argument type", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09"),
    ("is out of bounds. The array has", "INVALID_ARRAY_INDEX", "22003"),
    ("does not support logical expression WindowFunction", NO_WINDOW, "42903"),
    ("Unable to parse date from", "DATETIME_FIELD_OUT_OF_BOUNDS.WITHOUT_SUGGESTION", "22023"),
    ("Frame bound", "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_UNACCEPTED_TYPE", "42K09"),
    ("exceeds its precision", "DECIMAL_SCALE_EXCEEDS_PRECISION", "42K09"),
    ("at most 38 digits are possible", "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "42K09"),
    ("requires a length parameter", "DATATYPE_MISSING_SIZE", "42K01"),
    ("regex parse error", "INVALID_PARAMETER_VALUE.PATTERN", "22023"),
    ("Regular expression did not compile", "INVALID_PARAMETER_VALUE.PATTERN", "22023"),
];

const INLINE_NUMBER: &str = "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH";
const INLINE_TYPES: &str = "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE";
const NOT_FOLDABLE_STRING: &str = "DATATYPE_MISMATCH.CREATE_NAMED_STRUCT_WITHOUT_FOLDABLE_STRING";
const RANGE_WITHOUT_ORDER: &str = "DATATYPE_MISMATCH.RANGE_FRAME_WITHOUT_ORDER";
const NO_WINDOW: &str = "WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE";
const WRONG_NUMBER: &str = "WRONG_NUM_ARGS.WITHOUT_SUGGESTION";
const WRONG_FRAME: &str = "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_WRONG_COMPARISON";
const OUT_OF_RANGE: &str = "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION";
const ONE_COLUMN: &str =
    "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN";

/// Functions that are nothing without OVER.
const WINDOW_ONLY: [&str; 9] = [
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "nth_value",
];

/// `line` is what the user reads; None where the text says nothing special.
pub(super) fn of(line: &str) -> Option<SqlError> {
    if let Some((_, class, state)) = KNOWN.iter().find(|(part, ..)| line.contains(part)) {
        return Some(SqlError::new(class, state, line));
    }
    if let Some(name) = line.strip_prefix("The window ").and_then(|rest| rest.split(' ').next())
        && line.contains("is not defined")
    {
        let text = format!("Window specification {name} is not defined in the WINDOW clause");
        return Some(SqlError::new("MISSING_WINDOW_SPECIFICATION", "42P20", text));
    }
    if line.contains("Too many columns! The subquery should only return one column") {
        return Some(SqlError::new(ONE_COLUMN, "42823", line));
    }
    let counts = (line.contains("expects") || line.contains(" expected "))
        && line.contains("arguments but received");
    counts.then(|| SqlError::new(WRONG_NUMBER, "42605", line))
}

/// A call of what is no function.
pub(super) fn no_function(name: &str) -> Option<SqlError> {
    WINDOW_ONLY.contains(&name).then(|| {
        let text = format!("Window function `{name}` requires an OVER clause");
        SqlError::new("WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE", "42601", text)
    })
}
