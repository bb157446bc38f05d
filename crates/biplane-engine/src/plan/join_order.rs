//! The order of inner joins, and which side of a join is collected: the smaller one, so that tables of facts
//! stream by. Runs once, after the rules of DataFusion, which keep the order that was written.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, NullEquality, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, Filter, Join, JoinConstraint, JoinType, LogicalPlan, Projection,
};
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{Optimizer, OptimizerConfig};
use std::collections::HashMap;
use std::sync::Arc;

use super::estimates::{Estimate, estimate, joined_rows};

/// More relations than these stay in the order they were written in.
const RELATIONS_MAX: usize = 64;
/// The written side stays unless the other one is clearly smaller.
const CLEARLY: f64 = 0.8;

pub fn ordered(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<LogicalPlan> {
    let changed = plan.transform_up_with_subqueries(|plan| {
        // Whole trees of joins are looked at from above.
        match is_of_tree(&plan) {
            true => Ok(Transformed::no(plan)),
            false => plan.map_children(arranged),
        }
    })?;
    let changed = changed.transform_data(arranged)?;
    if !changed.transformed {
        return Ok(changed.data);
    }
    // What the rows of joins carry is another now.
    Optimizer::with_rules(vec![Arc::new(OptimizeProjections::new())]).optimize(
        changed.data,
        config,
        |_, _| (),
    )
}

/// A plan whose joins below are arranged already, but for the tree that begins with it.
fn arranged(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match &plan {
        LogicalPlan::Join(join) if join.join_type != JoinType::Inner => swapped(plan),
        _ if is_of_tree(&plan) => reordered(plan),
        _ => Ok(Transformed::no(plan)),
    }
}

fn is_of_tree(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(join) => {
            join.join_type == JoinType::Inner
                && join.null_equality == NullEquality::NullEqualsNothing
        }
        LogicalPlan::Projection(projection) => {
            projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_)))
                && is_of_tree(&projection.input)
        }
        _ => false,
    }
}

/// A join that is not an inner one collects its left side.
fn swapped(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Join(join) = &plan else { return Ok(Transformed::no(plan)) };
    let join_type = match join.join_type {
        JoinType::Left | JoinType::Right | JoinType::LeftSemi | JoinType::LeftAnti => {
            join.join_type.swap()
        }
        _ => return Ok(Transformed::no(plan)),
    };
    let is_smaller = estimate(&join.right).rows < estimate(&join.left).rows * CLEARLY;
    if join.null_aware || join.on.is_empty() || !is_smaller {
        return Ok(Transformed::no(plan));
    }
    let swapped = LogicalPlan::Join(Join::try_new(
        join.right.clone(),
        join.left.clone(),
        join.on.iter().cloned().map(|(one, other)| (other, one)).collect(),
        join.filter.clone(),
        join_type,
        join.join_constraint,
        join.null_equality,
        false,
    )?);
    Ok(Transformed::yes(shown_as(swapped, &plan)))
}

/// With the columns in the order of another plan.
fn shown_as(plan: LogicalPlan, wanted: &LogicalPlan) -> LogicalPlan {
    match plan.schema() == wanted.schema() {
        true => plan,
        false => LogicalPlan::Projection(Projection::new_from_schema(
            Arc::new(plan),
            wanted.schema().clone(),
        )),
    }
}

/// What a tree of inner joins is made of.
#[derive(Default)]
struct Tree {
    relations: Vec<LogicalPlan>,
    /// Expressions that are equal to each other, with the relation of each.
    equal: Vec<Vec<(Expr, usize)>>,
    filters: Vec<Expr>,
}

/// Relations that are joined.
struct Group {
    plan: LogicalPlan,
    estimate: Estimate,
    members: u64,
}

fn reordered(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut tree = Tree::default();
    let is_known = tree.flatten(&plan).is_some_and(|on| tree.equate(on));
    if !is_known {
        return Ok(Transformed::no(plan));
    }
    let Some(joined) = tree.joined()? else { return Ok(Transformed::no(plan)) };
    Ok(Transformed::yes(shown_as(joined, &plan)))
}

impl Tree {
    /// What is joined on what. None: too many relations.
    fn flatten(&mut self, plan: &LogicalPlan) -> Option<Vec<(Expr, Expr)>> {
        let (mut on, mut left) = (Vec::new(), vec![plan]);
        while let Some(plan) = left.pop() {
            match plan {
                LogicalPlan::Join(join) if is_of_tree(plan) => {
                    left.extend([join.right.as_ref(), join.left.as_ref()]);
                    on.extend(join.on.iter().cloned());
                    let filters = join.filter.clone().map(split_conjunction_owned);
                    self.filters.extend(filters.unwrap_or_default());
                }
                LogicalPlan::Projection(projection) if is_of_tree(plan) => {
                    left.push(&projection.input);
                }
                _ => self.relations.push(plan.clone()),
            }
            if left.len() + self.relations.len() > RELATIONS_MAX {
                return None;
            }
        }
        Some(on)
    }

    /// False where a condition is none of columns of the relations.
    fn equate(&mut self, on: Vec<(Expr, Expr)>) -> bool {
        let owners = self.owners();
        for (one, other) in on {
            let (Some(of_one), Some(of_other)) = (owner(&one, &owners), owner(&other, &owners))
            else {
                return false;
            };
            let mut class = vec![(one, of_one), (other, of_other)];
            let (known, others) = std::mem::take(&mut self.equal)
                .into_iter()
                .partition::<Vec<_>, _>(|known| known.iter().any(|it| class.contains(it)));
            self.equal = others;
            for member in known.into_iter().flatten() {
                if !class.contains(&member) {
                    class.push(member);
                }
            }
            self.equal.push(class);
        }
        self.filters.iter().all(|filter| {
            filter.column_refs().iter().all(|column| owners.contains_key(*column))
                && !filter.is_volatile()
        })
    }

    fn owners(&self) -> HashMap<Column, usize> {
        let relations = self.relations.iter().enumerate();
        relations
            .flat_map(|(index, plan)| {
                plan.schema().columns().into_iter().map(move |it| (it, index))
            })
            .collect()
    }

    /// Always the two that give the fewest rows next, the smaller one collected. None: nothing is known.
    fn joined(mut self) -> Result<Option<LogicalPlan>> {
        let owners = self.owners();
        let mut groups: Vec<Group> = std::mem::take(&mut self.relations)
            .into_iter()
            .enumerate()
            .map(|(index, plan)| Group { estimate: estimate(&plan), plan, members: 1 << index })
            .collect();
        while groups.len() > 1 {
            let (one, other) = self.next(&groups);
            let second = groups.swap_remove(other);
            let first = groups.swap_remove(one);
            let joined = self.join(first, second, &owners)?;
            groups.push(joined);
        }
        let Some(all) = groups.pop() else { return Ok(None) };
        Ok(Some(match conjunction(self.filters) {
            Some(left) => LogicalPlan::Filter(Filter::try_new(left, Arc::new(all.plan))?),
            None => all.plan,
        }))
    }

    /// The numbers of two groups, the lower one first.
    fn next(&self, groups: &[Group]) -> (usize, usize) {
        let mut best = ((true, f64::INFINITY), (0, 1));
        for (other, second) in groups.iter().enumerate() {
            for (one, first) in groups.iter().enumerate().take(other) {
                let on = self.on(first, second);
                let rows = joined_rows(&first.estimate, &second.estimate, &on);
                let collected = first.estimate.rows.min(second.estimate.rows);
                let cost = (on.is_empty(), rows + collected);
                if cost < best.0 {
                    best = (cost, (one, other));
                }
            }
        }
        best.1
    }

    fn on(&self, left: &Group, right: &Group) -> Vec<(Expr, Expr)> {
        let member = |class: &[(Expr, usize)], of: &Group| {
            class.iter().find(|(_, at)| of.members & (1 << at) != 0).map(|(expr, _)| expr.clone())
        };
        let classes = self.equal.iter();
        classes.filter_map(|class| Some((member(class, left)?, member(class, right)?))).collect()
    }

    fn join(&mut self, one: Group, other: Group, owners: &HashMap<Column, usize>) -> Result<Group> {
        let is_swapped = other.estimate.rows < one.estimate.rows;
        let (left, right) = if is_swapped { (other, one) } else { (one, other) };
        let on = self.on(&left, &right);
        let members = left.members | right.members;
        let (filters, later): (Vec<_>, _) =
            std::mem::take(&mut self.filters).into_iter().partition(|filter| {
                let mut columns = filter.column_refs().into_iter().peekable();
                columns.peek().is_some()
                    && columns.all(|it| owners.get(it).is_some_and(|at| members & (1 << at) != 0))
            });
        self.filters = later;
        let join = LogicalPlan::Join(Join::try_new(
            Arc::new(left.plan),
            Arc::new(right.plan),
            on.clone(),
            conjunction(filters),
            JoinType::Inner,
            JoinConstraint::On,
            NullEquality::NullEqualsNothing,
            false,
        )?);
        let rows = joined_rows(&left.estimate, &right.estimate, &on);
        let estimate = left.estimate.joined(right.estimate, rows);
        Ok(Group { plan: join, estimate, members })
    }
}

/// The one relation whose columns an expression is made of.
fn owner(expr: &Expr, owners: &HashMap<Column, usize>) -> Option<usize> {
    let mut found = expr.column_refs().into_iter().map(|column| owners.get(column).copied());
    let first = found.next()??;
    found.all(|other| other == Some(first)).then_some(first).filter(|_| !expr.is_volatile())
}
