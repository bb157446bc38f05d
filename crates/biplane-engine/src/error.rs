//! What a statement fails with: Databricks' error class, SQLSTATE, text and position.
//!
//! `message` goes to the user. Text of libraries goes there only where it speaks about the user's SQL
//! or data; paths, credentials and Rust values never do.

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::TransactionError;
use std::fmt;

mod chain;
mod classes;
mod text;

/// Why a statement failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    pub class: String,
    pub sql_state: String,
    /// Without the class in front and the SQLSTATE behind; `Display` adds both.
    pub message: String,
    /// From 1; 0 = not known.
    pub line: u32,
    pub column: u32,
    /// Public status code: BAD_REQUEST, NOT_FOUND, RESOURCE_EXHAUSTED, …
    pub error_code: &'static str,
}

pub type SqlResult<T> = Result<T, SqlError>;

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message.trim_end();
        let stop = if message.ends_with(['.', '?', '!', ':']) { "" } else { "." };
        write!(f, "[{}] {message}{stop} SQLSTATE: {}", self.class, self.sql_state)?;
        if self.line > 0 {
            write!(f, " (line {}, pos {})", self.line, self.column.saturating_sub(1))?;
        }
        Ok(())
    }
}

impl std::error::Error for SqlError {}

/// The class of a change that met another one.
pub const CONCURRENT_WRITE: &str = "DELTA_CONCURRENT_APPEND";

impl SqlError {
    pub fn new(class: &str, sql_state: &str, message: impl Into<String>) -> Self {
        Self {
            class: class.to_owned(),
            sql_state: sql_state.to_owned(),
            message: message.into(),
            line: 0,
            column: 0,
            error_code: "BAD_REQUEST",
        }
    }

    pub fn with_code(mut self, error_code: &'static str) -> Self {
        self.error_code = error_code;
        self
    }

    /// Sets the position unless it is known already.
    pub fn at(mut self, line: u64, column: u64) -> Self {
        if self.line == 0 {
            self.line = u32::try_from(line).unwrap_or(0);
            self.column = u32::try_from(column).unwrap_or(0);
        }
        self
    }

    pub fn syntax(message: impl Into<String>, line: u64, column: u64) -> Self {
        Self::new("PARSE_SYNTAX_ERROR", "42601", message).at(line, column)
    }

    pub fn table_not_found(name: impl fmt::Display) -> Self {
        let text = format!(
            "The table or view {name} cannot be found. Verify the spelling and correctness of the \
             schema and catalog. To tolerate the error on drop use DROP VIEW IF EXISTS or DROP TABLE IF EXISTS"
        );
        Self::new("TABLE_OR_VIEW_NOT_FOUND", "42P01", text).with_code("NOT_FOUND")
    }

    pub fn schema_not_found(name: impl fmt::Display) -> Self {
        let text = format!(
            "The schema {name} cannot be found. Verify the spelling and correctness of the schema and catalog"
        );
        Self::new("SCHEMA_NOT_FOUND", "42704", text).with_code("NOT_FOUND")
    }

    pub fn catalog_not_found(name: impl fmt::Display) -> Self {
        let text = format!("Catalog {name} was not found");
        Self::new("NO_SUCH_CATALOG_EXCEPTION", "42704", text).with_code("NOT_FOUND")
    }

    pub fn table_exists(name: impl fmt::Display) -> Self {
        let text = format!("Cannot create table or view {name} because it already exists");
        Self::new("TABLE_OR_VIEW_ALREADY_EXISTS", "42P07", text).with_code("ALREADY_EXISTS")
    }

    pub fn schema_exists(name: impl fmt::Display) -> Self {
        let text = format!("Cannot create schema {name} because it already exists");
        Self::new("SCHEMA_ALREADY_EXISTS", "42P06", text).with_code("ALREADY_EXISTS")
    }

    pub fn catalog_exists(name: impl fmt::Display) -> Self {
        let text = format!("Cannot create catalog {name} because it already exists");
        Self::new("CATALOG_ALREADY_EXISTS", "42P06", text).with_code("ALREADY_EXISTS")
    }

    pub fn path_not_found(path: impl fmt::Display) -> Self {
        Self::new("PATH_NOT_FOUND", "42K03", format!("Path does not exist: {path}"))
            .with_code("NOT_FOUND")
    }

    pub fn column_not_found(name: impl fmt::Display, suggestions: &[String]) -> Self {
        if suggestions.is_empty() {
            let text = format!(
                "A column, variable, or function parameter with name {name} cannot be resolved"
            );
            return Self::new("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703", text);
        }
        let text = format!(
            "A column, variable, or function parameter with name {name} cannot be resolved. \
             Did you mean one of the following? [{}]",
            suggestions.join(", ")
        );
        Self::new("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", text)
    }

    pub fn function_not_found(name: impl fmt::Display) -> Self {
        let text = format!(
            "Cannot resolve routine {name} on search path [`system`.`builtin`, `system`.`session`]"
        );
        Self::new("UNRESOLVED_ROUTINE", "42883", text)
    }

    pub fn denied(message: impl Into<String>) -> Self {
        Self::new("INSUFFICIENT_PERMISSIONS", "42501", message).with_code("PERMISSION_DENIED")
    }

    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new("UNSUPPORTED_FEATURE", "0A000", format!("The feature is not supported: {what}"))
    }

    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new("INVALID_PARAMETER_VALUE", "22023", message)
    }

    pub fn unbound_parameter(name: impl fmt::Display) -> Self {
        let text = format!(
            "Found the unbound parameter: {name}. Please, fix `args` and provide a mapping of the parameter to \
             either a SQL literal or collection constructor functions"
        );
        Self::new("UNBOUND_SQL_PARAMETER", "42P02", text)
    }

    pub fn divide_by_zero() -> Self {
        let text = "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead. If \
                    necessary set \"ansi_mode\" to \"false\" to bypass this error";
        Self::new("DIVIDE_BY_ZERO", "22012", text)
    }

    pub fn overflow(what: impl fmt::Display) -> Self {
        let text =
            format!("{what}. If necessary set \"ansi_mode\" to \"false\" to bypass this error");
        Self::new("ARITHMETIC_OVERFLOW", "22003", text)
    }

    /// A value that the target type cannot hold; `value` as SQL text.
    pub fn cast_invalid(value: &str, from: &str, to: &str) -> Self {
        let text = format!(
            "The value {value} of the type \"{from}\" cannot be cast to \"{to}\" because it is malformed. Correct \
             the value as per the syntax, or change its target type. Use `try_cast` to tolerate malformed input \
             and return NULL instead"
        );
        Self::new("CAST_INVALID_INPUT", "22018", text)
    }

    pub fn type_mismatch(message: impl Into<String>) -> Self {
        Self::new("DATATYPE_MISMATCH", "42K09", message)
    }

    pub fn concurrent_write(message: impl Into<String>) -> Self {
        Self::new(CONCURRENT_WRITE, "2D521", message).with_code("ABORTED")
    }

    pub fn exhausted(message: impl Into<String>) -> Self {
        Self::new("RESOURCE_EXHAUSTED", "53200", message).with_code("RESOURCE_EXHAUSTED")
    }

    pub fn timeout() -> Self {
        let text = "The statement ran longer than its timeout and was cancelled";
        Self::new("OPERATION_TIMEOUT", "HYT00", text).with_code("DEADLINE_EXCEEDED")
    }

    pub fn cancelled() -> Self {
        let text = "The statement was cancelled";
        Self::new("OPERATION_CANCELED", "HY008", text).with_code("CANCELLED")
    }

    /// Something no user can have caused. The cause goes to the log alone.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::warn!(cause = %cause, "a statement failed inside");
        let text = "An internal error occurred while the statement ran. Its id names it in the engine's log";
        Self::new("INTERNAL_ERROR", "XX000", text).with_code("INTERNAL_ERROR")
    }

    /// Storage or control plane could not be reached or answered with an error.
    pub fn io(cause: impl fmt::Display) -> Self {
        tracing::warn!(cause = %cause, "storage failed");
        // The kind of the error is lost on its way through several libraries, its text is not.
        let cause = cause.to_string();
        if ["No space left on device", "Disk quota exceeded"]
            .iter()
            .any(|full| cause.contains(full))
        {
            let text = "Task failed while writing rows: the storage is full. Make room there and try again";
            return Self::new("TASK_WRITE_FAILED", "58030", text).with_code("IO_ERROR");
        }
        let text = "Data could not be read from or written to storage";
        Self::new("FAILED_READ_FILE", "KD001", text).with_code("IO_ERROR")
    }

    pub fn file_missing(cause: impl fmt::Display) -> Self {
        tracing::info!(cause = %cause, "a file is missing");
        let text = "A file that the table or path refers to does not exist. It may have been removed by VACUUM \
                    or outside of this system";
        Self::new("FAILED_READ_FILE.FILE_NOT_EXIST", "KD001", text).with_code("NOT_FOUND")
    }

    /// The log of a table asks for what no reader or writer here can do.
    pub fn unsupported_table(cause: impl fmt::Display) -> Self {
        tracing::info!(cause = %cause, "a table has features that are not supported");
        let text = "The Delta table has features that are not supported here";
        Self::new("DELTA_UNSUPPORTED_FEATURES_FOR_READ", "56038", text)
    }

    pub fn unavailable(cause: impl fmt::Display) -> Self {
        tracing::warn!(cause = %cause, "the control plane cannot be reached");
        let text = "The control plane cannot be reached at the moment";
        Self::new("TEMPORARILY_UNAVAILABLE", "08006", text).with_code("TEMPORARILY_UNAVAILABLE")
    }
}

impl From<ParserError> for SqlError {
    fn from(error: ParserError) -> Self {
        match error {
            ParserError::RecursionLimitExceeded => {
                Self::new("EXCEEDED_LIMIT_LENGTH", "54006", "The statement is nested too deeply")
            }
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
                let (message, line, column) = text::split_position(&message);
                Self::syntax(format!("Syntax error: {message}"), line, column)
            }
        }
    }
}

impl From<ArrowError> for SqlError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::DivideByZero => Self::divide_by_zero(),
            ArrowError::ArithmeticOverflow(message) => Self::overflow(text::overflow(&message)),
            ArrowError::CastError(message) | ArrowError::ParseError(message) => {
                text::cast(&message)
            }
            ArrowError::ExternalError(inner) => from_boxed(inner.as_ref()),
            ArrowError::MemoryError(message) => Self::exhausted(message),
            ArrowError::ComputeError(message) | ArrowError::InvalidArgumentError(message) => {
                text::execution(&message)
            }
            other => Self::internal(other),
        }
    }
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        from_datafusion(&error)
    }
}

impl From<deltalake_core::kernel::Error> for SqlError {
    fn from(error: deltalake_core::kernel::Error) -> Self {
        Self::from(DeltaTableError::from(error))
    }
}

impl From<DeltaTableError> for SqlError {
    fn from(error: DeltaTableError) -> Self {
        from_delta(&error)
    }
}

fn from_datafusion(error: &DataFusionError) -> SqlError {
    match error {
        DataFusionError::ArrowError(inner, _) => from_arrow(inner),
        DataFusionError::SQL(inner, _) => SqlError::from((**inner).clone()),
        DataFusionError::Diagnostic(diagnostic, inner) => {
            let error = from_datafusion(inner);
            match &diagnostic.span {
                Some(span) => error.at(span.start.line, span.start.column),
                None => error,
            }
        }
        DataFusionError::Context(_, inner) => from_datafusion(inner),
        DataFusionError::Shared(inner) => from_datafusion(inner),
        DataFusionError::Collection(errors) => errors.first().map_or_else(
            || SqlError::internal("no error in a collection of errors"),
            from_datafusion,
        ),
        DataFusionError::External(inner) => from_boxed(inner.as_ref()),
        DataFusionError::SchemaError(inner, _) => from_schema(inner),
        DataFusionError::Plan(message) => text::plan(message),
        DataFusionError::NotImplemented(message) => classes::of(&text::feature(message))
            .unwrap_or_else(|| SqlError::unsupported(text::feature(message))),
        DataFusionError::Execution(message) => text::execution(message),
        DataFusionError::ResourcesExhausted(message) => {
            tracing::info!(message, "a statement ran out of memory");
            SqlError::exhausted(
                "The statement needs more memory than this warehouse may give it. Reduce the data it reads or \
                 use a larger warehouse",
            )
        }
        DataFusionError::ObjectStore(inner) => from_store(inner),
        DataFusionError::ParquetError(inner) => {
            chain::storage(inner.as_ref()).unwrap_or_else(|| SqlError::io(inner))
        }
        DataFusionError::IoError(inner) => {
            chain::storage(inner).unwrap_or_else(|| SqlError::io(inner))
        }
        DataFusionError::ExecutionJoin(inner) => SqlError::internal(inner),
        other => chain::storage(other).unwrap_or_else(|| self::other(other.strip_backtrace())),
    }
}

fn from_arrow(error: &ArrowError) -> SqlError {
    match error {
        ArrowError::ExternalError(inner) => from_boxed(inner.as_ref()),
        ArrowError::DivideByZero => SqlError::divide_by_zero(),
        ArrowError::ArithmeticOverflow(message) => {
            SqlError::from(ArrowError::ArithmeticOverflow(message.clone()))
        }
        ArrowError::CastError(message) | ArrowError::ParseError(message) => text::cast(message),
        ArrowError::ComputeError(message) | ArrowError::InvalidArgumentError(message) => {
            text::execution(message)
        }
        ArrowError::MemoryError(message) => SqlError::exhausted(message.clone()),
        other => self::other(other),
    }
}

fn from_boxed(error: &(dyn std::error::Error + Send + Sync + 'static)) -> SqlError {
    if let Some(error) = error.downcast_ref::<SqlError>() {
        return error.clone();
    }
    if let Some(raised) = error.downcast_ref::<biplane_functions::Raised>() {
        return SqlError::new(raised.class, raised.sql_state, raised.message.clone());
    }
    if let Some(error) = error.downcast_ref::<DataFusionError>() {
        return from_datafusion(error);
    }
    if let Some(error) = error.downcast_ref::<DeltaTableError>() {
        return from_delta(error);
    }
    if let Some(error) = error.downcast_ref::<ArrowError>() {
        return from_arrow(error);
    }
    chain::storage(error).unwrap_or_else(|| other(error))
}

/// Patterns that the regex library does not take come in errors of several kinds.
fn other(cause: impl fmt::Display) -> SqlError {
    let text = cause.to_string();
    match classes::of(&text::first_line(&text)) {
        Some(error) if error.class.starts_with("INVALID_PARAMETER_VALUE.") => error,
        _ => SqlError::internal(cause),
    }
}

fn from_schema(error: &SchemaError) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let name = match &field.relation {
                Some(relation) => format!("`{}`.`{}`", relation.table(), field.name),
                None => format!("`{}`", field.name),
            };
            let candidates: Vec<String> =
                valid_fields.iter().map(|column| column.name.clone()).collect();
            let error = SqlError::column_not_found(name, &text::closest(&field.name, candidates));
            match field.spans.first() {
                Some(span) => error.at(span.start.line, span.start.column),
                None => error,
            }
        }
        SchemaError::AmbiguousReference { field } => {
            let text = format!(
                "Reference `{}` is ambiguous, more than one relation has a column of that name",
                field.name
            );
            let error = SqlError::new("AMBIGUOUS_REFERENCE", "42704", text);
            match field.spans.first() {
                Some(span) => error.at(span.start.line, span.start.column),
                None => error,
            }
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            let text = format!(
                "The column `{name}` already exists. Choose another name or rename the existing column"
            );
            SqlError::new("COLUMN_ALREADY_EXISTS", "42711", text)
        }
    }
}

fn from_store(error: &object_store::Error) -> SqlError {
    match error {
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => {
            tracing::warn!(cause = %error, "storage refused");
            SqlError::denied("The storage refused access with the credentials of this statement")
        }
        object_store::Error::NotFound { .. } => SqlError::file_missing(error),
        other => match text::refusal(&other.to_string()) {
            Some(text::Refusal::Denied) => {
                tracing::warn!(cause = %error, "storage refused");
                SqlError::denied(
                    "The storage refused access with the credentials of this statement",
                )
            }
            Some(text::Refusal::NoBucket) => {
                tracing::warn!(cause = %error, "a bucket is missing");
                let text = "The bucket of the table or path does not exist";
                SqlError::new("PATH_NOT_FOUND", "42K03", text).with_code("NOT_FOUND")
            }
            None => SqlError::io(other),
        },
    }
}

fn from_delta(error: &DeltaTableError) -> SqlError {
    match error {
        DeltaTableError::ObjectStore { source } => from_store(source),
        DeltaTableError::Arrow { source } => from_arrow(source),
        DeltaTableError::NotATable(_) => {
            SqlError::new("DELTA_TABLE_NOT_FOUND", "42P01", "The location holds no Delta table")
                .with_code("NOT_FOUND")
        }
        DeltaTableError::InvalidVersion(version) => SqlError::new(
            "DELTA_VERSION_NOT_FOUND",
            "22003",
            format!("Cannot time travel Delta table to version {version}"),
        ),
        DeltaTableError::Transaction { source: TransactionError::ObjectStore { source } } => {
            from_store(source)
        }
        DeltaTableError::VersionAlreadyExists(_)
        | DeltaTableError::Transaction {
            source: TransactionError::CommitConflict(_) | TransactionError::MaxCommitAttempts(_),
        } => {
            tracing::info!(cause = %error, "a commit met another one");
            let text = "The table was changed by another statement at the same time. Run the statement again";
            SqlError::concurrent_write(text)
        }
        DeltaTableError::Transaction { source: TransactionError::DeltaTableAppendOnly } => {
            let text =
                "Rows of this table may be added, not changed or deleted (`delta.appendOnly`)";
            SqlError::new("DELTA_CANNOT_MODIFY_APPEND_ONLY", "42809", text)
        }
        DeltaTableError::Transaction { source } => text::uncommitted(&source.to_string()),
        DeltaTableError::SchemaMismatch { msg } => {
            SqlError::new("DELTA_SCHEMA_MISMATCH", "42KDG", text::first_line(msg))
        }
        DeltaTableError::InvalidData { message } => text::invalid_data(message),
        DeltaTableError::Io { source } => {
            chain::storage(source).unwrap_or_else(|| SqlError::io(source))
        }
        DeltaTableError::GenericError { source } => from_boxed(source.as_ref()),
        DeltaTableError::Generic(message) => text::delta_generic(message),
        DeltaTableError::CommitValidation { .. } => text::uncommitted(&error.to_string()),
        other => chain::storage(other).unwrap_or_else(|| SqlError::internal(other)),
    }
}
