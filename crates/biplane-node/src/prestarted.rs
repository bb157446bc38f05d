//! Engines that were started before anybody needed them. One belongs to nobody until it is given to a
//! sandbox, once and for good; it has no open door before that, and never comes back.

use nix::sys::signal::kill;
use nix::unistd::Pid;
use parking_lot::Mutex;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::sync::Notify;

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
    state: Mutex<State>,
    /// The one that was on its way is there, or will not come.
    arrived: Notify,
    /// One at a time fills it.
    pub filling: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    ready: Vec<Prestarted>,
    /// Being started just now.
    coming: Option<Size>,
    is_awaited: bool,
}

impl State {
    fn take(&mut self, size: Size) -> Option<Prestarted> {
        let index = self.ready.iter().position(|one| one.size == size && one.lives())?;
        Some(self.ready.swap_remove(index))
    }
}

impl Pool {
    /// One of this size that lives. One that is being started is there sooner than a new one would be;
    /// a single caller waits for it.
    pub async fn take(&self, size: Size) -> Option<Prestarted> {
        let arrived = self.arrived.notified();
        {
            let mut state = self.state.lock();
            let found = state.take(size);
            if found.is_some() || state.coming != Some(size) || state.is_awaited {
                return found;
            }
            state.is_awaited = true;
        }
        arrived.await;
        self.state.lock().take(size)
    }

    /// From now until `arrives`.
    pub fn comes(&self, size: Size) {
        self.state.lock().coming = Some(size);
    }

    pub fn arrives(&self, one: Option<Prestarted>) {
        let mut state = self.state.lock();
        state.ready.extend(one);
        state.coming = None;
        state.is_awaited = false;
        self.arrived.notify_waiters();
    }

    pub fn len(&self) -> usize {
        self.state.lock().ready.len()
    }

    /// Those that nobody will ask for.
    pub fn take_others(&self, size: Option<Size>) -> Vec<Prestarted> {
        let mut state = self.state.lock();
        let useful = |one: &Prestarted| size == Some(one.size) && one.lives();
        let (useful, others) = state.ready.drain(..).partition(useful);
        state.ready = useful;
        others
    }
}
