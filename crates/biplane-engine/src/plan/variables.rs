//! Variables in queries. Columns come first, so a variable is only put in where planning found no column,
//! at the place where it was missing.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, Select, SelectItem, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Location;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::calls::call;
use super::rewrite::{HIDDEN, plain};
use crate::context::StatementContext;

/// A name that is missing, and where, if it is known.
pub struct Missing {
    parts: Vec<String>,
    at: Option<Location>,
}

pub fn missing(error: &DataFusionError) -> Option<Missing> {
    match error {
        DataFusionError::SchemaError(inner, _) => match inner.as_ref() {
            SchemaError::FieldNotFound { field, .. } => {
                let mut parts =
                    field.relation.as_ref().map(|name| name.to_vec()).unwrap_or_default();
                parts.push(field.name.clone());
                let span = field.spans.first();
                let at = span.map(|span| Location::new(span.start.line, span.start.column));
                Some(Missing { parts, at })
            }
            _ => None,
        },
        DataFusionError::Diagnostic(diagnostic, inner) => {
            let mut found = missing(inner)?;
            let span = diagnostic.span.map(|span| span.start);
            found.at = found.at.or(span.map(|at| Location::new(at.line, at.column)));
            Some(found)
        }
        DataFusionError::Context(_, inner) => missing(inner),
        DataFusionError::Shared(inner) => missing(inner),
        DataFusionError::Collection(errors) => errors.iter().find_map(missing),
        _ => None,
    }
}

/// Values that were put into an AST; the calls there count them.
#[derive(Debug, Default)]
pub struct Constants(Vec<ScalarValue>);

impl Constants {
    /// Puts the variable in its place. Whether there is one.
    pub fn put_in<T: VisitMut>(
        &mut self,
        cx: &StatementContext,
        ast: &mut T,
        missing: &Missing,
    ) -> bool {
        let mut parts = missing.parts.clone();
        let mut fields = Vec::new();
        let variable = loop {
            if let Some(found) = cx.variable(&parts) {
                break found;
            }
            match parts.pop() {
                Some(field) if !parts.is_empty() => fields.insert(0, field),
                _ => return false,
            }
        };
        let name = format!("{HIDDEN}v{}", self.0.len());
        self.0.push(variable.value);
        let mut value = call(&name, vec![]);
        if !fields.is_empty() {
            let chain = fields.into_iter().map(|field| {
                AccessExpr::Dot(Expr::value(
                    datafusion::sql::sqlparser::ast::Value::SingleQuotedString(field),
                ))
            });
            value =
                Expr::CompoundFieldAccess { root: Box::new(value), access_chain: chain.collect() };
        }
        let mut uses = Uses { missing, value, changed: false, number: self.0.len() };
        let _ = ast.visit(&mut uses);
        uses.changed
    }

    /// The function under whose name a value stands.
    pub fn function(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let index: usize = name.strip_prefix(HIDDEN)?.strip_prefix('v')?.parse().ok()?;
        let value = self.0.get(index)?.clone();
        let signature = Signature::exact(vec![], Volatility::Immutable);
        Some(Arc::new(ScalarUDF::new_from_impl(Constant { value, signature })))
    }
}

struct Uses<'a> {
    missing: &'a Missing,
    value: Expr,
    changed: bool,
    number: usize,
}

impl Uses<'_> {
    fn is_it(&self, idents: &[Ident]) -> bool {
        let names = idents.iter().map(|ident| ident.value.to_lowercase());
        let is_named = names.eq(self.missing.parts.iter().map(|part| part.to_lowercase()));
        let start = idents.first().map(|ident| ident.span.start);
        let is_there = match (self.missing.at, start) {
            (Some(at), Some(start)) if start.line > 0 && at.line > 0 => at == start,
            _ => true,
        };
        is_named && is_there
    }
}

impl VisitorMut for Uses<'_> {
    type Break = ();

    /// A column that is a variable is called as the variable; the number tells two of one name apart.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for (at, item) in select.projection.iter_mut().enumerate() {
            let SelectItem::UnnamedExpr(expr) = item else { continue };
            let name = match &*expr {
                Expr::Identifier(ident) if self.is_it(std::slice::from_ref(ident)) => {
                    ident.value.clone()
                }
                Expr::CompoundIdentifier(parts) if self.is_it(parts) => {
                    parts.last().map(|part| part.value.clone()).unwrap_or_default()
                }
                _ => continue,
            };
            let alias = plain(format!("{name}{HIDDEN}{}_{at}", self.number));
            *item = SelectItem::ExprWithAlias { expr: self.value.clone(), alias };
            self.changed = true;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let is_it = match &*expr {
            Expr::Identifier(ident) => self.is_it(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(parts) => self.is_it(parts),
            _ => false,
        };
        if is_it {
            *expr = self.value.clone();
            self.changed = true;
        }
        ControlFlow::Continue(())
    }
}

/// A value as a call without arguments; [`super::literals`] puts the literal in its place.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    value: ScalarValue,
    signature: Signature,
}

pub fn value_of(function: &ScalarUDF) -> Option<&ScalarValue> {
    let inner: &dyn std::any::Any = function.inner().as_ref();
    inner.downcast_ref::<Constant>().map(|constant| &constant.value)
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &'static str {
        "variable"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}
