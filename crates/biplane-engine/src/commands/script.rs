//! `BEGIN … END`: runs the statements one after the other. What the last query gave is the result.

use datafusion::common::ScalarValue;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::variables::{finished, made, put, value_of};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{Block, Event, Expr, Handler, Query, Step};
use crate::variables::{Frame, Variable};

/// Statements that one script may run.
const STEPS_MAX: u64 = 1_000_000;

/// How a step ended.
enum Flow {
    Next,
    Leave(String),
    Iterate(String),
}

struct Script<'a> {
    cx: &'a StatementContext,
    result: Output,
    steps: u64,
    /// Labels of what runs, and whether it is a loop.
    labels: Vec<(String, bool)>,
    /// What handlers handle, innermost last.
    handled: Vec<SqlError>,
    /// Conditions that blocks have declared.
    conditions: Vec<(String, Option<String>)>,
}

pub async fn run(cx: &StatementContext, block: Block) -> SqlResult<Output> {
    let depth = cx.frames.lock().len();
    let mut script = Script {
        cx,
        result: Output::Empty,
        steps: 0,
        labels: Vec::new(),
        handled: Vec::new(),
        conditions: Vec::new(),
    };
    let ended = script.block(&block).await;
    cx.frames.lock().truncate(depth);
    ended.map(|_| script.result)
}

impl<'s> Script<'s> {
    fn block<'a>(&'a mut self, block: &'a Block) -> BoxFuture<'a, SqlResult<Flow>>
    where
        's: 'a,
    {
        async move {
            let frames = self.cx.frames.lock().len();
            let (labels, conditions) = (self.labels.len(), self.conditions.len());
            self.cx.frames.lock().push(Frame { label: block.label.clone(), ..Frame::default() });
            self.labels.extend(block.label.clone().map(|label| (label, false)));
            self.conditions.extend(block.conditions.iter().cloned());
            let ended = self.handled_steps(block).await;
            self.cx.frames.lock().truncate(frames);
            self.labels.truncate(labels);
            self.conditions.truncate(conditions);
            match ended? {
                Flow::Leave(label) if Some(&label) == block.label.as_ref() => Ok(Flow::Next),
                other => Ok(other),
            }
        }
        .boxed()
    }

    async fn handled_steps(&mut self, block: &Block) -> SqlResult<Flow> {
        let frames = self.cx.frames.lock().len();
        for step in &block.steps {
            let flow = match self.step(step).await {
                Ok(flow) => flow,
                Err(error) => {
                    self.cx.frames.lock().truncate(frames);
                    let Some(handler) = self.handler_of(block, &error) else { return Err(error) };
                    self.handled.push(error);
                    let done = self.step(&handler.action).await;
                    self.handled.pop();
                    match done? {
                        // The block is left.
                        Flow::Next => return Ok(Flow::Next),
                        other => other,
                    }
                }
            };
            if !matches!(flow, Flow::Next) {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// The handler that fits best: one for the condition, for the SQLSTATE, for all.
    fn handler_of<'b>(&self, block: &'b Block, error: &SqlError) -> Option<&'b Handler> {
        let rank = |event: &Event| match event {
            Event::Condition(name) => {
                let declared = self.conditions.iter().rev().find(|(known, _)| known == name);
                let is_state = declared
                    .and_then(|(_, state)| state.as_ref())
                    .is_some_and(|state| *state == error.sql_state);
                let is_class = error.class.eq_ignore_ascii_case(name)
                    || error
                        .class
                        .split_once('.')
                        .is_some_and(|(class, _)| class.eq_ignore_ascii_case(name));
                (is_state || is_class).then_some(0)
            }
            Event::SqlState(state) => (*state == error.sql_state).then_some(1),
            Event::NotFound => error.sql_state.starts_with("02").then_some(2),
            Event::Exception => {
                let state = error.sql_state.as_str();
                let is_other = ["00", "01", "02", "XX"].iter().any(|s| state.starts_with(s));
                (!is_other).then_some(3)
            }
        };
        let best = |handler: &Handler| handler.events.iter().filter_map(rank).min();
        let ranked = block.handlers.iter().filter_map(|handler| Some((best(handler)?, handler)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, handler)| handler)
    }

    /// Whether the statement of this label, which is around this one, is a loop.
    fn labelled(&self, label: &String) -> SqlResult<bool> {
        let found = self.labels.iter().rev().find(|(known, _)| known == label);
        found.map(|(_, is_loop)| *is_loop).ok_or_else(|| {
            let text = format!("The label {label} is not one of a statement around this one");
            SqlError::new("INVALID_LABEL_USAGE.DOES_NOT_EXIST", "42K0L", text)
        })
    }

    fn steps<'a>(&'a mut self, steps: &'a [Step]) -> BoxFuture<'a, SqlResult<Flow>>
    where
        's: 'a,
    {
        async move {
            for step in steps {
                match self.step(step).await? {
                    Flow::Next => {}
                    other => return Ok(other),
                }
            }
            Ok(Flow::Next)
        }
        .boxed()
    }

    fn step<'a>(&'a mut self, step: &'a Step) -> BoxFuture<'a, SqlResult<Flow>>
    where
        's: 'a,
    {
        async move {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return Err(SqlError::exhausted("the script runs too many statements"));
            }
            match step {
                Step::Block(block) => return self.block(block).await,
                Step::Declare(declare) => {
                    let variable = made(self.cx, declare.clone()).await?;
                    let mut frames = self.cx.frames.lock();
                    if let Some(frame) = frames.last_mut() {
                        let or_replace = declare.or_replace;
                        put(&mut frame.variables, &declare.names, &variable, or_replace)?;
                    }
                }
                Step::Statement(statement) => {
                    let output = super::run(self.cx, statement.as_ref().clone()).await?;
                    match finished(output).await? {
                        Output::Empty => {}
                        output => self.result = output,
                    }
                }
                Step::If { branches, otherwise } => {
                    return self.branch(branches, otherwise.as_deref()).await;
                }
                Step::While { label, condition, body } => {
                    return self.repeat(label.as_ref(), Some(condition), body, None).await;
                }
                Step::Repeat { label, body, until } => {
                    return self.repeat(label.as_ref(), None, body, Some(until)).await;
                }
                Step::Loop { label, body } => {
                    return self.repeat(label.as_ref(), None, body, None).await;
                }
                Step::For { label, row, query, body } => {
                    return self.each(label.as_ref(), row.as_ref(), query, body).await;
                }
                Step::Leave(label) => {
                    return self.labelled(label).map(|_| Flow::Leave(label.clone()));
                }
                Step::Iterate(label) if self.labelled(label)? => {
                    return Ok(Flow::Iterate(label.clone()));
                }
                Step::Iterate(label) => {
                    let text = format!("ITERATE {label} names a block: it is for loops alone");
                    let class = "INVALID_LABEL_USAGE.ITERATE_IN_COMPOUND";
                    return Err(SqlError::new(class, "42K0L", text));
                }
                Step::Signal { event, message } => {
                    return Err(self.signal(event, message.as_ref()).await?);
                }
                Step::Resignal => {
                    let error = self.handled.last().cloned();
                    return Err(error.unwrap_or_else(|| {
                        let text = "RESIGNAL is for handlers alone";
                        SqlError::new("RESIGNAL_WHEN_HANDLER_NOT_ACTIVE", "0K000", text)
                    }));
                }
            }
            Ok(Flow::Next)
        }
        .boxed()
    }

    async fn signal(&mut self, event: &Event, message: Option<&Expr>) -> SqlResult<SqlError> {
        let message = match message {
            Some(expr) => {
                let value = value_of(self.cx, expr.clone()).await?;
                value.try_as_str().flatten().map(str::to_owned)
            }
            None => None,
        };
        Ok(match event {
            Event::SqlState(state) => {
                let text = message.unwrap_or_else(|| format!("SQLSTATE {state} was signalled"));
                SqlError::new("USER_RAISED_EXCEPTION", state, text)
            }
            Event::Condition(name) => {
                let declared = self.conditions.iter().rev().find(|(known, _)| known == name);
                let Some((_, state)) = declared else {
                    let text = format!("The condition {name} is not declared");
                    return Err(SqlError::new("CONDITION_NOT_FOUND", "42000", text));
                };
                let text = message.unwrap_or_else(|| format!("{name} was signalled"));
                SqlError::new(name, state.as_deref().unwrap_or("45000"), text)
            }
            Event::Exception | Event::NotFound => SqlError::internal("a signal without a name"),
        })
    }

    async fn holds(&mut self, condition: &Expr) -> SqlResult<bool> {
        match value_of(self.cx, condition.clone()).await? {
            ScalarValue::Boolean(value) => Ok(value.unwrap_or(false)),
            _ => {
                let text = format!("A boolean is expected in the condition {condition}");
                Err(SqlError::new("INVALID_BOOLEAN_STATEMENT", "22546", text))
            }
        }
    }

    async fn branch(
        &mut self,
        branches: &[(Expr, Vec<Step>)],
        otherwise: Option<&[Step]>,
    ) -> SqlResult<Flow> {
        for (condition, steps) in branches {
            if self.holds(condition).await? {
                return self.steps(steps).await;
            }
        }
        match otherwise {
            Some(steps) => self.steps(steps).await,
            None => Ok(Flow::Next),
        }
    }

    /// The body once; what a loop with this label does next.
    async fn turn(&mut self, label: Option<&String>, body: &[Step]) -> SqlResult<Option<Flow>> {
        let labels = self.labels.len();
        self.labels.extend(label.map(|label| (label.clone(), true)));
        let ended = self.steps(body).await;
        self.labels.truncate(labels);
        Ok(match ended? {
            Flow::Leave(name) if Some(&name) == label => Some(Flow::Next),
            Flow::Iterate(name) if Some(&name) == label => None,
            Flow::Next => None,
            other => Some(other),
        })
    }

    async fn repeat(
        &mut self,
        label: Option<&String>,
        before: Option<&Expr>,
        body: &[Step],
        until: Option<&Expr>,
    ) -> SqlResult<Flow> {
        loop {
            if let Some(condition) = before
                && !self.holds(condition).await?
            {
                return Ok(Flow::Next);
            }
            if let Some(flow) = self.turn(label, body).await? {
                return Ok(flow);
            }
            if let Some(condition) = until
                && self.holds(condition).await?
            {
                return Ok(Flow::Next);
            }
            // An empty loop must let others run, and be cancelled.
            tokio::task::yield_now().await;
        }
    }

    /// The body for each row of a query.
    async fn each(
        &mut self,
        label: Option<&String>,
        row: Option<&String>,
        query: &Query,
        body: &[Step],
    ) -> SqlResult<Flow> {
        let output = self.cx.query(query.clone()).boxed().await?;
        let Output::Batches(schema, batches) = finished(output).await? else {
            return Ok(Flow::Next);
        };
        for batch in batches {
            for at in 0..batch.num_rows() {
                let mut frame = Frame { label: row.cloned(), ..Frame::default() };
                for (field, column) in schema.fields().iter().zip(batch.columns()) {
                    let value = ScalarValue::try_from_array(column, at)?;
                    let data_type = value.data_type();
                    let variable = Variable { data_type, value, default: None };
                    frame.variables.put(field.name(), variable, true)?;
                }
                let frames = self.cx.frames.lock().len();
                self.cx.frames.lock().push(frame);
                let ended = self.turn(label, body).await;
                self.cx.frames.lock().truncate(frames);
                if let Some(flow) = ended? {
                    return Ok(flow);
                }
            }
        }
        Ok(Flow::Next)
    }
}
