//! Options of a node about what its sandboxes may reach beside the internet.

use biplane_node::{Operator, Range};
use clap::Args;

#[derive(Debug, Args)]
pub struct OutsideArgs {
    /// Addresses that are not of the internet, `10.1.0.0/16`: sandboxes may reach them when the policy of
    /// their workspace lists a name that leads there. May be repeated.
    #[arg(long = "egress-range", env = "BIPLANE_EGRESS_RANGES", value_delimiter = ',')]
    ranges: Vec<Range>,
    /// A port beside 443 and 80 on which listed names may be reached. May be repeated.
    #[arg(long = "egress-port", env = "BIPLANE_EGRESS_PORTS", value_delimiter = ',')]
    ports: Vec<u16>,
}

impl OutsideArgs {
    /// For another agent.
    pub fn words(&self) -> Vec<String> {
        let ranges = self.ranges.iter().map(|range| format!("--egress-range={range}"));
        ranges.chain(self.ports.iter().map(|port| format!("--egress-port={port}"))).collect()
    }

    pub fn operator(&self) -> Operator {
        Operator { ranges: self.ranges.clone(), ports: self.ports.clone() }
    }
}
