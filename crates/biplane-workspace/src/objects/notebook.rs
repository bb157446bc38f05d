//! Notebooks: source with marks between cells, and Jupyter's JSON.

use biplane_platform::{ApiError, Result};
use serde_json::{Value, json};

/// (language, comment, end of a file's name)
const LANGUAGES: &[(&str, &str, &str)] =
    &[("PYTHON", "#", "py"), ("SQL", "--", "sql"), ("SCALA", "//", "scala"), ("R", "#", "r")];
const HEADER: &str = "Databricks notebook source";
const MARKDOWN: &str = "%md";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    pub name: &'static str,
    comment: &'static str,
    pub extension: &'static str,
}

impl Language {
    fn find(wanted: impl Fn(&str, &str) -> bool) -> Option<Self> {
        let known = LANGUAGES.iter().find(|(name, _, extension)| wanted(name, extension));
        known.map(|(name, comment, extension)| Language { name, comment, extension })
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::find(|known, _| known.eq_ignore_ascii_case(name))
    }

    pub fn of_extension(end: &str) -> Option<Self> {
        Self::find(|_, known| known.eq_ignore_ascii_case(end))
    }

    fn header(self) -> String {
        format!("{} {HEADER}", self.comment)
    }

    fn between(self) -> String {
        format!("\n\n{} COMMAND ----------\n\n", self.comment)
    }

    /// Whether text begins as notebooks do.
    pub fn begins(self, text: &str) -> bool {
        text.lines().next().is_some_and(|line| line.trim_end() == self.header())
    }

    /// With the first line of a notebook.
    pub fn source(self, text: &str) -> String {
        match self.begins(text) {
            true => text.to_owned(),
            false => format!("{}\n{text}", self.header()),
        }
    }

    fn cells(self, source: &str) -> Vec<String> {
        let mark = format!("{} COMMAND ----------", self.comment);
        let mut cells = vec![String::new()];
        for line in source.lines().skip(usize::from(self.begins(source))) {
            match (line.trim_end() == mark, cells.last_mut()) {
                (false, Some(cell)) => {
                    cell.push_str(line);
                    cell.push('\n');
                }
                _ => cells.push(String::new()),
            }
        }
        let magic = format!("{} MAGIC", self.comment);
        let plain = |line: &str| match line.strip_prefix(&magic) {
            Some(rest) => rest.strip_prefix(' ').unwrap_or(rest).to_owned(),
            None => line.to_owned(),
        };
        let cell = |cell: String| {
            let lines: Vec<String> = cell.trim_matches('\n').lines().map(plain).collect();
            lines.join("\n")
        };
        cells.into_iter().map(cell).collect()
    }

    /// A notebook in source, as Jupyter has it.
    pub fn to_jupyter(self, source: &str) -> Value {
        let cell = |text: String| match text.strip_prefix(MARKDOWN) {
            Some(rest) if !rest.starts_with('-') => {
                json!({ "cell_type": "markdown", "metadata": {}, "source": lines(rest.trim_start()) })
            }
            _ => json!({
                "cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [],
                "source": lines(&text),
            }),
        };
        let cells: Vec<Value> = self.cells(source).into_iter().map(cell).collect();
        let language = self.name.to_lowercase();
        json!({
            "cells": cells, "nbformat": 4, "nbformat_minor": 0,
            "metadata": { "language_info": { "name": language } },
        })
    }

    fn cell_of(self, cell: &Value) -> String {
        let text = match &cell["source"] {
            Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect::<String>(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        let text = match cell["cell_type"].as_str() {
            Some("markdown" | "raw") => format!("{MARKDOWN}\n{text}"),
            _ => text,
        };
        if !text.starts_with('%') {
            return text;
        }
        let magic = |line: &str| format!("{} MAGIC {line}", self.comment).trim_end().to_owned();
        text.lines().map(magic).collect::<Vec<_>>().join("\n")
    }
}

/// Text as Jupyter keeps it: a list of lines that end with their break.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The language and the source of a notebook of Jupyter. What its cells printed is left behind.
pub fn from_jupyter(bytes: &[u8]) -> Result<(Language, String)> {
    let bad = |why: &str| ApiError::invalid(format!("The notebook is not one of Jupyter: {why}."));
    let notebook: Value = serde_json::from_slice(bytes).map_err(|error| bad(&error.to_string()))?;
    let metadata = &notebook["metadata"];
    let named = [
        &metadata["application/vnd.databricks.v1+notebook"]["language"],
        &metadata["language_info"]["name"],
        &metadata["kernelspec"]["language"],
    ];
    let named = named.into_iter().find_map(Value::as_str).unwrap_or("python");
    let language = Language::of(named)
        .ok_or_else(|| bad("its language is none of Python, SQL, Scala and R"))?;
    let cells = notebook["cells"].as_array().ok_or_else(|| bad("it has no cells"))?;
    let cells: Vec<String> = cells.iter().map(|cell| language.cell_of(cell)).collect();
    Ok((language, language.source(&cells.join(&language.between()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notebook_goes_to_jupyter_and_back() {
        let python = Language::of("python").expect("a language");
        let source = "# Databricks notebook source\nx = 1\nprint(x)\n\n# COMMAND ----------\n\n# MAGIC %md\n# MAGIC # A title\n# MAGIC\n# MAGIC text\n\n# COMMAND ----------\n\n# MAGIC %sql\n# MAGIC SELECT 1";
        let jupyter = python.to_jupyter(source);
        let kinds: Vec<_> = jupyter["cells"]
            .as_array()
            .expect("cells")
            .iter()
            .map(|cell| &cell["cell_type"])
            .collect();
        assert_eq!(kinds, ["code", "markdown", "code"]);
        assert_eq!(jupyter["cells"][0]["source"], json!(["x = 1\n", "print(x)"]));
        assert_eq!(jupyter["cells"][1]["source"], json!(["# A title\n", "\n", "text"]));
        assert_eq!(jupyter["cells"][2]["source"], json!(["%sql\n", "SELECT 1"]));
        let bytes = serde_json::to_vec(&jupyter).expect("bytes");
        assert_eq!(from_jupyter(&bytes).expect("a notebook"), (python, source.to_owned()));
    }

    #[test]
    fn what_is_no_notebook_is_refused() {
        for bad in ["", "[]", "{}", r#"{"cells":[],"metadata":{"language_info":{"name":"cobol"}}}"#]
        {
            assert!(from_jupyter(bad.as_bytes()).is_err(), "{bad}");
        }
        let sql = Language::of_extension("sql").expect("a language");
        assert_eq!(sql.source("SELECT 1"), "-- Databricks notebook source\nSELECT 1");
        assert!(sql.begins("-- Databricks notebook source\nSELECT 1"));
    }
}
