//! What the conditions of a query say of catalog, schema and table.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator};
use std::collections::BTreeSet;

/// None: any.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    pub catalogs: Option<BTreeSet<String>>,
    pub schemas: Option<BTreeSet<String>>,
    pub tables: Option<BTreeSet<String>>,
}

impl Wanted {
    /// `own`: the catalog whose information schema is read.
    pub fn of(filters: &[Expr], own: Option<&str>) -> Self {
        let mut out =
            Self { catalogs: own.map(|name| BTreeSet::from([name.to_owned()])), ..Self::default() };
        for filter in filters {
            if let Some((column, values)) = equals(filter) {
                let list = match column.as_str() {
                    "table_catalog" | "catalog_name" | "volume_catalog" | "routine_catalog"
                    | "specific_catalog" => &mut out.catalogs,
                    "table_schema" | "schema_name" | "volume_schema" | "routine_schema"
                    | "specific_schema" => &mut out.schemas,
                    "table_name" | "volume_name" | "routine_name" => &mut out.tables,
                    _ => continue,
                };
                *list = Some(match list.take() {
                    Some(there) => there.intersection(&values).cloned().collect(),
                    None => values,
                });
            }
        }
        out
    }

    pub fn has_table(&self, name: &str) -> bool {
        self.tables.as_ref().is_none_or(|names| names.contains(name))
    }

    pub fn has_schema(&self, name: &str) -> bool {
        self.schemas.as_ref().is_none_or(|names| names.contains(name))
    }
}

/// `column = 'x'`, `'x' = column`, `column IN ('x', 'y')`, or such joined by OR.
fn equals(filter: &Expr) -> Option<(String, BTreeSet<String>)> {
    match filter {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            let (column, value) = match (column(&binary.left), text(&binary.right)) {
                (Some(column), Some(value)) => (column, value),
                _ => (column(&binary.right)?, text(&binary.left)?),
            };
            Some((column, BTreeSet::from([value])))
        }
        Expr::BinaryExpr(binary) if binary.op == Operator::Or => {
            let (left, mut values) = equals(&binary.left)?;
            let (right, more) = equals(&binary.right)?;
            values.extend(more);
            (left == right).then_some((left, values))
        }
        Expr::InList(list) if !list.negated => {
            let values: Option<BTreeSet<String>> = list.list.iter().map(text).collect();
            Some((column(&list.expr)?, values?))
        }
        _ => None,
    }
}

fn column(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        Expr::Cast(cast) => column(&cast.expr),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text))
            | ScalarValue::Utf8View(Some(text)),
            _,
        ) => Some(text.clone()),
        Expr::Cast(cast) => text(&cast.expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::{col, lit};

    #[test]
    fn conditions_narrow_down() {
        let wanted = Wanted::of(
            &[
                col("table_schema").eq(lit("s")),
                lit("t").eq(col("table_name")).or(col("table_name").eq(lit("u"))),
                col("comment").eq(lit("x")),
                col("table_type").not_eq(lit("VIEW")),
            ],
            Some("main"),
        );
        assert_eq!(wanted.catalogs.as_ref().map(BTreeSet::len), Some(1));
        assert!(wanted.has_schema("s") && !wanted.has_schema("r"));
        assert!(wanted.has_table("t") && wanted.has_table("u") && !wanted.has_table("v"));
    }
}
