//! The doors of a sandbox: Unix sockets that are all it can reach.
//!
//! What must hold: who a connection belongs to is which listener accepted it, never what it says; no
//! descriptor is ever received; everything is denied that the policy of the workspace does not allow;
//! a name is resolved once, and only an address that was checked is connected to; every denial is
//! recorded with its reason, and the reason is told to the program that was denied.

mod address;
mod carry;
pub mod egress;
mod event;
mod host_reach;
mod http_text;
mod limits;
pub mod mesh;
mod outside;
mod policy;
mod socket;
pub mod storage;
mod target;

pub use address::Range;
pub use event::{Destination, Event, EventLog, Outcome, Reason, Recorder};
pub use host_reach::{HostReach, StorePlace};
pub use limits::{Identity, Limits, Meter, Usage};
pub use outside::{HostNetwork, Outside};
pub use policy::{Operator, Policy};
pub use socket::open;
