//! The boundary around what a node runs.
//!
//! What must hold: a sandbox sees its own files, its own processes, loopback and its doors, and nothing
//! else of the host; it runs as a user of its own that is never root; it is ended as a whole, and nothing
//! of it stays, however the agent ends.
//!
//! The agent starts one *launcher*: this program again, as a process that never has a second thread. For
//! every sandbox the launcher forks a *supervisor*, which reads the specification, makes the sandbox with
//! one `clone`, and stays until it is gone. Inside, *init* is process 1: it reaps, and starts the program
//! as process 2. Everything before the program's `execve` is the trusted base, and is in `launcher/`.

mod cgroup;
mod error;
mod filter;
mod identity;
mod isolator;
mod launcher;
mod libraries;
mod native;
mod spec;
mod sys;
mod usage;
mod virtual_network;

pub use isolator::{Event, Isolator, Level, LevelKind, Sandbox, SpawnError, Stats};
pub use launcher::launcher_main_if_asked;
pub use libraries::libraries;
pub use native::{IsolatorConfig, IsolatorError, Native, Unisolated, clear};
pub use spec::{
    Access, DOORS, INSIDE_ID, Layer, Limits, Mount, Network, Paths, ProcView, Program, SandboxSpec,
    WORK,
};
pub use virtual_network::{VirtualNetwork, pass, receive};
