//! `collations()`: what text may be compared by.

use biplane_functions::collation::described;
use datafusion::sql::sqlparser::ast::TableFactor;

use crate::error::SqlResult;
use crate::plan::keywords::rows;

const COLUMNS: &str = "catalog, schema, name, language, country, accent_sensitivity, \
                       case_sensitivity, pad_attribute, icu_version";

/// The call as a table of its rows.
pub fn put_in(factor: &mut TableFactor) -> SqlResult<()> {
    rows(factor, "collations", COLUMNS, || {
        let text =
            |value: Option<&str>| value.map_or("NULL".to_owned(), |text| format!("'{text}'"));
        let each = described().into_iter().map(|one| {
            let (language, country) = (text(one.language), text(one.country));
            let (accents, case) = (one.ignores_accents, one.ignores_case);
            format!(
                "('SYSTEM', 'BUILTIN', '{}', {language}, {country}, 'ACCENT_{}', 'CASE_{}', '{}', {})",
                one.name,
                if accents { "INSENSITIVE" } else { "SENSITIVE" },
                if case { "INSENSITIVE" } else { "SENSITIVE" },
                if one.ignores_end { "RTRIM" } else { "NO_PAD" },
                text(one.language.map(|_| "ICU4X 2.4")),
            )
        });
        each.collect()
    })
}
