//! Options of readers, by Spark's names in any case.

use arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::Expr;

use super::rescue;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::parser::{ColumnDef, parse_columns};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
    Parquet,
    Text,
}

impl Format {
    pub fn parse(text: &str) -> SqlResult<Self> {
        match text.to_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "parquet" => Ok(Self::Parquet),
            "text" => Ok(Self::Text),
            known @ ("avro" | "orc" | "xml" | "binaryfile" | "excel") => {
                Err(SqlError::unsupported(format!("reading files of the format {known}")))
            }
            other => {
                let text = format!("Failed to find the data source: {other}");
                Err(SqlError::new("DATA_SOURCE_NOT_FOUND", "42K02", text))
            }
        }
    }

    /// By the end of a file's name, compression put aside.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let name = [".gz", ".bz2", ".zst", ".xz"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" | "tsv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            "txt" | "text" | "log" => Some(Self::Text),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    pub format: Option<Format>,
    pub header: bool,
    pub delimiter: Option<u8>,
    pub quote: u8,
    pub escape: Option<u8>,
    pub comment: Option<u8>,
    pub null_value: Option<String>,
    /// Values over several lines; a JSON array instead of one object a line.
    pub multi_line: bool,
    pub infer_types: bool,
    /// Values that do not fit fail the statement instead of becoming NULL.
    pub fail_fast: bool,
    pub schema: Option<Vec<ColumnDef>>,
    pub schema_hints: Vec<ColumnDef>,
    pub glob: Option<String>,
    pub ignore_leading_space: bool,
    pub ignore_trailing_space: bool,
    /// `_rescued_data`, unless asked for under another name or not wanted.
    pub rescued: Rescued,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rescued {
    No,
    Named(String),
    /// As `read_files` has it: where the columns are inferred.
    Default,
}

impl Options {
    pub fn new(format: Option<Format>) -> Self {
        Self {
            format,
            header: false,
            delimiter: None,
            quote: b'"',
            escape: None,
            comment: None,
            null_value: None,
            multi_line: false,
            infer_types: true,
            fail_fast: false,
            schema: None,
            schema_hints: Vec::new(),
            glob: None,
            ignore_leading_space: false,
            ignore_trailing_space: false,
            rescued: Rescued::No,
        }
    }

    pub fn set(&mut self, key: &str, value: &str) -> SqlResult<()> {
        match key.to_lowercase().as_str() {
            "format" => self.format = Some(Format::parse(value)?),
            "header" => self.header = flag(key, value)?,
            "sep" | "delimiter" => self.delimiter = byte(key, value)?,
            "quote" => self.quote = byte(key, value)?.unwrap_or(0),
            "escape" => self.escape = byte(key, value)?.filter(|escape| *escape != b'"'),
            "comment" => self.comment = byte(key, value)?,
            "nullvalue" => self.null_value = Some(value.to_owned()),
            "multiline" => self.multi_line = flag(key, value)?,
            "inferschema" | "infercolumntypes" | "cloudfiles.infercolumntypes" => {
                self.infer_types = flag(key, value)?;
            }
            "mode" => match value.to_lowercase().as_str() {
                "permissive" => self.fail_fast = false,
                "failfast" => self.fail_fast = true,
                "dropmalformed" => return Err(SqlError::unsupported("the mode DROPMALFORMED")),
                _ => return Err(invalid(key, value)),
            },
            "schema" => self.schema = Some(parse_columns(value)?),
            "schemahints" => self.schema_hints = parse_columns(value)?,
            "pathglobfilter" | "fileglobfilter" | "fileNamePattern" => {
                self.glob = Some(value.to_owned())
            }
            "rescueddatacolumn" if value.is_empty() => self.rescued = Rescued::No,
            "rescueddatacolumn" => self.rescued = Rescued::Named(value.to_owned()),
            "schemaevolutionmode" | "cloudfiles.schemaevolutionmode" => {
                self.set_evolution(key, value)?;
            }
            "ignoreleadingwhitespace" => self.ignore_leading_space = flag(key, value)?,
            "ignoretrailingwhitespace" => self.ignore_trailing_space = flag(key, value)?,
            "encoding" | "charset" => match value.to_lowercase().as_str() {
                "utf-8" | "utf8" | "us-ascii" => {}
                _ => return Err(SqlError::unsupported(format!("the encoding {value}"))),
            },
            // What these ask for is what is done anyway.
            "recursivefilelookup"
            | "mergeschema"
            | "linesep"
            | "maxcolumns"
            | "maxcharspercolumn"
            | "samplingratio"
            | "prefersdate"
            | "preferdate"
            | "compression"
            | "enforceschema"
            | "readercasesensitive"
            | "emptyvalue"
            | "unescapedquotehandling"
            | "primitivesasstring"
            | "allowcomments"
            | "allowsinglequotes"
            | "useStrictGlobber"
            | "usestrictglobber"
            | "partitioncolumns"
            | "ignoremissingfiles"
            | "ignorecorruptfiles"
            | "chartoescapequoteescaping"
            | "columnnameofcorruptrecord"
            | "allowmissingfiles"
            | "dropfieldifallnull" => {}
            "timestampformat" | "dateformat" | "timestampntzformat" | "locale" | "timezone"
            | "positiveinf" | "negativeinf" | "nanvalue" | "modifiedafter" | "modifiedbefore"
            | "wholetext" | "skiprows" | "rowtag" => {
                return Err(SqlError::unsupported(format!("the option {key}")));
            }
            _ => {
                let text = format!("The option {key:?} of a reader is not known");
                return Err(SqlError::new("CF_UNKNOWN_OPTION_KEYS_ERROR", "42616", text));
            }
        }
        Ok(())
    }

    fn set_evolution(&mut self, key: &str, value: &str) -> SqlResult<()> {
        match value.to_lowercase().as_str() {
            "none" if self.rescued == Rescued::Default => self.rescued = Rescued::No,
            "none" | "rescue" => {}
            // Each statement looks at the files anew, so that new columns are there.
            "addnewcolumns" if self.schema.is_none() => {}
            "addnewcolumns" => {
                let text = "Schema evolution mode addNewColumns is not supported when the schema is specified. \
                            To use this mode, you can provide the schema through schemaHints instead";
                return Err(SqlError::new("CF_ADD_NEW_NOT_SUPPORTED", "0A000", text));
            }
            "failonnewcolumns" | "addnewcolumnswithtypewidening" => {
                return Err(SqlError::unsupported(format!("the schemaEvolutionMode {value}")));
            }
            _ => return Err(invalid(key, value)),
        }
        Ok(())
    }

    /// The name of the column for rescued data, if there is one.
    pub fn rescued_column(&self, format: Format, columns: &Schema) -> Option<String> {
        let name = match &self.rescued {
            Rescued::Named(name) => name.clone(),
            Rescued::Default if self.schema.is_none() => rescue::COLUMN.to_owned(),
            Rescued::Default | Rescued::No => return None,
        };
        let is_taken = columns.fields().iter().any(|f| f.name().eq_ignore_ascii_case(&name));
        (format != Format::Text && !is_taken).then_some(name)
    }

    pub fn separator(&self, name: &str) -> u8 {
        let tabs = name.to_lowercase().contains(".tsv");
        self.delimiter.unwrap_or(if tabs { b'\t' } else { b',' })
    }
}

fn invalid(key: &str, value: &str) -> SqlError {
    let short: String = value.chars().take(50).collect();
    SqlError::invalid_parameter(format!("The value {short:?} is not valid for the option {key}"))
}

fn flag(key: &str, value: &str) -> SqlResult<bool> {
    match value.to_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(key, value)),
    }
}

/// One character of one byte; none where the text is empty.
fn byte(key: &str, value: &str) -> SqlResult<Option<u8>> {
    let value = match value {
        "\\t" => "\t",
        "\\0" | "\\u0000" => "\0",
        "\\\\" => "\\",
        other => other,
    };
    match value.as_bytes() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(SqlError::unsupported(format!("more than one byte as the option {key}"))),
    }
}

/// `read_files(path, format => 'csv', …)`.
pub async fn of_arguments(
    cx: &StatementContext,
    arguments: Vec<(Option<String>, Expr)>,
) -> SqlResult<(String, Options)> {
    let mut options = Options::new(None);
    options.rescued = Rescued::Default;
    let mut path = None;
    let mut evolution = None;
    for (key, expr) in arguments {
        let value = text(crate::plan::constant(cx, &expr).await?)?;
        match key {
            None if path.is_none() => path = Some(value),
            None => {
                return Err(SqlError::invalid_parameter(
                    "read_files takes one path and named options",
                ));
            }
            Some(key) if key.eq_ignore_ascii_case("path") => path = Some(value),
            // What it means depends on the others.
            Some(key) if key.eq_ignore_ascii_case("schemaEvolutionMode") => {
                evolution = Some((key, value));
            }
            Some(key) => options.set(&key, &value)?,
        }
    }
    if let Some((key, value)) = evolution {
        options.set(&key, &value)?;
    }
    let path = path.ok_or_else(|| SqlError::invalid_parameter("read_files needs a path"))?;
    Ok((path, options))
}

fn text(value: ScalarValue) -> SqlResult<String> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Ok(text),
        value if value.is_null() => {
            Err(SqlError::invalid_parameter("an argument of read_files is NULL"))
        }
        value => Ok(value.to_string()),
    }
}
