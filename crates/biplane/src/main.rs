//! `biplane`: one binary for both planes.

mod args;
mod cloud_args;
mod local_networks;
mod network_args;
mod node;
mod node_token;
mod outside_args;
mod traces;
mod up;

use args::{Cli, Command, NodeTokenCommand};
use clap::Parser;
use std::io::IsTerminal;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else: a launcher of sandboxes never has a second thread.
    biplane_sandbox::launcher_main_if_asked();
    let cli = Cli::parse();
    let ended = match cli.command {
        // The engine makes a runtime of its own, sized to its sandbox.
        #[cfg(feature = "engine")]
        Command::Engine(args) => {
            huge_pages(true);
            args::engine(args)
        }
        command => {
            huge_pages(false);
            serve(command, cli.log)
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("biplane: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// An engine's large buffers gain from huge pages; the heap of a server would be twice its size with them.
/// Inherited by children, so each says its own.
fn huge_pages(wanted: bool) {
    let _ = nix::sys::prctl::set_thp_disable(!wanted);
}

fn log_to_stderr(filter: EnvFilter) {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // On a full disk: telling of it would panic.
        .log_internal_errors(false)
        .init();
}

fn serve(command: Command, log: String) -> anyhow::Result<()> {
    log_to_stderr(EnvFilter::try_new(&log)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let stop = on_signal()?;
        match command {
            Command::Up(args) => up::up(args.server.config().await?, &args.on_hosts, stop).await,
            Command::Server(args) => up::server(args.config().await?, stop).await,
            Command::Node(args) => Box::pin(node::node(args, stop)).await,
            Command::NodeToken(NodeTokenCommand::Create(args)) => node_token::create(args).await,
            #[cfg(feature = "engine")]
            Command::Engine(_) => unreachable!("it has its own runtime"),
        }
    });
    // Blocking reads of stdin must not hold up the exit.
    runtime.shutdown_background();
    ended
}

/// Cancelled by the first SIGTERM or SIGINT; a second one ends the process at once.
fn on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        for last in [false, true] {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            if last {
                std::process::exit(130);
            }
            tracing::info!("stopping; a second signal stops at once");
            cancel.cancel();
        }
    });
    Ok(stop)
}
