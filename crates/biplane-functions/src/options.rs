//! Options of functions that read and write text formats: a literal map of text to text.

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Fields};
use chrono::NaiveDateTime;
use datafusion::common::Result;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::patterns::Pattern;
use crate::raised::fail;
use crate::time::zone;

pub fn options_type() -> DataType {
    let entries = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

pub struct Options {
    pub zone: Tz,
    pub timestamps: Option<Pattern>,
    pub dates: Option<Pattern>,
    given: BTreeMap<String, String>,
}

impl Options {
    pub fn of(argument: Option<&ArrayRef>, zone_name: &str) -> Result<Self> {
        let mut given = BTreeMap::new();
        if let Some(argument) = argument.filter(|map| !map.is_empty() && map.is_valid(0)) {
            let entries = argument.as_map().value(0);
            let keys = entries.column(0).as_string::<i32>();
            let values = entries.column(1).as_string::<i32>();
            for (key, value) in keys.iter().flatten().zip(values.iter().flatten()) {
                given.insert(key.to_lowercase(), value.to_owned());
            }
        }
        let pattern = |name: &str| given.get(name).map(|pattern| Pattern::new(pattern)).transpose();
        Ok(Self {
            zone: zone(given.get("timezone").map_or(zone_name, String::as_str))?,
            timestamps: pattern("timestampformat")?,
            dates: pattern("dateformat")?,
            given,
        })
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    pub fn is(&self, name: &str, otherwise: bool) -> bool {
        self.text(name).map_or(otherwise, |value| value.eq_ignore_ascii_case("true"))
    }

    /// An option that nobody knows here is refused.
    pub fn only(&self, function: &str, known: &[&str]) -> Result<()> {
        const ALWAYS: [&str; 3] = ["timezone", "timestampformat", "dateformat"];
        for name in self.given.keys() {
            if !ALWAYS.contains(&name.as_str()) && !known.contains(&name.as_str()) {
                let text = format!("The option {name} of {function} is not supported.");
                return fail("UNSUPPORTED_FEATURE", "0A000", text);
            }
        }
        Ok(())
    }

    pub fn date(&self, text: &str) -> Option<chrono::NaiveDate> {
        match &self.dates {
            Some(pattern) => pattern.read(text, &self.zone).ok().flatten().map(|at| at.date()),
            None => text.trim().parse().ok(),
        }
    }

    /// As the wall clock shows it.
    pub fn wall(&self, text: &str) -> Option<NaiveDateTime> {
        if let Some(pattern) = &self.timestamps {
            return pattern.read(text, &self.zone).ok().flatten();
        }
        let parsed =
            arrow::compute::kernels::cast_utils::string_to_datetime(&self.zone, text.trim());
        parsed.ok().map(|at| at.naive_local())
    }

    /// How a malformed record is met.
    pub fn fails_fast(&self) -> Result<bool> {
        match self.text("mode").unwrap_or("PERMISSIVE").to_uppercase().as_str() {
            "PERMISSIVE" => Ok(false),
            "FAILFAST" => Ok(true),
            other => {
                let text = format!("The mode {other} is not supported here.");
                fail("PARSE_MODE_UNSUPPORTED", "42601", text)
            }
        }
    }
}
