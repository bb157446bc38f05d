//! The launcher: one process beside the agent, with one thread, that does nothing but fork supervisors.
//!
//! It never reads a specification: what it hands on to a supervisor by forking is the same for all.

mod disk;
mod init;
mod inside;
mod mounts;
mod root;
mod supervisor;

use crate::cgroup::{self, Groups};
use crate::identity::Identity;
use crate::spec::SandboxSpec;
use crate::sys;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// The hidden first argument of the launcher.
pub const ARGUMENT: &str = "__sandbox-launcher";
/// Another one, with which layers may be left out. All others are the agent's control groups.
pub const DEVELOPMENT: &str = "--development";

/// The step that fails where a new `/proc` cannot be had.
pub const PROC_STEP: &str = "mount /proc";
/// How the step begins that fails where owners cannot be mapped.
pub const OWNERS_STEP: &str = "map the owners in";

/// How the step begins that fails where a file cannot be a file system.
pub const DISK_STEP: &str = "make the disk";

pub use disk::{Disk, Disks};

/// What a supervisor reads from its descriptor.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    pub spec: SandboxSpec,
    pub groups: Groups,
    pub identity: Identity,
    pub disk: Disk,
    /// Everything but the program, which is not started: can this host do it?
    pub rehearsal: bool,
}

/// Must be the first thing `main` does: in the process that is to be the launcher it does not return.
pub fn launcher_main_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == ARGUMENT) {
        let words: Vec<OsString> = arguments.collect();
        let development = words.iter().any(|word| *word == DEVELOPMENT);
        let groups = words.iter().map(PathBuf::from).filter(|path| path.is_absolute()).collect();
        serve(development, groups);
    }
}

/// Standard input is the agent's socket. When it closes, the agent is gone.
fn serve(development: bool, groups: Vec<PathBuf>) -> ! {
    // In a session of its own: what a terminal or a service manager signals to all is for the agent to
    // act on, which lets the sandboxes end in order.
    let _ = sys::new_session();
    sys::reset_signals();
    sys::ignore_to_end();
    sys::ignore_children();
    let stdin = std::io::stdin();
    while let Ok(Some([order, control, stderr])) = sys::receive_fds(stdin.as_fd()) {
        // A control socket that closes without a word tells the agent.
        if let Ok(0) = sys::fork() {
            supervisor::run(order, control, stderr, development);
        }
    }
    cgroup::leave(&groups);
    sys::exit(0)
}

/// For a test binary, whose `main` belongs to the test harness: becomes the launcher before that begins.
#[macro_export]
macro_rules! launcher_in_tests {
    () => {
        #[expect(unsafe_code, reason = "the C library calls what this section names before main")]
        mod launcher_before_main {
            extern "C" fn become_launcher() {
                $crate::launcher_main_if_asked();
            }

            #[used]
            #[unsafe(link_section = ".init_array")]
            static BECOME_LAUNCHER: extern "C" fn() = become_launcher;
        }
    };
}
