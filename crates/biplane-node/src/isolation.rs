//! What stands between a sandbox and its host. Today: its own session, a scrubbed environment, no core
//! dumps, death with the agent. Namespaces, system-call filters and control groups come behind this
//! same function; until then the level is reported as what it is.

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid, setsid};
use tokio::process::Command;

/// The level as the control plane and the operator see it.
pub const LEVEL: &str = "none";

/// Prepares `command` so that what it starts can be ended as a whole.
#[expect(
    unsafe_code,
    reason = "only code between fork and exec can set these, for this child alone"
)]
pub fn confine(command: &mut Command) {
    let agent = getpid();
    // SAFETY: runs in the forked child before exec; makes system calls only, allocates nothing, takes no lock.
    unsafe {
        command.pre_exec(move || Ok(before_exec(agent)?));
    }
}

fn before_exec(agent: Pid) -> nix::Result<()> {
    // Leader of its own session and group: one signal to the group reaches all of it.
    setsid()?;
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The agent may have died between the fork and the line above.
    if getppid() != agent {
        return Err(nix::Error::ESRCH);
    }
    // Not 0: with 0 a `core_pattern` that is a pipe still runs its helper, as root.
    setrlimit(Resource::RLIMIT_CORE, 1, 1)
}
