//! `biplane-engine --door PATH`: one engine process.

use biplane_engine::EngineConfig;
use std::io::IsTerminal;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: biplane-engine --door PATH [--storage-door PATH] [--memory-bytes N] [--spill-dir PATH] \
                     [--spill-bytes N] [--cpu-threads N]";

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("BIPLANE_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // On a full disk: telling of it would panic.
        .log_internal_errors(false)
        .init();
    let config = match arguments(std::env::args().skip(1)) {
        Ok(config) => config,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match biplane_engine::service::run_blocking(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("biplane-engine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<EngineConfig, String> {
    let mut door = None;
    let mut rest = Vec::new();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--door" => door = Some(value),
            "--storage-door" | "--memory-bytes" | "--spill-dir" | "--spill-bytes"
            | "--cpu-threads" => {
                rest.push((word, value));
            }
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    let mut config = EngineConfig::new(door.ok_or("--door is missing")?);
    for (word, value) in rest {
        let number =
            || value.parse::<u64>().map_err(|_| format!("{word}: {value} is not a number"));
        match word.as_str() {
            "--storage-door" => config.storage_door = Some(value.into()),
            "--memory-bytes" => config.memory_limit_bytes = number()?,
            "--spill-bytes" => config.spill_limit_bytes = number()?,
            "--cpu-threads" => config.cpu_threads = number()? as usize,
            _ => config.spill_dir = value.into(),
        }
    }
    Ok(config)
}
