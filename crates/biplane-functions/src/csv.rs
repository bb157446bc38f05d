//! One line of CSV: read by a schema, written, its schema guessed.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use std::collections::BTreeMap;

use crate::frame::{Call, Def};
use crate::options::{Options, options_type};
use crate::raised::mismatch;
use crate::records::{each, malformed, of_text, takes, wanted};
use crate::time::shown;
use crate::variant::{Tree, shortest};

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "from_csv",
        least: 2,
        most: 3,
        takes,
        gives: |given| match wanted(given)? {
            fields @ DataType::Struct(_) => Ok(fields),
            _ => mismatch("The schema of from_csv must be a struct."),
        },
        run: from_csv,
    },
    Def {
        name: "schema_of_csv",
        least: 1,
        most: 2,
        takes: |types| Ok([DataType::Utf8, options_type()].into_iter().take(types.len()).collect()),
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            let format = Format::of(call, 1, "schema_of_csv")?;
            call.texts(|row| {
                let cells = format.cells(call.text(0, row)).unwrap_or_default();
                let fields = cells
                    .iter()
                    .enumerate()
                    .map(|(at, (cell, _))| format!("_c{at}: {}", guessed(cell, &format.options)));
                Ok(Some(format!("STRUCT<{}>", fields.collect::<Vec<_>>().join(", "))))
            })
        },
    },
    Def {
        name: "to_csv",
        least: 1,
        most: 2,
        takes: |types| match &types[0] {
            fields @ DataType::Struct(_) => {
                Ok([fields.clone(), options_type()].into_iter().take(types.len()).collect())
            }
            other => mismatch(format!("to_csv takes a struct, not {other}.")),
        },
        gives: |_| Ok(DataType::Utf8),
        run: to_csv,
    },
];

const KNOWN: &[&str] =
    &["sep", "delimiter", "quote", "escape", "nullvalue", "mode", "quoteall", "emptyvalue"];

struct Format {
    options: Options,
    separator: String,
    quote: char,
    escape: char,
    null: String,
}

impl Format {
    fn of(call: &Call<'_>, at: usize, function: &str) -> Result<Self> {
        let options = Options::of(call.args.get(at), call.zone)?;
        options.only(function, KNOWN)?;
        let separator = options.text("sep").or_else(|| options.text("delimiter"));
        let separator = separator.filter(|sep| !sep.is_empty()).unwrap_or(",").to_owned();
        let letter =
            |name: &str, or: char| options.text(name).and_then(|t| t.chars().next()).unwrap_or(or);
        let (quote, escape) = (letter("quote", '"'), letter("escape", '\\'));
        let null = options.text("nullvalue").unwrap_or_default().to_owned();
        Ok(Self { separator, quote, escape, null, options })
    }

    /// The cells, and whether each was in quotes. None: a quote is not closed.
    fn cells(&self, line: &str) -> Option<Vec<(String, bool)>> {
        let (mut cells, mut rest) = (Vec::new(), line);
        loop {
            let inner = rest.trim_start_matches(' ').strip_prefix(self.quote);
            let (cell, behind, is_quoted) = match inner {
                Some(inner) => {
                    let (cell, behind) = self.quoted(inner)?;
                    (cell, behind.trim_start_matches(' '), true)
                }
                None => {
                    let end = rest.find(&self.separator).unwrap_or(rest.len());
                    (rest[..end].to_owned(), &rest[end..], false)
                }
            };
            cells.push((cell, is_quoted));
            if behind.is_empty() {
                return Some(cells);
            }
            rest = behind.strip_prefix(&self.separator)?;
        }
    }

    fn quoted<'t>(&self, text: &'t str) -> Option<(String, &'t str)> {
        let (mut cell, mut letters) = (String::new(), text.char_indices().peekable());
        while let Some((at, letter)) = letters.next() {
            let next = letters.peek().map(|(_, next)| *next);
            if letter == self.escape && next.is_some_and(|c| c == self.quote || c == self.escape) {
                cell.extend(letters.next().map(|(_, next)| next));
            } else if letter == self.quote && next == Some(self.quote) {
                cell.push(self.quote);
                letters.next();
            } else if letter == self.quote {
                return Some((cell, &text[at + letter.len_utf8()..]));
            } else {
                cell.push(letter);
            }
        }
        None
    }
}

fn from_csv(call: &Call<'_>) -> Result<ArrayRef> {
    let format = Format::of(call, 2, "from_csv")?;
    let fails = format.options.fails_fast()?;
    let DataType::Struct(fields) = call.gives else { return mismatch("A struct is made here.") };
    each(call, |line| {
        let Some(cells) = format.cells(line) else { return malformed(line, fails, call.gives) };
        let mut object = BTreeMap::new();
        for (field, (cell, is_quoted)) in fields.iter().zip(cells) {
            if is_quoted || cell != format.null {
                let value = of_text(&cell, field.data_type(), &format.options);
                object.insert(field.name().clone(), value);
            }
        }
        Ok(Some(Tree::Object(object)))
    })
}

fn guessed(cell: &str, options: &Options) -> &'static str {
    let cell = cell.trim();
    if cell.is_empty() {
        "STRING"
    } else if cell.parse::<i32>().is_ok() {
        "INT"
    } else if cell.parse::<i64>().is_ok() {
        "BIGINT"
    } else if cell.parse::<f64>().is_ok() {
        "DOUBLE"
    } else if options.date(cell).is_some() {
        "DATE"
    } else if options.wall(cell).is_some() {
        "TIMESTAMP"
    } else if ["true", "false"].contains(&cell.to_lowercase().as_str()) {
        "BOOLEAN"
    } else {
        "STRING"
    }
}

fn to_csv(call: &Call<'_>) -> Result<ArrayRef> {
    let format = Format::of(call, 1, "to_csv")?;
    let quotes_all = format.options.is("quoteall", false);
    call.texts(|row| {
        let mut cells = Vec::new();
        for column in call.args[0].as_struct().columns() {
            let cell = cell_of(column, row, &format.options)?;
            cells.push(match cell {
                None => format.null.clone(),
                Some(cell) => {
                    let special = [format.quote, '\n', '\r'];
                    let is_special = quotes_all
                        || cell.is_empty()
                        || cell.contains(&format.separator)
                        || cell.contains(special);
                    if is_special {
                        let inner = cell
                            .replace(format.quote, &format!("{}{}", format.escape, format.quote));
                        format!("{0}{inner}{0}", format.quote)
                    } else {
                        cell
                    }
                }
            });
        }
        Ok(Some(cells.join(&format.separator)))
    })
}

/// A value as text of CSV and XML.
pub fn cell_of(column: &ArrayRef, row: usize, options: &Options) -> Result<Option<String>> {
    if column.is_null(row) || column.data_type().is_null() {
        return Ok(None);
    }
    let value = column.slice(row, 1);
    Ok(Some(match column.data_type() {
        DataType::Date32 => match &options.dates {
            Some(pattern) => pattern.write(shown(column, row, &options.zone)?, &options.zone)?,
            None => shown(column, row, &options.zone)?.date().to_string(),
        },
        DataType::Timestamp(_, zone) => {
            let local = shown(column, row, &options.zone)?;
            match &options.timestamps {
                Some(pattern) => pattern.write(local, &options.zone)?,
                None => {
                    let pattern = if zone.is_some() {
                        "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"
                    } else {
                        "yyyy-MM-dd'T'HH:mm:ss.SSS"
                    };
                    crate::patterns::Pattern::new(pattern)?.write(local, &options.zone)?
                }
            }
        }
        DataType::Float32 => {
            let number = value.as_primitive::<arrow::datatypes::Float32Type>().value(0);
            shortest(&format!("{number:e}"))
        }
        DataType::Float64 => {
            let number = value.as_primitive::<arrow::datatypes::Float64Type>().value(0);
            shortest(&format!("{number:e}"))
        }
        nested if nested.is_nested() => {
            return mismatch(format!("A value of the type {nested} cannot be one cell."));
        }
        _ => cast(&value, &DataType::Utf8)?.as_string::<i32>().value(0).to_owned(),
    }))
}
