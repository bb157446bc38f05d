//! The compute service whole: real relay over TLS, real node agent, engines that are processes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test")]

mod admission;
mod api;
mod capacity;
mod clusters;
mod corporate;
mod fake_engine;
mod fake_node;
mod fake_provider;
mod libraries;
mod life;
mod logs;
mod loss;
mod mesh;
mod placement;
mod policies;
mod pools;
mod reach;
mod relay;
mod scripts;
mod seen;
mod support;
mod upgrade;

biplane_sandbox::launcher_in_tests!();
