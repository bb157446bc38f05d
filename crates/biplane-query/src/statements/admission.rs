//! How many statements of a warehouse run at once; the others wait in line, and the line ends.

use biplane_api::ids::WarehouseId;
use biplane_platform::{ApiError, ErrorCode, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const GATES_KEPT_MAX: usize = 1024;

#[derive(Debug)]
struct Gate {
    /// Fair: first come, first served.
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
}

#[derive(Debug)]
pub(crate) struct Admission {
    running_max: usize,
    queued_max: usize,
    gates: Mutex<HashMap<WarehouseId, Arc<Gate>>>,
}

/// A place in the line, or at its head.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Admission {
    pub fn new(running_max: usize, queued_max: usize) -> Self {
        Self { running_max, queued_max, gates: Mutex::default() }
    }

    /// At once: a place, or a refusal when the line is full.
    pub fn enter(&self, warehouse: &WarehouseId) -> Result<Place> {
        let gate = self.gate(warehouse);
        if let Ok(permit) = gate.running.clone().try_acquire_owned() {
            return Ok(Place { gate, permit: Some(permit) });
        }
        let fits = |waiting: usize| (waiting < self.queued_max).then_some(waiting + 1);
        match gate.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits) {
            Ok(_) => Ok(Place { gate, permit: None }),
            Err(_) => {
                let text = format!(
                    "SQL warehouse {warehouse} has {} statements waiting. Try again later.",
                    self.queued_max
                );
                let mut error = ApiError::new(ErrorCode::ResourceExhausted, text);
                error.retry_after_s = Some(1);
                Err(error)
            }
        }
    }

    fn gate(&self, warehouse: &WarehouseId) -> Arc<Gate> {
        let mut gates = self.gates.lock();
        if gates.len() >= GATES_KEPT_MAX && !gates.contains_key(warehouse) {
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        let gate = gates.entry(warehouse.clone()).or_insert_with(|| {
            let running = Arc::new(Semaphore::new(self.running_max));
            Arc::new(Gate { running, waiting: AtomicUsize::new(0) })
        });
        gate.clone()
    }
}

impl Place {
    /// Returns when it is this statement's turn.
    pub async fn turn(&mut self) {
        if self.permit.is_none() {
            // The semaphore is never closed.
            self.permit = self.gate.running.clone().acquire_owned().await.ok();
            self.gate.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.permit.is_none() {
            self.gate.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_line_is_bounded_and_moves() {
        let admission = Admission::new(1, 1);
        let warehouse = WarehouseId::random();
        let mut first = admission.enter(&warehouse).unwrap();
        first.turn().await;
        let mut second = admission.enter(&warehouse).unwrap();
        let refused = admission.enter(&warehouse).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ResourceExhausted);
        drop(first);
        second.turn().await;
        let third = admission.enter(&warehouse).unwrap();
        // Gives up waiting.
        drop(third);
        admission.enter(&warehouse).unwrap();
        assert!(admission.enter(&WarehouseId::random()).is_ok());
    }
}
