//! What a warehouse did and used over time, in steps.
//!
//! What must hold: a statement counts however short it is; a warehouse for which nothing runs costs no row.

use super::slot::Slot;
use crate::Compute;
use biplane_api::ids::WarehouseId;
use biplane_api::seen::{WarehouseSample, WarehouseSamples};
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Ctx, Result};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const STEP_MS: i64 = 15_000;
const KEPT_MS: i64 = 24 * 3_600_000;
const PERIOD_DEFAULT_MS: i64 = 3_600_000;
/// In one answer; of a longer period the steps are longer.
const SAMPLES_MAX: i64 = 240;

/// Statements of a warehouse: how many there are, and the most there were since somebody looked.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    running: AtomicU32,
    running_most: AtomicU32,
    queued_most: AtomicU32,
}

impl Pulse {
    pub fn began(&self) {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.running_most.fetch_max(running, Ordering::Relaxed);
    }

    pub fn ended(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn queued(&self, number: usize) {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.queued_most.fetch_max(number, Ordering::Relaxed);
    }

    fn look(&self) -> (i64, i64) {
        let running = self.running_most.load(Ordering::Relaxed);
        (running.into(), self.queued_most.load(Ordering::Relaxed).into())
    }

    /// Begins anew with what there is now.
    fn reset(&self, queued: usize) {
        self.running_most.store(self.running.load(Ordering::Relaxed), Ordering::Relaxed);
        self.queued_most.store(u32::try_from(queued).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}

/// What the engines of one warehouse have and use.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    cpu_millis: i64,
    cpu_millis_max: i64,
    memory_bytes: i64,
    memory_bytes_max: i64,
}

fn sample(slot: &Slot, used: Used, time: i64) -> Option<WarehouseSample> {
    let engines = {
        let live = slot.live.borrow();
        if live.members.is_empty() && live.queue.is_empty() {
            return None;
        }
        live.serving().count()
    };
    let (running, queued) = slot.pulse.look();
    Some(WarehouseSample {
        time,
        engines: i64::try_from(engines).unwrap_or(i64::MAX),
        running,
        queued,
        cpu_millis: used.cpu_millis,
        cpu_millis_max: used.cpu_millis_max,
        memory_bytes: used.memory_bytes,
        memory_bytes_max: used.memory_bytes_max,
    })
}

fn rendered(row: &Row, step_ms: i64) -> Result<WarehouseSample> {
    Ok(WarehouseSample {
        time: row.int(0)?.saturating_mul(step_ms),
        engines: row.int(1)?,
        running: row.int(2)?,
        queued: row.int(3)?,
        cpu_millis: row.int(4)?,
        cpu_millis_max: row.int(5)?,
        memory_bytes: row.int(6)?,
        memory_bytes_max: row.int(7)?,
    })
}

/// From, to, and how long the steps are.
fn period(start: Option<i64>, end: Option<i64>, now: i64) -> Result<(i64, i64, i64)> {
    let end = end.unwrap_or(now).min(now);
    let start = start.unwrap_or(end - PERIOD_DEFAULT_MS).max(now - KEPT_MS);
    if start > end {
        return Err(ApiError::invalid("start_time must not be after end_time."));
    }
    let shortest = SAMPLES_MAX * STEP_MS;
    let steps = (end - start + shortest - 1) / shortest;
    Ok((start, end, steps.max(1) * STEP_MS))
}

impl Compute {
    /// Writes a sample of every warehouse at the end of each step, until the service stops.
    pub(crate) async fn sample_warehouses(self: Arc<Self>) {
        loop {
            let left = STEP_MS - self.clock.now_ms().rem_euclid(STEP_MS);
            let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(left) => {}
            }
            let now = self.clock.now_ms();
            // A timer may be early by a little.
            let time = (now + STEP_MS / 2).div_euclid(STEP_MS) * STEP_MS - STEP_MS;
            if let Err(error) = self.sample_all(time).await {
                tracing::warn!(%error, cause = ?error.internal, "samples of warehouses could not be written");
            }
        }
    }

    /// What cannot be written is lost; nothing depends on it.
    pub(crate) async fn sample_all(&self, time: i64) -> Result<()> {
        let used = self.used_by_warehouses();
        let slots = self.all_slots();
        let samples: Vec<(WarehouseId, WarehouseSample)> = slots
            .iter()
            .filter_map(|slot| {
                let sample = sample(slot, used.get(&slot.id).copied().unwrap_or_default(), time);
                slot.pulse.reset(slot.live.borrow().queue.len());
                Some((slot.id.clone(), sample?))
            })
            .collect();
        if samples.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.write_relaxed().await?;
        for (id, sample) in samples {
            tx.execute(
                "INSERT INTO warehouse_samples (warehouse_id, sample_time, engines, running, queued, cpu_millis,
                   cpu_millis_max, memory_bytes, memory_bytes_max)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (warehouse_id, sample_time) DO NOTHING",
                args![
                    id.as_str(),
                    sample.time,
                    sample.engines,
                    sample.running,
                    sample.queued,
                    sample.cpu_millis,
                    sample.cpu_millis_max,
                    sample.memory_bytes,
                    sample.memory_bytes_max
                ],
            )
            .await?;
        }
        let old = time - KEPT_MS;
        tx.execute("DELETE FROM warehouse_samples WHERE sample_time < $1", args![old]).await?;
        tx.commit().await
    }

    fn used_by_warehouses(&self) -> HashMap<WarehouseId, Used> {
        let mut all: HashMap<WarehouseId, Used> = HashMap::new();
        for seen in self.sandboxes_seen() {
            let Some(id) = seen.warehouse_id else { continue };
            let used = all.entry(id).or_default();
            let memory = seen.usage.map_or(0, |usage| usage.memory_bytes);
            used.cpu_millis += (seen.cpu_cores.unwrap_or(0.0) * 1000.0) as i64;
            used.cpu_millis_max += i64::from(seen.given.cpu_millis);
            used.memory_bytes += i64::try_from(memory).unwrap_or(i64::MAX);
            used.memory_bytes_max += i64::try_from(seen.given.memory_bytes).unwrap_or(i64::MAX);
        }
        all
    }

    /// Of the last hour, if nothing else is asked for; the step that goes on is the last one.
    pub async fn warehouse_sample_list(
        &self,
        ctx: &Ctx,
        id: &WarehouseId,
        start: Option<i64>,
        end: Option<i64>,
    ) -> Result<WarehouseSamples> {
        let slot = self.slot_for(ctx, id, "CAN_MONITOR").await?;
        let now = ctx.now_ms();
        let (start, end, step_ms) = period(start, end, now)?;
        let rows = self
            .db
            .read()
            .await?
            .fetch_all(
                "SELECT sample_time / $4, MAX(engines), MAX(running), MAX(queued),
                   CAST(SUM(cpu_millis) / COUNT(*) AS BIGINT), MAX(cpu_millis_max),
                   CAST(SUM(memory_bytes) / COUNT(*) AS BIGINT), MAX(memory_bytes_max)
                 FROM warehouse_samples WHERE warehouse_id = $1 AND sample_time >= $2 AND sample_time <= $3
                 GROUP BY sample_time / $4 ORDER BY 1",
                args![id.as_str(), start, end, step_ms],
            )
            .await?;
        let mut samples =
            rows.iter().map(|row| rendered(row, step_ms)).collect::<Result<Vec<_>>>()?;
        if end == now {
            let used = self.used_by_warehouses().get(id).copied().unwrap_or_default();
            samples.extend(sample(&slot, used, now));
        }
        Ok(WarehouseSamples { step_ms, samples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_with_the_period() {
        let now = 1_000_000_000;
        assert_eq!(period(None, None, now).unwrap(), (now - 3_600_000, now, 15_000));
        let day = now - 24 * 3_600_000;
        assert_eq!(period(Some(0), None, now).unwrap(), (day, now, 24 * 15_000));
        assert_eq!(period(Some(now - 10), Some(now + 99), now).unwrap(), (now - 10, now, 15_000));
        assert!(period(Some(now), Some(now - 1), now).is_err());
    }

    #[test]
    fn short_statements_count() {
        let pulse = Pulse::default();
        pulse.began();
        pulse.began();
        pulse.ended();
        pulse.queued(3);
        assert_eq!(pulse.look(), (2, 3));
        pulse.reset(0);
        assert_eq!(pulse.look(), (1, 0));
    }
}
