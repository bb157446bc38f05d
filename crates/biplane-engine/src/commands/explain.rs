//! EXPLAIN: the plans of a query as text, in one column `plan`.

use datafusion::physical_plan::displayable;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{Explain, ExplainMode, Statement};

pub async fn run(cx: &StatementContext, explain: Explain) -> SqlResult<Output> {
    let query = match *explain.statement {
        Statement::Query(query) => query,
        Statement::Insert(insert) => insert.source,
        Statement::CreateTable(create) => match create.source {
            crate::parser::TableSource::Query(query) => query.query,
            _ => return Err(SqlError::unsupported("EXPLAIN of this statement")),
        },
        _ => return Err(SqlError::unsupported("EXPLAIN of this statement")),
    };
    if matches!(explain.mode, ExplainMode::Codegen) {
        return Err(SqlError::unsupported("EXPLAIN CODEGEN"));
    }
    let plan = cx.plan_query(&query).await?;
    let mut text = String::new();
    if matches!(explain.mode, ExplainMode::Extended | ExplainMode::Cost) {
        let optimized = cx.session.state().optimize(&plan)?;
        text.push_str(&format!(
            "== Analyzed Logical Plan ==\n{}\n\n== Optimized Logical Plan ==\n{}\n\n",
            plan.display_indent(),
            optimized.display_indent()
        ));
    }
    let physical = cx.physical(plan).await?;
    let shown = displayable(physical.as_ref()).indent(false).to_string();
    text.push_str(&format!("== Physical Plan ==\n{shown}"));
    Output::text_rows(["plan"], [[Some(without_places(&text))]])
}

/// Where the files lie is nothing a reader of a plan may see.
fn without_places(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match line.find("file_groups={") {
            Some(at) => {
                out.push_str(&line[..at]);
                let rest = &line[at..];
                let groups = rest.split(':').next().unwrap_or("file_groups={");
                out.push_str(groups);
                out.push('}');
                if let Some(end) = rest.find("]]}") {
                    out.push_str(&rest[end + 3..]);
                }
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}
