//! What a sandbox costs: `bench [rounds=N] [many=N] [idle=N]`, each figure beside a floor or a peer of the
//! same run. Starts beside a bare process and bubblewrap; many at once; idle ones and their memory; a
//! door beside loopback TCP.

mod bed;
mod door;
mod idle;
mod starts;

use bed::{Bed, Result};

fn main() -> Result<()> {
    biplane_sandbox::launcher_main_if_asked();
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = words.as_slice()
        && first == door::CALLER
    {
        return door::call(rest);
    }
    let given = |name: &str, otherwise: usize| {
        let value = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        value.and_then(|value| value.parse().ok()).unwrap_or(otherwise)
    };
    let bed = Bed::new()?;
    println!("isolation: {:?}", bed.level());
    starts::measure(&bed, given("rounds", 100))?;
    starts::at_once(&bed, given("many", 100))?;
    idle::measure(&bed, given("idle", 500))?;
    door::measure(&bed)
}
