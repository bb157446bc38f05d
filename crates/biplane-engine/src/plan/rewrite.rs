//! Brings the AST of a query to the form in which DataFusion's planner means what Databricks means:
//! names in lower case, every column named, relations replaced by what they were resolved to,
//! functions of the session replaced by their values.

use datafusion::common::{DFSchema, TableReference};
use datafusion::sql::sqlparser::ast::{
    self, AccessExpr, Expr, Ident, JoinConstraint, ObjectName, ObjectNamePart, Query, Select,
    SelectItem, TableAlias, TableFactor, TableVersion, Value, VisitMut, VisitorMut, With,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use super::naming::display_name;
use super::streams::Source;
use super::subqueries::{self, Aggregates};
use super::{
    calls, changes, collations, functions, generators, grouping, intervals, keywords, ordering,
    refusals, streams, time_type, time_windows, using, widths, windows,
};
use crate::context::{StatementContext, object_name_parts};
use crate::error::{SqlError, SqlResult};
use crate::files::metadata;
use crate::parser::STREAM;

/// Behind it stands what tells two columns of one name apart; it is never shown.
pub const HIDDEN: char = '\u{1}';
/// Marks, behind [`HIDDEN`], how many levels a recursion may have.
pub const LEVELS: &str = "levels";
/// Catalog, schema and what is in it.
const NAME_PARTS_MAX: usize = 3;

/// What a relation of the query means.
#[derive(Debug, Clone, PartialEq)]
pub enum Relation {
    Table([String; 3]),
    TempView(String),
    /// One that the command itself made.
    Given(String),
    /// ``delta.`/path` `` and other formats.
    Path {
        format: String,
        path: String,
    },
    ReadFiles(Vec<(Option<String>, Expr)>),
    /// Of a table, between bounds.
    Changes([String; 3], Vec<Expr>),
    /// What came into a table since it was read last.
    Stream([String; 3]),
    /// Files that were not read yet.
    StreamOfFiles(Vec<(Option<String>, Expr)>),
}

/// A relation and the name it has in the rewritten AST.
#[derive(Debug, Clone)]
pub struct Found {
    pub relation: Relation,
    pub version: Option<TableVersion>,
    pub reference: TableReference,
}

/// What a rewrite learned.
#[derive(Debug, Default)]
pub struct Rewritten {
    pub found: Vec<Found>,
    /// Names in lower case → as somebody wrote them.
    pub spelled: BTreeMap<String, String>,
    /// Whether files are asked for their `_metadata`.
    pub metadata: bool,
}

/// Where unqualified names are looked up.
pub struct Scope<'a> {
    pub cx: &'a StatementContext,
    pub catalog: String,
    pub schema: String,
    /// Not inside of a permanent view.
    pub temp_views: bool,
}

pub fn query(scope: &Scope<'_>, query: &mut Query) -> SqlResult<Rewritten> {
    let mut rewriter = Rewriter {
        scope,
        ctes: Vec::new(),
        withs: Vec::new(),
        columns: None,
        unnamed: 0,
        aggregates: aggregates(scope),
        out: Rewritten { metadata: metadata::is_asked_for(query), ..Rewritten::default() },
    };
    match query.visit(&mut rewriter) {
        ControlFlow::Continue(()) => Ok(rewriter.out),
        ControlFlow::Break(error) => Err(error),
    }
}

fn aggregates(scope: &Scope<'_>) -> Aggregates {
    Aggregates(scope.cx.session.state_ref().read().aggregate_functions().keys().cloned().collect())
}

/// An expression alone. Its own columns are spelled as `schema` has them; queries inside it are
/// rewritten as any other.
pub fn bare_expr(scope: &Scope<'_>, expr: &mut Expr, schema: &DFSchema) -> SqlResult<Rewritten> {
    let mut rewriter = Rewriter {
        scope,
        ctes: Vec::new(),
        withs: Vec::new(),
        columns: Some(schema),
        unnamed: 0,
        aggregates: aggregates(scope),
        out: Rewritten::default(),
    };
    match expr.visit(&mut rewriter) {
        ControlFlow::Continue(()) => Ok(rewriter.out),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The name of a column as it is stored.
fn store_spelling(schema: &DFSchema, parts: &mut [Ident]) {
    let Some((last, qualifiers)) = parts.split_last_mut() else { return };
    let wanted = last.value.to_lowercase();
    let stored = schema.fields().iter().find(|field| field.name().to_lowercase() == wanted);
    last.quote_style = Some('`');
    if let Some(field) = stored {
        last.value = field.name().clone();
    }
    for part in qualifiers {
        let wanted = part.value.to_lowercase();
        let qualifier = schema
            .iter()
            .filter_map(|(qualifier, _)| qualifier)
            .find(|qualifier| qualifier.table().to_lowercase() == wanted);
        let field = schema.fields().iter().find(|field| field.name().to_lowercase() == wanted);
        part.quote_style = Some('`');
        match (qualifier, field) {
            (Some(qualifier), _) => part.value = qualifier.table().to_owned(),
            (None, Some(field)) => part.value = field.name().clone(),
            (None, None) => part.value = wanted,
        }
    }
}

struct Rewriter<'a> {
    scope: &'a Scope<'a>,
    /// Names of the CTEs that are visible, innermost last, with those they have for the planner.
    ctes: Vec<HashMap<String, String>>,
    withs: Vec<Option<With>>,
    /// Of a bare expression.
    columns: Option<&'a DFSchema>,
    /// Subqueries of FROM that have no name of their own.
    unnamed: usize,
    aggregates: Aggregates,
    out: Rewritten,
}

fn lower(ident: &mut Ident) {
    ident.value = ident.value.to_lowercase();
    ident.quote_style = None;
}

pub fn plain(value: impl Into<String>) -> Ident {
    Ident::new(value)
}

impl Rewriter<'_> {
    fn spell(&mut self, ident: &Ident) {
        let key = ident.value.to_lowercase();
        self.out.spelled.entry(key).or_insert_with(|| ident.value.clone());
    }

    fn alias(&mut self, alias: &mut Option<TableAlias>) {
        if let Some(alias) = alias {
            lower(&mut alias.name);
            for column in &mut alias.columns {
                self.spell(&column.name);
                lower(&mut column.name);
            }
        }
    }

    fn refused(&self, function: &ast::Function) -> Option<SqlError> {
        let name = function.name.to_string().to_lowercase();
        let state = self.scope.cx.session.state_ref();
        let state = state.read();
        let is_scalar = state.scalar_functions().contains_key(&name)
            && !self.aggregates.0.contains(&name)
            && !functions::is_aggregate(&name)
            && !state.window_functions().contains_key(&name);
        refusals::of_arguments(function).or_else(|| match is_scalar {
            true => refusals::of_scalar(function),
            false => refusals::of_count(function),
        })
    }

    /// The name by which the planner knows the CTE.
    fn cte(&self, name: &str) -> Option<&String> {
        self.ctes.iter().rev().find_map(|names| names.get(name))
    }

    /// Another than that of a CTE around it, which the planner would take for a second one of the same WITH.
    fn new_cte(&mut self, name: &str) -> String {
        let around = self.ctes.split_last().map_or(&[][..], |(_, around)| around);
        match around.iter().any(|names| names.contains_key(name)) {
            true => {
                self.unnamed += 1;
                format!("{name}{HIDDEN}{}", self.unnamed)
            }
            false => name.to_owned(),
        }
    }

    /// CTEs are visited here, one after the other, as each sees only those before it.
    fn with(&mut self, with: &mut With) -> ControlFlow<SqlError> {
        self.ctes.push(HashMap::new());
        for cte in &mut with.cte_tables {
            let name = cte.alias.name.value.to_lowercase();
            let mut known = self.new_cte(&name);
            if let Some(levels) = levels(&mut cte.alias.columns) {
                known = format!("{known}{HIDDEN}{levels}");
            }
            if with.recursive {
                self.see(&name, &known);
            }
            if let ast::SetExpr::Values(values) = cte.query.body.as_ref()
                && cte.alias.columns.is_empty()
            {
                cte.alias.columns = value_columns(values);
            }
            cte.query.visit(self)?;
            self.see(&name, &known);
            let mut alias = Some(cte.alias.clone());
            self.alias(&mut alias);
            if let Some(alias) = alias {
                cte.alias = alias;
            }
            if known != name {
                cte.alias.name = quoted(known);
            }
        }
        ControlFlow::Continue(())
    }

    fn see(&mut self, cte: &str, known: &str) {
        if let Some(names) = self.ctes.last_mut() {
            names.insert(cte.to_owned(), known.to_owned());
        }
    }

    fn select_items(&mut self, select: &mut Select) {
        let mut seen: HashSet<String> = HashSet::new();
        for item in &mut select.projection {
            let (expr, alias) = match item {
                SelectItem::UnnamedExpr(expr) => {
                    let alias = match &*expr {
                        Expr::Identifier(ident) => ident.clone(),
                        other => plain(display_name(other)),
                    };
                    (expr.clone(), alias)
                }
                SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), alias.clone()),
                SelectItem::Wildcard(options) => {
                    wildcard(options);
                    continue;
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    if let ast::SelectItemQualifiedWildcardKind::ObjectName(name) = kind {
                        lower_name(name);
                    }
                    wildcard(options);
                    continue;
                }
                SelectItem::ExprWithAliases { .. } => continue,
            };
            let mut name = alias.clone();
            lower(&mut name);
            if !seen.insert(name.value.clone()) {
                name.value = format!("{}{HIDDEN}{}", name.value, seen.len());
                seen.insert(name.value.clone());
            }
            self.out.spelled.entry(name.value.clone()).or_insert(alias.value);
            let is_itself = matches!(&expr, Expr::Identifier(ident)
                if ident.value.to_lowercase() == name.value && !functions::is_niladic(ident));
            *item = if is_itself {
                SelectItem::UnnamedExpr(expr)
            } else {
                SelectItem::ExprWithAlias { expr, alias: name }
            };
        }
    }

    /// `*` does not show the metadata of files.
    fn hide_metadata(&self, select: &mut Select) {
        let factors = select.from.iter().flat_map(|from| {
            std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
        });
        let files: Vec<String> = factors.filter_map(|factor| self.name_of_files(factor)).collect();
        if files.is_empty() {
            return;
        }
        for item in &mut select.projection {
            let options = match item {
                SelectItem::Wildcard(options) => options,
                SelectItem::QualifiedWildcard(
                    ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) if files.contains(&name.to_string().to_lowercase()) => options,
                _ => continue,
            };
            match &mut options.opt_except {
                Some(except) => except.additional_elements.push(plain(metadata::COLUMN)),
                None => {
                    options.opt_except = Some(ast::ExceptSelectItem {
                        first_element: plain(metadata::COLUMN),
                        additional_elements: Vec::new(),
                    });
                }
            }
        }
    }

    /// The name by which the query speaks of files that it reads here.
    fn name_of_files(&self, factor: &TableFactor) -> Option<String> {
        let TableFactor::Table { name, alias, args, .. } = factor else { return None };
        let parts = object_name_parts(name).ok()?;
        let is_files = match (parts.as_slice(), args) {
            ([function], Some(args)) => {
                function.eq_ignore_ascii_case("read_files")
                    || (function.eq_ignore_ascii_case(STREAM) && streams::is_of_files(&args.args))
            }
            ([format, path], None) => crate::files::is_path_table(format, path),
            ([given], None) => self.scope.cx.relation(given).is_some(),
            _ => false,
        };
        let last = alias.as_ref().map_or(parts.last(), |alias| Some(&alias.name.value));
        last.filter(|_| is_files).map(|name| name.to_lowercase())
    }

    /// Names for the columns that PIVOT makes and for the rows of UNPIVOT.
    fn pivots(&mut self, factor: &mut TableFactor) {
        match factor {
            TableFactor::Pivot {
                aggregate_functions,
                value_source: ast::PivotValueSource::List(values),
                ..
            } => {
                for value in values.iter_mut() {
                    let name = plain(display_name(&value.expr));
                    let name = value.alias.get_or_insert(name);
                    self.spell(name);
                    lower(name);
                }
                if let [only] = aggregate_functions.as_mut_slice() {
                    only.alias = None;
                    return;
                }
                for aggregate in aggregate_functions {
                    let name = plain(display_name(&aggregate.expr));
                    lower(aggregate.alias.get_or_insert(name));
                }
            }
            TableFactor::Unpivot { name, columns, value, .. } if !generators::is_ours(name) => {
                self.spell(name);
                lower(name);
                for column in columns {
                    let shown = || match &column.expr {
                        Expr::Tuple(parts) => {
                            parts.iter().map(display_name).collect::<Vec<_>>().join("_")
                        }
                        other => display_name(other),
                    };
                    column.alias.get_or_insert_with(|| plain(shown()));
                }
                if let Expr::Identifier(value) = value {
                    self.spell(value);
                }
            }
            _ => {}
        }
    }

    fn relation(&mut self, factor: &mut TableFactor) -> SqlResult<()> {
        let TableFactor::Table { name, alias, args, version, sample: part, .. } = factor else {
            return Ok(());
        };
        let part = part.take();
        if args.is_some() {
            functions::of_the_system(name);
        }
        let parts = object_name_parts(name)?;
        if parts.len() > NAME_PARTS_MAX {
            return Err(too_many_parts(&parts.join(".")));
        }
        if let Some(args) = args {
            let function = parts.join(".").to_lowercase();
            if function == "read_files" {
                let found = Relation::ReadFiles(functions::named_arguments(&args.args)?);
                let reference = self.add(found, None);
                *factor = replaced(&reference, alias.take(), part);
            } else if function == "table_changes" {
                let (table, bounds) = changes::arguments(&args.args)?;
                let (Relation::Table(full), None) = self.meaning(&table, None)? else {
                    return Err(SqlError::unsupported("table_changes of anything but a table"));
                };
                let reference = self.add(Relation::Changes(full, bounds), None);
                let mut alias = alias.take();
                let name = plain("table_changes");
                alias.get_or_insert(TableAlias { explicit: true, name, columns: vec![], at: None });
                *factor = replaced(&reference, alias, part);
            } else if function == STREAM {
                let (found, name) = match streams::source(&args.args)? {
                    Source::Files(arguments) => {
                        (Relation::StreamOfFiles(arguments), plain("read_files"))
                    }
                    Source::Table(parts) => {
                        let (Relation::Table(full), None) = self.meaning(&parts, None)? else {
                            return Err(SqlError::unsupported("a stream of anything but a table"));
                        };
                        let name = plain(full[2].clone());
                        (Relation::Stream(full), name)
                    }
                };
                let reference = self.add(found, None);
                let mut alias = alias.take();
                alias.get_or_insert(TableAlias { explicit: true, name, columns: vec![], at: None });
                *factor = replaced(&reference, alias, part);
            } else if function == "identifier"
                && let Some(meant) = functions::named_by_variable(self.scope, &args.args)?
            {
                *factor = TableFactor::Table {
                    name: meant,
                    alias: alias.take(),
                    args: None,
                    with_hints: vec![],
                    version: version.take(),
                    with_ordinality: false,
                    partitions: vec![],
                    json_path: None,
                    sample: part,
                    index_hints: vec![],
                };
                return self.relation(factor);
            } else {
                lower_name(name);
                if function == "range" {
                    functions::whole(&mut args.args);
                }
                if function == "range"
                    && alias.as_ref().is_none_or(|alias| alias.columns.is_empty())
                {
                    // Spark calls its one column so.
                    let columns = vec![ast::TableAliasColumnDef::from_name("id")];
                    let name = alias.take().map_or_else(|| plain("range"), |alias| alias.name);
                    *alias = Some(TableAlias { explicit: true, name, columns, at: None });
                }
            }
            return Ok(());
        }
        if let [given] = parts.as_slice()
            && let Some(cte) = self.cte(&given.to_lowercase()).cloned()
            && version.is_none()
        {
            lower_name(name);
            if cte != given.to_lowercase() {
                let visible = plain(given.to_lowercase());
                alias.get_or_insert(TableAlias {
                    explicit: true,
                    name: visible,
                    columns: vec![],
                    at: None,
                });
                *name = ObjectName(vec![ObjectNamePart::Identifier(quoted(cte))]);
            }
            if let TableFactor::Table { sample, .. } = factor {
                *sample = part;
            }
            return Ok(());
        }
        let (relation, version) = self.meaning(&parts, version.take())?;
        let reference = self.add(relation, version);
        let mut alias = alias.take();
        if alias.is_none() && matches!(reference, TableReference::Bare { .. }) {
            let visible = parts.last().map(|part| part.to_lowercase()).unwrap_or_default();
            alias = Some(TableAlias {
                explicit: true,
                name: plain(visible),
                columns: vec![],
                at: None,
            });
        }
        *factor = replaced(&reference, alias, part);
        Ok(())
    }

    fn meaning(
        &self,
        parts: &[String],
        version: Option<TableVersion>,
    ) -> SqlResult<(Relation, Option<TableVersion>)> {
        if let [format, path] = parts
            && (path.contains('/') || path.contains(':'))
        {
            let relation = Relation::Path { format: format.to_lowercase(), path: path.clone() };
            return Ok((relation, version));
        }
        let mut parts = parts.to_vec();
        let mut version = version;
        if version.is_none()
            && let Some(last) = parts.last_mut()
            && let Some((table, at)) = last.rsplit_once("@v")
            && !at.is_empty()
            && at.bytes().all(|byte| byte.is_ascii_digit())
        {
            version =
                Some(TableVersion::VersionAsOf(Expr::value(Value::Number(at.to_owned(), false))));
            *last = table.to_owned();
        }
        if let [name] = parts.as_slice()
            && self.scope.cx.relation(name).is_some()
        {
            return Ok((Relation::Given(name.clone()), version));
        }
        if let [name] = parts.as_slice()
            && self.scope.temp_views
            && self.scope.cx.objects.temp_view(name).is_some()
        {
            return Ok((Relation::TempView(name.to_lowercase()), version));
        }
        let full = match parts.as_slice() {
            [table] if self.scope.temp_views => {
                let cx = self.scope.cx;
                match cx.objects.temp_table(table) {
                    Some(_) => crate::session::temporary_name(table),
                    None => {
                        let (catalog, schema) = (&self.scope.catalog, &self.scope.schema);
                        [catalog.clone(), schema.clone(), table.to_lowercase()]
                    }
                }
            }
            [table] => {
                [self.scope.catalog.clone(), self.scope.schema.clone(), table.to_lowercase()]
            }
            [schema, table] => {
                [self.scope.catalog.clone(), schema.to_lowercase(), table.to_lowercase()]
            }
            _ => self.scope.cx.qualify_parts(&parts)?,
        };
        Ok((Relation::Table(full), version))
    }

    fn add(&mut self, relation: Relation, version: Option<TableVersion>) -> TableReference {
        let known = self
            .out
            .found
            .iter()
            .find(|found| found.relation == relation && found.version == version);
        if let Some(known) = known {
            return known.reference.clone();
        }
        let number = self.out.found.len();
        let reference = match (&relation, &version) {
            (Relation::Stream(_) | Relation::StreamOfFiles(_), _) => {
                TableReference::bare(format!("{}{number}", streams::NAME))
            }
            (Relation::Table([catalog, schema, table]), None) => {
                TableReference::full(catalog.as_str(), schema.as_str(), table.as_str())
            }
            _ => TableReference::bare(format!("{HIDDEN}r{number}")),
        };
        self.out.found.push(Found { relation, version, reference: reference.clone() });
        reference
    }
}

fn replaced(
    reference: &TableReference,
    alias: Option<TableAlias>,
    sample: Option<ast::TableSampleKind>,
) -> TableFactor {
    let parts = reference.to_vec().into_iter().map(|part| ObjectNamePart::Identifier(quoted(part)));
    TableFactor::Table {
        name: ObjectName(parts.collect()),
        alias,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample,
        index_hints: vec![],
    }
}

/// Quoted names are taken as they stand.
fn quoted(value: String) -> Ident {
    Ident::with_quote('`', value)
}

fn lower_name(name: &mut ObjectName) {
    for part in &mut name.0 {
        if let ObjectNamePart::Identifier(ident) = part {
            lower(ident);
        }
    }
}

fn wildcard(options: &mut ast::WildcardAdditionalOptions) {
    match &mut options.opt_exclude {
        Some(ast::ExcludeSelectItem::Single(name)) => lower_name(name),
        Some(ast::ExcludeSelectItem::Multiple(names)) => names.iter_mut().for_each(lower_name),
        None => {}
    }
    for item in options.opt_replace.iter_mut().flat_map(|replace| &mut replace.items) {
        lower(&mut item.column_name);
    }
    if let Some(except) = &mut options.opt_except {
        lower(&mut except.first_element);
        except.additional_elements.iter_mut().for_each(lower);
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        let refused = refusals::of_limit(query).or_else(|| refusals::of_order(query));
        if let Some(error) = refused.or_else(|| refusals::of_rows(&query.body)) {
            return ControlFlow::Break(error);
        }
        if let Err(error) = time_windows::into_view(query) {
            return ControlFlow::Break(error);
        }
        ordering::plain(query);
        narrow_rows(&mut query.body);
        let mut with = query.with.take();
        if let Some(with) = &mut with {
            self.with(with)?;
        } else {
            self.ctes.push(HashMap::new());
        }
        self.withs.push(with);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        query.with = self.withs.pop().flatten();
        self.ctes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        if let Err(error) = time_windows::of_select(select, None) {
            return ControlFlow::Break(error);
        }
        subqueries::lateral(&self.aggregates, select);
        if let Err(error) =
            subqueries::in_projection(select).and_then(|()| generators::into_relations(select))
        {
            return ControlFlow::Break(error);
        }
        if let Err(error) = using::put_in(select) {
            return ControlFlow::Break(error);
        }
        self.select_items(select);
        if let Err(error) =
            ordering::grouping(select).and_then(|()| grouping::settle(&self.aggregates, select))
        {
            return ControlFlow::Break(error);
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                widths::narrow(expr);
            }
        }
        if self.out.metadata {
            self.hide_metadata(select);
        }
        for window in &mut select.named_window {
            lower(&mut window.0);
            if let ast::NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                intervals::in_frame(spec);
            }
        }
        windows::named(select);
        for table in &mut select.from {
            for join in &mut table.joins {
                functions::one_sided(&mut join.join_operator);
                if let Some(JoinConstraint::Using(names)) =
                    functions::constraint(&mut join.join_operator)
                {
                    names.iter_mut().for_each(lower_name);
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// `t.*` needs the name that the relation has in the plan.
    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        for window in &mut select.named_window {
            if let ast::NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                intervals::of_frame(spec);
            }
        }
        let unaliased: Vec<ObjectName> = select
            .from
            .iter()
            .flat_map(|from| {
                std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
            })
            .filter_map(|factor| match factor {
                TableFactor::Table { name, alias: None, .. } => Some(name.clone()),
                _ => None,
            })
            .collect();
        for item in &mut select.projection {
            let SelectItem::QualifiedWildcard(kind, _) = item else { continue };
            let ast::SelectItemQualifiedWildcardKind::ObjectName(name) = kind else { continue };
            let ends_so = |full: &&ObjectName| {
                let values = |name: &ObjectName| -> Vec<String> {
                    name.0.iter().map(|part| part.to_string().replace('`', "")).collect()
                };
                values(full).ends_with(&values(name))
            };
            if let Some(full) = unaliased.iter().find(ends_so) {
                *name = full.clone();
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        if let Expr::Function(function) = expr
            && let Some(ast::WindowType::WindowSpec(spec)) = &mut function.over
        {
            intervals::of_frame(spec);
        }
        widths::of_window(expr);
        calls::filtered_average(expr);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        if let Err(error) = keywords::put_in(factor).and_then(|()| collations::put_in(factor)) {
            return ControlFlow::Break(error);
        }
        if let Some(error) = refusals::of_aliases(factor) {
            return ControlFlow::Break(error);
        }
        default_columns(factor);
        if let TableFactor::Derived { alias: alias @ None, .. } = factor {
            // Columns of one name in two of them must not be taken for each other.
            self.unnamed += 1;
            let name = plain(format!("{HIDDEN}q{}", self.unnamed));
            *alias = Some(TableAlias { explicit: true, name, columns: vec![], at: None });
        }
        self.pivots(factor);
        match factor {
            TableFactor::Table { alias, .. }
            | TableFactor::Derived { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::NestedJoin { alias, .. }
            | TableFactor::Pivot { alias, .. }
            | TableFactor::Unpivot { alias, .. } => self.alias(alias),
            _ => {}
        }
        match self.relation(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        time_type::placed(expr);
        let refused = time_type::refused(expr).or_else(|| refusals::of_pattern(expr));
        let refused = refused.or_else(|| refusals::of_quantified(expr));
        if let Some(error) = refused.or_else(|| intervals::refused(expr)) {
            return ControlFlow::Break(error);
        }
        if let Expr::Function(function) = expr {
            functions::of_the_system(&mut function.name);
            if function.name.0.len() > NAME_PARTS_MAX {
                return ControlFlow::Break(too_many_parts(&function.name.to_string()));
            }
        }
        if let Some(meant) = super::typed::word(expr) {
            *expr = meant;
        }
        if let Some(error) = super::typed::completed(expr) {
            return ControlFlow::Break(error);
        }
        if let Some(new) = widths::least_long(expr) {
            *expr = new;
            return ControlFlow::Continue(());
        }
        if let Some(new) = functions::session_value(self.scope, expr) {
            *expr = new;
            return ControlFlow::Continue(());
        }
        if let Expr::Function(function) = expr
            && let Some(over) = &mut function.over
            && let Some(error) = windows::of_call(over)
        {
            return ControlFlow::Break(error);
        }
        if let Expr::Function(function) = expr
            && let Some(error) = self.refused(function)
        {
            return ControlFlow::Break(error);
        }
        if let Some(error) = widths::refused(expr) {
            return ControlFlow::Break(error);
        }
        if let Err(error) = subqueries::pairs(expr) {
            return ControlFlow::Break(error);
        }
        if let Expr::Subquery(query) = expr {
            subqueries::single(&self.aggregates, query);
        }
        if let Some(error) = generators::misplaced(expr) {
            return ControlFlow::Break(error);
        }
        if let Some(new) = calls::meaning(expr) {
            *expr = new;
        }
        if let Expr::Function(function) = expr
            && let Some(ast::WindowType::WindowSpec(spec)) = &mut function.over
        {
            intervals::in_frame(spec);
        }
        match (expr, self.columns.filter(|_| self.withs.is_empty())) {
            (Expr::Identifier(ident), Some(schema)) => {
                store_spelling(schema, std::slice::from_mut(ident));
            }
            (Expr::CompoundIdentifier(parts), Some(schema)) => store_spelling(schema, parts),
            (expr, _) => expression(expr),
        }
        ControlFlow::Continue(())
    }
}

/// What the parser made of `MAX RECURSION LEVEL`: a last column that is none.
fn levels(columns: &mut Vec<ast::TableAliasColumnDef>) -> Option<String> {
    let marked = columns.last()?.name.value.strip_prefix(HIDDEN)?;
    let levels = marked.starts_with(LEVELS).then(|| marked.to_owned())?;
    columns.pop();
    Some(levels)
}

/// Numbers of VALUES are INT where they fit.
fn narrow_rows(body: &mut ast::SetExpr) {
    match body {
        ast::SetExpr::Values(values) => {
            values.rows.iter_mut().flat_map(|row| &mut row.content).for_each(widths::narrow);
        }
        ast::SetExpr::SetOperation { left, right, .. } => {
            narrow_rows(left);
            narrow_rows(right);
        }
        _ => {}
    }
}

fn too_many_parts(name: &str) -> SqlError {
    let text = format!("A catalog requires a single-part namespace, but got {name}");
    SqlError::new("REQUIRES_SINGLE_PART_NAMESPACE", "42K05", text)
}

fn value_columns(values: &ast::Values) -> Vec<ast::TableAliasColumnDef> {
    let count = values.rows.first().map_or(0, |row| row.content.len());
    (1..=count).map(|number| ast::TableAliasColumnDef::from_name(format!("col{number}"))).collect()
}

/// Columns of VALUES are called `col1`, …, that of `range` is `id`.
fn default_columns(factor: &mut TableFactor) {
    let (alias, columns) = match factor {
        TableFactor::Derived { subquery, alias, .. } => match subquery.body.as_ref() {
            ast::SetExpr::Values(values) => {
                let count = values.rows.first().map_or(0, |row| row.content.len());
                (alias, (1..=count).map(|number| format!("col{number}")).collect::<Vec<_>>())
            }
            _ => return,
        },
        TableFactor::Table { name, alias, args: Some(_), .. }
            if name.to_string().eq_ignore_ascii_case("range") =>
        {
            (alias, vec!["id".to_owned()])
        }
        _ => return,
    };
    let name = plain(format!("{HIDDEN}values"));
    let alias = alias.get_or_insert(TableAlias { explicit: true, name, columns: vec![], at: None });
    if alias.columns.is_empty() {
        let column = |name| ast::TableAliasColumnDef { name: plain(name), data_type: None };
        alias.columns = columns.into_iter().map(column).collect();
    }
}

/// Names and literals of one expression, not of those inside.
pub fn expression(expr: &mut Expr) {
    match expr {
        Expr::Identifier(ident) => lower(ident),
        Expr::CompoundIdentifier(parts) => parts.iter_mut().for_each(lower),
        Expr::CompoundFieldAccess { access_chain, .. } => {
            for access in access_chain {
                if let AccessExpr::Dot(Expr::Identifier(field)) = access {
                    let name = Value::SingleQuotedString(std::mem::take(&mut field.value));
                    *access = AccessExpr::Dot(Expr::value(name));
                }
            }
        }
        Expr::Function(function) => functions::rename(function),
        Expr::Lambda(lambda) => functions::lower_lambda(lambda),
        Expr::Value(value) => {
            if let Value::DoubleQuotedString(text) = &mut value.value {
                value.value = Value::SingleQuotedString(std::mem::take(text));
            } else if let Value::Number(digits, long @ true) = &mut value.value {
                *long = false;
                let number = Expr::value(Value::Number(std::mem::take(digits), false));
                *expr = functions::cast(number, ast::DataType::BigInt(None));
            } else if let Value::Number(digits, false) = &mut value.value
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.parse::<i64>().is_err()
            {
                // Beyond BIGINT it is a DECIMAL of so many digits.
                let digits = std::mem::take(digits);
                let count = digits.trim_start_matches('0').len().max(1) as u64;
                let decimal = ast::DataType::Decimal(ast::ExactNumberInfo::Precision(count));
                *expr = functions::cast(Expr::value(Value::SingleQuotedString(digits)), decimal);
            } else if let Value::Number(digits, false) = &mut value.value
                && digits.contains(['e', 'E'])
            {
                // With an exponent it is a DOUBLE; all others with a point are DECIMALs.
                let text = Value::SingleQuotedString(std::mem::take(digits));
                let double = ast::DataType::Double(ast::ExactNumberInfo::None);
                *expr = functions::cast(Expr::value(text), double);
            }
        }
        _ => {}
    }
}
