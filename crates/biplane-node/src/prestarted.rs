//! Engines that were started before anybody needed them. One belongs to nobody until it is given to a
//! sandbox, once and for good; it has no open door before that, and never comes back.

use nix::sys::signal::kill;
use nix::unistd::Pid;
use parking_lot::Mutex;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::UnixListener;

/// What an engine was started with; another size needs another engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub cpu_millis: u32,
    pub memory_bytes: u64,
}

pub struct Prestarted {
    pub size: Size,
    pub dir: PathBuf,
    /// Its relay door: connections wait there until it is known whose they are.
    pub listener: UnixListener,
    pub sandbox: Arc<biplane_sandbox::Sandbox>,
    pub stderr: OwnedFd,
}

impl Prestarted {
    fn lives(&self) -> bool {
        kill(Pid::from_raw(self.sandbox.pid), None).is_ok()
    }
}

#[derive(Default)]
pub struct Pool {
    ready: Mutex<Vec<Prestarted>>,
    /// One at a time fills it.
    pub filling: tokio::sync::Mutex<()>,
}

impl Pool {
    /// One of this size that lives.
    pub fn take(&self, size: Size) -> Option<Prestarted> {
        let mut ready = self.ready.lock();
        let index = ready.iter().position(|one| one.size == size && one.lives())?;
        Some(ready.swap_remove(index))
    }

    pub fn put(&self, one: Prestarted) {
        self.ready.lock().push(one);
    }

    pub fn len(&self) -> usize {
        self.ready.lock().len()
    }

    /// Those that nobody will ask for.
    pub fn take_others(&self, size: Option<Size>) -> Vec<Prestarted> {
        let mut ready = self.ready.lock();
        let useful = |one: &Prestarted| size == Some(one.size) && one.lives();
        let (useful, others) = ready.drain(..).partition(useful);
        *ready = useful;
        others
    }
}
